//! `cargo xtask test`: everything a change must pass. It goes on after a failure, so that one run tells all.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result};

use crate::peers::{self, Scope};
use crate::setup::{self, Retry};
use crate::shell::cargo;
use crate::tally::Tally;
use crate::{conformance, lint};

/// What a test prints, alone at the start of a line, when it cannot run here.
const SKIP_MARK: &str = "skipped: ";

pub(crate) fn run() -> Result<Tally> {
    let start = Instant::now();
    let mut tally = Tally::default();
    tally += stage("set-up", || setup::run(Scope::Tests, Retry::Nothing).map(|()| Tally::default()));
    tally += stage("lint", lint::run);
    tally += stage("tests", workspace);
    tally += stage("conformance", conformance::run);
    println!("took {} s", start.elapsed().as_secs());
    Ok(tally)
}

/// Runs one stage; a stage that cannot run at all counts as one failure.
fn stage(name: &str, run: impl FnOnce() -> Result<Tally>) -> Tally {
    println!("== {name}");
    let start = Instant::now();
    let tally = run().unwrap_or_else(|error| {
        println!("{name}: {error:#}");
        Tally::failed(1)
    });
    println!("== {name}: {tally} ({} s)", start.elapsed().as_secs());
    tally
}

/// Every test of the workspace: units, integration, documentation, and the real clients.
fn workspace() -> Result<Tally> {
    let mut command = cargo(&["test", "--workspace", "--no-fail-fast", "--", "--show-output"]);
    command.env("WHARF_PEERS", peers::folder());
    run_tests(command)
}

/// Runs `cargo test`, shows what matters of its output, and counts.
///
/// The test harness knows no skipping at run time, so a skipped test passes after printing [`SKIP_MARK`].
pub(crate) fn run_tests(mut command: Command) -> Result<Tally> {
    let mut child = command.stdout(Stdio::piped()).spawn().context("starting cargo test")?;
    let output = child.stdout.take().context("cargo test has no output")?;
    let mut tally = Tally::default();
    let mut marks = 0;
    let mut in_failures = false;
    for line in BufReader::new(output).lines() {
        let line = line?;
        if let Some(summary) = line.strip_prefix("test result: ") {
            let mut binary = counts(summary);
            binary.passed = binary.passed.saturating_sub(marks);
            binary.skipped += marks;
            tally += binary;
            marks = 0;
            in_failures = false;
            println!("{line}");
        } else if line.starts_with(SKIP_MARK) {
            marks += 1;
            println!("{line}");
        } else if in_failures || line == "failures:" || line.ends_with(" ... FAILED") {
            in_failures |= line == "failures:";
            println!("{line}");
        }
    }
    if !child.wait()?.success() && tally.is_good() {
        // It did not compile, or a test's process died.
        tally.failed += 1;
    }
    Ok(tally)
}

/// Reads `ok. 3 passed; 0 failed; 1 ignored; ..`.
fn counts(summary: &str) -> Tally {
    let number = |word: &str| {
        let before = summary.split(word).next().unwrap_or_default();
        before
            .split([' ', ';', '.'])
            .rfind(|part| !part.is_empty())
            .and_then(|text| text.parse().ok())
            .unwrap_or(0)
    };
    Tally { passed: number(" passed"), failed: number(" failed"), skipped: number(" ignored") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_of_the_test_harness_is_counted() {
        let summary = "FAILED. 12 passed; 3 failed; 1 ignored; 0 measured; 4 filtered out; finished in 0.01s";
        assert_eq!(counts(summary), Tally { passed: 12, failed: 3, skipped: 1 });
    }
}
