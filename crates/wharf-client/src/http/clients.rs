//! The HTTP clients behind the one layer: how connections are made.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use url::Url;
use wharf_content::{Error, ErrorKind, Result};

use crate::RegistryOptions;
use crate::dns::Resolver;
use crate::origin;

/// The clients of one registry. Where plain HTTP is spoken there is one that knows no certificates, since reading the
/// system's takes longer than many a command; another is made as soon as an address asks for TLS.
pub(crate) struct Clients {
    host: String,
    options: RegistryOptions,
    base: Url,
    plain: Option<reqwest::Client>,
    with_tls: OnceLock<reqwest::Client>,
    /// The same without the client's own certificate, which is for the registry and nobody else (GHSA-h3wm-jjqf-8jm2).
    elsewhere: OnceLock<reqwest::Client>,
}

impl Clients {
    /// Returns the clients for the registry at `base`.
    ///
    /// # Errors
    /// Given certificates cannot be read.
    pub(crate) fn new(host: &str, base: &Url, options: &RegistryOptions) -> Result<Self> {
        let plain = base.scheme() == "http";
        let clients = Self {
            host: host.to_owned(),
            options: options.clone(),
            base: base.clone(),
            plain: plain.then(|| without_certificates(host, options)).transpose()?,
            with_tls: OnceLock::new(),
            elsewhere: OnceLock::new(),
        };
        // What is wrong with given certificates is told at once.
        if !plain || options.ca_file.is_some() || options.client_certificate.is_some() {
            clients.with_tls()?;
        }
        Ok(clients)
    }

    /// Returns the client for requests to that address.
    pub(crate) fn of(&self, url: &Url) -> Result<&reqwest::Client> {
        match &self.plain {
            // A proxy may ask for TLS itself, except on a machine that has no certificates at all.
            Some(plain) if url.scheme() != "https" && (!self.has_proxy() || self.with_tls().is_err()) => {
                Ok(plain)
            }
            _ if self.options.client_certificate.is_some() && !origin::same_origin(url, &self.base) => {
                let nobody = RegistryOptions { client_certificate: None, ..self.options.clone() };
                made_once(&self.elsewhere, || with_certificates(&self.host, &nobody))
            }
            _ => self.with_tls(),
        }
    }

    fn has_proxy(&self) -> bool {
        let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        !origin::is_loopback(&self.host)
            && ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"].into_iter().any(is_set)
    }

    fn with_tls(&self) -> Result<&reqwest::Client> {
        made_once(&self.with_tls, || with_certificates(&self.host, &self.options))
    }
}

fn made_once(
    place: &OnceLock<reqwest::Client>,
    make: impl FnOnce() -> Result<reqwest::Client>,
) -> Result<&reqwest::Client> {
    if let Some(client) = place.get() {
        return Ok(client);
    }
    let client = make()?;
    Ok(place.get_or_init(|| client))
}

fn with_certificates(host: &str, options: &RegistryOptions) -> Result<reqwest::Client> {
    let mut with_tls = builder(host, options).tls_danger_accept_invalid_certs(options.insecure);
    if let Some(path) = &options.ca_file {
        let pem =
            std::fs::read(path).map_err(|error| Error::io("cannot read the certificates in", path, error))?;
        let certificates = reqwest::Certificate::from_pem_bundle(&pem)
            .ok()
            .filter(|certificates| !certificates.is_empty())
            .ok_or_else(|| {
                Error::new(ErrorKind::Usage, format!("{} holds no certificate in PEM form", path.display()))
            })?;
        with_tls = with_tls.tls_certs_merge(certificates);
    }
    if let Some((certificate, key)) = &options.client_certificate {
        let mut pem = std::fs::read(certificate)
            .map_err(|error| Error::io("cannot read the certificate in", certificate, error))?;
        let key_pem = std::fs::read(key).map_err(|error| Error::io("cannot read the key in", key, error))?;
        pem.push(b'\n');
        pem.extend_from_slice(&key_pem);
        let identity = reqwest::Identity::from_pem(&pem).map_err(|error| {
            Error::with_source(
                ErrorKind::Usage,
                format!("{} and {} are not a certificate and its key", certificate.display(), key.display()),
                error,
            )
        })?;
        with_tls = with_tls.identity(identity);
    }
    with_tls.build().map_err(failed)
}

fn without_certificates(host: &str, options: &RegistryOptions) -> Result<reqwest::Client> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let none = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map(|config| config.with_root_certificates(rustls::RootCertStore::empty()).with_no_client_auth())
        .map_err(|error| Error::with_source(ErrorKind::Io, "cannot set up TLS", error))?;
    builder(host, options).tls_backend_preconfigured(none).build().map_err(failed)
}

fn failed(error: reqwest::Error) -> Error {
    Error::with_source(ErrorKind::Io, "cannot set up the HTTP client", error)
}

fn builder(host: &str, options: &RegistryOptions) -> reqwest::ClientBuilder {
    let mut builder = reqwest::Client::builder()
        .user_agent(concat!("wharf/", env!("CARGO_PKG_VERSION")))
        // Redirects are followed by the layer above, under its policy.
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .connect_timeout(Duration::from_secs(15))
        .tcp_nodelay(true);
    if !options.allow_private_addresses {
        builder = builder.dns_resolver(Arc::new(Resolver::new(host)));
    }
    for (host, address) in &options.addresses {
        builder = builder.resolve(host, *address);
    }
    if origin::is_loopback(host) {
        // A proxy's localhost would be another machine.
        builder = builder.no_proxy();
    }
    builder
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    /// GHSA-h3wm-jjqf-8jm2: the client's certificate was shown to whoever a redirect or a realm led to.
    #[test]
    fn the_client_certificate_is_for_the_registry_only() {
        let base = Url::parse("https://registry.example/").unwrap();
        let mut clients = Clients::new("registry.example", &base, &RegistryOptions::default()).unwrap();
        // Which client has a certificate cannot be asked; that there are two can.
        clients.options.client_certificate = Some(("client.pem".into(), "client.key".into()));
        let at = |url: &str| std::ptr::from_ref(clients.of(&Url::parse(url).unwrap()).unwrap());
        assert_eq!(at("https://registry.example/v2/"), at("https://registry.example/token"));
        for other in ["https://store.example/blob", "https://registry.example:8443/"] {
            assert_ne!(at("https://registry.example/v2/"), at(other), "{other}");
        }
    }
}
