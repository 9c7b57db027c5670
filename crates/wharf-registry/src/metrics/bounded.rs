//! Label values from outside, bounded in number.

use std::collections::HashSet;
use std::sync::{Arc, RwLock};

/// The values that a label has taken so far, at most `limit`.
#[derive(Debug)]
pub(super) struct Bounded {
    limit: usize,
    seen: RwLock<HashSet<Arc<str>>>,
}

impl Bounded {
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, seen: RwLock::default() }
    }

    /// Returns the label for `value`: itself, or `other` when the label has its full number of values.
    pub(super) fn label(&self, value: &str) -> Arc<str> {
        if let Some(known) = self.seen.read().expect("no holder panics").get(value) {
            return Arc::clone(known);
        }
        let mut seen = self.seen.write().expect("no holder panics");
        if let Some(known) = seen.get(value) {
            return Arc::clone(known);
        }
        if seen.len() >= self.limit {
            return Arc::from("other");
        }
        let label: Arc<str> = Arc::from(value);
        seen.insert(Arc::clone(&label));
        label
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_beyond_the_limit_are_counted_together() {
        let bounded = Bounded::new(2);
        let labels: Vec<_> = ["a", "b", "c", "a"].iter().map(|value| bounded.label(value)).collect();
        assert_eq!(labels, ["a", "b", "other", "a"].map(Arc::from));
    }
}
