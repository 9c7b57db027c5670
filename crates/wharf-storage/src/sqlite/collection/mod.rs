//! Garbage collection and repair on SQLite.

mod counters;
mod inventory;
mod lease;
mod preview;
mod sweep;

use async_trait::async_trait;
use wharf_oci::Digest;

use super::SqliteCatalog;
use super::content::removal;
use crate::catalog::{BlobUse, Collected, Collection, CollectionPolicy};
use crate::{BlobKey, Result};

#[async_trait]
impl Collection for SqliteCatalog {
    async fn collect_step(&self, now: i64, policy: &CollectionPolicy, limit: usize) -> Result<Collected> {
        if policy.dry_run {
            return self.read(|tx| preview::count(&tx.at(now), policy));
        }
        let policy = policy.clone();
        self.write(move |tx| sweep::step(&tx.at(now), &policy, limit)).await
    }

    async fn removals_under_way(&self) -> Result<u64> {
        self.read(removal::count_under_way)
    }

    async fn removal_step(&self) -> Result<bool> {
        let Some(repository) = self.read(|tx| removal::under_way(tx, None))? else { return Ok(false) };
        self.write(move |tx| removal::step(tx, repository, removal::STEP)).await?;
        Ok(true)
    }

    async fn released_keys(&self, limit: usize) -> Result<Vec<BlobKey>> {
        self.read(|tx| inventory::released_keys(tx, limit))
    }

    async fn forget_released(&self, keys: &[BlobKey]) -> Result<()> {
        let keys = keys.to_vec();
        self.write(move |tx| inventory::forget_released(tx, &keys)).await
    }

    async fn acquire_lease(&self, name: &str, holder: &str, seconds: i64) -> Result<bool> {
        let (name, holder) = (name.to_owned(), holder.to_owned());
        self.write(move |tx| lease::acquire(tx, &name, &holder, seconds)).await
    }

    async fn release_lease(&self, name: &str, holder: &str) -> Result<()> {
        let (name, holder) = (name.to_owned(), holder.to_owned());
        self.write(move |tx| lease::release(tx, &name, &holder)).await
    }

    async fn all_blobs(&self, after: Option<&Digest>, limit: usize) -> Result<Vec<BlobUse>> {
        self.read(|tx| inventory::all_blobs(tx, after, limit))
    }

    async fn knows_key(&self, key: &BlobKey) -> Result<bool> {
        self.read(|tx| inventory::knows_key(tx, key))
    }

    async fn quarantine_blob(&self, digest: &Digest) -> Result<Vec<String>> {
        let digest = digest.clone();
        self.write(move |tx| inventory::quarantine(tx, &digest)).await
    }

    async fn check_counters(&self, repair: bool) -> Result<Vec<String>> {
        if repair {
            self.write(|tx| counters::check(tx, true)).await
        } else {
            self.readers.examine(|tx| counters::check(tx, false))
        }
    }
}
