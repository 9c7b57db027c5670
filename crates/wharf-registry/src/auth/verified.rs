//! Credentials that were verified a moment ago.

use std::sync::Mutex;

use aws_lc_rs::hmac;

use super::bounded::Bounded;
use super::secret::Secret;

/// Fingerprints remembered in each half of the memory, 32 bytes each.
const CAPACITY: usize = 4096;

/// Remembers that a secret matched a stored hash, so that Basic credentials on each request cost one slow hash only.
///
/// It answers "this secret matches that stored hash", nothing about the account: that is read from the catalog on
/// each request. A changed password is a changed hash, so what was remembered with the old one is never found again.
/// What is kept is a keyed digest; the key lives and dies with the process.
#[derive(Debug)]
pub(super) struct Verified {
    key: hmac::Key,
    seen: Mutex<Bounded<[u8; 32], ()>>,
}

impl Verified {
    pub(super) fn new(key: &[u8; 32]) -> Self {
        Self { key: hmac::Key::new(hmac::HMAC_SHA256, key), seen: Mutex::new(Bounded::new(CAPACITY)) }
    }

    pub(super) fn contains(&self, secret: &Secret, stored_hash: &str) -> bool {
        let fingerprint = self.fingerprint(secret, stored_hash);
        self.seen.lock().expect("no holder panics").get(&fingerprint).is_some()
    }

    pub(super) fn insert(&self, secret: &Secret, stored_hash: &str) {
        let fingerprint = self.fingerprint(secret, stored_hash);
        self.seen.lock().expect("no holder panics").insert(fingerprint, ());
    }

    fn fingerprint(&self, secret: &Secret, stored_hash: &str) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.key);
        context.update(&(stored_hash.len() as u64).to_le_bytes());
        context.update(stored_hash.as_bytes());
        context.update(secret.expose().as_bytes());
        let mut fingerprint = [0; 32];
        fingerprint.copy_from_slice(context.sign().as_ref());
        fingerprint
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_hash_forgets_the_old_password_at_once() {
        let verified = Verified::new(&[7; 32]);
        let secret = Secret::from("old".to_owned());
        verified.insert(&secret, "hash-1");
        assert!(verified.contains(&secret, "hash-1"));
        assert!(!verified.contains(&secret, "hash-2"));
        assert!(!verified.contains(&Secret::from("new".to_owned()), "hash-1"));
        // Nothing is found by moving the boundary between the two.
        assert!(!verified.contains(&Secret::from("1old".to_owned()), "hash-"));
    }
}
