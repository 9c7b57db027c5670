//! `wharf sync`: what its file says, in what order, and what is told of it.

use std::fs;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use wharf_content::contract::push_image;
use wharf_testkit::{TestServer, answer};

use crate::support::{Run, World};

/// A home, and a registry with an image under `v1` of `shop/web` and of `shop/other`.
struct Mirror {
    world: World,
    server: TestServer,
    /// The server runs on it.
    _runtime: tokio::runtime::Runtime,
}

impl Mirror {
    fn new() -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let server = runtime.block_on(async {
            let server = TestServer::start().await;
            push_image(&server.repository(), "image", &["v1"]).await;
            server
        });
        Self { world: World::without_registry(), server, _runtime: runtime }
    }

    /// Runs it with an entry for each pair of places; `HOST` stands for the registry.
    fn sync(&self, entries: &[(&str, &str, &str)]) -> Run {
        self.write(entries);
        self.world.wharf(&["sync", "mirror.toml", "-o", "json"])
    }

    fn write(&self, entries: &[(&str, &str, &str)]) {
        let entry = |(source, destination, more): &(&str, &str, &str)| {
            let text = format!("[[sync]]\nsource = {source:?}\ndestination = {destination:?}\n{more}\n");
            text.replace("HOST", &self.server.host())
        };
        fs::write(self.world.path("mirror.toml"), entries.iter().map(entry).collect::<String>()).unwrap();
    }
}

#[test]
fn entries_run_side_by_side_and_are_told_in_the_order_of_the_file() {
    let mirror = Mirror::new();
    // The first gets no further until the second has been asked for.
    let second = AtomicBool::new(false);
    mirror.server.bend(move |seen, _| {
        if seen.uri.path().starts_with("/v2/shop/other/") {
            second.store(true, Ordering::Relaxed);
        }
        (!second.load(Ordering::Relaxed)).then(|| answer(503, &[], ""))
    });
    let run =
        mirror.sync(&[("HOST/shop/web:v1", "layout:one", ""), ("HOST/shop/other:v1", "layout:two", "")]);
    let report = run.ok().json();
    assert_eq!(
        (&report[0]["destination"], &report[1]["destination"]),
        (&"layout:one".into(), &"layout:two".into())
    );
    for entry in report.as_array().unwrap() {
        assert_eq!(entry["artifacts"][0]["items"].as_array().unwrap().len(), 3, "{entry}");
    }
}

#[test]
fn an_entry_waits_for_what_it_reads() {
    let mirror = Mirror::new();
    let run = mirror.sync(&[
        ("HOST/shop/web:v1", "layout:one", ""),
        ("layout:one:v1", "tar:two.tar", ""),
        ("tar:two.tar:v1", "layout:three", ""),
    ]);
    run.ok();
    let listed = mirror.world.wharf(&["ls", "layout:three"]).ok().stdout;
    assert!(listed.contains("v1"), "{listed}");
}

/// An entry that is bounded has its registry for itself; the bound would not hold if others asked there as well.
#[test]
fn an_entry_with_a_bound_on_requests_has_its_registry_for_itself() {
    let mirror = Mirror::new();
    let run = mirror.sync(&[
        ("HOST/shop/web:v1", "layout:one", "requests_at_once = 1"),
        ("HOST/shop/other:v1", "layout:two", ""),
    ]);
    run.ok();
    let first: Vec<bool> =
        mirror.server.seen().iter().map(|seen| seen.uri.path().starts_with("/v2/shop/web/")).collect();
    // From the last request of the push on, the first entry's come before the second's.
    let other = first.iter().position(|first| !first).unwrap();
    assert!(first[other..].iter().all(|first| !first), "{first:?}");
}

#[test]
fn an_entry_that_fails_is_told_in_its_place_and_holds_up_no_other() {
    let mirror = Mirror::new();
    let run = mirror.sync(&[
        ("HOST/shop/web:v1", "layout:one", ""),
        ("HOST/shop/web:absent", "layout:two", ""),
        ("HOST/shop/other:v1", "layout:three", ""),
    ]);
    assert_ne!(run.status, 0, "{run:?}");
    assert!(run.stderr.contains("absent"), "{run:?}");
    let report = run.json();
    let failed: Vec<bool> =
        report.as_array().unwrap().iter().map(|entry| entry["artifacts"][0]["error"].is_string()).collect();
    assert_eq!(failed, [false, true, false], "{report}");
}

#[test]
fn with_watch_an_entry_that_waits_holds_up_no_other() {
    let mirror = Mirror::new();
    let again = AtomicUsize::new(0);
    let (told, twice) = std::sync::mpsc::channel();
    mirror.server.bend(move |seen, _| {
        if seen.uri.path() == "/v2/shop/other/manifests/v1" && again.fetch_add(1, Ordering::Relaxed) == 1 {
            told.send(()).unwrap();
        }
        // The first waits for longer than this test.
        let waits = seen.uri.path().starts_with("/v2/shop/web/");
        waits.then(|| answer(429, &[("retry-after", "100")], ""))
    });
    mirror.write(&[
        ("HOST/shop/web:v1", "layout:one", "every = \"1d\""),
        ("HOST/shop/other:v1", "layout:two", "every = \"1s\""),
    ]);
    let mut child = mirror.world.spawn(&["sync", "mirror.toml", "--watch"]);
    let came_again = twice.recv_timeout(std::time::Duration::from_secs(60));
    child.kill().unwrap();
    child.wait().unwrap();
    came_again.expect("the second entry is done again");
}
