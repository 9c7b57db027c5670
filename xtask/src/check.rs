//! `cargo xtask check`: compile everything, run nothing.

use anyhow::{Result, ensure};

use crate::shell::{cargo, succeeds};

pub(crate) fn run() -> Result<()> {
    ensure!(
        succeeds(&mut cargo(&["check", "--workspace", "--all-targets"]))?,
        "the workspace does not compile"
    );
    Ok(())
}
