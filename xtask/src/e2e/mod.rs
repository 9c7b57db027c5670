//! `cargo xtask e2e oras [FOLDER]`: the ORAS project's own end-to-end suite, run against this build of `wharf oras`.
//!
//! FOLDER (default: `wharf/e2e/oras` in the user's cache) is a copy, outside of this repository, of the suite at v1.3.3:
//! its `testdata`, and beside it its programs `auth.test`, `command.test` and `scenario.test`. The three registries that
//! it expects are played by `wharf serve`, the second with the referrers API switched off. The suite copies layouts into
//! the folder of the third, as zot would serve them: a script in front of the binary pushes those first.

mod fixtures;
mod known;

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::peers;
use crate::server;
use crate::shell::root;
use crate::tally::Tally;

pub(crate) use fixtures::sync;

/// The user that the suite logs in as.
const USER: &str = "hello";
const PASSWORD: &str = "oras-test";
const ADMIN_PASSWORD: &str = "Conformance-12345";
/// `auth` last: after its wrong passwords the registry makes further logins wait.
const SUITES: [&str; 3] = ["command", "scenario", "auth"];
/// The suite's fixtures name these.
const PORTS: [u16; 3] = [5000, 6000, 7000];
const PROJECTS: [&str; 5] = ["command", "command-draft", "cp", "repo", "scenario"];
/// The smallest part of the cases that must pass, in percent.
const WANTED: f64 = 97.0;

/// Runs the suite and says how many of its cases passed.
pub(crate) fn run(folder: Option<&str>) -> Result<Tally> {
    let folder = match folder {
        Some(folder) => PathBuf::from(folder),
        None => peers::folder().parent().context("the cache has a parent")?.join("e2e").join("oras"),
    };
    if !folder.join("testdata").is_dir() {
        println!("no copy of the suite in {}: skipped", folder.display());
        return Ok(Tally { skipped: 1, ..Tally::default() });
    }
    let wharf = server::build("dev")?;
    let work = root().join("target").join("xtask").join(format!("e2e-oras-{}", std::process::id()));
    let registries = Registries::start(&wharf, &work, &folder)?;
    let shim = registries.shim()?;
    let (mut passed, mut failed) = (0, BTreeSet::new());
    for suite in SUITES {
        run_suite(&folder, &work, suite, &shim, &registries, &mut passed, &mut failed)?;
    }
    drop(registries);
    report(passed, &failed)
}

fn run_suite(
    folder: &Path,
    work: &Path,
    suite: &str,
    shim: &Path,
    registries: &Registries,
    passed: &mut usize,
    failed: &mut BTreeSet<String>,
) -> Result<()> {
    let here = work.join("suite").join(suite);
    fs::create_dir_all(&here)?;
    let results = work.join(format!("{suite}.json"));
    let log = fs::File::create(work.join(format!("{suite}.log")))?;
    let hosts = ["ORAS_REGISTRY_HOST", "ORAS_REGISTRY_FALLBACK_HOST", "ZOT_REGISTRY_HOST"];
    let program = folder.join(format!("{suite}.test"));
    println!("running {}", program.display());
    // Failures are in the report.
    Command::new(&program)
        .args(["-ginkgo.no-color", "-ginkgo.timeout=30m"])
        .arg(format!("-ginkgo.json-report={}", results.display()))
        .envs(hosts.iter().zip(&registries.hosts))
        .env("HOME", work)
        .env("ORAS_PATH", shim)
        .env_remove("GOCOVERDIR")
        .env_remove("GITHUB_WORKSPACE")
        .current_dir(&here)
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .status()
        .with_context(|| format!("starting {}", program.display()))?;
    let text = fs::read(&results).with_context(|| format!("{suite}.test left no report"))?;
    let report: Value = serde_json::from_slice(&text)?;
    for spec in
        report.as_array().into_iter().flatten().flat_map(|suite| suite["SpecReports"].as_array()).flatten()
    {
        match (spec["LeafNodeType"].as_str(), spec["State"].as_str()) {
            (Some("It"), Some("passed")) => *passed += 1,
            (Some("It"), Some("skipped" | "pending")) | (None | Some(_), None) => {}
            (Some("It"), _) => {
                let within = spec["ContainerHierarchyTexts"].as_array().into_iter().flatten();
                let names: Vec<&str> =
                    within.chain([&spec["LeafNodeText"]]).filter_map(Value::as_str).collect();
                failed.insert(names.join(" / "));
            }
            (kind, Some("failed" | "panicked" | "timedout")) => bail!("{suite}.test failed in {kind:?}"),
            _ => {}
        }
    }
    Ok(())
}

fn report(passed: usize, failed: &BTreeSet<String>) -> Result<Tally> {
    let all = passed + failed.len();
    // Counts of some hundreds.
    let percent = 100.0 * passed as f64 / all.max(1) as f64;
    for name in failed {
        match known::REASONS.iter().find(|(known, _)| name.ends_with(known)) {
            Some((_, reason)) => println!("  as known: {name}\n            {reason}"),
            None => println!("  FAILED:   {name}"),
        }
    }
    println!("ORAS's end-to-end suite: {passed} of {all} cases passed ({percent:.1} %)");
    ensure!(all > 600, "only {all} cases ran");
    let unknown = failed.iter().filter(|name| !known::REASONS.iter().any(|(known, _)| name.ends_with(known)));
    let unknown = unknown.count();
    let below = usize::from(percent < WANTED);
    Ok(Tally { passed, failed: unknown.max(below), skipped: failed.len() - unknown })
}

/// The three registries with their fixtures; dropped, they are killed.
struct Registries {
    wharf: PathBuf,
    work: PathBuf,
    hosts: Vec<String>,
    children: Vec<Child>,
}

impl Registries {
    fn start(wharf: &Path, work: &Path, folder: &Path) -> Result<Self> {
        fs::create_dir_all(work.join("bin"))?;
        fixtures::copy(&folder.join("testdata"), &work.join("testdata"))?;
        let (wharf, work) = (wharf.to_owned(), work.to_owned());
        symlink(&wharf, work.join("bin").join("oras"))?;
        let mut all = Self { wharf, work, hosts: Vec::new(), children: Vec::new() };
        for (port, referrers_api) in PORTS.into_iter().zip(["true", "false", "true"]) {
            all.start_one(port, referrers_api)?;
        }
        let distribution = all.work.join("testdata").join("distribution");
        for (at, name) in [(0, "mount"), (1, "mount_fallback")] {
            let layouts = fixtures::unpack(&distribution.join(name), &all.work.join(name))?;
            all.seed(&layouts, at)?;
        }
        let zot = all.work.join("testdata").join("zot");
        all.seed(&zot, 2)?;
        Ok(all)
    }

    fn start_one(&mut self, port: u16, referrers_api: &str) -> Result<()> {
        let free = std::net::TcpListener::bind(("127.0.0.1", port));
        drop(free.with_context(|| format!("the suite needs port {port} of this machine"))?);
        let (host, data) = (format!("localhost:{port}"), self.work.join(format!("data-{port}")));
        let log = fs::File::create(self.work.join(format!("server-{port}.log")))?;
        let child = Command::new(&self.wharf)
            .args(["serve", "--listen", &format!("127.0.0.1:{port}"), "--data"])
            .arg(&data)
            .env("WHARF_ADMIN_PASSWORD", ADMIN_PASSWORD)
            .env("WHARF_REFERRERS_API", referrers_api)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()?;
        self.children.push(child);
        let deadline = Instant::now() + Duration::from_secs(30);
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            ensure!(Instant::now() < deadline, "the registry at {host} does not listen");
            std::thread::sleep(Duration::from_millis(20));
        }
        self.tell(&["login", &host, "-u", "admin", "--password-stdin"], ADMIN_PASSWORD)?;
        let user = ["user", "create", USER, "--admin", "--password-stdin", "--registry", &host];
        self.tell(&user, PASSWORD)?;
        for project in PROJECTS {
            self.tell(&["project", "create", project, "--registry", &host], "")?;
        }
        self.tell(&["login", &host, "-u", USER, "--password-stdin"], PASSWORD)?;
        self.hosts.push(host);
        Ok(())
    }

    /// Runs a command of wharf in the home of this run.
    fn tell(&self, words: &[&str], input: &str) -> Result<()> {
        let mut child = Command::new(&self.wharf)
            .args(words)
            .env("HOME", &self.work)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()?;
        child.stdin.take().context("it has one")?.write_all(input.as_bytes())?;
        ensure!(child.wait()?.success(), "wharf {} failed", words.join(" "));
        Ok(())
    }

    fn seed(&self, layouts: &Path, at: usize) -> Result<()> {
        fixtures::push_all(&self.work, layouts, &self.hosts[at])
    }

    /// Returns the program that the suite is given.
    fn shim(&self) -> Result<PathBuf> {
        let (path, xtask) = (self.work.join("oras"), std::env::current_exe()?);
        let (work, host) = (self.work.display(), &self.hosts[2]);
        let text = format!(
            "#!/bin/sh\nHOME={work} {} e2e oras-sync {work} {host} </dev/null >/dev/null || exit 125\nexec {work}/bin/oras \"$@\"\n",
            xtask.display()
        );
        fs::write(&path, text)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
        Ok(path)
    }
}

impl Drop for Registries {
    fn drop(&mut self) {
        for child in &mut self.children {
            // Both fail only when there is nothing left to kill.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
