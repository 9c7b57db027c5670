//! Answers and network failures as errors that say who must act.

use std::error::Error as StdError;
use std::fmt::Write as _;
use std::time::Duration;

use ::http::header::WARNING;
use ::http::{HeaderMap, StatusCode};
use futures_util::StreamExt;
use reqwest::Response;
use url::Url;
use wharf_content::{Error, ErrorKind};
use wharf_oci::distribution::{ErrorBody, ErrorEntry};

use crate::http::Call;
use crate::origin;

/// How much of an error answer is read, in bytes.
const MAX_ERROR_BYTES: usize = 64 * 1024;
/// How much of a server's sentence is passed on, in characters.
const MAX_MESSAGE: usize = 400;

/// What a registry answered instead of what was asked for.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{method} {path} was answered with {status}")]
pub struct RegistryError {
    /// The status.
    pub status: StatusCode,
    /// The request's method.
    pub method: String,
    /// Scheme, host and port.
    pub origin: String,
    /// The request's path, without its query.
    pub path: String,
    /// The entries of the answer, if it had any (distribution-spec v1.1, "Error Codes").
    pub entries: Vec<ErrorEntry>,
}

impl RegistryError {
    /// Returns whether an entry has that code.
    pub fn has_code(&self, code: &str) -> bool {
        self.entries.iter().any(|entry| entry.code == code)
    }
}

/// Reads an answer that is an error. `what` is what was wanted, such as `manifest v1 of shop/web`. The status says
/// enough where the text does not come within `patience`.
pub(crate) async fn failed(
    base: &Url,
    call: &Call<'_>,
    response: Response,
    what: &str,
    patience: Duration,
) -> Error {
    let status = response.status();
    let warning = warning(response.headers());
    let mut body = Vec::new();
    let mut stream = Box::pin(response.bytes_stream());
    let read = async {
        while let Some(Ok(bytes)) = stream.next().await {
            let room = MAX_ERROR_BYTES - body.len();
            body.extend_from_slice(&bytes[..bytes.len().min(room)]);
            if body.len() == MAX_ERROR_BYTES {
                break;
            }
        }
    };
    // What has come by then is used.
    let _ = tokio::time::timeout(patience, read).await;
    let mut entries = serde_json::from_slice::<ErrorBody>(&body).map(|body| body.errors).unwrap_or_default();
    // The answer to HEAD has no body to say it in.
    if entries.is_empty() {
        entries.extend(warning.map(|message| ErrorEntry { code: String::new(), message, detail: None }));
    }
    let error = RegistryError {
        status,
        method: call.method.to_string(),
        origin: origin::origin_of(&call.url),
        path: call.url.path().to_owned(),
        entries,
    };
    let host = origin::origin_of(base);
    let mut message = match status {
        StatusCode::NOT_FOUND => format!("{what} is not at {host}"),
        StatusCode::UNAUTHORIZED => format!("{host} asks for a login ({what})"),
        StatusCode::FORBIDDEN => format!("{host} does not allow {what}"),
        StatusCode::TOO_MANY_REQUESTS => format!("{host} allows no more requests for now ({what})"),
        status if status.is_redirection() => {
            format!("{host} redirects {what}, which is not followed for {}", call.method)
        }
        status => format!("{host} answered {status} to {what}"),
    };
    for entry in error.entries.iter().take(3) {
        let _ = write!(message, ": {}", clean(&entry.message));
        if !entry.code.is_empty() {
            let _ = write!(message, " ({})", clean(&entry.code));
        }
    }
    Error::with_source(kind(&error), message, error)
}

/// Returns the text of a `Warning` header (distribution-spec v1.1, "Warnings": `299 - "TEXT"`).
fn warning(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(WARNING)?.to_str().ok()?;
    let quoted = value.strip_prefix("299 - \"")?.strip_suffix('"')?;
    let mut text = String::new();
    let mut chars = quoted.chars();
    while let Some(c) = chars.next() {
        text.extend(if c == '\\' { chars.next() } else { Some(c) });
    }
    Some(text)
}

fn kind(error: &RegistryError) -> ErrorKind {
    let content = ["DIGEST_INVALID", "SIZE_INVALID", "MANIFEST_INVALID", "MANIFEST_BLOB_UNKNOWN"];
    match error.status {
        StatusCode::NOT_FOUND => ErrorKind::NotFound,
        StatusCode::UNAUTHORIZED => ErrorKind::Unauthorized,
        StatusCode::FORBIDDEN
        | StatusCode::CONFLICT
        | StatusCode::PRECONDITION_FAILED
        | StatusCode::LOCKED
        | StatusCode::INSUFFICIENT_STORAGE => ErrorKind::Denied,
        StatusCode::PAYLOAD_TOO_LARGE => ErrorKind::Limit,
        StatusCode::METHOD_NOT_ALLOWED | StatusCode::NOT_IMPLEMENTED => ErrorKind::Usage,
        StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT => ErrorKind::Busy,
        status if status.is_server_error() => ErrorKind::Busy,
        _ if content.iter().any(|code| error.has_code(code)) => ErrorKind::Content,
        _ if error.has_code("UNSUPPORTED") => ErrorKind::Usage,
        _ => ErrorKind::Peer,
    }
}

/// A server's text goes to a terminal: no control characters, no endless lines.
fn clean(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(MAX_MESSAGE).collect()
}

/// Returns the error for a request that got no answer, or whose answer broke off.
pub(crate) fn network(base: &Url, error: reqwest::Error) -> Error {
    // The body of an upload may have failed for a reason of its own.
    if let Some(own) = Error::find_in(&error) {
        return own.clone();
    }
    let host = origin::origin_of(base);
    let error = error.without_url();
    let message = match root_cause(&error) {
        cause if error.is_connect() => format!("cannot connect to {host}: {cause}"),
        cause => format!("the connection to {host} failed: {cause}"),
    };
    Error::with_source(ErrorKind::Network, message, error)
}

fn root_cause(error: &(dyn StdError + 'static)) -> String {
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    let text = cause.to_string();
    if text.contains("InvalidContentType") || text.contains("corrupt message") {
        return "it does not speak TLS (plain HTTP needs --plain-http)".to_owned();
    }
    text
}
