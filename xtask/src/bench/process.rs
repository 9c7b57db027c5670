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

/// Time that a process has computed, from `/proc/PID/stat` (proc_pid_stat(5), `utime` and `stime`).
pub(super) fn processor_seconds(child: &Child) -> Result<f64> {
    /// What the kernel counts in, on every architecture that Linux runs on today.
    const TICKS_PER_SECOND: f64 = 100.0;
    let stat =
        fs::read_to_string(format!("/proc/{}/stat", child.id())).context("reading a process's time")?;
    // The program's name comes second, in parentheses, and may hold anything.
    let fields = stat.rsplit_once(')').map(|(_, fields)| fields.split_whitespace());
    let ticks: Option<f64> =
        fields.and_then(|fields| fields.skip(11).take(2).map(|t| t.parse::<f64>().ok()).sum());
    Ok(ticks.context("a process's stat names no time")? / TICKS_PER_SECOND)
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
