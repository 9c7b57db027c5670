//! Which logins were noted lately.

use std::hash::{BuildHasher as _, RandomState};
use std::net::IpAddr;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use super::attempts::network;
use super::bounded::Bounded;

/// How often the same login is noted again: clients send Basic credentials with every request.
const INTERVAL: Duration = Duration::from_hours(1);
/// Logins remembered in each half of the memory, 24 bytes each.
const CAPACITY: usize = 16_384;

/// Remembers when an account last logged in from a network. What is forgotten is noted once more, never less.
#[derive(Debug)]
pub(super) struct Logins {
    noted: Mutex<Bounded<u64, Instant>>,
    hasher: RandomState,
}

impl Logins {
    pub(super) fn new() -> Self {
        Self { noted: Mutex::new(Bounded::new(CAPACITY)), hasher: RandomState::new() }
    }

    /// Returns whether a login of `account` from `address` is to be noted, and takes it as noted.
    pub(super) fn is_due(&self, account: &str, address: Option<IpAddr>, now: Instant) -> bool {
        let key = self.hasher.hash_one((account, network(address)));
        let mut noted = self.noted.lock().expect("no holder panics");
        let due = noted.get(&key).is_none_or(|last| now.duration_since(last) >= INTERVAL);
        if due {
            noted.insert(key, now);
        }
        due
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn a_login_is_due_for_each_account_and_address_once_an_hour() {
        let logins = Logins::new();
        let now = Instant::now();
        let (here, there) = (Some("192.0.2.1".parse().unwrap()), Some("192.0.2.2".parse().unwrap()));
        assert!(logins.is_due("ann", here, now));
        assert!(!logins.is_due("ann", here, now));
        assert!(logins.is_due("ann", there, now));
        assert!(logins.is_due("bob", here, now));
        assert!(!logins.is_due("ann", here, now + INTERVAL - Duration::from_secs(1)));
        assert!(logins.is_due("ann", here, now + INTERVAL));
    }
}
