//! `wharf publish`, step by step: a [`Plan`] is built from a chart without any network, [`probe`] asks what the
//! destination has, [`push`] carries the plan there, and a [`Report`] says what happened.

mod differences;
mod manifest;
mod papers;
mod plan;
mod probe;
mod project;
mod push;
mod report;

pub(crate) use differences::Differences;
pub(crate) use manifest::manifest as chart_manifest;
pub(crate) use papers::{Paper, PublishedPaper, unsigned};
pub(crate) use plan::{Plan, PlanOptions};
pub(crate) use probe::resolve;
pub(crate) use project::create as create_project;
pub(crate) use push::{Destination, PushOptions, move_tag, publish};
pub(crate) use report::{Channel, Outcome, Report};

/// The version is taken by other content.
#[derive(Debug, thiserror::Error)]
#[error("{} exists with other content", report.reference)]
pub(crate) struct Refused {
    /// What would have been published, and what differs.
    pub(crate) report: Box<Report>,
}
