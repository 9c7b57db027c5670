//! Counts of what passed, failed and was skipped.

use std::fmt;
use std::ops::AddAssign;

use crate::peers::Absence;

/// How many checks ended in which way.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) passed: usize,
    pub(crate) failed: usize,
    pub(crate) skipped: usize,
}

impl Tally {
    pub(crate) fn passed(passed: usize) -> Self {
        Self { passed, ..Self::default() }
    }

    pub(crate) fn failed(failed: usize) -> Self {
        Self { failed, ..Self::default() }
    }

    /// One check that could not run here: skipped on a developer's machine and where the peer's source refuses it,
    /// else failed in CI.
    pub(crate) fn missing(absence: &Absence) -> Self {
        let fails = in_ci() && !absence.is_refusal();
        if fails { Self::failed(1) } else { Self { skipped: 1, ..Self::default() } }
    }

    /// One check, by whether it succeeded.
    pub(crate) fn one(good: bool) -> Self {
        if good { Self::passed(1) } else { Self::failed(1) }
    }

    pub(crate) fn is_good(self) -> bool {
        self.failed == 0
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed, {} skipped", self.passed, self.failed, self.skipped)
    }
}

/// Whether this run is continuous integration (`CI=true`), where nothing may be missing.
pub(crate) fn in_ci() -> bool {
    std::env::var("CI").is_ok_and(|value| value == "true" || value == "1")
}
