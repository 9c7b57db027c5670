//! Garbage collection, on schedule and on demand.

use std::sync::{Arc, Mutex};
use std::time::Instant;

use jiff::Timestamp;
use wharf_storage::Result;
use wharf_storage::catalog::{Collected, CollectionPolicy};

use crate::App;

/// Removals in one transaction; small, so that pushes never wait long.
const STEP: usize = 500;
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
    /// What it removed so far, or would remove.
    pub collected: Collected,
    /// Why it failed, if it did.
    pub error: Option<String>,
}

/// Runs collections one at a time and remembers the last ones.
#[derive(Debug, Default)]
pub(crate) struct Collector {
    running: tokio::sync::Mutex<()>,
    runs: Mutex<Vec<CollectionRun>>,
}

impl Collector {
    /// Returns the runs that are remembered, newest first.
    pub(crate) fn runs(&self) -> Vec<CollectionRun> {
        self.runs.lock().expect("no holder panics").iter().rev().cloned().collect()
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
    /// Collects garbage now, after a run that may be going on, and tells what went. The caller has decided who may.
    pub async fn collect_garbage(&self, trigger: &str, dry_run: bool) -> Result<CollectionRun> {
        let _one_at_a_time = self.collector.running.lock().await;
        let clock = Instant::now();
        let mut run = self.collector.begin(trigger, dry_run);
        let outcome = collect(self, &mut run).await;
        run.ended_at = Some(Timestamp::now().as_second());
        run.error = outcome.as_ref().err().map(ToString::to_string);
        self.collector.note(&run);
        let time = clock.elapsed();
        match outcome {
            Ok(()) if dry_run => Ok(run),
            Ok(()) => {
                self.metrics.collection.succeeded(&run.collected, time, Timestamp::now().as_second());
                let Collected { manifests, blobs, bytes, .. } = run.collected;
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

async fn collect(app: &App, run: &mut CollectionRun) -> Result<()> {
    let policy = CollectionPolicy {
        grace_seconds: i64::try_from(app.config.gc_grace.as_secs()).unwrap_or(i64::MAX),
        untagged_manifests: app.config.gc_untagged,
        dry_run: run.dry_run,
    };
    loop {
        let step = app.catalog.collect_step(run.started_at, &policy, STEP).await?;
        let total = &mut run.collected;
        total.manifests += step.manifests;
        total.links += step.links;
        total.blobs += step.blobs;
        total.bytes += step.bytes;
        app.collector.note(run);
        if run.dry_run {
            return Ok(());
        }
        remove_released(app).await?;
        if step == Collected::default() {
            return Ok(());
        }
    }
}

/// Removes bytes that the catalog has forgotten, also those left by a run that was interrupted.
async fn remove_released(app: &App) -> Result<()> {
    loop {
        let keys = app.catalog.released_keys(STEP).await?;
        if keys.is_empty() {
            return Ok(());
        }
        for key in &keys {
            app.blobs.remove(key).await?;
        }
        app.catalog.forget_released(&keys).await?;
    }
}

pub(super) async fn scheduled(app: Arc<App>) {
    if let Err(error) = app.collect_garbage("schedule", false).await {
        tracing::error!(%error, "garbage collection failed: {error}");
    }
}
