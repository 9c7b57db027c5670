//! Conditional requests (RFC 9110, section 13): the entity tag of a manifest or blob is its digest in quotes.

use http::HeaderMap;
use http::header::{HeaderName, IF_MATCH, IF_NONE_MATCH, IF_RANGE};
use wharf_oci::Digest;

/// Returns the entity tag of content.
pub(super) fn entity_tag(digest: &Digest) -> String {
    format!("\"{digest}\"")
}

/// Returns whether the client has this content already, so that 304 is the answer.
pub(super) fn not_modified(headers: &HeaderMap, digest: &Digest) -> bool {
    lists(headers, IF_NONE_MATCH, Some(digest)).unwrap_or(false)
}

/// Returns whether a `Range` is to be honoured: not when the client asks for a part of other content.
pub(super) fn range_applies(headers: &HeaderMap, digest: &Digest) -> bool {
    headers
        .get(IF_RANGE)
        .is_none_or(|value| value.to_str().is_ok_and(|text| text.trim() == entity_tag(digest)))
}

/// Returns whether the request has a condition on what a tag points to.
pub(super) fn has_precondition(headers: &HeaderMap) -> bool {
    headers.contains_key(IF_MATCH) || headers.contains_key(IF_NONE_MATCH)
}

/// Returns whether a tag that points to `current` may be set: `If-Match` lists it, `If-None-Match` does not.
pub(super) fn precondition_holds(headers: &HeaderMap, current: Option<&Digest>) -> bool {
    lists(headers, IF_MATCH, current).unwrap_or(true)
        && !lists(headers, IF_NONE_MATCH, current).unwrap_or(false)
}

/// Returns whether the header lists the content, or `None` without that header. `*` lists whatever exists.
fn lists(headers: &HeaderMap, name: HeaderName, current: Option<&Digest>) -> Option<bool> {
    let mut values = headers.get_all(name).iter().peekable();
    values.peek()?;
    let listed = current.is_some_and(|digest| {
        values.filter_map(|value| value.to_str().ok()).flat_map(|text| text.split(',')).any(|tag| {
            let tag = tag.trim();
            let tag = tag.strip_prefix("W/").unwrap_or(tag);
            tag == "*" || tag.trim_matches('"') == digest.as_str()
        })
    });
    Some(listed)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use wharf_oci::Algorithm;

    #[test]
    fn conditions_compare_with_the_digest() {
        let (here, other) = (Algorithm::Sha256.digest(b"a"), Algorithm::Sha256.digest(b"b"));
        let headers = |name: HeaderName, value: &str| HeaderMap::from_iter([(name, value.parse().unwrap())]);
        let tag = entity_tag(&here);
        assert!(not_modified(&headers(IF_NONE_MATCH, &format!("\"x\", W/{tag}")), &here));
        assert!(!not_modified(&headers(IF_NONE_MATCH, &tag), &other));
        assert!(!not_modified(&HeaderMap::new(), &here));
        assert!(precondition_holds(&headers(IF_NONE_MATCH, "*"), None));
        assert!(!precondition_holds(&headers(IF_NONE_MATCH, "*"), Some(&here)));
        assert!(precondition_holds(&headers(IF_MATCH, &tag), Some(&here)));
        assert!(!precondition_holds(&headers(IF_MATCH, &tag), Some(&other)));
        assert!(!precondition_holds(&headers(IF_MATCH, &tag), None));
    }
}
