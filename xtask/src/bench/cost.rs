//! What one run of a program takes: time, processor time, memory.

use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use wait4::Wait4;

/// What one run took, with everything that it started and waited for.
pub(super) struct Cost {
    pub(super) wall_ms: f64,
    pub(super) cpu_ms: f64,
    /// Of the largest process.
    pub(super) peak_mib: f64,
}

/// Runs a program to its end, which must be a good one.
pub(super) fn of(command: &mut Command) -> Result<Cost> {
    let failed = format!("{command:?}");
    let start = Instant::now();
    let used = command.spawn().with_context(|| failed.clone())?.wait4().with_context(|| failed.clone())?;
    let wall_ms = start.elapsed().as_secs_f64() * 1e3;
    if !used.status.success() {
        bail!("{failed}: {}", used.status);
    }
    let cpu = used.rusage.utime + used.rusage.stime;
    Ok(Cost {
        wall_ms,
        cpu_ms: cpu.as_secs_f64() * 1e3,
        peak_mib: used.rusage.maxrss as f64 / f64::from(1 << 20),
    })
}
