//! Exit statuses: the only place that chooses them.

use std::process::ExitCode;

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    /// Done.
    Done,
    /// Failed.
    Failed,
    /// The doctor found something that is not mended.
    Findings,
}

impl From<Status> for ExitCode {
    fn from(status: Status) -> Self {
        Self::from(match status {
            Status::Done => 0,
            Status::Failed => 1,
            Status::Findings => 10,
        })
    }
}

/// Shows an error with its causes and returns the status for it.
pub(crate) fn report(error: &anyhow::Error) -> ExitCode {
    anstream::eprintln!("error: {error:#}");
    Status::Failed.into()
}
