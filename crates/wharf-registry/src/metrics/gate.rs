//! The pull gate: what it let through and what not.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

/// Answers of the gate.
#[derive(Debug)]
pub(crate) struct Gate {
    answers: Family<Labels, Counter>,
    decisions: Counter,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    answer: &'static str,
}

impl Gate {
    pub(super) fn new(registry: &mut Registry) -> Self {
        let gate = Self { answers: Family::default(), decisions: Counter::default() };
        let help = "Answers about content of projects that have a trust policy";
        registry.register("gate_answers", help, gate.answers.clone());
        let help = "Decisions by trust policies that were made and not remembered";
        registry.register("gate_decisions", help, gate.decisions.clone());
        gate
    }

    /// Counts a manifest that was handed out, and why.
    pub(crate) fn passed(&self, answer: &'static str) {
        self.answers.get_or_create(&Labels { answer }).inc();
    }

    /// Counts a manifest or a blob that was not handed out.
    pub(crate) fn refused(&self) {
        self.passed("deny");
    }

    /// Counts a decision that was made.
    pub(crate) fn decided(&self) {
        self.decisions.inc();
    }
}
