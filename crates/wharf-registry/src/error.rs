//! Everything that can go wrong in a request, and the one function that chooses its HTTP status and error code.

use std::io;
use std::net::SocketAddr;

use axum::body::Body;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER, WARNING, WWW_AUTHENTICATE};
use http::{HeaderMap, Response, StatusCode};
use wharf_access::{Caller, Denied, Principal};
use wharf_oci::distribution::{ErrorBody, ErrorCode, Scope};
use wharf_oci::{DigestError, ManifestError, NameError, ReferenceError};

use crate::auth::AuthError;
use crate::gate::{Refusal, header};

/// Why a request was not served. It changed nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error(transparent)]
    Storage(#[from] wharf_storage::Error),
    #[error(transparent)]
    Auth(#[from] AuthError),
    #[error(transparent)]
    Digest(#[from] DigestError),
    #[error(transparent)]
    Name(#[from] NameError),
    #[error(transparent)]
    Reference(#[from] ReferenceError),
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// The account may do this, but the token that it sent does not say so.
    #[error("the token does not cover {0}; ask for one that does")]
    TokenLacks(Scope),
    /// The project's trust policy does not allow it.
    #[error("{0}")]
    Refused(Box<Refusal>),
    /// The body is larger than the server takes.
    #[error("body of {what} is larger than {limit_bytes} bytes")]
    TooLarge { what: &'static str, limit_bytes: u64 },
    /// The body ended early or could not be read.
    #[error("the request body could not be read")]
    Body(#[source] io::Error),
    /// Anything that needs no kind of its own.
    #[error("{message}")]
    Answer { status: StatusCode, code: ErrorCode, message: String, headers: HeaderMap },
}

impl Error {
    /// Returns an error with a status and code of its own.
    pub(crate) fn answer(status: StatusCode, code: ErrorCode, message: impl Into<String>) -> Self {
        Self::Answer { status, code, message: message.into(), headers: HeaderMap::new() }
    }

    /// Adds a header to the answer, if it is one with a status of its own.
    pub(crate) fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        if let Self::Answer { headers, .. } = &mut self {
            headers.insert(name, value);
        }
        self
    }

    /// Returns whether what was asked for does not exist.
    pub(crate) fn is_not_found(&self, wanted: &str) -> bool {
        matches!(self, Self::Storage(wharf_storage::Error::NotFound { what, .. }) if *what == wanted)
    }
}

/// Chooses HTTP status and error code: the only place that does, for every API.
///
/// Nothing can be enumerated: whoever sends no credentials is asked for some, whatever they asked for and whether it
/// exists or not; whoever may not see a project is told that it is not there, exactly as if it were not.
pub(crate) fn status_and_code(error: &Error, caller: &Caller) -> (StatusCode, ErrorCode) {
    use wharf_storage::Error as Storage;
    match error {
        Error::Storage(Storage::Denied(_)) if caller.principal == Principal::Anonymous => {
            (StatusCode::UNAUTHORIZED, ErrorCode::Unauthorized)
        }
        Error::Storage(Storage::Denied(Denied::Hidden)) => (StatusCode::NOT_FOUND, ErrorCode::NameUnknown),
        Error::Storage(Storage::Denied(Denied::Forbidden)) => (StatusCode::FORBIDDEN, ErrorCode::Denied),
        Error::Storage(Storage::NotFound { what, .. }) => {
            let code = match *what {
                "manifest" | "tag" => ErrorCode::ManifestUnknown,
                "blob" => ErrorCode::BlobUnknown,
                "upload" => ErrorCode::BlobUploadUnknown,
                _ => ErrorCode::NameUnknown,
            };
            (StatusCode::NOT_FOUND, code)
        }
        Error::Storage(Storage::Conflict { .. }) => (StatusCode::CONFLICT, ErrorCode::Denied),
        Error::Storage(Storage::Invalid { what, .. }) => {
            let code = match *what {
                "manifest" => ErrorCode::ManifestInvalid,
                "upload" => ErrorCode::BlobUploadInvalid,
                _ => ErrorCode::Unsupported,
            };
            (StatusCode::BAD_REQUEST, code)
        }
        Error::Storage(Storage::PreconditionFailed { .. }) => {
            (StatusCode::PRECONDITION_FAILED, ErrorCode::Denied)
        }
        Error::Storage(Storage::MissingBlobs(_)) => (StatusCode::NOT_FOUND, ErrorCode::ManifestBlobUnknown),
        // Harbor's answer to a full quota, which clients print as it is.
        Error::Storage(Storage::QuotaExceeded { .. }) => (StatusCode::FORBIDDEN, ErrorCode::Denied),
        Error::Storage(Storage::DigestMismatch { .. }) => (StatusCode::BAD_REQUEST, ErrorCode::DigestInvalid),
        Error::Storage(Storage::Full(_)) => (StatusCode::INSUFFICIENT_STORAGE, ErrorCode::Unknown),
        Error::Storage(Storage::Io { .. }) => (StatusCode::SERVICE_UNAVAILABLE, ErrorCode::Unknown),
        Error::Storage(_) => (StatusCode::INTERNAL_SERVER_ERROR, ErrorCode::Unknown),
        Error::Auth(AuthError::Storage(_)) => (StatusCode::SERVICE_UNAVAILABLE, ErrorCode::Unknown),
        Error::Auth(AuthError::TooManyAttempts { .. }) => {
            (StatusCode::TOO_MANY_REQUESTS, ErrorCode::TooManyRequests)
        }
        Error::Auth(_) | Error::TokenLacks(_) => (StatusCode::UNAUTHORIZED, ErrorCode::Unauthorized),
        Error::Refused(_) => (StatusCode::FORBIDDEN, ErrorCode::Denied),
        Error::Digest(_) | Error::Reference(ReferenceError::Digest(_)) => {
            (StatusCode::BAD_REQUEST, ErrorCode::DigestInvalid)
        }
        Error::Name(_) => (StatusCode::BAD_REQUEST, ErrorCode::NameInvalid),
        Error::Reference(_) => (StatusCode::BAD_REQUEST, ErrorCode::TagInvalid),
        Error::Manifest(_) => (StatusCode::BAD_REQUEST, ErrorCode::ManifestInvalid),
        Error::TooLarge { .. } => (StatusCode::PAYLOAD_TOO_LARGE, ErrorCode::SizeInvalid),
        Error::Body(_) => (StatusCode::BAD_REQUEST, ErrorCode::SizeInvalid),
        Error::Answer { status, code, .. } => (*status, *code),
    }
}

/// Returns the answer to a request that failed, in the form of distribution-spec v1.1, "Error Codes". `challenges` are sent
/// along when credentials are what is missing.
pub(crate) fn error_response(error: &Error, caller: &Caller, challenges: &[HeaderValue]) -> Response<Body> {
    let (status, code) = status_and_code(error, caller);
    if status.is_server_error() {
        log(error);
    }
    let mut body = ErrorBody::new(code, message(error, status));
    if let Error::Storage(wharf_storage::Error::MissingBlobs(missing)) = error {
        let digests: Vec<_> = missing.iter().take(100).map(|digest| digest.as_str()).collect();
        body.errors[0].detail = Some(serde_json::json!({ "digests": digests }));
    }
    if let Error::Refused(refusal) = error {
        body.errors[0].detail = Some(refusal.detail());
    }
    let json = serde_json::to_vec(&body).unwrap_or_default();
    let mut response = Response::new(Body::from(json));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    match error {
        Error::Answer { headers: more, .. } => headers.extend(more.clone()),
        Error::Auth(AuthError::TooManyAttempts { retry_after_seconds }) => {
            headers.insert(RETRY_AFTER, HeaderValue::from(*retry_after_seconds));
        }
        // The answer to HEAD has no body to say it in.
        Error::Refused(refusal) => {
            if let Ok(value) = HeaderValue::from_str(&header(&refusal.to_string())) {
                headers.insert(WARNING, value);
            }
        }
        _ => {}
    }
    if status == StatusCode::UNAUTHORIZED {
        for challenge in challenges {
            headers.append(WWW_AUTHENTICATE, challenge.clone());
        }
    }
    response
}

/// Returns what the client is told: everything about its own doing, nothing about the server's insides.
fn message(error: &Error, status: StatusCode) -> String {
    use wharf_storage::Error as Storage;
    match error {
        Error::Storage(Storage::Denied(_)) if status == StatusCode::UNAUTHORIZED => {
            "authentication required".to_owned()
        }
        Error::Storage(Storage::Denied(Denied::Hidden)) => "repository does not exist".to_owned(),
        Error::Storage(Storage::NotFound { what: "project" | "repository", .. }) => {
            "repository does not exist".to_owned()
        }
        Error::Storage(Storage::Full(_)) => "the registry's storage is full".to_owned(),
        _ if status == StatusCode::SERVICE_UNAVAILABLE => {
            "the registry's storage does not answer; try again later".to_owned()
        }
        _ if status == StatusCode::INTERNAL_SERVER_ERROR => "the registry has an internal error".to_owned(),
        _ => error.to_string(),
    }
}

fn log(error: &Error) {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    tracing::error!(error = %text, "request failed: {text}");
}

/// Why a registry did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The catalog or the blob store does not answer.
    #[error(transparent)]
    Storage(#[from] wharf_storage::Error),
    /// The system gave no random bytes.
    #[error("the system has no randomness")]
    Randomness(#[source] getrandom::Error),
    /// The address cannot be listened on.
    #[error("cannot listen on {address}{}", hint(source))]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Certificate or key cannot be used.
    #[error("TLS: {path}: {problem}")]
    Tls {
        /// The file.
        path: std::path::PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// A password or key cannot be used.
    #[error("{0}")]
    Invalid(String),
}

fn hint(source: &io::Error) -> &'static str {
    match source.kind() {
        io::ErrorKind::AddrInUse => ": another program listens there already; choose another with --listen",
        io::ErrorKind::PermissionDenied => {
            ": ports below 1024 need a privilege; choose another with --listen"
        }
        io::ErrorKind::AddrNotAvailable => ": this machine has no such address",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wharf_oci::Algorithm;
    use wharf_storage::Error as Storage;

    fn answer(error: Storage, caller: &Caller) -> (u16, &'static str) {
        let (status, code) = status_and_code(&error.into(), caller);
        (status.as_u16(), code.as_str())
    }

    #[test]
    fn storage_failures_are_told_by_whose_they_are() {
        let user = Caller::named(Principal::User(1), "ann");
        let digest = Algorithm::Sha256.digest(b"");
        let failed = || io::Error::other("disk");
        for (error, expected) in [
            (Storage::Full(failed()), (507, "UNKNOWN")),
            (Storage::io("writing", failed()), (503, "UNKNOWN")),
            (Storage::io("writing", io::ErrorKind::StorageFull.into()), (507, "UNKNOWN")),
            (Storage::Damaged("x".to_owned()), (500, "UNKNOWN")),
            (Storage::MissingBlobs(vec![digest.clone()]), (404, "MANIFEST_BLOB_UNKNOWN")),
            (Storage::DigestMismatch { expected: digest.clone(), actual: digest }, (400, "DIGEST_INVALID")),
            (
                Storage::QuotaExceeded { project: "p".to_owned(), wanted_bytes: 2, limit_bytes: 1 },
                (403, "DENIED"),
            ),
            (
                Storage::PreconditionFailed { tag: "v1".parse().expect("a tag"), current: None },
                (412, "DENIED"),
            ),
            (Storage::Invalid { what: "upload", problem: String::new() }, (400, "BLOB_UPLOAD_INVALID")),
            (Storage::not_found("tag", "v1"), (404, "MANIFEST_UNKNOWN")),
            (Storage::not_found("blob", "x"), (404, "BLOB_UNKNOWN")),
            (Storage::not_found("upload", "x"), (404, "BLOB_UPLOAD_UNKNOWN")),
            (Storage::not_found("project", "x"), (404, "NAME_UNKNOWN")),
        ] {
            let text = error.to_string();
            assert_eq!(answer(error, &user), expected, "{text}");
        }
    }

    #[test]
    fn denial_tells_strangers_nothing() {
        let user = Caller::named(Principal::User(1), "ann");
        for denied in [Denied::Hidden, Denied::Forbidden] {
            assert_eq!(answer(denied.into(), &Caller::anonymous()), (401, "UNAUTHORIZED"));
        }
        assert_eq!(answer(Denied::Hidden.into(), &user), (404, "NAME_UNKNOWN"));
        assert_eq!(answer(Denied::Forbidden.into(), &user), (403, "DENIED"));
        let hidden = message(&Storage::Denied(Denied::Hidden).into(), StatusCode::NOT_FOUND);
        for absent in ["project", "repository"] {
            assert_eq!(message(&Storage::not_found(absent, "x").into(), StatusCode::NOT_FOUND), hidden);
        }
    }

    #[test]
    fn the_insides_of_the_server_are_not_shown() {
        let error = Error::Storage(Storage::io("opening /srv/wharf/catalog.db", io::Error::other("denied")));
        let (status, _) = status_and_code(&error, &Caller::anonymous());
        assert!(!message(&error, status).contains("/srv"));
    }
}
