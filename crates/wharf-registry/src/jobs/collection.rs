//! Garbage collection, on schedule and on demand.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use jiff::Timestamp;
use wharf_storage::catalog::{Collected, CollectionPolicy};
use wharf_storage::{Collector, Result};

use crate::App;
use crate::apart::apart;

/// Runs that are remembered.
const REMEMBERED: usize = 50;

/// One run of garbage collection.
#[derive(Clone, Debug)]
pub struct CollectionRun {
    /// The number, ascending while the server runs.
    pub id: u64,
    /// When it began, Unix seconds.
    pub started_at: i64,
    /// When it ended, Unix seconds; `None` while it runs.
    pub ended_at: Option<i64>,
    /// Whether it only counted.
    pub dry_run: bool,
    /// Who asked for it: an account, or `schedule`.
    pub trigger: String,
    /// What it removed, or would remove.
    pub collected: Collected,
    /// Why it failed, if it did.
    pub error: Option<String>,
}

/// The last runs.
#[derive(Debug, Default)]
pub(crate) struct Collections {
    runs: Mutex<Vec<CollectionRun>>,
    stop: Arc<AtomicBool>,
}

impl Collections {
    /// Returns the runs that are remembered, newest first.
    pub(crate) fn runs(&self) -> Vec<CollectionRun> {
        self.runs.lock().expect("no holder panics").iter().rev().cloned().collect()
    }

    /// Ends the run under way between two steps, and every later one at once.
    pub(crate) fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    fn begin(&self, trigger: &str, dry_run: bool) -> CollectionRun {
        let mut runs = self.runs.lock().expect("no holder panics");
        let run = CollectionRun {
            id: runs.last().map_or(1, |last| last.id + 1),
            started_at: Timestamp::now().as_second(),
            ended_at: None,
            dry_run,
            trigger: trigger.to_owned(),
            collected: Collected::default(),
            error: None,
        };
        if runs.len() == REMEMBERED {
            runs.remove(0);
        }
        runs.push(run.clone());
        run
    }

    fn note(&self, run: &CollectionRun) {
        let mut runs = self.runs.lock().expect("no holder panics");
        if let Some(noted) = runs.iter_mut().find(|noted| noted.id == run.id) {
            noted.clone_from(run);
        }
    }
}

impl App {
    /// Collects garbage now and tells what went. The caller has decided who may.
    ///
    /// # Errors
    /// [`Error::Conflict`](wharf_storage::Error::Conflict) when a run is under way, here or in another process on the same catalog.
    pub async fn collect_garbage(&self, trigger: &str, dry_run: bool) -> Result<CollectionRun> {
        let clock = Instant::now();
        let mut run = self.collections.begin(trigger, dry_run);
        let policy = CollectionPolicy {
            grace_seconds: i64::try_from(self.config.gc_grace.as_secs()).unwrap_or(i64::MAX),
            untagged_manifests: self.config.gc_untagged,
            dry_run,
        };
        let (catalog, blobs) = (Arc::clone(&self.catalog), Arc::clone(&self.blobs));
        let collector = Collector::new(catalog, blobs).stopped_by(Arc::clone(&self.collections.stop));
        let outcome = if dry_run {
            // Counting is one long read.
            apart(collector.run(run.started_at, &policy)).await
        } else {
            collector.run(run.started_at, &policy).await
        };
        let now = Timestamp::now().as_second();
        run.ended_at = Some(now);
        match &outcome {
            Ok(report) => {
                run.collected = report.collected;
                run.error =
                    report.stopped.then(|| "stopped with the server; the next run goes on".to_owned());
            }
            Err(error) => run.error = Some(error.to_string()),
        }
        self.collections.note(&run);
        match outcome {
            Ok(report) if dry_run || report.stopped => Ok(run),
            Ok(report) => {
                self.metrics.collection.succeeded(&report.collected, clock.elapsed(), now);
                let Collected { manifests, blobs, bytes, .. } = report.collected;
                tracing::info!(
                    manifests,
                    blobs,
                    bytes,
                    "collected {manifests} manifests and {blobs} blobs of {bytes} bytes"
                );
                Ok(run)
            }
            Err(error) => {
                self.metrics.collection.failed();
                Err(error)
            }
        }
    }
}

pub(super) async fn scheduled(app: Arc<App>) {
    if let Err(error) = app.collect_garbage("schedule", false).await {
        tracing::error!(%error, "garbage collection failed: {error}");
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use wharf_storage::{DiskStore, SqliteCatalog, SqliteOptions};

    use super::*;
    use crate::Config;

    #[tokio::test]
    async fn a_stopping_server_ends_collection_between_steps_and_leaves_the_next_one_free() {
        let folder = tempfile::tempdir().unwrap();
        let config = Config::with_data(folder.path());
        let blobs = Arc::new(DiskStore::open(&config.data).unwrap());
        let options = SqliteOptions::new(config.data.join("catalog.db"));
        let catalog = Arc::new(SqliteCatalog::open(options).unwrap());
        let app = App::new(catalog, blobs, config).await.unwrap();
        assert_eq!(app.collect_garbage("schedule", false).await.unwrap().error, None);
        app.collections.stop();
        let run = app.collect_garbage("schedule", false).await.unwrap();
        assert!(run.error.unwrap().contains("stopped"));
        // The lease was given back: a second run is no conflict.
        app.collect_garbage("schedule", false).await.unwrap();
    }
}
