//! Storage use and garbage collection.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use wharf_storage::catalog::{Collected, StorageUse};

/// The greatest number of pairs of repository and artifact type that are shown; the largest are.
const MAX_PAIRS: usize = 2000;

/// Counting costs a walk over the pairs of repository and artifact type.
const COUNTED_EVERY: Duration = Duration::from_secs(10);

/// Storage use, as last counted.
#[derive(Debug)]
pub(crate) struct Storage {
    counted: Mutex<Option<Instant>>,
    used: Gauge,
    limit: Gauge,
    by_artifact_type: Family<Artifact, Gauge>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Artifact {
    artifact_type: String,
    repository: String,
}

impl Storage {
    pub(super) fn new(registry: &mut Registry) -> Self {
        let storage = Self {
            counted: Mutex::default(),
            used: Gauge::default(),
            limit: Gauge::default(),
            by_artifact_type: Family::default(),
        };
        registry.register("storage_used_bytes", "Bytes of content, each counted once", storage.used.clone());
        registry.register(
            "storage_limit_bytes",
            "Bytes of content that there is room for: as configured, else what is used and what is free",
            storage.limit.clone(),
        );
        registry.register(
            "artifact_storage_bytes",
            "Bytes of manifests with their blobs",
            storage.by_artifact_type.clone(),
        );
        storage
    }

    /// Returns whether it is time to count again, to the first who asks then.
    pub(crate) fn is_due(&self) -> bool {
        let mut counted = self.counted.lock().expect("no holder panics");
        let due = counted.is_none_or(|last| last.elapsed() >= COUNTED_EVERY);
        if due {
            *counted = Some(Instant::now());
        }
        due
    }

    /// Takes over new figures.
    pub(crate) fn update(&self, mut storage_use: StorageUse, limit: Option<u64>) {
        self.used.set(whole(storage_use.used_bytes));
        self.limit.set(limit.map_or(0, whole));
        storage_use.by_artifact_type.sort_by_key(|&(_, _, bytes)| std::cmp::Reverse(bytes));
        self.by_artifact_type.clear();
        for (repository, artifact_type, bytes) in storage_use.by_artifact_type.into_iter().take(MAX_PAIRS) {
            let labels = Artifact { artifact_type, repository: repository.as_str().to_owned() };
            self.by_artifact_type.get_or_create(&labels).set(whole(bytes));
        }
    }
}

/// Garbage collection.
#[derive(Debug)]
pub(crate) struct Collection {
    runs: Family<Outcome, Counter>,
    durations: Histogram,
    manifests: Counter,
    blobs: Counter,
    bytes: Counter,
    last_success: Gauge,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Outcome {
    outcome: &'static str,
}

impl Collection {
    pub(super) fn new(registry: &mut Registry) -> Self {
        let collection = Self {
            runs: Family::default(),
            durations: Histogram::new([0.1, 1.0, 10.0, 60.0, 600.0, 3600.0]),
            manifests: Counter::default(),
            blobs: Counter::default(),
            bytes: Counter::default(),
            last_success: Gauge::default(),
        };
        let registry = registry.sub_registry_with_prefix("gc");
        registry.register("runs", "Runs of garbage collection", collection.runs.clone());
        registry.register("duration_seconds", "Time of a run", collection.durations.clone());
        registry.register("deleted_manifests", "Manifests collected", collection.manifests.clone());
        registry.register("deleted_blobs", "Blobs collected", collection.blobs.clone());
        registry.register("reclaimed_bytes", "Bytes collected", collection.bytes.clone());
        registry.register(
            "last_success_timestamp_seconds",
            "When the last good run ended",
            collection.last_success.clone(),
        );
        collection
    }

    pub(crate) fn succeeded(&self, collected: &Collected, time: Duration, now: i64) {
        self.runs.get_or_create(&Outcome { outcome: "success" }).inc();
        self.durations.observe(time.as_secs_f64());
        self.manifests.inc_by(collected.manifests);
        self.blobs.inc_by(collected.blobs);
        self.bytes.inc_by(collected.bytes);
        self.last_success.set(now);
    }

    pub(crate) fn failed(&self) {
        self.runs.get_or_create(&Outcome { outcome: "failure" }).inc();
    }
}

fn whole(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}
