//! Addresses put together and compared as Go's `net/url` and Helm do it.

/// An address in its parts. What is not there is empty, but for the query, where `?` alone counts.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Address<'a> {
    scheme: &'a str,
    authority: Option<&'a str>,
    path: &'a str,
    query: Option<&'a str>,
    fragment: Option<&'a str>,
}

impl<'a> Address<'a> {
    fn split(text: &'a str) -> Self {
        let (text, fragment) = cut(text, '#');
        let (text, query) = cut(text, '?');
        let scheme_end = text.find(':').filter(|end| is_scheme(&text[..*end]));
        let (scheme, rest) = scheme_end.map_or(("", text), |end| (&text[..end], &text[end + 1..]));
        let (authority, path) = match rest.strip_prefix("//") {
            Some(rest) => {
                let end = rest.find('/').unwrap_or(rest.len());
                (Some(&rest[..end]), &rest[end..])
            }
            None => (None, rest),
        };
        Self { scheme, authority, path, query, fragment }
    }

    /// Puts the parts together again, with another path.
    fn with_path(&self, path: &str) -> String {
        let mut text = String::new();
        if !self.scheme.is_empty() {
            text.push_str(&self.scheme.to_ascii_lowercase());
            text.push(':');
        }
        if let Some(authority) = self.authority {
            text.push_str("//");
            text.push_str(authority);
            if !path.is_empty() && !path.starts_with('/') {
                text.push('/');
            }
        }
        text.push_str(&escaped(path));
        for (mark, part) in [('?', self.query), ('#', self.fragment)] {
            if let Some(part) = part {
                text.push(mark);
                text.push_str(part);
            }
        }
        text
    }
}

/// Returns an address relative to a repository's; an absolute one stays as it is.
///
/// The repository's query (some carry a token there) goes along, as in Helm.
#[must_use]
pub fn resolve_url(repository: &str, reference: &str) -> String {
    let wanted = Address::split(reference);
    if !wanted.scheme.is_empty() {
        return reference.to_owned();
    }
    let base = Address::split(repository);
    let resolved = Address { fragment: wanted.fragment, ..base.clone() };
    if wanted.authority.is_some() {
        return Address { authority: wanted.authority, ..resolved }.with_path(&without_dots(wanted.path));
    }
    let path = match wanted.path {
        path if path.starts_with('/') => path.to_owned(),
        path => format!("{}/{path}", base.path.strip_suffix('/').unwrap_or(base.path)),
    };
    resolved.with_path(&without_dots(&path))
}

/// Returns an address with more put behind its path, cleaned as Go's `path.Join` does.
#[must_use]
pub fn join_url(base: &str, more: &str) -> String {
    let address = Address::split(base);
    let joined: Vec<&str> = [address.path, more].into_iter().filter(|part| !part.is_empty()).collect();
    address.with_path(&clean(&joined.join("/")))
}

/// Whether two addresses mean the same: a slash at the end, and none, are alike.
#[must_use]
pub fn same_url(a: &str, b: &str) -> bool {
    let normal = |text: &str| {
        let address = Address::split(text);
        let path = if address.path.is_empty() { "/".to_owned() } else { clean(address.path) };
        address.with_path(&path)
    };
    normal(a) == normal(b)
}

fn cut(text: &str, mark: char) -> (&str, Option<&str>) {
    text.split_once(mark).map_or((text, None), |(front, back)| (front, Some(back)))
}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'))
}

/// Removes `.` and `..` of an absolute path, keeping a slash at its end (RFC 3986, section 5.2.4).
fn without_dots(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    let mut last = "";
    for part in path.split('/').skip(usize::from(path.starts_with('/'))) {
        match part {
            "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
        last = part;
    }
    let mut text = format!("/{}", parts.join("/"));
    if matches!(last, "." | "..") && !text.ends_with('/') {
        text.push('/');
    }
    text
}

/// Go's `path.Clean`; an empty path stays empty.
fn clean(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    let rooted = path.starts_with('/');
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            ".." if rooted => {}
            part => parts.push(part),
        }
    }
    let joined = parts.join("/");
    if rooted { format!("/{joined}") } else { joined }
}

/// Escapes what an address cannot hold; what is escaped already stays so.
fn escaped(path: &str) -> String {
    let mut text = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'!'..=b'~' if !matches!(byte, b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}') => {
                text.push(char::from(byte));
            }
            byte => text.push_str(&format!("%{byte:02X}")),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_charts_are_relative_to_the_repository() {
        let cases = [
            ("https://x.test/charts", "a-1.tgz", "https://x.test/charts/a-1.tgz"),
            ("https://x.test/charts/", "sub/a-1.tgz", "https://x.test/charts/sub/a-1.tgz"),
            ("https://x.test/charts/", "/a-1.0.0+b.tgz", "https://x.test/a-1.0.0+b.tgz"),
            ("https://x.test/charts/?t=1", "../a.tgz", "https://x.test/a.tgz?t=1"),
            ("https://x.test", "../../a b.tgz", "https://x.test/a%20b.tgz"),
            ("https://x.test", "http://y.test/a.tgz", "http://y.test/a.tgz"),
            ("https://x.test/c", "//y.test/a.tgz", "https://y.test/a.tgz"),
        ];
        for (base, reference, expected) in cases {
            assert_eq!(resolve_url(base, reference), expected, "{base} {reference}");
        }
    }

    #[test]
    fn a_slash_at_the_end_makes_no_difference() {
        assert!(same_url("https://x.test/charts", "https://x.test/charts/"));
        assert!(same_url("https://x.test", "https://x.test/"));
        assert!(!same_url("https://x.test/charts", "http://x.test/charts"));
        assert!(!same_url("https://x.test/charts?t=1", "https://x.test/charts"));
    }

    #[test]
    fn paths_are_joined() {
        assert_eq!(join_url("", "a.tgz"), "a.tgz");
        assert_eq!(join_url("sub", "a.tgz"), "sub/a.tgz");
        assert_eq!(join_url("http://x.test/c/", "a.tgz"), "http://x.test/c/a.tgz");
        assert_eq!(join_url("http://x.test", "a.tgz"), "http://x.test/a.tgz");
        assert_eq!(join_url("http://x.test/c", ""), "http://x.test/c");
    }
}
