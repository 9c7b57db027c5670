//! One request to the management API, read and identified.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue, LOCATION};
use http::request::Parts;
use http::{Response, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use wharf_access::{Caller, Principal};
use wharf_oci::distribution::ErrorCode;
use wharf_oci::{Reference, RepositoryName, Tag};
use wharf_storage::Catalog;

use super::query::Query;
use crate::App;
use crate::error::Error;

/// Where the API lives.
pub(super) const BASE: &str = "/api/v2.0";

/// A request whose sender is known, whose path matched and whose body has been read.
pub(super) struct Call {
    pub(super) app: Arc<App>,
    pub(super) caller: Caller,
    pub(super) parts: Parts,
    pub(super) parameters: Vec<(String, String)>,
    pub(super) query: Query,
    pub(super) body: Bytes,
}

impl Call {
    pub(super) fn catalog(&self) -> &dyn Catalog {
        &*self.app.catalog
    }

    /// Returns a path parameter, percent-decoded.
    pub(super) fn parameter(&self, name: &str) -> &str {
        self.parameters.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    /// Returns a path parameter that is the number of a thing. Anything else names nothing.
    pub(super) fn id(&self, name: &'static str) -> Result<i64, Error> {
        let text = self.parameter(name);
        text.parse().map_err(|_| wharf_storage::Error::not_found(name, text).into())
    }

    /// Returns the name of the project in the path, which stands there by name or number.
    ///
    /// As in Harbor, digits are a number unless the header `X-Is-Resource-Name` says that they are a name.
    pub(super) async fn project(&self) -> Result<String, Error> {
        const IS_NAME: HeaderName = HeaderName::from_static("x-is-resource-name");
        let text = self.parameter("project_name_or_id");
        let is_name = self
            .parts
            .headers
            .get(IS_NAME)
            .is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"true"));
        match text.parse() {
            Ok(id) if !is_name => Ok(self.catalog().project_name(&self.caller, id).await?),
            _ => Ok(text.to_owned()),
        }
    }

    /// Returns the full name of the repository in the path.
    ///
    /// Harbor's clients encode its slashes once or twice; no name has a percent sign, so decoding again is safe.
    pub(super) async fn repository(&self) -> Result<RepositoryName, Error> {
        let project = self.project().await?;
        let path = self.parameter("repository_name");
        let path = percent_decode(path).ok_or_else(|| wharf_storage::Error::not_found("repository", path))?;
        Ok(format!("{project}/{path}").parse()?)
    }

    /// Returns the tag or digest in the path.
    pub(super) fn reference(&self) -> Result<Reference, Error> {
        Ok(self.parameter("reference").parse()?)
    }

    /// Returns the tag in the path.
    pub(super) fn tag(&self) -> Result<Tag, Error> {
        Ok(self.parameter("tag_name").parse()?)
    }

    /// Returns the number of the calling user.
    pub(super) fn own_user_id(&self) -> Option<i64> {
        match self.caller.principal {
            Principal::User(id) => Some(id),
            _ => None,
        }
    }

    /// Returns whether the body is said to be JSON.
    pub(super) fn is_json(&self) -> bool {
        let kind = self.parts.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        kind.and_then(|kind| kind.split(';').next()).is_some_and(|kind| kind.trim() == "application/json")
    }

    /// Reads the body as JSON.
    pub(super) fn json<T: DeserializeOwned>(&self) -> Result<T, Error> {
        if !self.is_json() {
            return Err(Error::answer(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                ErrorCode::Unsupported,
                "expected a body of Content-Type application/json",
            ));
        }
        serde_json::from_slice(&self.body).map_err(|error| bad_request(format!("body: {error}")))
    }
}

/// What a handler answers.
pub(super) type Reply = Response<Body>;

/// Returns a 200 with a JSON body.
pub(super) fn json(value: &impl Serialize) -> Result<Reply, Error> {
    with_status(StatusCode::OK, value)
}

/// Returns a JSON body with a status.
pub(super) fn with_status(status: StatusCode, value: &impl Serialize) -> Result<Reply, Error> {
    let text = serde_json::to_vec(value).map_err(|error| {
        Error::answer(StatusCode::INTERNAL_SERVER_ERROR, ErrorCode::Unknown, format!("answer: {error}"))
    })?;
    let mut reply = Response::new(Body::from(text));
    *reply.status_mut() = status;
    reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(reply)
}

/// Returns a 200 without a body.
pub(super) fn done() -> Reply {
    Response::new(Body::empty())
}

/// Adds where the new thing is, relative to this server, and makes the answer a 201.
pub(super) fn created(mut reply: Reply, path: &str) -> Reply {
    *reply.status_mut() = StatusCode::CREATED;
    if let Ok(location) = HeaderValue::from_str(&format!("{BASE}{path}")) {
        reply.headers_mut().insert(LOCATION, location);
    }
    reply
}

/// Returns the error for something that the client sent wrongly.
pub(super) fn bad_request(message: impl Into<String>) -> Error {
    Error::answer(StatusCode::BAD_REQUEST, ErrorCode::Unsupported, message)
}

fn percent_decode(text: &str) -> Option<String> {
    if !text.contains('%') {
        return Some(text.to_owned());
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        if first == b'%' {
            let code = data_encoding::HEXLOWER_PERMISSIVE.decode(tail.get(..2)?).ok()?;
            bytes.extend(code);
            rest = &tail[2..];
        } else {
            bytes.push(first);
            rest = tail;
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::percent_decode;

    #[test]
    fn names_are_decoded_again() {
        assert_eq!(percent_decode("charts%2fweb%2Fx").as_deref(), Some("charts/web/x"));
        assert_eq!(percent_decode("web").as_deref(), Some("web"));
        for bad in ["%", "%2", "%zz", "%ff"] {
            assert_eq!(percent_decode(bad), None, "{bad}");
        }
    }
}
