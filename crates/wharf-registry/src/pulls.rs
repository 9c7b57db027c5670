//! Counts pulls in memory, so that a pull never waits for a write.

use std::collections::HashMap;
use std::sync::Mutex;

use jiff::Timestamp;
use wharf_oci::{Digest, RepositoryName};
use wharf_storage::catalog::PullCount;
use wharf_storage::{Catalog, Result};

/// The most manifests whose pulls wait; those of others are then not counted, which harms a statistic only.
const CAPACITY: usize = 10_000;

/// Pulls since the last flush.
#[derive(Debug, Default)]
pub(crate) struct Pulls {
    waiting: Mutex<HashMap<(RepositoryName, Digest), (u64, i64)>>,
}

impl Pulls {
    pub(crate) fn note(&self, repository: &RepositoryName, digest: &Digest) {
        let mut waiting = self.waiting.lock().expect("no holder panics");
        let key = (repository.clone(), digest.clone());
        let full = waiting.len() >= CAPACITY;
        if full && !waiting.contains_key(&key) {
            return;
        }
        let (count, at) = waiting.entry(key).or_default();
        *count += 1;
        *at = Timestamp::now().as_second();
    }

    pub(crate) async fn flush(&self, catalog: &dyn Catalog) -> Result<()> {
        let waiting = std::mem::take(&mut *self.waiting.lock().expect("no holder panics"));
        if waiting.is_empty() {
            return Ok(());
        }
        let counts = waiting
            .into_iter()
            .map(|((repository, digest), (count, at))| PullCount { repository, digest, count, at })
            .collect();
        catalog.note_pulls(counts).await
    }
}
