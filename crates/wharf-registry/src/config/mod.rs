//! The server's settings: one table, three sources, one effective value each.

mod load;
mod networks;
mod table;
mod values;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

pub use load::{ConfigError, Effective, Source};
pub use networks::Networks;
pub use table::{SETTINGS, Setting};

/// The effective settings. Each field is one row of [`SETTINGS`], where its meaning stands.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each field is explained in its row of the table")]
pub struct Config {
    pub listen: SocketAddr,
    pub data: PathBuf,
    pub external_url: Option<String>,
    pub trusted_proxies: Networks,
    pub tls_certificate: Option<PathBuf>,
    pub tls_key: Option<PathBuf>,
    pub manifest_bytes: u64,
    pub page_size: usize,
    pub connections: usize,
    pub connections_per_address: usize,
    pub header_timeout: Duration,
    pub body_timeout: Duration,
    pub idle_timeout: Duration,
    pub shutdown_timeout: Duration,
    pub upload_expiry: Duration,
    pub upload_sessions: usize,
    pub upload_sessions_per_account: usize,
    pub referrers_api: bool,
    pub accept_missing_blobs: bool,
    pub gc_interval: Duration,
    pub gc_grace: Duration,
    pub gc_untagged: bool,
    pub audit_retention: Duration,
    pub audit_entries: u64,
    pub anyone_creates_projects: bool,
    pub storage_limit_bytes: Option<u64>,
    pub storage_reserve_bytes: u64,
    pub token_lifetime: Duration,
    pub metrics_anonymous: bool,
}

impl Config {
    /// Returns the defaults: loopback, embedded storage under the user's data folder.
    pub fn with_data(data: impl Into<PathBuf>) -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 5000)),
            data: data.into(),
            external_url: None,
            trusted_proxies: Networks::default(),
            tls_certificate: None,
            tls_key: None,
            manifest_bytes: 4 << 20,
            page_size: 1000,
            connections: 10_000,
            connections_per_address: 1000,
            header_timeout: Duration::from_secs(30),
            body_timeout: Duration::from_secs(60),
            idle_timeout: Duration::from_mins(2),
            shutdown_timeout: Duration::from_secs(30),
            upload_expiry: Duration::from_hours(24),
            upload_sessions: 10_000,
            upload_sessions_per_account: 1000,
            referrers_api: true,
            accept_missing_blobs: false,
            gc_interval: Duration::from_hours(24),
            gc_grace: Duration::from_hours(24),
            gc_untagged: false,
            audit_retention: Duration::from_hours(24 * 90),
            audit_entries: 1_000_000,
            anyone_creates_projects: true,
            storage_limit_bytes: None,
            storage_reserve_bytes: 256 << 20,
            token_lifetime: Duration::from_mins(5),
            metrics_anonymous: false,
        }
    }
}
