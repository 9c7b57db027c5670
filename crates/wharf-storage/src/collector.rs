//! One run of garbage collection over catalog and blob store.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use futures_util::StreamExt;

use crate::catalog::{Collected, Collection, CollectionPolicy};
use crate::{BlobStore, Error, Result, faults};

/// The lease under which runs exclude each other.
const LEASE: &str = "collection";
/// For how long the lease is taken; it is renewed with every step, so that a run that died is over after this time.
const LEASE_SECONDS: i64 = 60;
/// How many removals share a transaction: few enough that a push does not notice one.
const STEP: usize = 200;
/// How many keys of the store are looked at before the lease is renewed: well below its time, as each takes microseconds.
const KEYS_PER_LEASE: usize = 10_000;
/// How old bytes must be, in seconds, before a sweep takes them for nobody's, however short the grace time is: between
/// the end of an upload and the commit that names its key lies only the wait for the catalog's writer.
const MIN_ORPHAN_AGE: i64 = 60 * 60;

/// Removes what nothing refers to any more.
///
/// The catalog decides and commits first, step by step; then the bytes that no content names any more are removed, and
/// last their keys are forgotten. A run that ends anywhere in between is taken up by the next one. At the end the store is
/// swept: bytes that outlived the grace time without the catalog knowing their key were left by a process that died
/// between file and catalog, or came back when a power loss undid their removal.
#[derive(Clone)]
pub struct Collector {
    catalog: Arc<dyn Collection>,
    blobs: Arc<dyn BlobStore>,
    holder: String,
    stop: Arc<AtomicBool>,
}

/// What a run did, or with `dry_run` would do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CollectionReport {
    /// What went from the catalog.
    pub collected: Collected,
    /// How many keys' bytes were removed from the blob store.
    pub keys_removed: u64,
    /// How many keys' bytes could not be removed; the next run tries again.
    pub keys_failed: u64,
    /// How many keys' bytes were removed that the catalog did not know.
    pub orphans_removed: u64,
    /// Whether nothing was changed.
    pub dry_run: bool,
    /// Whether it was stopped before the end; the next run goes on.
    pub stopped: bool,
}

impl fmt::Debug for Collector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Collector").field("holder", &self.holder).finish_non_exhaustive()
    }
}

impl Collector {
    /// Returns the collector over this catalog and blob store. Runs of one collector and of others exclude each other.
    pub fn new(catalog: Arc<dyn Collection>, blobs: Arc<dyn BlobStore>) -> Self {
        Self { catalog, blobs, holder: String::new(), stop: Arc::default() }
    }

    /// Ends runs between two steps once `stop` is set.
    #[must_use]
    pub fn stopped_by(self, stop: Arc<AtomicBool>) -> Self {
        Self { stop, ..self }
    }

    /// Runs until there is nothing left to remove. `now` is in Unix seconds.
    ///
    /// # Errors
    /// [`Error::Conflict`] when another run is under way, here or in another process; a dry run minds none. What had been removed before a
    /// failure stays removed.
    pub async fn run(&self, now: i64, policy: &CollectionPolicy) -> Result<CollectionReport> {
        if policy.dry_run {
            let collected = self.catalog.collect_step(now, policy, STEP).await?;
            return Ok(CollectionReport { collected, dry_run: true, ..CollectionReport::default() });
        }
        let holder = random_name()?;
        let run = Self { holder, ..self.clone() };
        run.keep_lease().await?;
        let result = run.run_under_lease(now, policy).await;
        let released = run.catalog.release_lease(LEASE, &run.holder).await;
        let report = result?;
        released?;
        Ok(report)
    }

    async fn run_under_lease(&self, now: i64, policy: &CollectionPolicy) -> Result<CollectionReport> {
        let mut report = CollectionReport::default();
        // Repositories whose removal was cut short go first: what only they had is then unreferenced.
        while self.catalog.removal_step().await? {
            if self.is_stopped(&mut report) {
                return Ok(report);
            }
            self.keep_lease().await?;
        }
        loop {
            if self.is_stopped(&mut report) {
                return Ok(report);
            }
            let step = self.catalog.collect_step(now, policy, STEP).await?;
            report.collected += step;
            faults::reached("collector: stepped");
            if step == Collected::default() {
                break;
            }
            self.keep_lease().await?;
        }
        self.remove_released(&mut report).await?;
        self.sweep_store(now, policy, &mut report).await?;
        Ok(report)
    }

    /// Removes the bytes of released keys, those of runs that died included.
    async fn remove_released(&self, report: &mut CollectionReport) -> Result<()> {
        loop {
            if self.is_stopped(report) {
                return Ok(());
            }
            let keys = self.catalog.released_keys(STEP).await?;
            if keys.is_empty() {
                return Ok(());
            }
            let mut removed = Vec::with_capacity(keys.len());
            for key in keys {
                match self.blobs.remove(&key).await {
                    Ok(()) => removed.push(key),
                    Err(error) => {
                        tracing::warn!(%error, key = key.as_str(), "cannot remove the bytes of a collected blob");
                        report.keys_failed += 1;
                    }
                }
                faults::reached("collector: removed bytes");
            }
            self.catalog.forget_released(&removed).await?;
            faults::reached("collector: forgot keys");
            report.keys_removed += removed.len() as u64;
            // What failed is listed again and again; it is left for the next run.
            if report.keys_failed > 0 {
                return Ok(());
            }
            self.keep_lease().await?;
        }
    }

    /// Removes bytes that the catalog does not know and that are older than the grace time.
    async fn sweep_store(
        &self,
        now: i64,
        policy: &CollectionPolicy,
        report: &mut CollectionReport,
    ) -> Result<()> {
        // A catalog without a single content beside a store with bytes is rather a lost or a wrong one.
        if self.catalog.all_blobs(None, 1).await?.is_empty() {
            return Ok(());
        }
        // The store's times are those of its file system, so a run that is told of a later time does not age them.
        let finished_by = now.min(system_time()).saturating_sub(policy.grace_seconds.max(MIN_ORPHAN_AGE));
        let mut keys = self.blobs.keys().await?;
        let mut seen = 0usize;
        while let Some(key) = keys.next().await {
            let key = key?;
            if self.is_stopped(report) {
                return Ok(());
            }
            seen += 1;
            if seen.is_multiple_of(KEYS_PER_LEASE) {
                self.keep_lease().await?;
            }
            if self.catalog.knows_key(&key).await? {
                continue;
            }
            let old =
                self.blobs.finished_at(&key).await?.is_some_and(|finished_at| finished_at <= finished_by);
            // Asked again, as the commit that names it may have come since.
            if !old || self.catalog.knows_key(&key).await? {
                continue;
            }
            match self.blobs.remove(&key).await {
                Ok(()) => {
                    tracing::info!(key = key.as_str(), "removed bytes that the catalog does not know");
                    report.orphans_removed += 1;
                }
                Err(error) => {
                    tracing::warn!(%error, key = key.as_str(), "cannot remove bytes that the catalog does not know");
                    report.keys_failed += 1;
                }
            }
        }
        Ok(())
    }

    fn is_stopped(&self, report: &mut CollectionReport) -> bool {
        report.stopped = self.stop.load(Ordering::Relaxed);
        report.stopped
    }

    async fn keep_lease(&self) -> Result<()> {
        if self.catalog.acquire_lease(LEASE, &self.holder, LEASE_SECONDS).await? {
            Ok(())
        } else {
            Err(Error::Conflict {
                what: "garbage collection",
                name: LEASE.to_owned(),
                problem: "is running already".to_owned(),
            })
        }
    }
}

/// Returns the system's time, Unix seconds.
fn system_time() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

fn random_name() -> Result<String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)
        .map_err(|error| Error::io("cannot get random bytes", std::io::Error::other(error.to_string())))?;
    Ok(data_encoding::HEXLOWER.encode(&bytes))
}

impl std::ops::AddAssign for Collected {
    fn add_assign(&mut self, other: Self) {
        self.manifests += other.manifests;
        self.links += other.links;
        self.blobs += other.blobs;
        self.bytes += other.bytes;
    }
}
