//! How servers are reached, and as whom.

use std::path::PathBuf;

use wharf_client::{
    Credential, CredentialPaths, CredentialStore, DownloadOptions, Registry, RegistryOptions, Secret, Site,
};

use super::namespace::variable;
use super::places::Places;
use crate::cobra::flags::Given;

/// What the flags say about servers, and where the rest is written.
pub(super) struct Access {
    pub(super) places: Places,
    pub(super) login: Option<(String, Secret)>,
    pub(super) pass_credentials: bool,
    pub(super) plain_http: bool,
    pub(super) tls: Tls,
}

/// How TLS is spoken.
#[derive(Clone, Debug, Default)]
pub(super) struct Tls {
    pub(super) ca_file: Option<PathBuf>,
    pub(super) certificate: Option<(PathBuf, PathBuf)>,
    pub(super) insecure: bool,
}

impl Access {
    pub(super) fn of(given: &Given) -> Self {
        let text = |name| given.text(name).filter(|text| !text.is_empty());
        let login = text("username").zip(text("password"));
        Self {
            places: Places::of(given),
            login: login.map(|(username, password)| (username.to_owned(), Secret::new(password))),
            pass_credentials: given.is_on("pass-credentials"),
            plain_http: given.is_on("plain-http"),
            tls: Tls::new(
                text("ca-file").unwrap_or_default(),
                text("cert-file").unwrap_or_default(),
                text("key-file").unwrap_or_default(),
                given.is_on("insecure-skip-tls-verify") || given.is_on("insecure"),
            ),
        }
    }

    /// Returns the files of logins: Helm's own, then those of the other tools.
    pub(super) fn logins(&self) -> CredentialStore {
        let mut paths = vec![self.places.registry_config.clone()];
        paths.extend(CredentialPaths::from_environment(variable).0);
        CredentialStore::new(CredentialPaths(paths))
    }

    /// Returns the registry of `host`, as who the flags or the stored logins say for `host/path`.
    pub(super) async fn registry(&self, host: &str, path: &str) -> anyhow::Result<Registry> {
        let credential = match &self.login {
            Some((username, password)) => {
                Credential::Basic { username: username.clone(), password: password.clone() }
            }
            None => self
                .logins()
                .find(&format!("{host}/{path}"))
                .await?
                .map(|found| found.credential)
                .unwrap_or_default(),
        };
        self.registry_as(host, credential)
    }

    pub(super) fn registry_as(&self, host: &str, credential: Credential) -> anyhow::Result<Registry> {
        let options = RegistryOptions {
            credential,
            plain_http: self.plain_http,
            insecure: self.tls.insecure,
            ca_file: self.tls.ca_file.clone(),
            client_certificate: self.tls.certificate.clone(),
            ..RegistryOptions::default()
        };
        Ok(Registry::new(host, options)?)
    }

    /// Returns a site to download from as the flags say.
    pub(super) fn site(&self, url: &str) -> anyhow::Result<Site> {
        let login = self.login.clone();
        site(url, login, self.pass_credentials, &self.tls)
    }
}

impl Tls {
    pub(super) fn new(ca_file: &str, certificate: &str, key: &str, insecure: bool) -> Self {
        let both = !certificate.is_empty() && !key.is_empty();
        Self {
            ca_file: (!ca_file.is_empty()).then(|| ca_file.into()),
            certificate: both.then(|| (certificate.into(), key.into())),
            insecure,
        }
    }
}

pub(super) fn site(
    url: &str,
    login: Option<(String, Secret)>,
    login_for_all_hosts: bool,
    tls: &Tls,
) -> anyhow::Result<Site> {
    let options = DownloadOptions {
        login,
        login_for_all_hosts,
        insecure: tls.insecure,
        ca_file: tls.ca_file.clone(),
        client_certificate: tls.certificate.clone(),
        ..DownloadOptions::default()
    };
    Ok(Site::new(url, options)?)
}
