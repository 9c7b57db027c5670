//! The services of a sigstore instance: certificate authority, transparency log, timestamp authority, identity provider.
//!
//! Bytes go up and bytes come back, bounded; what they mean, and whether they are true, is for the caller to find out.
//! Nothing that a service answers leads to another host.

use std::path::PathBuf;
use std::time::Duration;

use ::http::header::{AUTHORIZATION, LOCATION};
use ::http::{HeaderMap, HeaderValue, Method, StatusCode};
use bytes::Bytes;
use url::Url;
use wharf_content::{Error, ErrorKind, Result};

use crate::auth::Authenticator;
use crate::credential::Credential;
use crate::download::http_url;
use crate::http::{Call, CallBody, Clients, Gate, Http, Limits, RetryPolicy, Told};
use crate::{RegistryOptions, Secret, origin};

/// The longest answer that is read, in bytes.
const MAX_ANSWER_BYTES: u64 = 4 << 20;
/// How much of a refusal's body is read, in bytes.
const MAX_REFUSAL_BYTES: u64 = 64 << 10;
/// How much of a service's sentence is passed on, in characters.
const MAX_MESSAGE: usize = 400;

/// How services are spoken to.
#[derive(Clone, Debug)]
pub struct ServiceOptions {
    /// Certificates, PEM, that are trusted beside the system's.
    pub ca_file: Option<PathBuf>,
    /// The client's own certificate and key, both PEM.
    pub client_certificate: Option<(PathBuf, PathBuf)>,
    /// How long a service may stay silent: 30 seconds unless set.
    pub idle_timeout: Duration,
    /// When requests are sent again: once, unless set.
    pub retry: RetryPolicy,
}

impl Default for ServiceOptions {
    fn default() -> Self {
        Self {
            ca_file: None,
            client_certificate: None,
            idle_timeout: Duration::from_secs(30),
            retry: RetryPolicy { max_retries: 1, ..RetryPolicy::default() },
        }
    }
}

/// What a service answered instead of what was asked for.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{origin}{path} answered {status}")]
pub struct ServiceRefused {
    /// Scheme, host and port.
    pub origin: String,
    /// The request's path, without its query.
    pub path: String,
    /// The status.
    pub status: StatusCode,
    /// The body, as far as it is text that can be shown.
    pub message: String,
}

/// One service, by its address.
pub struct SigningService {
    http: Http,
    url: Url,
}

impl SigningService {
    /// Returns the service at an `http` or `https` address. Nothing is sent yet.
    ///
    /// # Errors
    /// The address is not one of HTTP, or the certificates cannot be read.
    pub fn new(url: &str, options: &ServiceOptions) -> Result<Self> {
        let url = http_url(url)?;
        // The user names the address, and it leads nowhere else.
        let how = RegistryOptions {
            ca_file: options.ca_file.clone(),
            client_certificate: options.client_certificate.clone(),
            allow_private_addresses: true,
            ..RegistryOptions::default()
        };
        let http = Http {
            client: Clients::new(url.host_str().unwrap_or_default(), &url, &how)?,
            base: url.clone(),
            auth: Authenticator::new(url.clone(), Credential::Anonymous, true),
            retry: options.retry,
            allow_private: true,
            idle: options.idle_timeout,
            gate: Gate::new(Limits::default()),
            headers: HeaderMap::new(),
            wire_log: None,
            warnings: Told::new(None),
        };
        Ok(Self { http, url })
    }

    /// Returns `scheme://host[:port]`.
    #[must_use]
    pub fn origin(&self) -> String {
        origin::origin_of(&self.url)
    }

    /// Returns whether what is sent can be read on the way: plain HTTP to another machine.
    #[must_use]
    pub fn is_readable_on_the_way(&self) -> bool {
        let host = self.url.host_str().unwrap_or_default();
        self.url.scheme() == "http" && !origin::is_loopback(host)
    }

    /// Asks a certificate authority for a certificate (Fulcio, `POST /api/v2/signingCert`).
    ///
    /// # Errors
    /// No answer, or a refusal ([`ServiceRefused`] is the cause).
    pub async fn certificate(&self, token: &Secret, request: Vec<u8>) -> Result<Bytes> {
        let bearer = bearer(token)?;
        let mut call = self.post("api/v2/signingCert", "application/json", request)?;
        call.headers.insert(AUTHORIZATION, bearer);
        self.answer(&call, "a certificate").await
    }

    /// Asks a log to take an entry (Rekor 1, `POST /api/v1/log/entries`). One that it has already is fetched.
    ///
    /// # Errors
    /// No answer, or a refusal ([`ServiceRefused`] is the cause).
    pub async fn log_entry_v1(&self, request: Vec<u8>) -> Result<Bytes> {
        let call = self.post("api/v1/log/entries", "application/json", request)?;
        let response = self.http.send(&call).await?;
        let location = response.headers().get(LOCATION).and_then(|value| value.to_str().ok());
        match (response.status(), location) {
            // A repetition of what was taken, though its answer did not come through.
            (StatusCode::CONFLICT, Some(location)) => {
                let url = origin::resolve_same_origin(&call.url, "Location", location)?;
                let call = Call::new(Method::GET, url, Vec::new()).header("accept", "application/json");
                self.answer(&call, "a log entry").await
            }
            _ => self.accept(&call, response, "a log entry").await,
        }
    }

    /// Asks a log to take an entry (Rekor 2, `POST /api/v2/log/entries`). The answer comes when the tree holds it.
    ///
    /// # Errors
    /// No answer, or a refusal ([`ServiceRefused`] is the cause).
    pub async fn log_entry_v2(&self, request: Vec<u8>) -> Result<Bytes> {
        let call = self.post("api/v2/log/entries", "application/json", request)?;
        self.answer(&call, "a log entry").await
    }

    /// Asks a timestamp authority, whose address includes its path (RFC 3161 section 3.4).
    ///
    /// # Errors
    /// No answer, or a refusal ([`ServiceRefused`] is the cause).
    pub async fn timestamp(&self, request: Vec<u8>) -> Result<Bytes> {
        let call = Call::new(Method::POST, self.url.clone(), Vec::new())
            .header("content-type", "application/timestamp-query")
            .header("accept", "application/timestamp-reply")
            .body(CallBody::Bytes(request.into()));
        self.answer(&call, "a timestamp").await
    }

    /// Fetches a document at this address, or at a path below it, with a token of the caller's where there is one.
    ///
    /// # Errors
    /// No answer, or a refusal ([`ServiceRefused`] is the cause).
    pub async fn document(&self, below: &str, token: Option<&Secret>) -> Result<Bytes> {
        let url = if below.is_empty() { self.url.clone() } else { self.below(below)? };
        let mut call = Call::new(Method::GET, url, Vec::new()).header("accept", "application/json");
        if let Some(token) = token {
            call.headers.insert(AUTHORIZATION, bearer(token)?);
        }
        self.answer(&call, "a document").await
    }

    /// Sends a form to this address; a refusal's body is an answer, too (RFC 6749 section 5.2).
    ///
    /// # Errors
    /// No answer.
    pub async fn form(&self, fields: &[(&str, &str)]) -> Result<(StatusCode, Bytes)> {
        let mut body = url::form_urlencoded::Serializer::new(String::new());
        body.extend_pairs(fields);
        let call = Call::new(Method::POST, self.url.clone(), Vec::new())
            .header("content-type", "application/x-www-form-urlencoded")
            .header("accept", "application/json")
            .body(CallBody::Bytes(body.finish().into()))
            .once();
        let response = self.http.send(&call).await?;
        let status = response.status();
        Ok((status, self.http.read(response, MAX_ANSWER_BYTES, "the answer").await?))
    }

    fn post<'c>(&self, path: &str, content_type: &str, body: Vec<u8>) -> Result<Call<'c>> {
        Ok(Call::new(Method::POST, self.below(path)?, Vec::new())
            .header("content-type", content_type)
            .header("accept", "application/json")
            .body(CallBody::Bytes(body.into())))
    }

    fn below(&self, path: &str) -> Result<Url> {
        let mut url = self.url.clone();
        let before = url.path().trim_end_matches('/').to_owned();
        url.set_path(&format!("{before}/{path}"));
        Ok(url)
    }

    async fn answer(&self, call: &Call<'_>, what: &str) -> Result<Bytes> {
        let response = self.http.send(call).await?;
        self.accept(call, response, what).await
    }

    async fn accept(&self, call: &Call<'_>, response: reqwest::Response, what: &str) -> Result<Bytes> {
        let status = response.status();
        if status.is_success() {
            return self.http.read(response, MAX_ANSWER_BYTES, what).await;
        }
        let body = self.http.read(response, MAX_REFUSAL_BYTES, "the refusal").await.unwrap_or_default();
        let refused = ServiceRefused {
            origin: self.origin(),
            path: call.url.path().to_owned(),
            status,
            message: sentence(&body),
        };
        let kind = match status {
            StatusCode::UNAUTHORIZED => ErrorKind::Unauthorized,
            StatusCode::FORBIDDEN | StatusCode::CONFLICT => ErrorKind::Denied,
            StatusCode::NOT_FOUND => ErrorKind::NotFound,
            StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT => ErrorKind::Busy,
            status if status.is_server_error() => ErrorKind::Busy,
            _ => ErrorKind::Peer,
        };
        let mut text = format!("{} answered {status} to the request for {what}", self.origin());
        if !refused.message.is_empty() {
            text.push_str(": ");
            text.push_str(&refused.message);
        }
        Err(Error::with_source(kind, text, refused))
    }
}

fn bearer(token: &Secret) -> Result<HeaderValue> {
    let mut value = HeaderValue::from_str(&format!("Bearer {}", token.expose()))
        .map_err(|_| Error::new(ErrorKind::Usage, "the token has characters that no header can hold"))?;
    value.set_sensitive(true);
    Ok(value)
}

/// What a refusal says, without control characters and without end.
fn sentence(body: &[u8]) -> String {
    let message = serde_json::from_slice::<serde_json::Value>(body)
        .ok()
        .and_then(|body| body.get("message")?.as_str().map(str::to_owned));
    let text = message.unwrap_or_else(|| String::from_utf8_lossy(body).into_owned());
    text.trim().chars().filter(|c| !c.is_control()).take(MAX_MESSAGE).collect()
}
