//! Networks by their prefix (RFC 4632; RFC 4291, section 2.3).

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// A set of networks, such as `10.0.0.0/8,fd00::/8`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Networks(Vec<Network>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Network {
    first: IpAddr,
    prefix: u8,
}

impl Networks {
    /// Returns whether an address is in one of the networks. An IPv4 address in IPv6 form counts as what it is.
    pub fn contain(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.masked(address) == Some(network.first))
    }
}

impl Network {
    /// Returns the first address of a network of this size around `address`, if it is of the same family.
    fn masked(&self, address: IpAddr) -> Option<IpAddr> {
        match (self.first, address) {
            (IpAddr::V4(_), IpAddr::V4(v4)) => {
                let mask = u32::MAX.checked_shl(u32::from(32 - self.prefix)).unwrap_or(0);
                Some(IpAddr::V4((v4.to_bits() & mask).into()))
            }
            (IpAddr::V6(_), IpAddr::V6(v6)) => {
                let mask = u128::MAX.checked_shl(u32::from(128 - self.prefix)).unwrap_or(0);
                Some(IpAddr::V6((v6.to_bits() & mask).into()))
            }
            _ => None,
        }
    }
}

impl FromStr for Networks {
    type Err = String;

    /// Reads networks and single addresses, separated by commas; nothing at all is no network.
    fn from_str(text: &str) -> Result<Self, String> {
        text.split(',')
            .map(str::trim)
            .filter(|part| !part.is_empty())
            .map(str::parse)
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let form =
            || format!("{text:?} is no network: expected one such as 10.0.0.0/8, fd00::/8 or 192.0.2.1");
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| form())?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            None => most,
            Some(prefix) => prefix.parse().ok().filter(|prefix| *prefix <= most).ok_or_else(form)?,
        };
        let network = Self { first: address, prefix };
        match network.masked(address) {
            Some(first) if first == address => Ok(network),
            first => Err(format!(
                "{text:?} has bits behind its prefix; the network is {}/{prefix}",
                first.unwrap_or(address)
            )),
        }
    }
}

impl fmt::Display for Networks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, Network { first, prefix }) in self.0.iter().enumerate() {
            let comma = if at == 0 { "" } else { "," };
            write!(f, "{comma}{first}/{prefix}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn an_address_is_in_the_networks_of_its_prefix() {
        let networks: Networks = "10.0.0.0/8, 192.0.2.1,fd00::/8 , 2001:db8::/33".parse().unwrap();
        for inside in ["10.255.0.1", "192.0.2.1", "::ffff:10.1.2.3", "fdff::1", "2001:db8:7fff::1"] {
            assert!(networks.contain(inside.parse().unwrap()), "{inside}");
        }
        for outside in ["11.0.0.1", "192.0.2.2", "fe80::1", "2001:db8:8000::1", "::a00:1"] {
            assert!(!networks.contain(outside.parse().unwrap()), "{outside}");
        }
        assert_eq!(networks.to_string(), "10.0.0.0/8,192.0.2.1/32,fd00::/8,2001:db8::/33");
        assert_eq!(networks.to_string().parse(), Ok(networks));
        let all: Networks = "0.0.0.0/0".parse().unwrap();
        assert!(all.contain("203.0.113.1".parse().unwrap()) && !all.contain("::1".parse().unwrap()));
        assert!(!"".parse::<Networks>().unwrap().contain("127.0.0.1".parse().unwrap()));
    }

    #[test]
    fn what_is_no_network_is_refused() {
        for bad in ["proxy", "10.0.0.0/33", "10.0.0.0/", "::/129", "10.0.0/8", "10.0.0.0/-1"] {
            assert!(bad.parse::<Networks>().unwrap_err().contains(bad), "{bad}");
        }
        let error = "10.1.2.3/8".parse::<Networks>().unwrap_err();
        assert!(error.contains("the network is 10.0.0.0/8"), "{error}");
    }
}
