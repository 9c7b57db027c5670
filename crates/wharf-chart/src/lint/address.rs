//! Mail and web addresses, about as strictly as the validators Helm uses.

/// Whether the text is an address with a scheme that Go's `url.ParseRequestURI` accepts.
pub(super) fn is_request_url(text: &str) -> bool {
    if text.bytes().any(|byte| byte < b' ' || byte == 0x7f) {
        return false;
    }
    let Some((scheme, rest)) = text.split_once(':') else { return false };
    let scheme_fits = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'));
    if !scheme_fits {
        return false;
    }
    let rest = rest.split('?').next().unwrap_or_default();
    let Some(authority) = rest.strip_prefix("//") else { return !rest.starts_with('/') || escapes_fit(rest) };
    let (authority, path) = authority.split_once('/').unwrap_or((authority, ""));
    host_fits(authority.rsplit('@').next().unwrap_or_default()) && escapes_fit(path)
}

/// Host with an optional numeric port.
fn host_fits(host: &str) -> bool {
    if let Some(rest) = host.strip_prefix('[') {
        return rest.split_once(']').is_some_and(|(_, port)| port_fits(port));
    }
    let (name, port) = host.find(':').map_or((host, ""), |at| host.split_at(at));
    port_fits(port) && !name.contains([' ', '<', '>', '"', '\\', '^', '`', '{', '|', '}', '%'])
}

/// Nothing, or a colon and digits.
fn port_fits(port: &str) -> bool {
    port.is_empty() || port.strip_prefix(':').is_some_and(|digits| digits.bytes().all(|b| b.is_ascii_digit()))
}

fn escapes_fit(path: &str) -> bool {
    path.split('%')
        .skip(1)
        .all(|after| after.len() >= 2 && after.bytes().take(2).all(|b| b.is_ascii_hexdigit()))
}

/// Whether the text looks like a web address; the scheme may be missing.
pub(super) fn is_url(text: &str) -> bool {
    if text.len() <= 3
        || text.chars().count() >= 2083
        || text.contains(char::is_whitespace)
        || text.starts_with('.')
    {
        return false;
    }
    let rest = match text.split_once("://") {
        Some(("ftp" | "tcp" | "udp" | "ws" | "wss" | "http" | "https", rest)) => rest,
        Some(_) => return false,
        None => text,
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let authority = rest[..end].rsplit('@').next().unwrap_or_default();
    let (host, port) = authority.find(':').map_or((authority, ""), |at| authority.split_at(at));
    let word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_') || c >= '\u{a1}';
    let label = |label: &str| {
        label.chars().all(word)
            && label.starts_with(|c: char| c.is_alphanumeric())
            && !label.ends_with(['-', '_'])
    };
    let host = host.strip_suffix('.').unwrap_or(host);
    port_fits(port) && port.len() <= 6 && host.split('.').all(label)
}

/// Whether the text is `local@domain` with a dot in the domain.
pub(super) fn is_mail_address(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else { return false };
    let atom = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+/=?^_`{|}~-".contains(c) || c >= '\u{a0}';
    let local_fits = local.split('.').all(|part| !part.is_empty() && part.chars().all(atom));
    let letter = |c: char| c.is_ascii_alphabetic() || c >= '\u{a0}';
    let word = |c: char| letter(c) || c.is_ascii_digit() || matches!(c, '-' | '_' | '~');
    let labels: Vec<&str> = domain.strip_suffix('.').unwrap_or(domain).split('.').collect();
    let edge = |c: char| letter(c) || c.is_ascii_digit();
    let labels_fit = labels.iter().all(|l| l.chars().all(word) && l.starts_with(edge) && l.ends_with(edge));
    let top_fits = labels.last().is_some_and(|top| top.starts_with(letter) && top.ends_with(letter));
    local_fits && labels.len() > 1 && labels_fit && top_fits
}
