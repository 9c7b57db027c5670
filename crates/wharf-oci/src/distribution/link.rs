//! The `Link` header of paged lists.

/// Returns the target of the `rel="next"` link of a `Link` header value (RFC 8288), as written: usually relative.
pub fn next_link(header: &str) -> Option<&str> {
    let mut rest = header;
    while let Some(start) = rest.find('<') {
        let end = start + rest[start..].find('>')?;
        let target = &rest[start + 1..end];
        // Parameters run to the next link; a comma inside a target cannot confuse this as targets are cut out first.
        let parameters_end = rest[end..].find('<').map_or(rest.len(), |next| end + next);
        let is_next = rest[end + 1..parameters_end].split([';', ',']).any(|parameter| {
            parameter.trim().split_once('=').is_some_and(|(name, value)| {
                name.trim().eq_ignore_ascii_case("rel")
                    && value
                        .trim()
                        .trim_matches('"')
                        .split_ascii_whitespace()
                        .any(|rel| rel.eq_ignore_ascii_case("next"))
            })
        });
        if is_next {
            return Some(target);
        }
        rest = &rest[parameters_end..];
    }
    None
}

#[cfg(test)]
mod tests {
    use super::next_link;

    #[test]
    fn the_next_link_is_found_among_others() {
        assert_eq!(
            next_link(r#"</v2/a/tags/list?last=b,c&n=2>; rel="next""#),
            Some("/v2/a/tags/list?last=b,c&n=2")
        );
        assert_eq!(next_link(r#"<x>; rel="prev", <y>; title="a;b"; rel=next"#), Some("y"));
        assert_eq!(next_link(r#"<x>; rel="prev""#), None);
        assert_eq!(next_link("<x"), None);
    }
}
