//! `cargo xtask conformance`: both generations of the OCI distribution conformance suite, each against a freshly
//! started wharf, with every switch on. A check that the suite skips or has switched off counts as failed.
//!
//! One switch, sparse content, contradicts a default of Wharf (ADR 8), so the newest run comes twice: with every switch on a
//! server that is told to accept it, and with that switch off on a server as anyone gets it.

mod v1;
mod v2;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use crate::junit::{self, Outcome};
use crate::peers;
use crate::server::{self, Server};
use crate::shell::root;
use crate::tally::Tally;

/// One run of one suite.
struct Run {
    /// As it is printed, and the name of the folder of results.
    name: &'static str,
    /// The peer that holds the suite.
    peer: &'static str,
    /// Sets the suite's environment for this server.
    configure: fn(&mut Command, &Server, &Path),
    /// Whether the server is told to take manifests whose blobs are missing.
    accept_missing_blobs: bool,
    /// A file that the suite writes when it really ran, beside `junit.xml`.
    proof: &'static str,
    /// Ends of names of checks that exist only for servers that took the other of two permitted ways.
    other_way: &'static [&'static str],
}

const RUNS: &[Run] = &[
    Run {
        name: "v1",
        peer: "conformance-v1",
        configure: v1::configure,
        accept_missing_blobs: false,
        proof: "report.html",
        other_way: v1::OTHER_WAY,
    },
    Run {
        name: "v2 at 1.1",
        peer: "conformance-v2",
        configure: v2::configure_stable,
        accept_missing_blobs: true,
        proof: "results.yaml",
        other_way: &[],
    },
    Run {
        name: "v2 at dev",
        peer: "conformance-v2",
        configure: v2::configure_dev,
        accept_missing_blobs: true,
        proof: "results.yaml",
        other_way: &[],
    },
    Run {
        name: "v2 at dev, defaults",
        peer: "conformance-v2",
        configure: v2::configure_dev_without_sparse,
        accept_missing_blobs: false,
        proof: "results.yaml",
        other_way: v2::SPARSE_ONLY,
    },
];

/// Longer than any run needs; a suite that hangs is stopped then.
const LIMIT: Duration = Duration::from_secs(600);

pub(crate) fn run() -> Result<Tally> {
    let mut tally = Tally::default();
    let mut wharf = None;
    for run in RUNS {
        let suite = match peers::program(run.peer) {
            Ok(suite) => suite,
            Err(absence) => {
                println!("skipped: conformance {}: {absence}", run.name);
                tally += Tally::missing(&absence);
                continue;
            }
        };
        let wharf: &PathBuf = match &mut wharf {
            Some(built) => built,
            none => none.insert(server::build("dev")?),
        };
        match one(run, &suite, wharf) {
            Ok(result) => {
                println!("conformance {}: {result}", run.name);
                tally += result;
            }
            Err(error) => {
                println!("conformance {}: {error:#}", run.name);
                tally += Tally::failed(1);
            }
        }
    }
    Ok(tally)
}

fn one(run: &Run, suite: &Path, wharf: &Path) -> Result<Tally> {
    let results = root()
        .join("target")
        .join("xtask")
        .join(format!("conformance-{}", run.name.replace([' ', ','], "-")));
    // An old report must not pass for a new one: the second suite ends with success when its set-up fails.
    if results.exists() {
        fs::remove_dir_all(&results)?;
    }
    fs::create_dir_all(&results)?;
    let server = Server::start(wharf, "conformance", run.accept_missing_blobs)?;
    server.create_project("conformance")?;

    let output = fs::File::create(results.join("output.txt"))?;
    let mut command = Command::new(suite);
    command.current_dir(&results).stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("OCI_")) {
        command.env_remove(name);
    }
    (run.configure)(&mut command, &server, &results);
    let ended_well = finish(&mut command)?;

    ensure!(results.join(run.proof).is_file(), "the suite wrote no {}: see {}", run.proof, results.display());
    let report = fs::read_to_string(results.join("junit.xml")).context("the suite wrote no junit.xml")?;
    let mut tally = Tally::default();
    for case in junit::cases(&report) {
        match case.outcome {
            Outcome::Skipped if run.other_way.iter().any(|end| case.name.ends_with(end)) => {}
            Outcome::Passed => tally.passed += 1,
            Outcome::Failed | Outcome::Skipped => {
                println!("  {:?}: {}", case.outcome, case.name);
                tally.failed += 1;
            }
        }
    }
    ensure!(tally.passed + tally.failed > 0, "the report has no checks: see {}", results.display());
    if !ended_well && tally.is_good() {
        println!("  the suite itself says it failed");
        tally.failed += 1;
    }
    if tally.is_good() {
        server.stop()?;
    } else {
        fs::write(results.join("server.log"), server.log())?;
        println!("  the whole report: {}", results.display());
    }
    Ok(tally)
}

fn finish(command: &mut Command) -> Result<bool> {
    let mut child = command.spawn().context("starting the suite")?;
    let deadline = Instant::now() + LIMIT;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status.success());
        }
        if Instant::now() > deadline {
            child.kill()?;
            child.wait()?;
            anyhow::bail!("stopped after {} s", LIMIT.as_secs());
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}
