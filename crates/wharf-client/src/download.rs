//! Files by HTTP from a server that is no registry, such as a chart repository.

use std::path::PathBuf;
use std::time::Duration;

use ::http::{Method, StatusCode};
use bytes::Bytes;
use url::Url;
use wharf_content::{Error, ErrorKind, Result};

use crate::auth::{Authenticator, basic};
use crate::credential::Credential;
use crate::http::{Call, Clients, Gate, Http, Limits, RetryPolicy, Told};
use crate::{RegistryOptions, Secret, origin};

/// How files are downloaded, and who for.
#[derive(Clone, Debug)]
pub struct DownloadOptions {
    /// User name and password for the site.
    pub login: Option<(String, Secret)>,
    /// Send the login to other hosts than the site's, too, where a download leads there by itself. A redirect never
    /// takes it to another host.
    pub login_for_all_hosts: bool,
    /// Accept any certificate.
    pub insecure: bool,
    /// Certificates, PEM, that are trusted beside the system's.
    pub ca_file: Option<PathBuf>,
    /// The client's own certificate and key, both PEM.
    pub client_certificate: Option<(PathBuf, PathBuf)>,
    /// How long a server may stay silent.
    pub idle_timeout: Duration,
    /// When requests are sent again.
    pub retry: RetryPolicy,
}

impl Default for DownloadOptions {
    fn default() -> Self {
        Self {
            login: None,
            login_for_all_hosts: false,
            insecure: false,
            ca_file: None,
            client_certificate: None,
            idle_timeout: Duration::from_secs(120),
            retry: RetryPolicy::default(),
        }
    }
}

/// A site to download from: the login goes to its scheme, host and port only.
///
/// A site with a public address cannot lead to a private one (a server-side request forgery by proxy); one that is
/// itself on a private network can.
#[derive(Clone, Debug)]
pub struct Site {
    url: Url,
    options: DownloadOptions,
}

/// What a server answered instead of the file.
#[derive(Clone, Debug, thiserror::Error)]
#[error("failed to fetch {url} : {}", status_line(*status))]
pub struct DownloadRefused {
    /// The address that was asked for.
    pub url: String,
    /// The status.
    pub status: StatusCode,
}

impl Site {
    /// Returns the site at an `http` or `https` address. Nothing is sent yet.
    ///
    /// # Errors
    /// The address is not one of HTTP.
    pub fn new(url: &str, options: DownloadOptions) -> Result<Self> {
        Ok(Self { url: http_url(url)?, options })
    }

    /// Returns the file at an absolute address, or one relative to the site's.
    ///
    /// # Errors
    /// No answer, another status than 200 ([`DownloadRefused`] is the cause), more than `max_bytes`, or a way that the
    /// origin policy does not allow.
    pub async fn fetch(&self, url: &str, accept: Option<&str>, max_bytes: u64) -> Result<Bytes> {
        let target = match self.url.join(url) {
            Ok(joined) => http_url(joined.as_str())?,
            Err(_) => http_url(url)?,
        };
        let is_private = self.url.host().is_some_and(|host| origin::is_private(&host));
        if let Some(host) = target.host()
            && !is_private
            && target.host() != self.url.host()
            && origin::is_private(&host)
        {
            return Err(Error::new(
                ErrorKind::Peer,
                format!(
                    "{} leads to {}: refused, it is a private address",
                    origin::origin_of(&self.url),
                    origin::origin_of(&target)
                ),
            ));
        }
        let http = self.http(&target, is_private)?;
        let mut call = Call::new(Method::GET, target.clone(), Vec::new());
        if let Some(accept) = accept {
            call = call.header("accept", accept);
        }
        let at_home = origin::same_origin(&self.url, &target);
        let authorization = match &self.options.login {
            Some((username, password)) if at_home || self.options.login_for_all_hosts => {
                Some(basic(username, password)?)
            }
            _ => None,
        };
        let mut attempt = 0;
        let response = loop {
            let result = http.follow(&call, authorization.clone()).await;
            let Some(wait) = http.retry.wait(&result, attempt, true) else { break result? };
            attempt += 1;
            tokio::time::sleep(wait).await;
        };
        let status = response.status();
        if status != StatusCode::OK {
            let kind = match status {
                StatusCode::NOT_FOUND => ErrorKind::NotFound,
                StatusCode::UNAUTHORIZED => ErrorKind::Unauthorized,
                StatusCode::FORBIDDEN => ErrorKind::Denied,
                status if status.is_server_error() => ErrorKind::Busy,
                _ => ErrorKind::Peer,
            };
            let refused = DownloadRefused { url: without_secrets(&target), status };
            return Err(Error::with_source(kind, refused.to_string(), refused));
        }
        http.read(response, max_bytes, &without_secrets(&target)).await
    }

    fn http(&self, target: &Url, allow_private: bool) -> Result<Http> {
        let options = RegistryOptions {
            insecure: self.options.insecure,
            ca_file: self.options.ca_file.clone(),
            // What the site may lead to is checked above and at each redirect.
            allow_private_addresses: allow_private,
            client_certificate: self.options.client_certificate.clone(),
            ..RegistryOptions::default()
        };
        let host = target.host_str().unwrap_or_default();
        Ok(Http {
            client: Clients::new(host, target, &options)?,
            base: target.clone(),
            auth: Authenticator::new(target.clone(), Credential::Anonymous, allow_private),
            retry: self.options.retry,
            allow_private,
            idle: self.options.idle_timeout,
            gate: Gate::new(Limits::default()),
            headers: ::http::HeaderMap::new(),
            wire_log: None,
            warnings: Told::new(None),
        })
    }
}

pub(crate) fn http_url(text: &str) -> Result<Url> {
    let malformed = || Error::new(ErrorKind::Usage, format!("{text:?} is not an HTTP address"));
    let url = Url::parse(text).map_err(|_| malformed())?;
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
        return Err(malformed());
    }
    Ok(url)
}

/// The address without user, password and fragment, as it may be shown.
fn without_secrets(url: &Url) -> String {
    let mut url = url.clone();
    // Both fail only for addresses without a host, which are none of HTTP.
    let _ = url.set_password(None);
    let _ = url.set_username("");
    url.set_fragment(None);
    url.to_string()
}

fn status_line(status: StatusCode) -> String {
    format!("{} {}", status.as_u16(), status.canonical_reason().unwrap_or_default())
}
