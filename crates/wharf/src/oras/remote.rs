//! How a registry is reached: the flags, the login.

use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, bail, ensure};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use wharf_client::{
    Credential, CredentialPaths, CredentialStore, ReferrersApi, Registry, RegistryOptions, RetryPolicy,
    Secret,
};

use super::target::{exclusive, referrers_api};
use super::wire::{StderrLog, StderrWarnings};
use crate::cobra::flags::Given;

/// The longest secret that is read from standard input, in bytes.
const MAX_SECRET: u64 = 64 * 1024;

/// The flags about a registry.
#[derive(Clone, Debug, Default)]
pub(super) struct Remote {
    pub(super) username: String,
    pub(super) secret: Secret,
    insecure: bool,
    plain_http: Option<bool>,
    ca_file: Option<PathBuf>,
    client_certificate: Option<(PathBuf, PathBuf)>,
    addresses: Vec<Address>,
    configs: Vec<PathBuf>,
    headers: HeaderMap,
    referrers: ReferrersApi,
    debug: bool,
}

/// `host:port:address[:port]`
#[derive(Clone, Debug)]
struct Address {
    host: String,
    port: u16,
    address: SocketAddr,
}

impl Remote {
    /// Reads the flags, and a secret from standard input where that is asked for.
    pub(super) fn parse(given: &Given, prefix: &str) -> anyhow::Result<Self> {
        let name = |flag: &str| format!("{prefix}{flag}");
        let (username, password, token) = (name("username"), name("password"), name("identity-token"));
        let mut with_username: Vec<&str> = vec![&username, &token];
        let mut with_password: Vec<&str> = vec![&password, &token];
        if prefix.is_empty() {
            with_username.push("identity-token-stdin");
            with_password.extend(["identity-token-stdin", "password-stdin"]);
        }
        exclusive(given, &with_username)?;
        exclusive(given, &with_password)?;
        let headers = headers(given.texts(&name("header")))?;
        let (certificate, key) = (name("cert-file"), name("key-file"));
        match (given.is_given(&certificate), given.is_given(&key)) {
            (true, false) => bail!("--{certificate} must be used in conjunction with --{key}"),
            (false, true) => bail!("--{key} must be used in conjunction with --{certificate}"),
            _ => {}
        }
        let path = |flag: &str| given.text(&name(flag)).filter(|path| !path.is_empty()).map(PathBuf::from);
        let plain = name("plain-http");
        let mut rules: Vec<&String> = given.texts("resolve").iter().collect();
        if !prefix.is_empty() {
            rules.extend(given.texts(&name("resolve")));
        }
        Ok(Self {
            username: given.text(&username).unwrap_or_default().to_owned(),
            secret: secret(given, &password, &token)?,
            insecure: given.is_on(&name("insecure")),
            plain_http: given.is_given(&plain).then(|| given.is_on(&plain)),
            ca_file: path("ca-file"),
            client_certificate: path("cert-file").zip(path("key-file")),
            addresses: rules.into_iter().map(|rule| address(rule)).collect::<anyhow::Result<_>>()?,
            configs: given.texts(&name("registry-config")).iter().map(PathBuf::from).collect(),
            headers,
            referrers: referrers_api(given, prefix)?,
            debug: given.is_on("debug"),
        })
    }

    /// Leaves fallback tags alone: what is written is known to the registry already.
    pub(super) fn without_fallback_tag(&mut self) {
        self.referrers = ReferrersApi::Api;
    }

    /// Returns the login that the flags give.
    pub(super) fn credential(&self) -> Credential {
        match (self.username.is_empty(), self.secret.is_empty()) {
            (true, true) => Credential::Anonymous,
            (true, false) => Credential::IdentityToken(self.secret.clone()),
            (false, _) => {
                Credential::Basic { username: self.username.clone(), password: self.secret.clone() }
            }
        }
    }

    /// Returns where logins are stored.
    pub(super) fn store(&self) -> CredentialStore {
        store(&self.configs)
    }

    /// Returns the file in which logins are stored, for messages.
    pub(super) fn config_file(&self) -> String {
        let paths = paths(&self.configs);
        paths.0.first().map(|path| path.display().to_string()).unwrap_or_default()
    }

    /// Returns the registry at `host`, as who is given, else as who is stored for `place` there.
    pub(super) async fn registry(&self, host: &str, place: &str) -> anyhow::Result<Registry> {
        let credential = match self.credential() {
            Credential::Anonymous => self.store().find(place).await?.map(|found| found.credential),
            given => Some(given),
        };
        self.registry_as(host, credential.unwrap_or_default())
    }

    pub(super) fn registry_as(&self, host: &str, credential: Credential) -> anyhow::Result<Registry> {
        let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
        let plain_http = self.plain_http.unwrap_or(name == "localhost");
        let port = match host.rsplit_once(':').and_then(|(_, port)| port.parse().ok()) {
            Some(port) => port,
            None if plain_http => 80,
            None => 443,
        };
        let addresses = self.addresses.iter().filter(|rule| rule.host == name && rule.port == port);
        let options = RegistryOptions {
            credential,
            plain_http,
            insecure: self.insecure && !plain_http,
            always_tls: !plain_http,
            ca_file: self.ca_file.clone().filter(|_| !plain_http),
            client_certificate: self.client_certificate.clone().filter(|_| !plain_http),
            headers: self.headers.clone(),
            addresses: addresses.map(|rule| (rule.host.clone(), rule.address)).collect(),
            referrers: self.referrers,
            warnings: Some(Arc::new(StderrWarnings)),
            wire_log: self.debug.then(|| Arc::new(StderrLog) as _),
            allow_private_addresses: !self.addresses.is_empty(),
            retry: RetryPolicy {
                max_retry_after: std::time::Duration::from_secs(5),
                ..RetryPolicy::default()
            },
            ..RegistryOptions::default()
        };
        Ok(Registry::new(host, options)?)
    }
}

fn paths(configs: &[PathBuf]) -> CredentialPaths {
    if configs.is_empty() {
        // ORAS keeps logins where Docker does, whatever Podman is told; it is read all the same.
        let variable = |name: &str| (name != "REGISTRY_AUTH_FILE").then(|| std::env::var(name).ok())?;
        CredentialPaths::from_environment(variable)
    } else {
        CredentialPaths(configs.to_vec())
    }
}

/// Returns where logins are stored: in these files, else where Docker and Podman keep them.
pub(super) fn store(configs: &[PathBuf]) -> CredentialStore {
    CredentialStore::new(paths(configs))
}

fn secret(given: &Given, password: &str, token: &str) -> anyhow::Result<Secret> {
    let warn = |flag: &str| {
        // Nobody to tell is no failure.
        let _ = writeln!(
            std::io::stderr(),
            "WARNING! Using --{flag} via the CLI is insecure. Use --{flag}-stdin."
        );
    };
    if given.is_given("identity-token") {
        warn("identity-token");
    } else if given.is_given("password") {
        warn("password");
    } else if given.is_on("password-stdin") || given.is_on("identity-token-stdin") {
        let mut text = zeroize::Zeroizing::new(String::new());
        std::io::stdin()
            .take(MAX_SECRET)
            .read_to_string(&mut text)
            .context("cannot read the secret from standard input")?;
        let text = text.strip_suffix('\n').unwrap_or(&text);
        return Ok(Secret::new(text.strip_suffix('\r').unwrap_or(text)));
    }
    Ok(Secret::new(given.text(token).or_else(|| given.text(password)).unwrap_or_default()))
}

fn headers(lines: &[String]) -> anyhow::Result<HeaderMap> {
    let mut headers = HeaderMap::new();
    for line in lines {
        let parsed = line.split_once(':').and_then(|(name, value)| {
            let name: HeaderName = name.trim().parse().ok()?;
            Some((name, HeaderValue::from_str(value).ok()?))
        });
        let Some((name, value)) = parsed else { bail!("invalid header: {line:?}") };
        headers.append(name, value);
    }
    Ok(headers)
}

fn address(rule: &str) -> anyhow::Result<Address> {
    let wrong = |reason: &str| format!("failed to parse resolve flag {rule:?}: {reason}");
    let parts: Vec<&str> = rule.splitn(4, ':').collect();
    let [host, port, address, more @ ..] = parts.as_slice() else {
        bail!(wrong("expecting host:port:address[:address_port]"));
    };
    let port = port.parse().with_context(|| wrong("expecting uint64 host port"))?;
    let address: Option<IpAddr> = address.parse().ok();
    ensure!(address.is_some(), wrong("invalid IP address"));
    let own_port = match more.first() {
        Some(port) => port.parse().with_context(|| wrong("expecting uint64 address port"))?,
        None => port,
    };
    let address = address.map(|address| SocketAddr::new(address, own_port));
    Ok(Address { host: (*host).to_owned(), port, address: address.context("an address")? })
}
