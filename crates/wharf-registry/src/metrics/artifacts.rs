//! Pushes and pulls of manifests, by repository and artifact type.

use std::sync::Arc;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use super::SECONDS;
use super::bounded::Bounded;

const MAX_REPOSITORIES: usize = 1000;
const MAX_ARTIFACT_TYPES: usize = 50;

/// Pushes and pulls.
#[derive(Debug)]
pub(crate) struct Artifacts {
    repositories: Bounded,
    types: Bounded,
    pushes: Family<Labels, Counter>,
    pulls: Family<Labels, Counter>,
    push_durations: Family<Labels, Histogram>,
    pull_durations: Family<Labels, Histogram>,
    received_bytes: Counter,
    sent_bytes: Counter,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    repository: Arc<str>,
    artifact_type: Arc<str>,
}

impl Artifacts {
    pub(super) fn new(registry: &mut Registry) -> Self {
        let histogram: fn() -> Histogram = || Histogram::new(SECONDS);
        let artifacts = Self {
            repositories: Bounded::new(MAX_REPOSITORIES),
            types: Bounded::new(MAX_ARTIFACT_TYPES),
            pushes: Family::default(),
            pulls: Family::default(),
            push_durations: Family::new_with_constructor(histogram),
            pull_durations: Family::new_with_constructor(histogram),
            received_bytes: Counter::default(),
            sent_bytes: Counter::default(),
        };
        registry.register("artifact_pushes", "Manifests pushed", artifacts.pushes.clone());
        registry.register("artifact_pulls", "Manifests pulled", artifacts.pulls.clone());
        registry.register(
            "artifact_push_duration_seconds",
            "Time to store a manifest",
            artifacts.push_durations.clone(),
        );
        registry.register(
            "artifact_pull_duration_seconds",
            "Time to answer a manifest",
            artifacts.pull_durations.clone(),
        );
        registry.register("blob_received_bytes", "Bytes of blobs received", artifacts.received_bytes.clone());
        registry.register("blob_sent_bytes", "Bytes of blobs asked for", artifacts.sent_bytes.clone());
        artifacts
    }

    pub(crate) fn pushed(&self, repository: &str, artifact_type: Option<&str>, time: Duration) {
        let labels = self.labels(repository, artifact_type);
        self.pushes.get_or_create(&labels).inc();
        self.push_durations.get_or_create(&labels).observe(time.as_secs_f64());
    }

    pub(crate) fn pulled(&self, repository: &str, artifact_type: Option<&str>, time: Duration) {
        let labels = self.labels(repository, artifact_type);
        self.pulls.get_or_create(&labels).inc();
        self.pull_durations.get_or_create(&labels).observe(time.as_secs_f64());
    }

    pub(crate) fn received(&self, bytes: u64) {
        self.received_bytes.inc_by(bytes);
    }

    pub(crate) fn sent(&self, bytes: u64) {
        self.sent_bytes.inc_by(bytes);
    }

    fn labels(&self, repository: &str, artifact_type: Option<&str>) -> Labels {
        Labels {
            repository: self.repositories.label(repository),
            artifact_type: self.types.label(artifact_type.unwrap_or_default()),
        }
    }
}
