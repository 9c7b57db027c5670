//! Credentials, and the files and helper programs that keep them.

mod file;
mod helper;
mod store;

use wharf_content::{Error, ErrorKind, Result};

pub use store::{CredentialPaths, CredentialStore, Found, Stored};

use crate::Secret;

/// Who the client is to a registry.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Credential {
    /// Nobody in particular.
    #[default]
    Anonymous,
    /// A user or robot with a password.
    Basic {
        /// The user name.
        username: String,
        /// The password.
        password: Secret,
    },
    /// An OAuth 2 refresh token, for which the token server gives access tokens.
    IdentityToken(Secret),
    /// A token that is sent to the registry as it is.
    RegistryToken(Secret),
}

impl Credential {
    /// Returns the user name, if there is one.
    pub fn username(&self) -> Option<&str> {
        match self {
            Self::Basic { username, .. } => Some(username),
            _ => None,
        }
    }
}

/// A failure of a credential file or helper: nothing goes out without the login that the user meant.
fn broken(message: String) -> Error {
    Error::new(ErrorKind::Io, message)
}

fn broken_by(message: String, source: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::with_source(ErrorKind::Io, message, source)
}

/// The names under which one registry may stand in a file, the most specific first: `host/a/b`, `host/a`, `host`.
fn keys_of(place: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(place), |key| key.rsplit_once('/').map(|(parent, _)| parent))
}

/// Returns the key of a file's entry in the form of [`keys_of`]: without scheme, and without the API version that old
/// clients wrote after the host.
fn normal_key(key: &str) -> &str {
    let bare = key.strip_prefix("https://").or_else(|| key.strip_prefix("http://")).unwrap_or(key);
    let bare = bare.trim_end_matches('/');
    match bare.split_once('/') {
        Some((host, "v1" | "v2")) => canonical_host(host),
        None => canonical_host(bare),
        Some(_) => bare,
    }
}

/// Docker Hub has several names; the key in files is that of its first API.
fn canonical_host(host: &str) -> &str {
    match host {
        "docker.io" | "index.docker.io" | "registry-1.docker.io" => "docker.io",
        other => other,
    }
}

/// Returns the name by which a host is written to files and given to helpers.
fn file_key(host: &str) -> &str {
    match canonical_host(host) {
        "docker.io" => "https://index.docker.io/v1/",
        other => other,
    }
}

/// Checks the answer of files and helpers; a colon cannot be sent in a user name (RFC 7617, section 2).
fn basic(username: &str, password: Secret, origin: &str) -> Result<Credential> {
    if username.contains(':') {
        return Err(broken(format!("the user name {username:?} in {origin} has a colon")));
    }
    Ok(Credential::Basic { username: username.to_owned(), password })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_go_from_the_longest_prefix_to_the_host() {
        let keys: Vec<&str> = keys_of("localhost:5000/shop/web").collect();
        assert_eq!(keys, ["localhost:5000/shop/web", "localhost:5000/shop", "localhost:5000"]);
    }

    #[test]
    fn old_forms_of_keys_name_the_same_host() {
        for key in ["example.com", "https://example.com", "https://example.com/v1/", "http://example.com/v2"]
        {
            assert_eq!(normal_key(key), "example.com");
        }
        assert_eq!(normal_key("https://index.docker.io/v1/"), "docker.io");
        assert_eq!(normal_key("example.com/shop"), "example.com/shop");
    }
}
