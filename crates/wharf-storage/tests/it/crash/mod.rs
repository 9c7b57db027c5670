//! The process is ended at every step of a push, a tag move, a delete and a collection, and started again.
//!
//! The child is this test binary run once more: it does the operations of [`script`] one after the other and says
//! when one is acknowledged. A first run, left alone, records what is there after each operation.

mod script;

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use wharf_storage::catalog::Collection as _;
use wharf_storage::{Doctor, DoctorOptions, Finding};

use self::script::{OPERATIONS, Store, state};

/// Whether an operation during which the process ended is there when it starts again: as a whole, or not at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum After {
    Absent,
    Present,
    /// Nobody sees any more what is removed, and whoever comes next finishes it.
    Begun,
}
use After::{Absent, Begun, Present};

/// Transactions of the catalog, with what is there before and after each commit.
macro_rules! transactions {
    ($($before:expr => $committed:expr),* $(,)?) => {
        &[$(
            ("writer: begun", $before),
            ("writer: ran a job", $before),
            ("writer: about to commit", $before),
            ("writer: committed", $committed),
        )*]
    };
}

/// A transaction of the catalog.
macro_rules! transaction {
    ($($before:expr),* ; $committed:expr) => {
        &[
            $($before,)*
            ("writer: begun", Absent),
            ("writer: ran a job", Absent),
            ("writer: about to commit", Absent),
            ("writer: committed", $committed),
        ]
    };
}

/// Every step of every operation, and what is there after the process ended just behind it. The script of a clean run
/// is compared with this, so that no step is left out.
const TABLE: [(&str, &[(&str, After)]); 12] = [
    (
        "push a blob",
        transaction!(
            ("disk: appended", Absent),
            ("disk: synced the file", Absent),
            ("disk: renamed the file", Absent),
            ("disk: synced the folder", Absent);
            Present
        ),
    ),
    ("push a small blob", transaction!(; Present)),
    ("set a trust policy", transaction!(; Present)),
    ("push a tagged manifest", transaction!(; Present)),
    ("move a tag", transaction!(; Present)),
    ("delete a tag", transaction!(; Present)),
    ("delete a manifest with its referrer", transaction!(; Present)),
    ("delete a blob", transaction!(; Present)),
    ("replace a trust policy", transaction!(; Present)),
    ("remove a trust policy", transaction!(; Present)),
    (
        "delete a repository",
        // It is hidden; its tags go, their history, its manifests, its blobs, itself; nothing is left.
        transactions!(
            Absent => Begun,
            Begun => Begun,
            Begun => Begun,
            Begun => Begun,
            Begun => Begun,
            Begun => Present,
            Present => Present,
        ),
    ),
    (
        "collect",
        &[
            // The lease.
            ("writer: begun", Absent),
            ("writer: ran a job", Absent),
            ("writer: about to commit", Absent),
            ("writer: committed", Absent),
            // What goes.
            ("writer: begun", Absent),
            ("writer: ran a job", Absent),
            ("writer: about to commit", Absent),
            ("writer: committed", Present),
            ("collector: stepped", Present),
            // The lease is renewed, and nothing more is found.
            ("writer: begun", Present),
            ("writer: ran a job", Present),
            ("writer: about to commit", Present),
            ("writer: committed", Present),
            ("writer: begun", Present),
            ("writer: ran a job", Present),
            ("writer: about to commit", Present),
            ("writer: committed", Present),
            ("collector: stepped", Present),
            // Three blobs of the blob store have gone; their keys are forgotten, and the leases renewed and given back.
            ("collector: removed bytes", Present),
            ("collector: removed bytes", Present),
            ("collector: removed bytes", Present),
            ("writer: begun", Present),
            ("writer: ran a job", Present),
            ("writer: about to commit", Present),
            ("writer: committed", Present),
            ("collector: forgot keys", Present),
            ("writer: begun", Present),
            ("writer: ran a job", Present),
            ("writer: about to commit", Present),
            ("writer: committed", Present),
            ("writer: begun", Present),
            ("writer: ran a job", Present),
            ("writer: about to commit", Present),
            ("writer: committed", Present),
        ],
    ),
];

/// Runs the child, and returns the lines that it wrote until it ended.
fn child(folder: &Path, crash_at: Option<usize>) -> Vec<String> {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["crash::child_process", "--exact", "--ignored", "--nocapture", "--test-threads=1"])
        .env("WHARF_CRASH_FOLDER", folder)
        .env_remove("WHARF_CRASH_AT")
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    if let Some(at) = crash_at {
        command.env("WHARF_CRASH_AT", at.to_string());
    }
    let output = command.output().unwrap();
    assert_eq!(output.status.success(), crash_at.is_none(), "the child ended as told");
    // The test harness writes its own words before the first line.
    let text = String::from_utf8(output.stdout).unwrap();
    text.split_inclusive('\n')
        .filter_map(|line| line.find("wharf> ").map(|at| line[at + 7..].trim_end().to_owned()))
        .collect()
}

#[tokio::test]
async fn a_process_that_ends_at_any_step_leaves_each_operation_whole_or_absent() {
    let folder = crate::scratch::folder();
    let lines = child(folder.path(), None);
    let mut states: Vec<String> = Vec::new();
    let mut steps: Vec<(usize, &str)> = Vec::new();
    for line in &lines {
        match line.split_once(' ').unwrap() {
            ("state", text) => states.push(text.to_owned()),
            // What prepares the stage is no step.
            ("step", point) if !states.is_empty() => steps.push((states.len() - 1, point)),
            _ => {}
        }
    }
    let prepared = lines.iter().take_while(|line| !line.starts_with("state")).count();
    let expected: Vec<(usize, &str)> = TABLE
        .iter()
        .enumerate()
        .flat_map(|(at, (_, points))| points.iter().map(move |(point, _)| (at, *point)))
        .collect();
    assert_eq!(steps, expected, "the table has every step");
    assert_eq!(states.len(), OPERATIONS.len() + 1);
    for (at, (name, _)) in TABLE.iter().enumerate() {
        assert_eq!(*name, OPERATIONS[at]);
        assert_ne!(states[at], states[at + 1], "{name} changes what is there");
    }

    let mut crash_at = prepared;
    for (at, (name, points)) in TABLE.iter().enumerate() {
        for (point, after) in *points {
            let context = format!("{name}, ended after {point:?}");
            let folder = crate::scratch::folder();
            let lines = child(folder.path(), Some(crash_at));
            crash_at += 1;
            let acknowledged = lines.iter().filter(|line| line.starts_with("state")).count() - 1;
            assert_eq!(acknowledged, at, "{context}: acknowledged operations");
            let expected = match after {
                Absent => &states[at],
                Present | Begun => &states[at + 1],
            };
            let begun = *after == Begun;
            check(folder.path(), expected, begun, &states[OPERATIONS.len()], at, &context).await;
        }
    }
}

/// Opens what a dead process left, compares it, lets the doctor look at it, and does the rest of the script.
async fn check(folder: &Path, expected: &str, begun: bool, last: &str, at: usize, context: &str) {
    let store = Store::open(folder, 1000);
    let doctor = Doctor::new(store.catalog.clone(), store.blobs.clone());
    let report = doctor.examine(&DoctorOptions::look(today())).await.unwrap();
    assert_eq!(report.findings, [], "{context}: the doctor's findings");
    assert_eq!(report.removals_under_way, u64::from(begun), "{context}");
    if begun {
        script::assert_hidden(&store, "shop/old").await;
        while store.catalog.removal_step().await.unwrap() {}
    }
    assert_eq!(state(&store).await, expected, "{context}");

    // What was on its way is nobody's; a repair removes it once it is old.
    let strict = DoctorOptions {
        repair: true,
        orphan_age: Duration::ZERO,
        scrub_bytes_per_second: Some(u64::MAX),
        ..DoctorOptions::look(i64::MAX / 2)
    };
    let report = doctor.examine(&strict).await.unwrap();
    let orphans = report.findings.iter().all(|finding| matches!(finding, Finding::Orphan { .. }));
    assert!(orphans && report.findings.len() <= 1, "{context}: {:?}", report.findings);
    let report = doctor.examine(&strict).await.unwrap();
    assert_eq!((report.findings, report.released_keys), (Vec::new(), 0), "{context}: after the repair");

    // The client tries again, and goes on.
    for operation in at..OPERATIONS.len() {
        script::run(&store, operation).await;
    }
    assert_eq!(state(&store).await, last, "{context}: tried again");
}

#[test]
#[ignore = "run by the other tests as a process of its own"]
fn child_process() {
    let Some(folder) = std::env::var_os("WHARF_CRASH_FOLDER") else { return };
    let round = std::env::var("WHARF_CRASH_CONCURRENT").ok().and_then(|text| text.parse().ok());
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        match round {
            Some(round) => script::push_for_ever(Path::new(&folder), round).await,
            None => script::child(Path::new(&folder)).await,
        }
    });
}

#[tokio::test]
async fn a_process_that_is_killed_under_load_loses_nothing_that_it_acknowledged() {
    let folder = crate::scratch::folder();
    let mut acknowledged = Vec::new();
    for round in 0..5u64 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["crash::child_process", "--exact", "--ignored", "--nocapture", "--test-threads=1"])
            .env("WHARF_CRASH_FOLDER", folder.path())
            .env("WHARF_CRASH_CONCURRENT", round.to_string())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        // After so many acknowledgements, whatever the machine's speed, it is killed in the middle of others.
        let before = acknowledged.len();
        while acknowledged.len() < before + 40 + usize::try_from(round * 13).unwrap() {
            let line = lines.next().expect("the child goes on for ever").unwrap();
            acknowledged.extend(line.split_once("wharf> acknowledged ").map(|(_, text)| text.to_owned()));
        }
        child.kill().unwrap();
        // What it said before it died counts too.
        for line in lines.map_while(Result::ok) {
            acknowledged.extend(line.split_once("wharf> acknowledged ").map(|(_, text)| text.to_owned()));
        }
        child.wait().unwrap();

        let store = Store::open(folder.path(), 1_000_000);
        for image in &acknowledged {
            script::assert_is_whole(&store, image).await;
        }
        let doctor = Doctor::new(store.catalog.clone(), store.blobs.clone());
        let options =
            DoctorOptions { scrub_bytes_per_second: Some(u64::MAX), ..DoctorOptions::look(today()) };
        assert_eq!(doctor.examine(&options).await.unwrap().findings, [], "round {round}");
    }
}

/// The time by which the files are young, Unix seconds.
fn today() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    i64::try_from(since.as_secs()).unwrap()
}
