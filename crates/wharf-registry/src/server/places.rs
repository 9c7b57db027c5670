//! How many connections come from one network, so that nobody alone takes all that the server has.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::auth::network;

/// How often a refusal is told as a warning.
const WARN_INTERVAL: Duration = Duration::from_mins(1);

/// The open connections of each network.
#[derive(Debug)]
pub(super) struct Places {
    most: usize,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    by_network: HashMap<Option<u64>, usize>,
    warned: Option<Instant>,
}

/// The place of one connection; given back when dropped.
#[derive(Debug)]
pub(super) struct Place {
    places: Arc<Places>,
    network: Option<u64>,
}

impl Places {
    pub(super) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { most, taken: Mutex::default() })
    }

    /// Takes a place for a connection from `address`, unless its network has as many as it may.
    pub(super) fn take(self: &Arc<Self>, address: IpAddr) -> Option<Place> {
        let network = network(Some(address));
        let mut taken = self.taken.lock().expect("no holder panics");
        let count = taken.by_network.entry(network).or_default();
        if *count < self.most {
            *count += 1;
            return Some(Place { places: Arc::clone(self), network });
        }
        if taken.warned.is_none_or(|warned| warned.elapsed() >= WARN_INTERVAL) {
            taken.warned = Some(Instant::now());
            tracing::warn!(
                %address,
                connections = self.most,
                "{address} has {} connections, as many as limits.connections_per_address allows; more are closed",
                self.most
            );
        }
        None
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.taken.lock().expect("no holder panics");
        if let Some(count) = taken.by_network.get_mut(&self.network) {
            *count -= 1;
            if *count == 0 {
                taken.by_network.remove(&self.network);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn each_network_has_its_own_places_and_gets_them_back() {
        let places = Places::new(2);
        let take = |address: &str| places.take(address.parse().unwrap());
        let held = [take("192.0.2.1").unwrap(), take("::ffff:192.0.2.1").unwrap()];
        assert!(take("192.0.2.1").is_none());
        let others = [take("192.0.2.2"), take("2001:db8::1"), take("2001:db8::2")];
        assert!(others.iter().all(Option::is_some));
        assert!(take("2001:db8::3").is_none(), "an IPv6 network is one host");
        drop((held, others));
        assert!(places.taken.lock().unwrap().by_network.is_empty());
        assert!(take("192.0.2.1").is_some());
    }
}
