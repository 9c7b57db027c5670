//! Failed logins, and how long the next one has to wait.

use std::hash::{BuildHasher as _, RandomState};
use std::net::IpAddr;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use super::bounded::Bounded;

/// Failures of one account that cost nothing: people mistype, and a job with an old password should not lock its network out.
const FREE: u32 = 5;
/// Failures of one network that cost nothing, whatever the names: many people may share an address.
const FREE_FROM_NETWORK: u32 = 50;
/// The longest wait of an account.
const LONGEST: Duration = Duration::from_secs(300);
/// The longest wait of a network: enough to make guessing pointless, short enough for its other users.
const LONGEST_FROM_NETWORK: Duration = Duration::from_secs(10);
/// After this long without a failure all is forgotten.
const FORGOTTEN: Duration = Duration::from_secs(900);
/// Counters remembered in each half of the memory, 24 bytes each.
const CAPACITY: usize = 16_384;

/// Counts failures of each account from each network, and of each network as a whole. An attacker elsewhere cannot lock
/// an account's owner out. Names count alike whether or not they are an account's, so no wait tells which ones are.
#[derive(Debug)]
pub(super) struct Attempts {
    seen: Mutex<Bounded<u64, Failures>>,
    hasher: RandomState,
}

#[derive(Clone, Copy, Debug)]
struct Failures {
    count: u32,
    last: Instant,
}

/// One account as tried from one network, and that network.
#[derive(Clone, Copy, Debug)]
pub(super) struct AttemptKey {
    account: u64,
    network: u64,
}

impl Attempts {
    pub(super) fn new() -> Self {
        Self { seen: Mutex::new(Bounded::new(CAPACITY)), hasher: RandomState::new() }
    }

    /// Returns the key of `account` tried from `address`.
    pub(super) fn key(&self, account: &str, address: Option<IpAddr>) -> AttemptKey {
        let network = network(address);
        AttemptKey {
            account: self.hasher.hash_one((Some(account), network)),
            network: self.hasher.hash_one((None::<&str>, network)),
        }
    }

    /// Returns how long to wait before the next attempt, if at all.
    pub(super) fn wait(&self, key: AttemptKey, now: Instant) -> Option<Duration> {
        let mut seen = self.seen.lock().expect("no holder panics");
        let mut wait = |key, free: u32, longest| {
            let failures = seen.get(key)?;
            let over = failures.count.checked_sub(free)?;
            let delay = Duration::from_secs(1 << over.min(16)).min(longest);
            (failures.last + delay).checked_duration_since(now).filter(|wait| !wait.is_zero())
        };
        let account = wait(&key.account, FREE, LONGEST);
        account.max(wait(&key.network, FREE_FROM_NETWORK, LONGEST_FROM_NETWORK))
    }

    /// Notes a failure.
    pub(super) fn failed(&self, key: AttemptKey, now: Instant) {
        let mut seen = self.seen.lock().expect("no holder panics");
        for key in [key.account, key.network] {
            let before = seen.get(&key).filter(|failures| now.duration_since(failures.last) < FORGOTTEN);
            let count = before.map_or(0, |failures| failures.count).saturating_add(1);
            seen.insert(key, Failures { count, last: now });
        }
    }

    /// Forgets the failures of the account after a success; its network's stay, or any account would open it to guessing.
    pub(super) fn succeeded(&self, key: AttemptKey) {
        self.seen.lock().expect("no holder panics").remove(&key.account);
    }
}

/// Returns the network that an address stands for. IPv6 addresses count by their /64, as one host has all of it.
pub(crate) fn network(address: Option<IpAddr>) -> Option<u64> {
    address.map(|address| match address.to_canonical() {
        IpAddr::V4(v4) => u64::from(v4.to_bits()),
        IpAddr::V6(v6) => (v6.to_bits() >> 64) as u64,
    })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn waits_grow_with_failures_and_end_with_a_success() {
        let attempts = Attempts::new();
        let address = Some("192.0.2.1".parse().unwrap());
        let key = attempts.key("ann", address);
        let mut now = Instant::now();
        for _ in 0..FREE - 1 {
            attempts.failed(key, now);
            assert_eq!(attempts.wait(key, now), None);
        }
        for seconds in [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300] {
            attempts.failed(key, now);
            assert_eq!(attempts.wait(key, now), Some(Duration::from_secs(seconds)));
            now += Duration::from_secs(seconds);
            assert_eq!(attempts.wait(key, now), None);
        }
        attempts.succeeded(key);
        attempts.failed(key, now);
        assert_eq!(attempts.wait(key, now), None);
    }

    #[test]
    fn one_network_does_not_lock_out_another() {
        let attempts = Attempts::new();
        let now = Instant::now();
        let attacker = attempts.key("ann", Some("2001:db8:1::1".parse().unwrap()));
        for _ in 0..20 {
            attempts.failed(attacker, now);
        }
        let neighbour = attempts.key("ann", Some("2001:db8:1::2".parse().unwrap()));
        let owner = attempts.key("ann", Some("2001:db8:2::1".parse().unwrap()));
        let other = attempts.key("bob", Some("2001:db8:1::1".parse().unwrap()));
        assert!(attempts.wait(neighbour, now).is_some());
        assert_eq!(attempts.wait(owner, now), None);
        assert_eq!(attempts.wait(other, now), None);
    }

    #[test]
    fn many_names_from_one_network_make_that_network_wait_a_little() {
        let attempts = Attempts::new();
        let now = Instant::now();
        let from = |name: &str, address: &str| attempts.key(name, Some(address.parse().unwrap()));
        for name in 0..FREE_FROM_NETWORK - 1 {
            attempts.failed(from(&format!("name{name}"), "192.0.2.1"), now);
        }
        assert_eq!(attempts.wait(from("fresh", "192.0.2.1"), now), None);
        for name in 0..20 {
            attempts.failed(from(&format!("more{name}"), "192.0.2.1"), now);
        }
        assert_eq!(attempts.wait(from("fresh", "192.0.2.1"), now), Some(LONGEST_FROM_NETWORK));
        // A right login of one account does not open the network to guessing again.
        attempts.succeeded(from("more1", "192.0.2.1"));
        assert!(attempts.wait(from("fresh", "192.0.2.1"), now).is_some());
        assert_eq!(attempts.wait(from("fresh", "192.0.2.2"), now), None);
    }

    #[test]
    fn failures_are_forgotten_with_time() {
        let attempts = Attempts::new();
        let key = attempts.key("ann", None);
        let now = Instant::now();
        for _ in 0..20 {
            attempts.failed(key, now);
        }
        let later = now + FORGOTTEN;
        attempts.failed(key, later);
        assert_eq!(attempts.wait(key, later), None);
    }
}
