//! The one table of settings.

use super::Config;
use super::values::{
    boolean, bytes, count, duration, show_bytes, show_duration, show_optional, show_path, text,
};

/// One setting: its names in each source, what it means, and how its text becomes a value.
#[derive(Debug)]
pub struct Setting {
    /// The TOML key, dotted, such as `gc.grace`.
    pub key: &'static str,
    /// The environment variable, such as `WHARF_GC_GRACE`.
    pub variable: &'static str,
    /// The flag of `wharf serve`, where it has one.
    pub flag: Option<&'static str>,
    /// What it means, in a sentence.
    pub meaning: &'static str,
    pub(super) set: fn(&mut Config, &str) -> Result<(), String>,
    pub(super) show: fn(&Config) -> String,
}

macro_rules! setting {
    ($key:literal, $variable:literal, $flag:expr, $meaning:literal, $set:expr, $show:expr $(,)?) => {
        Setting { key: $key, variable: $variable, flag: $flag, meaning: $meaning, set: $set, show: $show }
    };
}

/// Every setting. Durations are written `90s`, `15m`, `24h` or `7d`; sizes in bytes or `512KiB`, `4MiB`, `10GiB`.
pub const SETTINGS: &[Setting] = &[
    setting!(
        "listen",
        "WHARF_LISTEN",
        Some("--listen"),
        "Address and port to listen on.",
        |config, text| {
            config.listen =
                text.parse().map_err(|_| "expected ADDRESS:PORT, such as 127.0.0.1:5000".to_owned())?;
            Ok(())
        },
        |config| config.listen.to_string(),
    ),
    setting!(
        "data",
        "WHARF_DATA",
        Some("--data"),
        "Folder that holds everything: blobs and catalog.",
        |config, value| text(value).map(|path| config.data = path.into()),
        |config| config.data.display().to_string(),
    ),
    setting!(
        "external_url",
        "WHARF_EXTERNAL_URL",
        None,
        "URL under which clients reach the server, where a proxy stands before it; else the Host of each request.",
        |config, value| {
            let url = url::Url::parse(value).map_err(|error| error.to_string())?;
            if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
                return Err("expected http://HOST or https://HOST".to_owned());
            }
            config.external_url = Some(value.trim_end_matches('/').to_owned());
            Ok(())
        },
        |config| config.external_url.clone().unwrap_or_default(),
    ),
    setting!(
        "trusted_proxies",
        "WHARF_TRUSTED_PROXIES",
        None,
        "Networks such as 10.0.0.0/8,fd00::/8 whose X-Forwarded-For or Forwarded tells the client's address, for limits and the audit log.",
        |config, value| value.parse().map(|networks| config.trusted_proxies = networks),
        |config| config.trusted_proxies.to_string(),
    ),
    setting!(
        "tls.certificate",
        "WHARF_TLS_CERTIFICATE",
        Some("--tls-cert"),
        "PEM file with the certificate chain; read again when it changes.",
        |config, value| text(value).map(|path| config.tls_certificate = Some(path.into())),
        |config| show_path(config.tls_certificate.as_deref()),
    ),
    setting!(
        "tls.key",
        "WHARF_TLS_KEY",
        Some("--tls-key"),
        "PEM file with the private key of the certificate.",
        |config, value| text(value).map(|path| config.tls_key = Some(path.into())),
        |config| show_path(config.tls_key.as_deref()),
    ),
    setting!(
        "limits.manifest",
        "WHARF_LIMITS_MANIFEST",
        None,
        "Largest manifest that is accepted; at least 4 MiB works everywhere.",
        |config, value| bytes(value).map(|size| config.manifest_bytes = size),
        |config| show_bytes(config.manifest_bytes),
    ),
    setting!(
        "limits.page",
        "WHARF_LIMITS_PAGE",
        None,
        "Most entries in one page of a list.",
        |config, value| match value.parse() {
            Ok(size @ 1..=10_000) => {
                config.page_size = size;
                Ok(())
            }
            _ => Err("expected a number from 1 to 10000".to_owned()),
        },
        |config| config.page_size.to_string(),
    ),
    setting!(
        "limits.connections",
        "WHARF_LIMITS_CONNECTIONS",
        None,
        "Most connections at a time; more wait.",
        |config, value| count(value).map(|count| config.connections = count),
        |config| config.connections.to_string(),
    ),
    setting!(
        "limits.connections_per_address",
        "WHARF_LIMITS_CONNECTIONS_PER_ADDRESS",
        None,
        "Most connections at a time from one address (IPv6: one /64); more are closed. Trusted proxies have no such limit.",
        |config, value| count(value).map(|count| config.connections_per_address = count),
        |config| config.connections_per_address.to_string(),
    ),
    setting!(
        "timeouts.headers",
        "WHARF_TIMEOUTS_HEADERS",
        None,
        "How long a client may take for the TLS handshake, and for the headers of a request, from the connection's start or the last answer on.",
        |config, value| duration(value).map(|time| config.header_timeout = time),
        |config| show_duration(config.header_timeout),
    ),
    setting!(
        "timeouts.body",
        "WHARF_TIMEOUTS_BODY",
        None,
        "How long a client may pause while it sends a body or reads an answer.",
        |config, value| duration(value).map(|time| config.body_timeout = time),
        |config| show_duration(config.body_timeout),
    ),
    setting!(
        "timeouts.idle",
        "WHARF_TIMEOUTS_IDLE",
        None,
        "After how long without a request a connection is closed; under HTTP/1.1 after timeouts.headers, if that is shorter.",
        |config, value| duration(value).map(|time| config.idle_timeout = time),
        |config| show_duration(config.idle_timeout),
    ),
    setting!(
        "timeouts.shutdown",
        "WHARF_TIMEOUTS_SHUTDOWN",
        None,
        "How long requests in flight may take to finish after SIGTERM.",
        |config, value| duration(value).map(|time| config.shutdown_timeout = time),
        |config| show_duration(config.shutdown_timeout),
    ),
    setting!(
        "uploads.expiry",
        "WHARF_UPLOADS_EXPIRY",
        None,
        "After how long without a byte an unfinished upload is removed.",
        |config, value| duration(value).map(|time| config.upload_expiry = time),
        |config| show_duration(config.upload_expiry),
    ),
    setting!(
        "uploads.sessions",
        "WHARF_UPLOADS_SESSIONS",
        None,
        "Most unfinished uploads at a time; who wants one more is answered 429.",
        |config, value| count(value).map(|count| config.upload_sessions = count),
        |config| config.upload_sessions.to_string(),
    ),
    setting!(
        "uploads.sessions_per_account",
        "WHARF_UPLOADS_SESSIONS_PER_ACCOUNT",
        None,
        "Most unfinished uploads of one account at a time.",
        |config, value| count(value).map(|count| config.upload_sessions_per_account = count),
        |config| config.upload_sessions_per_account.to_string(),
    ),
    setting!(
        "referrers_api",
        "WHARF_REFERRERS_API",
        None,
        "Whether the referrers API is served; without it, clients keep referrers under fallback tags.",
        |config, value| boolean(value).map(|on| config.referrers_api = on),
        |config| config.referrers_api.to_string(),
    ),
    setting!(
        "accept_missing_blobs",
        "WHARF_ACCEPT_MISSING_BLOBS",
        None,
        "Whether manifests are accepted whose blobs were not pushed, for mirrors of partial content.",
        |config, value| boolean(value).map(|on| config.accept_missing_blobs = on),
        |config| config.accept_missing_blobs.to_string(),
    ),
    setting!(
        "gc.interval",
        "WHARF_GC_INTERVAL",
        None,
        "How often garbage is collected; 0s for on demand only.",
        |config, value| duration(value).map(|time| config.gc_interval = time),
        |config| show_duration(config.gc_interval),
    ),
    setting!(
        "gc.grace",
        "WHARF_GC_GRACE",
        None,
        "How long content must have been unreferenced before it is collected.",
        |config, value| duration(value).map(|time| config.gc_grace = time),
        |config| show_duration(config.gc_grace),
    ),
    setting!(
        "gc.untagged",
        "WHARF_GC_UNTAGGED",
        None,
        "Whether manifests without a tag are garbage, too.",
        |config, value| boolean(value).map(|on| config.gc_untagged = on),
        |config| config.gc_untagged.to_string(),
    ),
    setting!(
        "audit.retention",
        "WHARF_AUDIT_RETENTION",
        None,
        "How long entries of the audit log are kept.",
        |config, value| duration(value).map(|time| config.audit_retention = time),
        |config| show_duration(config.audit_retention),
    ),
    setting!(
        "audit.entries",
        "WHARF_AUDIT_ENTRIES",
        None,
        "Most entries of the audit log; the oldest go first.",
        |config, value| match value.parse() {
            Ok(count) => {
                config.audit_entries = count;
                Ok(())
            }
            Err(_) => Err("expected a number".to_owned()),
        },
        |config| config.audit_entries.to_string(),
    ),
    setting!(
        "projects.anyone_creates",
        "WHARF_PROJECTS_ANYONE_CREATES",
        None,
        "Whether every user may create projects, or administrators only.",
        |config, value| boolean(value).map(|on| config.anyone_creates_projects = on),
        |config| config.anyone_creates_projects.to_string(),
    ),
    setting!(
        "storage.limit",
        "WHARF_STORAGE_LIMIT",
        None,
        "The storage that was planned for, shown as a metric for alerts; quotas are set by project.",
        |config, value| bytes(value).map(|size| config.storage_limit_bytes = Some(size)),
        |config| show_optional(config.storage_limit_bytes.map(show_bytes)),
    ),
    setting!(
        "storage.reserve",
        "WHARF_STORAGE_RESERVE",
        None,
        "Free space that uploads leave on the device, so that the catalog and deletes still work; 0 for none.",
        |config, value| bytes(value).map(|size| config.storage_reserve_bytes = size),
        |config| show_bytes(config.storage_reserve_bytes),
    ),
    setting!(
        "auth.token_lifetime",
        "WHARF_AUTH_TOKEN_LIFETIME",
        None,
        "How long a token is valid; at least 60s.",
        |config, value| {
            let time = duration(value)?;
            if time.as_secs() < 60 {
                return Err("clients rely on at least 60s".to_owned());
            }
            config.token_lifetime = time;
            Ok(())
        },
        |config| show_duration(config.token_lifetime),
    ),
    setting!(
        "metrics.anonymous",
        "WHARF_METRICS_ANONYMOUS",
        None,
        "Whether /metrics, which names repositories, is shown without credentials.",
        |config, value| boolean(value).map(|on| config.metrics_anonymous = on),
        |config| config.metrics_anonymous.to_string(),
    ),
];
