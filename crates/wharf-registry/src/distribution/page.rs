//! Pages of lists: `n`, `last`, and the `Link` to the next page.

use axum::body::Body;
use http::header::{CONTENT_TYPE, HeaderValue, LINK};
use http::{Response, StatusCode};
use wharf_oci::distribution::ErrorCode;
use wharf_storage::catalog::Page;

use super::query::Query;
use super::{Answer, header};
use crate::error::Error;

/// The page that a request asks for.
#[derive(Debug)]
pub(super) struct Asked {
    /// At most the server's greatest page, whatever the client wrote: sizes from outside decide no allocation.
    pub(super) size: usize,
    pub(super) last: Option<String>,
}

impl Asked {
    pub(super) fn of(query: Query<'_>, greatest: usize) -> Result<Self, Error> {
        let size = match query.first("n").as_deref() {
            None | Some("") => greatest,
            Some(digits) if digits.bytes().all(|b| b.is_ascii_digit()) => {
                // More digits than a number holds are more than the greatest page, too.
                digits.parse().map_or(greatest, |asked: usize| asked.min(greatest))
            }
            Some(other) => {
                let other: String = other.chars().take(100).collect();
                let message = format!("n is {other:?}, expected a number");
                return Err(Error::answer(
                    StatusCode::BAD_REQUEST,
                    ErrorCode::PaginationNumberInvalid,
                    message,
                ));
            }
        };
        let last = query.first("last").filter(|last| !last.is_empty()).map(std::borrow::Cow::into_owned);
        Ok(Self { size, last })
    }

    /// Returns the page to read: one entry more than asked for, which tells whether there is a next page.
    pub(super) fn to_read(&self) -> Page {
        Page { after: self.last.clone(), limit: self.size + 1 }
    }

    /// Cuts what was read to what was asked for; returns whether there is more.
    pub(super) fn cut<T>(&self, entries: &mut Vec<T>) -> bool {
        let more = entries.len() > self.size;
        entries.truncate(self.size);
        // An empty page has no last entry that a next page could follow.
        more && self.size > 0
    }
}

/// Returns a relative link to the next page: relative, so that it is right behind every proxy.
pub(super) fn next(path: &str, parameters: &[(&str, &str)]) -> HeaderValue {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(parameters);
    header(&format!("<{path}?{}>; rel=\"next\"", query.finish()))
}

/// Returns a JSON answer with the link, if there is one.
pub(super) fn json(
    content_type: &'static str,
    body: &impl serde::Serialize,
    link: Option<HeaderValue>,
) -> Answer {
    let bytes = serde_json::to_vec(body).map_err(|error| {
        wharf_storage::Error::Damaged(format!("a list could not be written as JSON: {error}"))
    })?;
    let mut response = Response::new(Body::from(bytes));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    if let Some(link) = link {
        response.headers_mut().insert(LINK, link);
    }
    Ok(response)
}
