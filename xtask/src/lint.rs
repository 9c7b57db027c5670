//! `cargo xtask lint`: formatting, clippy with warnings as errors, the dependency policy.

use anyhow::Result;

use crate::policy;
use crate::shell::{cargo, succeeds};
use crate::tally::Tally;

pub(crate) fn run() -> Result<Tally> {
    let mut tally = Tally::one(succeeds(&mut cargo(&["fmt", "--all", "--check"]))?);
    let mut clippy = cargo(&["clippy", "--workspace", "--all-targets", "--quiet", "--", "-D", "warnings"]);
    tally += Tally::one(succeeds(&mut clippy)?);
    tally += policy::run()?;
    Ok(tally)
}
