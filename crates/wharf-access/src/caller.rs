//! Who asks.

use std::net::IpAddr;

use wharf_oci::distribution::Scope;

/// The identity that a credential has proven.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Principal {
    /// No credential was sent.
    Anonymous,
    /// A user, by the catalog's number.
    User(i64),
    /// A robot account, by the catalog's number.
    Robot(i64),
    /// The server itself: its jobs, and commands that open the data folder.
    System,
}

/// Who asks, from where, and with how much of their rights.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The proven identity.
    pub principal: Principal,
    /// The name for the audit log: user name, robot name, `anonymous` or `system`.
    pub name: String,
    /// What the presented token is limited to. It can only narrow: each request is decided anew from the catalog.
    /// `None` when the credential itself was presented.
    pub token_scopes: Option<Vec<Scope>>,
    /// The peer's address, for the audit log.
    pub address: Option<IpAddr>,
    /// What the client calls itself, for the audit log; at most 256 bytes are kept.
    pub user_agent: Option<String>,
}

impl Caller {
    /// Returns the caller without credentials.
    pub fn anonymous() -> Self {
        Self::named(Principal::Anonymous, "anonymous")
    }

    /// Returns the server itself.
    pub fn system() -> Self {
        Self::named(Principal::System, "system")
    }

    /// Returns a caller with this identity, full rights and unknown origin.
    pub fn named(principal: Principal, name: impl Into<String>) -> Self {
        Self { principal, name: name.into(), token_scopes: None, address: None, user_agent: None }
    }
}
