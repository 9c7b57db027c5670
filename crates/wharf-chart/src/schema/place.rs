//! Where a schema is: the address of its document, and a JSON pointer into it (RFC 6901, RFC 3986 section 5).

use wharf_yaml::Json;

use crate::quote::Quoted;

/// Writes one part of a pointer.
pub(super) fn escape(token: &str) -> String {
    token.replace('~', "~0").replace('/', "~1")
}

/// Reads one part of a pointer; a tilde must be followed by 0 or 1.
fn unescape(token: &str) -> Option<String> {
    let mut parts = token.split('~');
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (char, rest) = match part.as_bytes().first()? {
            b'0' => ('~', &part[1..]),
            b'1' => ('/', &part[1..]),
            _ => return None,
        };
        out.push(char);
        out.push_str(rest);
    }
    Some(out)
}

/// Returns `ADDRESS#POINTER` as error texts show it.
pub(super) fn shown(address: &str, pointer: &str) -> String {
    let parts: Vec<String> = pointer.split('/').map(percent_encoded).collect();
    format!("{address}#{}", parts.join("/"))
}

fn percent_encoded(part: &str) -> String {
    let mut out = String::new();
    for byte in part.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~$&+=:@".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

fn percent_decoded(text: &str) -> Result<String, String> {
    for (at, _) in text.match_indices('%') {
        let escape = &text.as_bytes()[at..text.len().min(at + 3)];
        if escape.len() < 3 || !escape[1..].iter().all(u8::is_ascii_hexdigit) {
            return Err(format!("invalid URL escape {}", Quoted(&String::from_utf8_lossy(escape))));
        }
    }
    Ok(percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned())
}

/// Returns what stands before the fragment, and the fragment.
pub(super) fn split(text: &str) -> (&str, &str) {
    text.split_once('#').unwrap_or((text, ""))
}

/// As [`split`], with the fragment decoded.
pub(super) fn split_decoded(text: &str) -> Result<(&str, String), String> {
    let (address, fragment) = split(text);
    let fragment = percent_decoded(fragment)
        .map_err(|problem| format!("error in parsing {}: {problem}", Quoted(text)))?;
    Ok((address, fragment))
}

/// Returns the value at a pointer.
pub(super) fn look_up<'d>(address: &str, pointer: &str, document: &'d Json) -> Result<&'d Json, String> {
    let mut value = document;
    for token in pointer.split('/').skip(1) {
        let token = unescape(token)
            .ok_or_else(|| format!("invalid json-pointer {}", Quoted(&shown(address, pointer))))?;
        let inner = match value {
            Json::Map(map) => map.get(token.as_str()),
            Json::List(items) => token.parse::<usize>().ok().and_then(|index| items.get(index)),
            _ => None,
        };
        value =
            inner.ok_or_else(|| format!("json-pointer in {} not found", Quoted(&shown(address, pointer))))?;
    }
    Ok(value)
}

/// An address taken apart, about as Go's `url.Parse`.
#[derive(Debug, Default)]
pub(super) struct Address<'t> {
    pub(super) scheme: &'t str,
    /// What follows the scheme where it does not begin with a slash.
    pub(super) opaque: &'t str,
    pub(super) authority: &'t str,
    pub(super) path: &'t str,
    query: Option<&'t str>,
}

impl<'t> Address<'t> {
    /// # Errors
    /// What Go refuses, with its words: `parse "TEXT": …`.
    pub(super) fn parse(text: &'t str) -> Result<Self, String> {
        Self::take_apart(text).map_err(|problem| format!("parse {}: {problem}", Quoted(text)))
    }

    fn take_apart(text: &'t str) -> Result<Self, String> {
        if text.bytes().any(|byte| byte < b' ' || byte == 0x7f) {
            return Err("net/url: invalid control character in URL".to_owned());
        }
        let mut address = Self::default();
        let (mut rest, fragment) = split(text);
        percent_decoded(fragment)?;
        for (at, c) in rest.char_indices() {
            match c {
                'a'..='z' | 'A'..='Z' => {}
                '0'..='9' | '+' | '-' | '.' if at > 0 => {}
                ':' if at == 0 => return Err("missing protocol scheme".to_owned()),
                ':' => {
                    (address.scheme, rest) = (&rest[..at], &rest[at + 1..]);
                    break;
                }
                _ => break,
            }
        }
        if let Some((before, query)) = rest.split_once('?') {
            address.query = Some(query);
            rest = before;
        }
        if !rest.starts_with('/') {
            if !address.scheme.is_empty() {
                address.opaque = rest;
                return Ok(address);
            }
            if rest.split('/').next().is_some_and(|segment| segment.contains(':')) {
                return Err("first path segment in URL cannot contain colon".to_owned());
            }
        }
        if let Some(after) = rest.strip_prefix("//")
            && (!address.scheme.is_empty() || !after.starts_with('/'))
        {
            (address.authority, rest) = after.split_at(after.find('/').unwrap_or(after.len()));
            check_host(address.host())?;
        }
        percent_decoded(rest)?;
        address.path = rest;
        Ok(address)
    }

    /// Returns the host with its port.
    pub(super) fn host(&self) -> &'t str {
        self.authority.rsplit('@').next().unwrap_or_default()
    }
}

fn check_host(host: &str) -> Result<(), String> {
    let port = match host.strip_prefix('[') {
        Some(inside) => match inside.rsplit_once(']') {
            Some((address, port)) => {
                if address.contains(':') {
                    super::formats::ip_address(address)
                        .map_err(|problem| format!("invalid host: {problem}"))?;
                }
                port
            }
            None => return Err("missing ']' in host".to_owned()),
        },
        None => host.find(':').map_or("", |at| &host[at..]),
    };
    if !port.is_empty()
        && !port.strip_prefix(':').is_some_and(|digits| digits.bytes().all(|b| b.is_ascii_digit()))
    {
        return Err(format!("invalid port {} after host", Quoted(port)));
    }
    let wrong = |c: &char| matches!(c, ' ' | '"' | '<' | '>' | '\\' | '^' | '`' | '{' | '|' | '}');
    if let Some(wrong) =
        host.chars().find(|c| wrong(c) && !(host.starts_with('[') && matches!(c, '<' | '>' | '"')))
    {
        return Err(format!("invalid character {} in host name", Quoted(&wrong.to_string())));
    }
    percent_decoded(host)?;
    Ok(())
}

/// Resolves a reference against the address of the document it stands in; returns the address and the fragment.
pub(super) fn join(base: &str, reference: &str) -> Result<(String, String), String> {
    let wrong = |text: &str, problem: String| format!("error in parsing {}: {problem}", Quoted(text));
    let from = Address::parse(base).map_err(|problem| wrong(base, problem))?;
    let (text, fragment) = split_decoded(reference)?;
    let to = Address::parse(text).map_err(|problem| wrong(text, problem))?;
    let mut out =
        Address { scheme: if to.scheme.is_empty() { from.scheme } else { to.scheme }, ..Address::default() };
    let path;
    out.query = to.query;
    if !to.scheme.is_empty() || !to.authority.is_empty() {
        (out.opaque, out.authority) = (to.opaque, to.authority);
        path = resolved_path(to.path, "");
    } else {
        if to.path.is_empty() && to.query.is_none() {
            out.query = from.query;
        }
        // A reference into a document with an address such as a URN stays in it.
        (out.opaque, out.authority) = (from.opaque, from.authority);
        path = resolved_path(from.path, to.path);
    }
    let mut address = String::new();
    if !out.scheme.is_empty() {
        address.push_str(&out.scheme.to_ascii_lowercase());
        address.push(':');
    }
    if out.opaque.is_empty() {
        if !out.authority.is_empty() || !out.scheme.is_empty() && !path.is_empty() {
            address.push_str("//");
            address.push_str(out.authority);
        }
        address.push_str(&path);
    } else {
        address.push_str(out.opaque);
    }
    if let Some(query) = out.query {
        address.push('?');
        address.push_str(query);
    }
    Ok((address, fragment))
}

/// Puts a path in place of the last part of another and removes `.` and `..`.
fn resolved_path(base: &str, path: &str) -> String {
    let full = if path.is_empty() {
        base.to_owned()
    } else if path.starts_with('/') {
        path.to_owned()
    } else {
        format!("{}{path}", &base[..base.rfind('/').map_or(0, |at| at + 1)])
    };
    if full.is_empty() {
        return full;
    }
    let mut kept: Vec<&str> = Vec::new();
    let body = full.strip_prefix('/').unwrap_or(&full);
    for part in body.split('/') {
        match part {
            "." => {}
            ".." => drop(kept.pop()),
            other => kept.push(other),
        }
    }
    let mut out = format!("/{}", kept.join("/"));
    if matches!(body.rsplit('/').next(), Some("." | "..")) && !out.ends_with('/') {
        out.push('/');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_resolve_against_the_document() {
        let cases = [
            ("file:///values.schema.json", "#/$defs/a", "file:///values.schema.json", "/$defs/a"),
            ("file:///values.schema.json", "other.json", "file:///other.json", ""),
            ("https://a.example/x/y", "../z#q%20r", "https://a.example/z", "q r"),
            ("https://a.example/x/y", "//b.example/./c/", "https://b.example/c/", ""),
            ("https://a.example/x", "urn:one:two", "urn:one:two", ""),
            ("urn:one:two", "#a", "urn:one:two", "a"),
        ];
        for (base, reference, address, fragment) in cases {
            assert_eq!(join(base, reference), Ok((address.to_owned(), fragment.to_owned())), "{reference}");
        }
    }
}
