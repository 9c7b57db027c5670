//! What garbage collection and repair need of the catalog. All of it is for the server itself.

use async_trait::async_trait;
use wharf_oci::Digest;

use super::BlobPlace;
use crate::{BlobKey, Result};

/// Garbage collection, in small transactions that each leave the catalog consistent.
///
/// What nothing refers to any more is marked with the time, in the transaction that took the last reference away, so a
/// run costs what there is to remove, not what there is. Everything younger than the grace time is left alone.
#[async_trait]
pub trait Collection: Send + Sync + 'static {
    /// Takes one step of at most `limit` removals: manifests first (untagged ones by policy, referrers whose subject is gone), then links that no manifest uses, then blobs that no
    /// repository links. Keys of removed blobs move to a list of their own, [`Collection::released_keys`], in the same transaction.
    ///
    /// Returns what went; the run is over when nothing did. With `policy.dry_run` nothing changes and one step counts everything, from
    /// one snapshot: no write waits for it.
    async fn collect_step(&self, now: i64, policy: &CollectionPolicy, limit: usize) -> Result<Collected>;

    /// Returns how many repositories are being removed and not gone yet: hidden, and still holding something.
    async fn removals_under_way(&self) -> Result<u64>;

    /// Takes one step of the removal of a repository that was begun, here or by a process that ended since
    /// ([`Management::delete_repository`](super::Management::delete_repository)). Returns whether there was one.
    async fn removal_step(&self) -> Result<bool>;

    /// Returns keys whose bytes are to be removed from the blob store: no blob names them any more.
    async fn released_keys(&self, limit: usize) -> Result<Vec<BlobKey>>;

    /// Forgets released keys after their bytes are gone.
    async fn forget_released(&self, keys: &[BlobKey]) -> Result<()>;

    /// Takes the lease `name` for `holder` for `seconds`, unless someone else holds it; a holder may take it again to
    /// keep it. Returns whether it is held now. Garbage collection runs under the lease `collection`.
    async fn acquire_lease(&self, name: &str, holder: &str, seconds: i64) -> Result<bool>;

    /// Gives the lease back, if `holder` has it.
    async fn release_lease(&self, name: &str, holder: &str) -> Result<()>;

    /// Lists contents that are present, blobs and manifests, in ascending order of digest, with the place of each, for `doctor`.
    /// A page may have fewer than `limit`, as inline bytes take memory; only the page after the last is empty.
    async fn all_blobs(&self, after: Option<&Digest>, limit: usize) -> Result<Vec<BlobUse>>;

    /// Returns whether a blob names this key or it is released: if neither, its bytes are an orphan.
    async fn knows_key(&self, key: &BlobKey) -> Result<bool>;

    /// Takes a blob whose bytes are gone or damaged out of every repository, so that clients are told to send it again.
    /// Returns the repositories that had linked it.
    async fn quarantine_blob(&self, digest: &Digest) -> Result<Vec<String>>;

    /// Recomputes counters and compares them with the stored ones; with `repair`, corrects them. Returns a sentence for each difference.
    async fn check_counters(&self, repair: bool) -> Result<Vec<String>>;
}

/// What may be collected.
#[derive(Clone, Debug)]
pub struct CollectionPolicy {
    /// How long something must have been unreferenced, in seconds.
    pub grace_seconds: i64,
    /// Whether manifests without a tag, that no index lists and that refer to no subject, are collected.
    pub untagged_manifests: bool,
    /// Only count.
    pub dry_run: bool,
}

/// What a step removed, or would remove.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Collected {
    /// Manifests taken out of a repository.
    pub manifests: u64,
    /// Links of blobs taken out of a repository.
    pub links: u64,
    /// Blobs that were in no repository any more.
    pub blobs: u64,
    /// The size of those blobs, in bytes.
    pub bytes: u64,
}

/// A blob, for `doctor`.
#[derive(Clone, Debug)]
pub struct BlobUse {
    /// Its digest.
    pub digest: Digest,
    /// Its size in bytes.
    pub size: u64,
    /// Where its bytes are to be.
    pub place: BlobPlace,
    /// How many repositories have it, as blob or as manifest.
    pub links: u64,
}
