//! The origin policy: which of the URLs that a server names are followed, and with what.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use url::{Host, Url};
use wharf_content::{Error, ErrorKind, Result};

/// A redirect that may be followed.
pub(crate) struct Redirect {
    pub(crate) url: Url,
    /// Whether it stays with the registry, so that credentials may go along.
    pub(crate) same_origin: bool,
}

/// Returns whether scheme, host and port agree.
pub(crate) fn same_origin(a: &Url, b: &Url) -> bool {
    a.scheme() == b.scheme() && a.host() == b.host() && a.port_or_known_default() == b.port_or_known_default()
}

/// Returns `scheme://host[:port]` of a URL, for messages and comparison.
pub(crate) fn origin_of(url: &Url) -> String {
    let mut text = format!("{}://{}", url.scheme(), url.host_str().unwrap_or_default());
    if let Some(port) = url.port() {
        text.push_str(&format!(":{port}"));
    }
    text
}

/// Checks where a registry wants its tokens to be fetched from: HTTPS, or the registry's own host where that is
/// plain HTTP itself; no private address that is not the registry's own.
///
/// Other hosts are usual here, so the registry's word is trusted for the name, but never for a weaker transport
/// (GHSA-28r5-37g7-p6mp, GHSA-xf85-363p-868w).
pub(crate) fn check_realm(registry: &Url, realm: &str, allow_private: bool) -> Result<Url> {
    let refused = |reason: &str| {
        Error::new(
            ErrorKind::Peer,
            format!("{} wants credentials sent to {realm:?}: refused, {reason}", origin_of(registry)),
        )
    };
    let url = Url::parse(realm).map_err(|_| refused("it is not an absolute URL"))?;
    check_server_url(registry, &url, allow_private).map_err(refused)?;
    match (registry.scheme(), url.scheme()) {
        (_, "https") => Ok(url),
        ("http", "http") if url.host() == registry.host() => Ok(url),
        ("https", "http") => Err(refused("it leaves TLS")),
        _ => Err(refused("it is plain HTTP on another host")),
    }
}

/// Resolves the `Location` of an upload session or the target of a `Link` against the request's URL. Only the same
/// origin is accepted: content and credentials go there (GHSA-jxpm-75mh-9fp7, GHSA-h7vf-4x9w-h99v).
pub(crate) fn resolve_same_origin(request: &Url, header: &str, target: &str) -> Result<Url> {
    let url = request.join(target).map_err(|error| {
        Error::with_source(
            ErrorKind::Peer,
            format!("{} answered with the malformed {header} {target:?}", origin_of(request)),
            error,
        )
    })?;
    if !same_origin(request, &url) || !url.username().is_empty() || url.password().is_some() {
        return Err(Error::new(
            ErrorKind::Peer,
            format!(
                "{header} of {} leads to another origin, {}: refused (is the registry behind a proxy that hides \
                 its scheme or port?)",
                origin_of(request),
                origin_of(&url)
            ),
        ));
    }
    Ok(url)
}

/// Checks the redirect of a download. Credentials never go to another origin (GHSA-vh4v-2xq2-g5cg), TLS is not
/// left, and private addresses are followed only to the registry's own host.
pub(crate) fn check_redirect(
    registry: &Url,
    from: &Url,
    location: &str,
    allow_private: bool,
) -> Result<Redirect> {
    let refused = |reason: &str| {
        Error::new(
            ErrorKind::Peer,
            format!("{} redirects to {}: refused, {reason}", origin_of(from), without_query(location)),
        )
    };
    let url = from.join(location).map_err(|_| refused("it is not a URL"))?;
    check_server_url(registry, &url, allow_private).map_err(refused)?;
    if from.scheme() == "https" && url.scheme() != "https" {
        return Err(refused("it leaves TLS"));
    }
    Ok(Redirect { same_origin: same_origin(registry, &url), url })
}

fn check_server_url(registry: &Url, url: &Url, allow_private: bool) -> Result<(), &'static str> {
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
        return Err("it is not an HTTP URL");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("it carries credentials of its own");
    }
    if !allow_private && url.host() != registry.host() && url.host().is_some_and(|host| is_private(&host)) {
        return Err("it is a private address");
    }
    Ok(())
}

/// The query of a signed URL is a secret.
fn without_query(location: &str) -> &str {
    location.split(['?', '#']).next().unwrap_or_default()
}

/// Returns whether the host, as `HOST[:PORT]`, is this machine's own: `localhost`, `127.0.0.0/8` or `::1`.
pub(crate) fn is_loopback(host: &str) -> bool {
    let Ok(url) = Url::parse(&format!("http://{host}/")) else { return false };
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// Returns whether a host is, by its text, on a private network, on this machine or a cloud's metadata service.
pub(crate) fn is_private(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(name) => {
            let name = name.trim_end_matches('.');
            name == "localhost" || name.ends_with(".localhost") || name == "metadata.google.internal"
        }
        Host::Ipv4(address) => is_private_address(IpAddr::V4(*address)),
        Host::Ipv6(address) => is_private_address(IpAddr::V6(*address)),
    }
}

/// Returns whether an address is link-local: there clouds keep their metadata services.
pub(crate) fn is_link_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_link_local(),
        IpAddr::V6(v6) => is_in(v6, 0xfe80, 10) || embedded_v4(v6).is_some_and(|v4| v4.is_link_local()),
    }
}

/// Returns whether an address is on a private network, on this machine or nobody's at all.
pub(crate) fn is_private_address(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_private_v4(v4),
        IpAddr::V6(v6) => {
            embedded_v4(v6).is_some_and(is_private_v4)
                || v6.is_loopback()
                || v6.is_unspecified()
                || v6.is_multicast()
                || is_in(v6, 0xfc00, 7)
                || is_in(v6, 0xfe80, 10)
                // Site-local, RFC 3879.
                || is_in(v6, 0xfec0, 10)
                // NAT64 of a local network, RFC 8215.
                || v6.segments()[..3] == [0x64, 0xff9b, 1]
        }
    }
}

/// Returns the IPv4 address that a packet to this address goes on to: mapped or compatible (RFC 4291), by NAT64
/// (RFC 6052) or by 6to4 (RFC 3056).
fn embedded_v4(v6: Ipv6Addr) -> Option<Ipv4Addr> {
    let from = |high: u16, low: u16| Ipv4Addr::from(u32::from(high) << 16 | u32::from(low));
    match v6.segments() {
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => Some(from(high, low)),
        _ => v6.to_ipv4(),
    }
}

fn is_private_v4(v4: Ipv4Addr) -> bool {
    let [a, b, c, _] = v4.octets();
    v4.is_private()
        || v4.is_loopback()
        || v4.is_link_local()
        || v4.is_unspecified()
        || v4.is_multicast()
        || v4.is_broadcast()
        || a == 0
        // Shared address space, RFC 6598.
        || (a == 100 && (64..128).contains(&b))
        // Measurements between networks, RFC 2544.
        || (a == 198 && (b == 18 || b == 19))
        // Protocol assignments, RFC 6890.
        || (a == 192 && b == 0 && c == 0)
        // Reserved, RFC 1112.
        || a >= 240
}

fn is_in(address: Ipv6Addr, prefix: u16, bits: u32) -> bool {
    let mask = u16::MAX << (16 - bits);
    address.segments()[0] & mask == prefix & mask
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    #[test]
    // CVE-2019-10214: a token was fetched without TLS for a registry with it.
    fn a_realm_may_be_elsewhere_but_not_weaker_or_private() {
        let registry = url("https://registry.example.com");
        for good in [
            "https://auth.example.com/token",
            "https://registry.example.com/token",
            "https://[64:ff9b::808:808]/token",
            "https://198.20.0.1/token",
        ] {
            assert!(check_realm(&registry, good, false).is_ok(), "{good}");
        }
        for bad in [
            "http://auth.example.com/token",
            "http://registry.example.com/token",
            "https://169.254.169.254/latest",
            "https://[::ffff:10.0.0.1]/",
            "https://[fd00::1]/",
            "https://[64:ff9b::a9fe:a9fe]/",
            "https://[64:ff9b:1::1]/",
            "https://[2002:7f00:1::1]/",
            "https://198.19.0.1/",
            "https://localhost/token",
            "https://127.1/token",
            "https://0x7f000001/token",
            "https://user:pass@auth.example.com/token",
            "file:///etc/passwd",
            "/token",
            "",
        ] {
            assert!(check_realm(&registry, bad, false).is_err(), "{bad}");
        }
        let plain = url("http://127.0.0.1:5000");
        assert!(check_realm(&plain, "http://127.0.0.1:5001/token", false).is_ok());
        assert!(check_realm(&plain, "http://auth.example.com/token", false).is_err());
        assert!(check_realm(&plain, "http://127.0.0.2/token", false).is_err());
    }

    #[test]
    fn locations_and_links_stay_with_the_origin() {
        let request = url("https://registry.example.com/v2/a/blobs/uploads/");
        for (good, expected) in [
            ("/v2/a/blobs/uploads/1?s=2", "https://registry.example.com/v2/a/blobs/uploads/1?s=2"),
            ("1", "https://registry.example.com/v2/a/blobs/uploads/1"),
            ("https://registry.example.com:443/x", "https://registry.example.com/x"),
        ] {
            assert_eq!(resolve_same_origin(&request, "Location", good).unwrap().as_str(), expected);
        }
        for bad in [
            "http://registry.example.com/x",
            "https://registry.example.com:444/x",
            "//evil.example.com/x",
            "https://u:p@registry.example.com/x",
            "https://[/",
        ] {
            assert!(resolve_same_origin(&request, "Location", bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn redirects_lose_credentials_at_any_change_of_origin() {
        let registry = url("https://registry.example.com/v2/");
        let same = |location| check_redirect(&registry, &registry, location, false).map(|r| r.same_origin);
        assert!(same("/elsewhere").unwrap());
        assert!(!same("https://cdn.example.com/blob?sig=1").unwrap());
        assert!(!same("https://registry.example.com:8443/blob").unwrap());
        let error = same("http://cdn.example.com/blob?sig=verysecret").unwrap_err();
        assert!(!error.to_string().contains("verysecret"), "{error}");
        assert!(same("https://10.1.2.3/blob").is_err());
        assert!(check_redirect(&registry, &registry, "https://10.1.2.3/blob", true).is_ok());
    }

    #[test]
    fn loopback_hosts_are_told_from_others() {
        for yes in ["localhost", "localhost:5000", "127.0.0.1:80", "[::1]:5000", "a.localhost"] {
            assert!(is_loopback(yes), "{yes}");
        }
        for no in ["example.com", "localhost.example.com", "10.0.0.1", "128.0.0.1"] {
            assert!(!is_loopback(no), "{no}");
        }
    }
}
