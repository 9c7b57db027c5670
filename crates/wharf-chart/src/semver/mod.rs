//! Versions and version ranges in the Masterminds flavour (`semver/v3` 3.5) that Helm uses.

mod constraint;
mod version;

pub use constraint::{Constraint, ConstraintError};
pub use version::{Version, VersionError};
