//! Conditional requests (RFC 9110, section 13): the entity tag of a manifest or blob is its digest in quotes.

use http::HeaderMap;
use http::header::{HeaderName, IF_MATCH, IF_NONE_MATCH, IF_RANGE};
use wharf_oci::Digest;
use wharf_storage::catalog::{TagCondition, TagTargets};

/// Returns the entity tag of content.
pub(super) fn entity_tag(digest: &Digest) -> String {
    format!("\"{digest}\"")
}

/// Returns whether the client has this content already, so that 304 is the answer.
pub(super) fn not_modified(headers: &HeaderMap, digest: &Digest) -> bool {
    listed(headers, IF_NONE_MATCH).is_some_and(|targets| targets.include(digest))
}

/// Returns whether a `Range` is to be honoured: not when the client asks for a part of other content.
pub(super) fn range_applies(headers: &HeaderMap, digest: &Digest) -> bool {
    headers
        .get(IF_RANGE)
        .is_none_or(|value| value.to_str().is_ok_and(|text| text.trim() == entity_tag(digest)))
}

/// Returns the condition on what a tag points to before a push, if the request has one: `If-Match` lists it, `If-None-Match` does not.
pub(super) fn tag_condition(headers: &HeaderMap) -> Option<TagCondition> {
    let condition =
        TagCondition { matches: listed(headers, IF_MATCH), none_match: listed(headers, IF_NONE_MATCH) };
    (condition != TagCondition::default()).then_some(condition)
}

/// Returns the contents that the header lists, or `None` without that header; `*` lists whatever exists. An entity tag
/// that is no digest is that of no content here.
fn listed(headers: &HeaderMap, name: HeaderName) -> Option<TagTargets> {
    let mut values = headers.get_all(name).iter().peekable();
    values.peek()?;
    let mut digests = Vec::new();
    for tag in values.filter_map(|value| value.to_str().ok()).flat_map(|text| text.split(',')) {
        let tag = tag.trim();
        let tag = tag.strip_prefix("W/").unwrap_or(tag);
        if tag == "*" {
            return Some(TagTargets::Any);
        }
        digests.extend(tag.trim_matches('"').parse::<Digest>());
    }
    Some(TagTargets::These(digests))
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
        assert_eq!(tag_condition(&HeaderMap::new()), None);
        for (name, value, current, holds) in [
            (IF_NONE_MATCH, "*", None, true),
            (IF_NONE_MATCH, "*", Some(&here), false),
            (IF_NONE_MATCH, "\"x\"", Some(&here), true),
            (IF_MATCH, tag.as_str(), Some(&here), true),
            (IF_MATCH, &tag, Some(&other), false),
            (IF_MATCH, &tag, None, false),
            (IF_MATCH, "\"x\"", Some(&here), false),
        ] {
            let condition = tag_condition(&headers(name.clone(), value)).unwrap();
            assert_eq!(condition.holds(current), holds, "{name}: {value} {current:?}");
        }
    }
}
