//! `urlParse` and `urlJoin`.

use wharf_template::{FuncError, FunctionTable, Map, Value};

use crate::args::{Add, Result, T, map, text};

pub(crate) fn add(table: &mut FunctionTable) {
    table.plain("urlParse", &[T::String], |args| {
        let url = text(&args[0]);
        let parts = Parts::parse(&url).map_err(|reason| {
            let url = wharf_template::quote(url.as_bytes());
            FuncError::Message(format!("unable to parse url: parse {url}: {reason}"))
        })?;
        let entries = [
            ("scheme", parts.scheme),
            ("hostname", hostname(&parts.host)),
            ("host", parts.host),
            ("path", parts.path),
            ("query", parts.query),
            ("opaque", parts.opaque),
            ("fragment", parts.fragment),
            ("userinfo", parts.user),
        ];
        Ok(Value::Map(Map::of(entries.map(|(key, part)| (key, part.into())))))
    });
    table.plain("urlJoin", &[T::AnyMap], join);
}

#[derive(Debug, Default)]
struct Parts {
    scheme: String,
    user: String,
    host: String,
    path: String,
    query: String,
    opaque: String,
    fragment: String,
}

impl Parts {
    fn parse(url: &str) -> Result<Self, String> {
        let mut parts = Self::default();
        if url.chars().any(|c| c < ' ' || c == '\u{7f}') {
            return Err("net/url: invalid control character in URL".to_owned());
        }
        let (body, fragment) = url.split_once('#').unwrap_or((url, ""));
        parts.fragment = unescape(fragment)?;
        if url == "*" {
            parts.path = "*".to_owned();
            return Ok(parts);
        }
        let mut rest = body;
        for (at, c) in body.char_indices() {
            match c {
                'a'..='z' | 'A'..='Z' => {}
                '0'..='9' | '+' | '-' | '.' if at > 0 => {}
                ':' if at == 0 => return Err("missing protocol scheme".to_owned()),
                ':' => {
                    parts.scheme = body[..at].to_ascii_lowercase();
                    rest = &body[at + 1..];
                    break;
                }
                _ => break,
            }
        }
        if let Some((before, query)) = rest.split_once('?') {
            parts.query = query.to_owned();
            rest = before;
        }
        if !rest.starts_with('/') {
            if !parts.scheme.is_empty() {
                parts.opaque = rest.to_owned();
                return Ok(parts);
            }
            if rest.split('/').next().is_some_and(|segment| segment.contains(':')) {
                return Err("first path segment in URL cannot contain colon".to_owned());
            }
        }
        if let Some(authority) =
            rest.strip_prefix("//").filter(|_| !parts.scheme.is_empty() || !rest.starts_with("///"))
        {
            let end = authority.find('/').unwrap_or(authority.len());
            let (authority, path) = authority.split_at(end);
            rest = path;
            let host = match authority.rsplit_once('@') {
                Some((user, host)) => {
                    parts.user = user_text(user)?;
                    host
                }
                None => authority,
            };
            parts.host = host_text(host)?;
        }
        parts.path = unescape(rest)?;
        Ok(parts)
    }
}

fn user_text(user: &str) -> Result<String, String> {
    let encode = |part: &str| Ok::<_, String>(escape(&unescape(part)?, b"-_.~$&+,;="));
    match user.split_once(':') {
        Some((name, password)) => Ok(format!("{}:{}", encode(name)?, encode(password)?)),
        None => encode(user),
    }
}

fn host_text(host: &str) -> Result<String, String> {
    let port = match host.rfind(']') {
        Some(end) => host[end + 1..].strip_prefix(':'),
        None => host.split_once(':').map(|(_, port)| port),
    };
    if let Some(port) = port
        && !port.chars().all(|c| c.is_ascii_digit())
    {
        return Err(format!(
            "invalid port {} after host",
            wharf_template::quote(format!(":{port}").as_bytes())
        ));
    }
    if let Some(bad) =
        host.chars().find(|c| matches!(c, ' ' | '"' | '<' | '>' | '\\' | '^' | '`' | '{' | '|' | '}'))
    {
        return Err(format!(
            "invalid character {} in host name",
            wharf_template::quote(bad.to_string().as_bytes())
        ));
    }
    unescape(host)
}

fn hostname(host: &str) -> String {
    if let Some(inside) = host.strip_prefix('[') {
        return inside.split(']').next().unwrap_or_default().to_owned();
    }
    host.split(':').next().unwrap_or_default().to_owned()
}

fn unescape(text: &str) -> Result<String, String> {
    for (at, _) in text.match_indices('%') {
        let escape = &text.as_bytes()[at..text.len().min(at + 3)];
        if escape.len() < 3 || !escape[1..].iter().all(u8::is_ascii_hexdigit) {
            return Err(format!("invalid URL escape {}", wharf_template::quote(escape)));
        }
    }
    Ok(percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned())
}

fn escape(text: &str, kept: &[u8]) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || kept.contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

fn join(args: &[Value]) -> Result {
    let dict = map(&args[0]);
    let part = |key: &str| match dict.get(key.as_bytes()) {
        None => Ok(String::new()),
        Some(Value::Str(text)) => Ok(text.to_text().into_owned()),
        Some(other) => {
            let kind = other.kind().name();
            Err(FuncError::Message(format!(
                "unable to parse {key} key, must be of type string, but {kind} found"
            )))
        }
    };
    let (scheme, host, path) = (part("scheme")?, part("host")?, part("path")?);
    let (query, opaque, fragment, user) =
        (part("query")?, part("opaque")?, part("fragment")?, part("userinfo")?);
    let user = user_text(&user).map_err(FuncError::Message)?;
    let mut out = String::new();
    if !scheme.is_empty() {
        out.push_str(&scheme);
        out.push(':');
    }
    if opaque.is_empty() {
        if !scheme.is_empty() || !host.is_empty() || !user.is_empty() {
            if !host.is_empty() || !path.is_empty() || !user.is_empty() {
                out.push_str("//");
            }
            if !user.is_empty() {
                out.push_str(&user);
                out.push('@');
            }
            out.push_str(&escape(&host, b"-_.~!$&'()*+,;=:[]<>\""));
        }
        let path = escape(&path, b"-_.~$&+,/:;=@!'()*");
        if !path.is_empty() && !path.starts_with('/') && !host.is_empty() {
            out.push('/');
        }
        if out.is_empty() && path.split('/').next().is_some_and(|segment| segment.contains(':')) {
            out.push_str("./");
        }
        out.push_str(&path);
    } else {
        out.push_str(&opaque);
    }
    if !query.is_empty() {
        out.push('?');
        out.push_str(&query);
    }
    if !fragment.is_empty() {
        out.push('#');
        out.push_str(&escape(&fragment, b"-_.~$&+,/:;=?@!()*"));
    }
    Ok(out.into())
}
