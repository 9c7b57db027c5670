//! Lets a conditional tag update see the tag that it replaces.

use std::hash::{BuildHasher as _, RandomState};

use tokio::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};
use wharf_oci::RepositoryName;

/// Locks over repositories. A request with `If-Match` or `If-None-Match` reads the tag and then sets it; it holds its
/// repository alone meanwhile. All others share, so they never wait for each other.
#[derive(Debug)]
pub(crate) struct TagLocks {
    hasher: RandomState,
    stripes: Box<[RwLock<()>]>,
}

impl TagLocks {
    pub(super) async fn share(&self, repository: &RepositoryName) -> RwLockReadGuard<'_, ()> {
        self.stripe(repository).read().await
    }

    pub(super) async fn hold(&self, repository: &RepositoryName) -> RwLockWriteGuard<'_, ()> {
        self.stripe(repository).write().await
    }

    fn stripe(&self, repository: &RepositoryName) -> &RwLock<()> {
        // The remainder is below the length, so it fits.
        let at = self.hasher.hash_one(repository) % self.stripes.len() as u64;
        &self.stripes[at as usize]
    }
}

impl Default for TagLocks {
    fn default() -> Self {
        Self { hasher: RandomState::new(), stripes: (0..64).map(|_| RwLock::new(())).collect() }
    }
}
