//! `wharf cp` and its neighbours, as a user runs them.

use std::fs;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde_json::Value;
use wharf_content::contract::{blob, manifest};
use wharf_content::{LayoutTarget, Target};

use crate::support::{Run, World};

/// A chart in the registry, with an SBOM and a signature of the SBOM attached.
fn with_papers() -> (World, String) {
    let world = World::logged_in();
    world.publish(&[]).ok();
    let place = format!("{}/shop/storefront:1.4.0", world.host());
    fs::write(world.path("sbom.json"), "{\"packages\":[]}").unwrap();
    let attached = world
        .wharf(&[
            "attach",
            &place,
            "sbom.json:application/spdx+json",
            "--type",
            "application/spdx+json",
            "-o",
            "json",
        ])
        .ok()
        .json();
    let sbom = format!("{}/shop/storefront@{}", world.host(), attached["digest"].as_str().unwrap());
    world.wharf(&["attach", &sbom, "--type", "application/vnd.example.sig", "--annotation", "by=ann"]).ok();
    (world, place)
}

fn papers(run: &Run) -> Value {
    run.json()["papers"].clone()
}

#[test]
fn an_artifact_goes_through_every_kind_of_place_with_its_papers() {
    let (world, place) = with_papers();
    let before = world.wharf(&["inspect", &place, "-o", "json"]).ok();
    assert_eq!(papers(&before)[0]["papers"][0]["artifactType"], "application/vnd.example.sig");
    let copy = format!("{}/shop/copy", world.host());
    let ways = [
        (place.as_str(), "tar:web.tar"),
        ("tar:web.tar:1.4.0", "layout:web"),
        ("layout:web:1.4.0", copy.as_str()),
    ];
    for (from, to) in ways {
        let dry = world.wharf(&["cp", from, to, "--dry-run", "-o", "json"]).ok().json();
        assert!(dry["artifacts"][0]["items"].as_array().unwrap().len() >= 7, "{dry}");
        let copied = world.wharf(&["cp", from, to]).ok();
        assert!(copied.stdout.contains("2 papers"), "{copied:?}");
        let again = world.wharf(&["cp", from, to]).ok();
        assert!(again.stdout.contains("Is there"), "{again:?}");
    }
    let after = world.wharf(&["inspect", &format!("{copy}:1.4.0"), "-o", "json"]).ok();
    assert_eq!(papers(&after), papers(&before));
    assert_eq!(after.json()["digest"], before.json()["digest"]);
    assert!(!world.path("web.tar.partial").exists());
}

#[test]
fn what_is_wrong_with_a_copy_is_said_in_one_sentence() {
    let world = World::logged_in();
    let host = world.host();
    world.wharf(&["cp", &format!("{host}/shop/web"), "tar:x.tar"]).fails(2, "neither tag nor digest");
    world.wharf(&["cp", "./x", "tar:x.tar"]).fails(2, "layout:DIR");
    world.wharf(&["cp", "layout:none:v1", "tar:x.tar"]).fails(6, "is no OCI layout");
    world.wharf(&["cp", "tar:none.tar:v1", "layout:x"]).fails(6, "there is no file");
    world.publish(&[]).ok();
    world.wharf(&["cp", &format!("{host}/shop/storefront:9.9.9"), "tar:x.tar"]).fails(6, "source: ");
    let of_platform = [&format!("{host}/shop/storefront:1.4.0"), "tar:x.tar", "--platform", "linux"];
    world.wharf(&["cp", of_platform[0], of_platform[1], of_platform[2], of_platform[3]]).ok();
    world.wharf(&["cp", of_platform[0], "layout:x", "--all-tags"]).fails(2, "neither place");
    fs::write(world.path("short.tar"), "garbage".repeat(100)).unwrap();
    world.wharf(&["cp", "tar:short.tar:v1", "layout:x"]).fails(1, "short.tar");
}

#[test]
fn tags_are_chosen_by_range_listed_moved_and_removed() {
    let world = World::logged_in();
    for version in ["1.0.0", "1.2.0", "2.0.0"] {
        world.publish(&["--version", version]).ok();
    }
    let place = format!("{}/shop/storefront", world.host());
    let copied =
        world.wharf(&["cp", &place, "layout:mirror", "--tag-semver", "^1", "-o", "json"]).ok().json();
    assert_eq!(copied["artifacts"].as_array().unwrap().len(), 2);
    assert_eq!(world.wharf(&["ls", "layout:mirror"]).ok().stdout, "1.0.0\n1.2.0\n");
    assert_eq!(world.wharf(&["ls", &world.host()]).ok().stdout, "shop/storefront\n");
    world.wharf(&["tag", "layout:mirror:1.2.0", "stable", "--dry-run"]).ok();
    assert_eq!(world.wharf(&["ls", "layout:mirror"]).ok().stdout.lines().count(), 2);
    world.wharf(&["tag", "layout:mirror:1.2.0", "stable"]).ok();
    world.wharf(&["rm", "layout:mirror:1.0.0"]).ok();
    assert_eq!(world.wharf(&["ls", "layout:mirror"]).ok().stdout, "1.2.0\nstable\n");
    world.wharf(&["rm", &format!("{place}:2.0.0")]).ok();
    let left = world.wharf(&["ls", &place, "--digests", "-o", "json"]).ok().json();
    assert_eq!(left.as_array().unwrap().len(), 2);
}

#[test]
fn an_artifact_is_removed_with_its_papers() {
    let (world, place) = with_papers();
    world.wharf(&["rm", &place, "--with-papers"]).fails(2, "--artifact");
    let planned = world.wharf(&["rm", &place, "--artifact", "--with-papers", "--dry-run", "-o", "json"]).ok();
    let removed = world.wharf(&["rm", &place, "--artifact", "--with-papers", "-o", "json"]).ok();
    assert_eq!(removed.json()["removed"], planned.json()["removed"]);
    assert_eq!(removed.json()["removed"].as_array().unwrap().len(), 3);
    world.wharf(&["inspect", &place]).fails(6, "1.4.0");
}

#[test]
fn files_are_pushed_with_the_same_digest_every_time_and_pulled_back() {
    let world = World::logged_in();
    world.publish(&[]).ok();
    fs::create_dir_all(world.path("notes/deep")).unwrap();
    fs::write(world.path("notes/deep/a.txt"), "a").unwrap();
    fs::write(world.path("report.pdf"), "a report").unwrap();
    let place = format!("{}/shop/reports:v1", world.host());
    let push = |to: &str| {
        let words = [
            "push",
            "report.pdf:application/pdf",
            "notes",
            to,
            "--type",
            "application/vnd.example.report",
            "-o",
            "json",
        ];
        world.wharf(&words).ok().json()["digest"].clone()
    };
    let first = push(&place);
    // Another time of change is no other content.
    let later = std::time::SystemTime::now() - Duration::from_secs(1000);
    fs::File::options()
        .write(true)
        .open(world.path("notes/deep/a.txt"))
        .unwrap()
        .set_modified(later)
        .unwrap();
    assert_eq!(push("tar:reports.tar:v1"), first);

    world.wharf(&["pull", &place, "--to", "out"]).ok();
    assert_eq!(fs::read_to_string(world.path("out/report.pdf")).unwrap(), "a report");
    assert_eq!(fs::read_to_string(world.path("out/notes/deep/a.txt")).unwrap(), "a");
    world.wharf(&["pull", &place, "--to", "out"]).fails(2, "--overwrite");
    world.wharf(&["pull", "tar:reports.tar:v1", "--to", "out", "--overwrite"]).ok();
    let chart = format!("{}/shop/storefront:1.4.0", world.host());
    world.wharf(&["pull", &chart, "--to", "charts"]).ok();
    assert!(world.path("charts/storefront-1.4.0.tgz").exists());
}

#[test]
fn a_file_whose_name_leads_out_is_not_written() {
    let world = World::without_registry();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let layout = LayoutTarget::create(world.path("evil")).await.unwrap();
        let (config, config_source) = blob("application/vnd.oci.empty.v1+json", "{}");
        let (mut layer, layer_source) = blob("text/plain", "owned");
        layout.push_blob(&config, &config_source).await.unwrap();
        layout.push_blob(&layer, &layer_source).await.unwrap();
        layer.annotations.insert("org.opencontainers.image.title".into(), "../owned".into());
        layout.push_manifest(&manifest(&config, &[&layer], None), &["v1".parse().unwrap()]).await.unwrap();
    });
    world.wharf(&["pull", "layout:evil:v1", "--to", "out"]).fails(1, "../owned");
    assert!(!world.path("owned").exists());
}

/// An image of two layers of 40 MiB in a layout.
fn large(world: &World) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let layout = LayoutTarget::create(world.path("large")).await.unwrap();
        let (config, config_source) = blob("application/vnd.example.config", "{}");
        layout.push_blob(&config, &config_source).await.unwrap();
        let mut layers = Vec::new();
        for seed in 1..=2_u64 {
            let mut state = seed;
            let bytes: Vec<u8> = (0..5 << 20)
                .flat_map(|_| {
                    state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    state.to_le_bytes()
                })
                .collect();
            let (layer, source) = blob("application/vnd.example.layer", bytes);
            layout.push_blob(&layer, &source).await.unwrap();
            layers.push(layer);
        }
        let layers: Vec<_> = layers.iter().collect();
        layout.push_manifest(&manifest(&config, &layers, None), &["v1".parse().unwrap()]).await.unwrap();
    })
}

/// Runs a copy that is killed at once, and then again and again after so many MiB have gone to the registry or from it, and
/// then to its end; the copy is held against the original by copying it back.
fn killed(world: &mut World, counts: &[AtomicU64; 2], from: &str, to: &str, also_server: bool) {
    let gone = || counts.iter().map(|count| count.load(Ordering::Relaxed)).sum::<u64>();
    for mebibytes in KILLED_AFTER {
        let until = gone() + (mebibytes << 20);
        let mut child = world.spawn(&["cp", from, to]);
        while gone() < until && child.try_wait().unwrap().is_none() {
            std::thread::sleep(Duration::from_millis(1));
        }
        if also_server {
            world.kill_and_serve();
        }
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let report = world.wharf(&["cp", from, to, "-o", "json"]).ok().json();
    let items = report["artifacts"][0]["items"].as_array().unwrap();
    assert_eq!(items.len(), 4, "{report}");
    let back = format!("layout:back-{}", to.len());
    let copied = if to.contains(":v1") { to.to_owned() } else { format!("{to}:v1") };
    let back = world.wharf(&["cp", &copied, &back, "-o", "json"]).ok().json();
    assert_eq!(back["artifacts"][0]["digest"], report["artifacts"][0]["digest"]);
    assert_eq!(items.len(), back["artifacts"][0]["items"].as_array().unwrap().len());
}

/// After how many MiB a copy is killed. Each is less than a layer: a layer that arrived whole would not be sent again by a copy
/// that starts over, either.
const KILLED_AFTER: [u64; 5] = [0, 12, 20, 28, 34];

/// What an upload of 80 MiB that goes on where it was may send in all; one that starts over each time sends 140 MiB.
///
/// Downloads, and uploads to a registry that is killed, lose what is in the buffers of connections as well, too much to tell
/// them from starting over by a count: they must end, and end well.
const UP_AT_MOST: u64 = 130 << 20;

/// Returns what has gone to the registry and from it since the last call.
fn sent(counts: &[AtomicU64; 2]) -> [u64; 2] {
    counts.each_ref().map(|count| count.swap(0, Ordering::Relaxed))
}

#[test]
fn a_copy_whose_client_is_killed_again_and_again_does_not_start_over() {
    let mut world = World::logged_in();
    world.publish(&[]).ok();
    large(&world);
    let (host, counts) = world.metered();
    let place = format!("{host}/shop/large");
    sent(&counts);
    killed(&mut world, &counts, "layout:large:v1", &place, false);
    let [up, back] = sent(&counts);
    assert!(up < UP_AT_MOST, "{up} bytes to the registry");
    assert!(back < UP_AT_MOST, "{back} bytes from it");
    // A run that is killed between the end of an upload and the removal of its note leaves the note, no more.
    let uploads = world.path(".local/state/wharf/uploads");
    assert!(fs::read_dir(uploads).unwrap().count() <= 2);
    for there in ["layout:there", "tar:there.tar"] {
        killed(&mut world, &counts, &format!("{place}:v1"), there, false);
    }
    let mut left = fs::read_dir(world.path("there")).unwrap().map(|entry| entry.unwrap().file_name());
    assert!(
        left.all(|name| !name.to_str().unwrap().starts_with(".incoming-sha256")),
        "nothing large is left"
    );
}

#[test]
fn a_copy_whose_server_is_killed_again_and_again_ends_whole() {
    let mut world = World::logged_in();
    world.publish(&[]).ok();
    large(&world);
    let (host, counts) = world.metered();
    let place = format!("{host}/shop/large");
    killed(&mut world, &counts, "layout:large:v1", &place, true);
}

#[test]
fn a_copy_outlives_a_restart_of_its_server() {
    let mut world = World::logged_in();
    world.publish(&[]).ok();
    large(&world);
    let (host, counts) = world.metered();
    let place = format!("{host}/shop/large:v1");
    sent(&counts);
    let mut child = world.spawn(&["cp", "layout:large:v1", &place]);
    while counts[0].load(Ordering::Relaxed) < 12 << 20 && child.try_wait().unwrap().is_none() {
        std::thread::sleep(Duration::from_millis(1));
    }
    world.kill_and_serve();
    assert!(child.wait().unwrap().success());
    // It comes back whole: every byte is verified on the way.
    let back = world.wharf(&["cp", &place, "layout:back", "-o", "json"]).ok().json();
    assert_eq!(back["artifacts"][0]["items"].as_array().unwrap().len(), 4);
}

#[test]
fn all_tags_go_in_one_run_and_what_they_share_goes_once() {
    let world = World::logged_in();
    for number in 0..12 {
        fs::write(world.path("own.txt"), format!("own {number}")).unwrap();
        fs::write(world.path("shared.txt"), "shared").unwrap();
        world.wharf(&["push", "own.txt", "shared.txt", &format!("layout:many:v{number}")]).ok();
    }
    world.publish(&[]).ok();
    let place = format!("{}/shop/many", world.host());
    let report = world.wharf(&["cp", "layout:many", &place, "--all-tags", "-o", "json"]).ok().json();
    let artifacts = report["artifacts"].as_array().unwrap();
    assert_eq!(artifacts.len(), 12);
    let carried = |artifact: &Value| {
        let items = artifact["items"].as_array().unwrap().iter();
        items.filter(|item| item["outcome"] == "carried" && item["role"] == "blob").count()
    };
    // Each its own file; the other file and the empty config once.
    assert_eq!(artifacts.iter().map(carried).sum::<usize>(), 12 + 2, "{report}");
    assert_eq!(world.wharf(&["ls", &place]).ok().stdout.lines().count(), 12);
    let slow = ["cp", &place, "layout:back", "--all-tags", "--requests-at-once", "1"];
    world.wharf(&slow).ok();
    assert_eq!(world.wharf(&["ls", "layout:back"]).ok().stdout.lines().count(), 12);
    let pinned = world.wharf(&["cp", "layout:back:v7", "tar:seven.tar", "-o", "json"]).ok().json();
    assert_eq!(pinned["artifacts"][0]["items"].as_array().unwrap().len(), 4);
}
