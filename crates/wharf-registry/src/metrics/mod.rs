//! Figures for Prometheus, under names that existing dashboards and alert rules know.
//!
//! Every label has a bounded set of values: handlers and methods are ours, repositories and artifact types beyond a
//! limit are counted together as `other`.

mod artifacts;
mod bounded;
mod gate;
mod http;
mod storage;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::registry::Registry;

pub(crate) use artifacts::Artifacts;
pub(crate) use gate::Gate;
pub(crate) use http::Http;
pub(crate) use storage::{Collection, Storage};

/// All figures of one server.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    pub(crate) http: Http,
    pub(crate) artifacts: Artifacts,
    pub(crate) storage: Storage,
    pub(crate) collection: Collection,
    pub(crate) gate: Gate,
    pub(crate) audit_lost: Counter,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let mut registry = Registry::with_prefix("registry");
        let info = prometheus_client::metrics::info::Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("build", "The version of the server", info);
        let audit_lost = Counter::default();
        let help = "Audit events that found no room in memory while the catalog did not keep up";
        registry.register("audit_events_lost", help, audit_lost.clone());
        Self {
            audit_lost,
            http: Http::new(&mut registry),
            artifacts: Artifacts::new(&mut registry),
            storage: Storage::new(&mut registry),
            collection: Collection::new(&mut registry),
            gate: Gate::new(&mut registry),
            registry,
        }
    }

    /// Returns the OpenMetrics text.
    pub(crate) fn encode(&self) -> String {
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = prometheus_client::encoding::text::encode(&mut text, &self.registry);
        text
    }
}

/// Upper bounds of the duration buckets, in seconds.
const SECONDS: [f64; 12] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0, 10.0, 60.0];
