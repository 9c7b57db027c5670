//! A map that forgets instead of growing.

use std::collections::HashMap;
use std::hash::Hash;

/// A map of at most twice `capacity` entries: when the young half is full, the old half is forgotten as a whole.
///
/// Every operation costs the same however many entries there are, so no flood of keys can make it slow or large.
#[derive(Debug)]
pub(super) struct Bounded<K, V> {
    young: HashMap<K, V>,
    old: HashMap<K, V>,
    capacity: usize,
}

impl<K: Eq + Hash + Copy, V: Copy> Bounded<K, V> {
    pub(super) fn new(capacity: usize) -> Self {
        Self { young: HashMap::new(), old: HashMap::new(), capacity }
    }

    pub(super) fn insert(&mut self, key: K, value: V) {
        if self.young.len() >= self.capacity && !self.young.contains_key(&key) {
            self.old = std::mem::take(&mut self.young);
        }
        self.old.remove(&key);
        self.young.insert(key, value);
    }

    pub(super) fn remove(&mut self, key: &K) {
        self.young.remove(key);
        self.old.remove(key);
    }

    /// Returns the value; what is asked for counts as young again.
    pub(super) fn get(&mut self, key: &K) -> Option<V> {
        if let Some(value) = self.young.get(key) {
            return Some(*value);
        }
        let value = self.old.remove(key)?;
        self.insert(*key, value);
        Some(value)
    }
}

#[cfg(test)]
mod tests {
    use super::Bounded;

    #[test]
    fn a_flood_of_keys_is_forgotten_and_a_key_in_use_is_kept() {
        let mut map = Bounded::new(10);
        map.insert(0, "used");
        for key in 1..10_000 {
            map.insert(key, "flood");
            assert_eq!(map.get(&0), Some("used"), "after {key}");
            assert!(map.young.len() + map.old.len() <= 20);
        }
        assert_eq!(map.get(&1), None);
        map.remove(&0);
        assert_eq!(map.get(&0), None);
    }
}
