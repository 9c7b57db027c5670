use std::sync::Arc;

use super::Json;

/// The entries of a JSON map in byte order of their keys, one behind the other: documents hold many small maps, and most are
/// read once and looked up a few times.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct JsonMap(Box<[(Arc<str>, Json)]>);

impl JsonMap {
    /// Returns the value under a key.
    pub fn get(&self, key: &str) -> Option<&Json> {
        let at = self.0.binary_search_by(|(known, _)| (**known).cmp(key)).ok()?;
        Some(&self.0[at].1)
    }

    /// Reports whether a key is present.
    pub fn contains_key(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    /// Returns the number of entries.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Reports whether there are no entries.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the entries in order.
    pub fn iter(&self) -> impl Iterator<Item = (&Arc<str>, &Json)> {
        self.0.iter().map(|(key, value)| (key, value))
    }

    /// Returns the keys in order.
    pub fn keys(&self) -> impl Iterator<Item = &Arc<str>> {
        self.0.iter().map(|(key, _)| key)
    }
}

/// Of repeated keys the last counts.
impl From<Vec<(Arc<str>, Json)>> for JsonMap {
    fn from(mut entries: Vec<(Arc<str>, Json)>) -> Self {
        if !entries.is_sorted_by(|(one, _), (next, _)| one < next) {
            entries.sort_by(|(one, _), (other, _)| one.cmp(other));
            entries.dedup_by(|later, earlier| {
                let is_repeated = later.0 == earlier.0;
                if is_repeated {
                    std::mem::swap(later, earlier);
                }
                is_repeated
            });
        }
        Self(entries.into())
    }
}

impl IntoIterator for JsonMap {
    type Item = (Arc<str>, Json);
    type IntoIter = std::vec::IntoIter<Self::Item>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_vec().into_iter()
    }
}
