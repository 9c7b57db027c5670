use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use crate::support::{Run, World};

/// Adds a value that no template reads: other content, and still a sound chart.
fn change_values(chart: &Path) -> String {
    let path = chart.join("values.yaml");
    let values = fs::read_to_string(&path).unwrap() + "changed: true\n";
    fs::write(path, &values).unwrap();
    values
}

#[test]
fn a_chart_is_published_once_and_found_there_the_second_time() {
    let world = World::logged_in();
    let first = world.publish(&[]).ok().json();
    assert_eq!((&first["outcome"], &first["project"]), (&"published".into(), &"created".into()));
    let reference = format!("{}/shop/storefront:1.4.0", world.host());
    assert_eq!(first["reference"], reference);

    let second = world.publish(&[]).ok().json();
    assert_eq!(second["outcome"], "already-there");
    assert_eq!((&second["digest"], &second["carriedBytes"]), (&first["digest"], &0.into()));

    let (status, project) = world.get("/api/v2.0/projects/shop");
    assert_eq!(status, 200);
    assert!(project.contains(r#""public":"false""#), "{project}");
}

#[test]
fn other_content_under_the_same_version_is_refused_with_what_differs() {
    let world = World::logged_in();
    let first = world.publish(&[]).ok().json();
    let chart = world.chart();
    let values = change_values(&chart);
    fs::write(chart.join("NEW.md"), "new\n").unwrap();
    fs::remove_file(chart.join("templates/hpa.yaml")).unwrap();

    let run = world.publish(&["--channel", "stable"]).fails(3, "exists with other content");
    assert!(run.stderr.contains("--force"), "{run:?}");
    let report = run.json();
    assert_eq!(report["outcome"], "refused");
    let differences = &report["differences"];
    assert_eq!(differences["remote"]["digest"], first["digest"]);
    assert_eq!(differences["added"][0]["path"], "NEW.md");
    assert_eq!(differences["removed"][0]["path"], "templates/hpa.yaml");
    assert_eq!(differences["changed"][0]["path"], "values.yaml");
    assert_eq!(differences["changed"][0]["local"]["size"], values.len());
    let text = world.wharf(&["publish", chart.to_str().unwrap(), &world.oci("shop")]).stderr;
    for line in ["added:   NEW.md", "removed: templates/hpa.yaml", "changed: values.yaml"] {
        assert!(text.contains(line), "{text}");
    }
    assert_eq!(world.get("/v2/shop/storefront/manifests/stable").0, 404, "no channel moved");

    let forced = world.publish(&["--force"]).ok().json();
    assert_eq!(forced["outcome"], "replaced");
    let (_, log) = world.get("/api/v2.0/audit-logs?page_size=100");
    assert!(log.contains("publish --force"), "the audit log says so: {log}");
    assert_eq!(world.publish(&["--force"]).ok().json()["outcome"], "already-there");
}

/// Publishes the chart in `mine` while, right before its version is set, somebody else publishes the chart of the world.
fn overtaken(world: &Arc<World>, theirs: &'static [&'static str], more: &[&str]) -> Run {
    let other = Arc::clone(world);
    let act = move || drop(other.publish(theirs).ok());
    let host = world.interrupted("PUT /v2/shop/storefront/manifests/1.4.0 ", act);
    let place = format!("oci://{host}/shop");
    let mut arguments = vec!["publish", "mine", &place, "--output", "json"];
    arguments.extend(more);
    world.wharf(&arguments)
}

fn copy_as_mine(world: &World) {
    let copied = Command::new("cp").arg("-r").arg(world.chart()).arg(world.path("mine")).status();
    assert!(copied.unwrap().success());
}

#[test]
fn of_two_publishes_of_one_version_at_once_the_second_is_refused() {
    let world = Arc::new(World::logged_in());
    copy_as_mine(&world);
    change_values(&world.path("mine"));
    let report = overtaken(&world, &[], &[]).fails(3, "exists with other content").json();
    assert_eq!(report["outcome"], "refused");
    assert_eq!(report["differences"]["changed"][0]["path"], "values.yaml");
    assert_eq!(world.publish(&[]).ok().json()["outcome"], "already-there", "the first one stays");
}

#[test]
fn of_two_publishes_of_the_same_content_at_once_both_are_fine() {
    let world = Arc::new(World::logged_in());
    copy_as_mine(&world);
    let report = overtaken(&world, &[], &["--channel", "stable"]).ok().json();
    assert_eq!(
        (&report["outcome"], &report["channels"][0]["moved"]),
        (&"already-there".into(), &true.into())
    );
}

#[test]
fn force_replaces_what_was_shown_and_nothing_newer() {
    let world = Arc::new(World::logged_in());
    copy_as_mine(&world);
    change_values(&world.path("mine"));
    world.publish(&["--app-version", "8"]).ok();
    overtaken(&world, &["--app-version", "9", "--force"], &["--force"]).fails(3, "exists with other content");
    let again = world.publish(&["--app-version", "9"]).ok().json();
    assert_eq!(again["outcome"], "already-there", "what came in between stays");
}

#[test]
fn a_channel_that_somebody_else_moved_meanwhile_stays_there() {
    let world = Arc::new(World::logged_in());
    world.publish(&["--channel", "stable"]).ok();
    let other = Arc::clone(&world);
    let act = move || drop(other.publish(&["--version", "1.6.0", "--channel", "stable"]).ok());
    let host = world.interrupted("PUT /v2/shop/storefront/manifests/stable ", act);
    let chart = world.chart();
    let place = format!("oci://{host}/shop");
    let run = world.wharf(&[
        "publish",
        chart.to_str().unwrap(),
        &place,
        "--version",
        "1.5.0",
        "--channel",
        "stable",
    ]);
    run.fails(4, "somebody else moved it meanwhile");
    let newer = world.publish(&["--version", "1.6.0", "--channel", "stable"]).ok().json();
    assert_eq!(newer["channels"][0]["moved"], false, "it points to what the other publish set");
}

#[test]
fn channels_move_last_and_say_where_they_were() {
    let world = World::logged_in();
    let one = world.publish(&["--channel", "stable", "--channel", "beta"]).ok().json();
    assert_eq!(one["channels"][0]["from"], serde_json::Value::Null);
    let two = world.publish(&["--version", "1.5.0", "--channel", "stable"]).ok().json();
    assert_eq!(two["channels"][0]["from"], one["digest"]);
    assert_eq!(two["channels"][0]["to"], two["digest"]);
    let back = world.publish(&["--channel", "stable"]).ok().json();
    assert_eq!((&back["outcome"], &back["channels"][0]["moved"]), (&"already-there".into(), &true.into()));
    let again = world.publish(&["--channel", "stable"]).ok().json();
    assert_eq!(again["channels"][0]["moved"], false);
    world.publish(&["--channel", "1.4.0"]).fails(2, "is the version itself");
    world.publish(&["--channel", "a/b"]).fails(2, "a/b");
}

#[test]
fn a_dry_run_says_everything_and_writes_nothing() {
    let world = World::logged_in();
    let report = world.publish(&["--dry-run", "--channel", "stable"]).ok().json();
    assert_eq!((&report["outcome"], &report["project"]), (&"would-publish".into(), &"would-create".into()));
    assert_eq!(report["channels"][0]["moved"], true);
    assert_eq!(world.get("/api/v2.0/projects/shop").0, 404);

    world.publish(&[]).ok();
    change_values(&world.chart());
    world.publish(&["--dry-run"]).fails(3, "exists with other content");
    assert_eq!(world.publish(&["--dry-run", "--force"]).ok().json()["outcome"], "would-replace");
    world.publish(&[]).fails(3, "exists with other content");
}

#[test]
fn a_plan_is_made_without_network_and_pushed_elsewhere() {
    let world = World::logged_in();
    let chart = world.chart();
    let chart = chart.to_str().unwrap();
    let planned = world.wharf(&["publish", chart, "--plan", "plan", "-o", "json"]).ok().json();
    world.wharf(&["publish", chart, "--plan", "again"]).ok();
    let same = Command::new("diff").arg("-r").args(["plan", "again"]).current_dir(world.home.path()).status();
    assert!(same.unwrap().success(), "the same chart makes the same plan");

    let pushed =
        world.wharf(&["publish", "--plan", "plan", &world.oci("shop/deep"), "-o", "json"]).ok().json();
    assert_eq!(pushed["digest"], planned["digest"]);
    assert_eq!(pushed["reference"], format!("{}/shop/deep/storefront:1.4.0", world.host()));
}

#[test]
fn a_plan_that_was_tampered_with_is_refused() {
    let world = World::logged_in();
    let chart = world.chart();
    let planned =
        world.wharf(&["publish", chart.to_str().unwrap(), "--plan", "plan", "-o", "json"]).ok().json();
    let digest = planned["chartDigest"].as_str().unwrap();
    let blob = world.path("plan/blobs/sha256").join(digest.strip_prefix("sha256:").unwrap());
    let mut bytes = fs::read(&blob).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&blob, bytes).unwrap();
    world.wharf(&["publish", "--plan", "plan", &world.oci("shop")]).fails(1, digest);
    assert_eq!(world.get("/api/v2.0/projects/shop").0, 404, "nothing was done");
}

#[test]
fn a_plan_goes_up_under_the_tag_of_its_version_only() {
    let world = World::logged_in();
    world.wharf(&["publish", world.chart().to_str().unwrap(), "--plan", "plan"]).ok();
    let path = world.path("plan/plan.json");
    let plan = fs::read_to_string(&path).unwrap();
    for other in ["2.0.0", "stable"] {
        let changed = plan.replace(r#""tag": "1.4.0""#, &format!(r#""tag": "{other}""#));
        assert_ne!(changed, plan);
        fs::write(&path, changed).unwrap();
        let run = world.wharf(&["publish", "--plan", "plan", &world.oci("shop")]).fails(1, "1.4.0");
        assert!(run.stderr.contains(&format!("tag {other}")), "{run:?}");
    }
    assert_eq!(world.get("/api/v2.0/projects/shop").0, 404, "nothing was done");
}

#[test]
fn times_and_places_do_not_change_the_digest() {
    let world = World::without_registry();
    let chart = world.chart();
    let digest = |arguments: &[&str], variables: &[(&str, &str)]| {
        let mut all = vec!["publish"];
        all.extend(arguments);
        all.extend(["-o", "json"]);
        world.wharf_with(&all, "", variables).ok().json()["digest"].as_str().unwrap().to_owned()
    };
    let first = digest(&[chart.to_str().unwrap(), "--plan", "one"], &[]);
    let touched =
        Command::new("find").arg(&chart).args(["-exec", "touch", "-d", "2001-02-03", "{}", "+"]).status();
    assert!(touched.unwrap().success());
    fs::rename(&chart, world.path("elsewhere")).unwrap();
    assert_eq!(digest(&["elsewhere", "--plan", "two"], &[("TZ", "Asia/Tokyo")]), first);

    let epoch = [("SOURCE_DATE_EPOCH", "1700000000")];
    let stamped = digest(&["elsewhere", "--plan", "three"], &epoch);
    assert_ne!(stamped, first);
    let encoded = stamped.strip_prefix("sha256:").unwrap();
    let manifest = fs::read_to_string(world.path("three/blobs/sha256").join(encoded)).unwrap();
    assert!(manifest.contains(r#""org.opencontainers.image.created":"2023-11-14T22:13:20Z""#), "{manifest}");
    world
        .wharf_with(&["publish", "elsewhere", "--plan", "four"], "", &[("SOURCE_DATE_EPOCH", "soon")])
        .fails(1, "SOURCE_DATE_EPOCH");
}

#[test]
fn a_packed_chart_goes_up_as_it_is_with_its_provenance() {
    let world = World::logged_in();
    let packed = world
        .wharf(&["publish", world.chart().to_str().unwrap(), "--plan", "plan", "-o", "json"])
        .ok()
        .json();
    let digest = packed["chartDigest"].as_str().unwrap();
    let blob = world.path("plan/blobs/sha256").join(digest.strip_prefix("sha256:").unwrap());
    let archive = world.path("storefront-1.4.0.tgz");
    fs::copy(blob, &archive).unwrap();
    let provenance = world.path("storefront-1.4.0.tgz.prov");
    fs::write(&provenance, format!("signed\nfiles:\n  storefront-1.4.0.tgz: {digest}\n")).unwrap();

    let place = world.oci("shop");
    let publish = |more: &[&str]| {
        let mut all = vec!["publish", archive.to_str().unwrap(), &place, "-o", "json"];
        all.extend(more);
        world.wharf(&all)
    };
    publish(&["--version", "2.0.0"]).fails(2, "signs the archive as it is");
    let report = publish(&[]).ok().json();
    assert_eq!((&report["provenance"], &report["chartDigest"]), (&true.into(), &digest.into()));

    fs::write(&provenance, "signed\nfiles:\n  storefront-1.4.0.tgz: sha256:0000\n").unwrap();
    publish(&[]).fails(1, "does not sign");
    fs::remove_file(&provenance).unwrap();
    publish(&[]).fails(3, "a provenance file is there only");
}

#[test]
fn a_chart_that_does_not_pass_the_checks_is_not_published() {
    let world = World::without_registry();
    let chart = world.chart();
    let place = world.oci("shop");
    let publish = || world.wharf(&["publish", chart.to_str().unwrap(), &place]);
    fs::write(chart.join("values.yaml"), "a: [\n").unwrap();
    publish().fails(1, "values.yaml");
    fs::write(chart.join("Chart.yaml"), "apiVersion: v2\nname: storefront\n").unwrap();
    publish().fails(1, "version");
    fs::remove_file(chart.join("Chart.yaml")).unwrap();
    publish().fails(1, "Chart.yaml");
    world.wharf(&["publish", "nowhere", &place]).fails(1, "nowhere");
}

#[test]
fn links_lead_nowhere_outside_the_chart() {
    let world = World::without_registry();
    let chart = world.chart();
    std::os::unix::fs::symlink("/etc/hostname", chart.join("stolen")).unwrap();
    let run = world.wharf(&["publish", chart.to_str().unwrap(), "--plan", "plan"]);
    run.fails(1, "leads out of the chart");
    fs::remove_file(chart.join("stolen")).unwrap();
    std::os::unix::fs::symlink("../missing/a.tpl", chart.join("templates/a.tpl")).unwrap();
    let link = chart.canonicalize().unwrap().join("templates/a.tpl");
    let name = chart.file_name().unwrap().to_str().unwrap();
    let run = world.wharf(&["helm", "template", "x", &format!("./{name}")]);
    // In Helm 4.2.4's words.
    let missing = chart.canonicalize().unwrap().join("missing");
    let text = format!("symlink {}: lstat {}: no such file or directory", link.display(), missing.display());
    run.fails(1, &text);
}

#[test]
fn a_plus_in_the_version_becomes_an_underscore_in_the_tag() {
    let world = World::logged_in();
    let report = world.publish(&["--version", "2.0.0+build.7", "--app-version", "x"]).ok().json();
    assert_eq!((&report["version"], &report["appVersion"]), (&"2.0.0+build.7".into(), &"x".into()));
    assert!(report["reference"].as_str().unwrap().ends_with(":2.0.0_build.7"), "{report}");
    world.publish(&["--version", "not a version"]).fails(2, "not a version");
}

#[test]
fn who_is_not_logged_in_or_not_there_gets_a_status_of_its_own() {
    let world = World::new();
    world.publish(&[]).fails(7, "wharf login");
    let nobody = World::without_registry();
    nobody.publish(&[]).fails(8, &nobody.host());
}

#[test]
fn command_lines_that_make_no_sense_are_refused_with_the_reason() {
    let world = World::without_registry();
    let chart = world.chart();
    let chart = chart.to_str().unwrap();
    world.wharf(&["publish"]).fails(2, "one chart and one destination");
    world.wharf(&["publish", chart]).fails(2, "there is no destination");
    world.wharf(&["publish", chart, "localhost:5000/shop"]).fails(2, "does not start with oci://");
    world.wharf(&["publish", chart, "oci://localhost:5000"]).fails(2, "oci://HOST/PROJECT");
    world.wharf(&["publish", chart, "oci://localhost:5000/shop:1.0"]).fails(2, "are added to it");
    world.wharf(&["publish", chart, "oci://localhost:5000/shop", "--plan", "p"]).fails(2, "not both");
    world.wharf(&["publish", chart, "--plan", "p", "--force"]).fails(2, "the push of a plan");
    world
        .wharf(&["publish", "--plan", "p", "oci://localhost:5000/shop", "--version", "1.0.0"])
        .fails(2, "the making");
    world.wharf(&["publish", chart, "--plan", chart]).fails(2, "give an empty folder");
}
