//! Where a request comes from, also behind proxies that are trusted to say so.

use std::net::{IpAddr, SocketAddr};

use http::HeaderMap;
use http::header::{FORWARDED, HeaderName};

use crate::config::Networks;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Returns the client's address: the peer's own, or what a trusted peer says in `X-Forwarded-For` or `Forwarded`
/// (RFC 7239). Of the addresses there the rightmost that is no trusted proxy counts; anybody can have written what stands
/// left of it.
///
/// A proxy passes on the header that it does not know as the client sent it. So where both are there and tell
/// different addresses, neither is believed.
pub(super) fn client_address(peer: IpAddr, headers: &HeaderMap, trusted: &Networks) -> IpAddr {
    let peer = peer.to_canonical();
    if !trusted.contain(peer) {
        return peer;
    }
    let by_list = last_untrusted(peer, headers, &X_FORWARDED_FOR, trusted, address);
    let by_pairs = last_untrusted(peer, headers, &FORWARDED, trusted, forwarded_for);
    match (by_list, by_pairs) {
        (Some(list), Some(pairs)) if list != pairs => peer,
        (list, pairs) => list.or(pairs).unwrap_or(peer),
    }
}

/// Walks the elements of a header from the right, while they are trusted. One that tells no address ends the walk at the
/// proxy that wrote it.
fn last_untrusted(
    peer: IpAddr,
    headers: &HeaderMap,
    name: &HeaderName,
    trusted: &Networks,
    read: fn(&str) -> Option<IpAddr>,
) -> Option<IpAddr> {
    let values: Vec<&[u8]> = headers.get_all(name).iter().map(|value| value.as_bytes()).collect();
    if values.is_empty() {
        return None;
    }
    let mut nearest = peer;
    for element in values.iter().rev().flat_map(|value| value.rsplit(|byte| *byte == b',')) {
        match std::str::from_utf8(element).ok().and_then(read) {
            Some(address) if trusted.contain(address) => nearest = address,
            Some(address) => return Some(address),
            None => break,
        }
    }
    Some(nearest)
}

/// Reads the `for` of an element such as `for="[2001:db8::1]:4711";proto=https`.
fn forwarded_for(element: &str) -> Option<IpAddr> {
    element.split(';').find_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        name.trim().eq_ignore_ascii_case("for").then(|| address(value.trim().trim_matches('"'))).flatten()
    })
}

/// Reads an address, with or without a port.
fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    let address = bare.parse().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|socket| socket.ip()));
    address.map(|address: IpAddr| address.to_canonical())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn client(peer: &str, headers: &[(&str, &str)]) -> String {
        let trusted = "10.0.0.0/8,fd00::/8".parse().unwrap();
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
        }
        client_address(peer.parse().unwrap(), &map, &trusted).to_string()
    }

    const LIST: &str = "x-forwarded-for";
    const PAIRS: &str = "forwarded";

    #[test]
    fn only_trusted_peers_are_believed() {
        assert_eq!(client("192.0.2.9", &[(LIST, "203.0.113.7")]), "192.0.2.9");
        assert_eq!(client("192.0.2.9", &[(PAIRS, "for=10.0.0.1")]), "192.0.2.9");
        assert_eq!(client("10.0.0.1", &[(LIST, "203.0.113.7")]), "203.0.113.7");
        assert_eq!(client("::ffff:10.0.0.1", &[(PAIRS, "for=203.0.113.7")]), "203.0.113.7");
        assert_eq!(client("10.0.0.1", &[]), "10.0.0.1");
    }

    #[test]
    fn the_rightmost_address_that_is_no_proxy_counts() {
        let spoofed = "6.6.6.6, 203.0.113.7 ,10.9.9.9";
        assert_eq!(client("10.0.0.1", &[(LIST, spoofed)]), "203.0.113.7");
        assert_eq!(
            client("10.0.0.1", &[(LIST, "6.6.6.6"), (LIST, "203.0.113.7"), (LIST, "fd00::1")]),
            "203.0.113.7"
        );
        let pairs = r#"for=6.6.6.6;by=x, For="[2001:db8::7]:4711";proto=https, for="[fd00::2]""#;
        assert_eq!(client("fd00::1", &[(PAIRS, pairs)]), "2001:db8::7");
        // A quote that the client left open changes nothing of what the proxy wrote.
        assert_eq!(client("10.0.0.1", &[(PAIRS, r#"for="6.6.6.6, for=203.0.113.7"#)]), "203.0.113.7");
        assert_eq!(client("10.0.0.1", &[(LIST, "203.0.113.7:4711")]), "203.0.113.7");
        // Everybody is trusted: the farthest is the client.
        assert_eq!(client("10.0.0.1", &[(LIST, "10.1.1.1, 10.2.2.2")]), "10.1.1.1");
    }

    #[test]
    fn what_tells_no_address_ends_at_the_proxy_that_wrote_it() {
        for unknown in ["unknown", "_hidden", "", "6.6.6.6, nonsense"] {
            assert_eq!(client("10.0.0.1", &[(LIST, &format!("{unknown}, 10.2.2.2"))]), "10.2.2.2");
        }
        assert_eq!(client("10.0.0.1", &[(PAIRS, "proto=https")]), "10.0.0.1");
    }

    #[test]
    fn headers_that_disagree_are_not_believed() {
        assert_eq!(client("10.0.0.1", &[(LIST, "203.0.113.7"), (PAIRS, "for=6.6.6.6")]), "10.0.0.1");
        assert_eq!(client("10.0.0.1", &[(LIST, "203.0.113.7"), (PAIRS, "for=203.0.113.7")]), "203.0.113.7");
    }
}
