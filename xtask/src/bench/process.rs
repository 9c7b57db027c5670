//! A registry's process: its end, and the memory it uses.

use std::fs;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

const STOP_LIMIT: Duration = Duration::from_secs(30);

/// Resident memory in MiB, from `/proc/PID/status`.
pub(super) struct Memory {
    pub(super) now: f64,
    pub(super) peak: f64,
}

pub(super) fn memory(child: &Child) -> Result<Memory> {
    let status =
        fs::read_to_string(format!("/proc/{}/status", child.id())).context("reading a process's memory")?;
    let field = |name: &str| -> Option<f64> {
        let line = status.lines().find(|line| line.starts_with(name))?;
        let kibibytes: f64 = line.split_whitespace().nth(1)?.parse().ok()?;
        Some(kibibytes / 1024.0)
    };
    let read = field("VmRSS:").zip(field("VmHWM:"));
    let (now, peak) = read.context("a process's status names no memory")?;
    Ok(Memory { now, peak })
}

/// Asks the process to end, and waits for it.
pub(super) fn stop(child: &mut Child) -> Result<()> {
    ensure!(
        Command::new("kill").args(["-TERM", &child.id().to_string()]).status()?.success(),
        "could not send SIGTERM"
    );
    let deadline = Instant::now() + STOP_LIMIT;
    while child.try_wait()?.is_none() {
        if Instant::now() > deadline {
            child.kill()?;
            child.wait()?;
            break;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    Ok(())
}
