//! `wharf promote --with-images`: a chart and every image that it renders.

use crate::promote::{promote, tags_of, world};
use crate::signing::WATCHED;
use crate::support::World;

const UNIT_POLICY: &str = r#"
version: 1
default: deny
signers:
  release: { key: { file: release.pub } }
rules:
- name: production
  match: { repositories: ["*/prod/**"] }
  signatures: { of: [release] }
"#;

/// Publishes a chart with an image beside it and one in another project, and signs the chart.
fn unit() -> (World, String, String) {
    let (world, _, _) = world();
    std::fs::write(world.path("policy.yaml"), UNIT_POLICY).unwrap();
    world.make_project("apps");
    let host = world.host();
    let images = [format!("{host}/shop/web:1"), format!("{host}/apps/cache:2")];
    std::fs::write(
        world.path("config.json"),
        r#"{"architecture":"amd64","os":"linux","rootfs":{"type":"layers"}}"#,
    )
    .unwrap();
    for image in &images {
        std::fs::write(world.path("layer.txt"), image).unwrap();
        let config = "config.json:application/vnd.oci.image.config.v1+json";
        world.wharf(&["oras", "push", "--plain-http", image, "--config", config, "layer.txt"]).ok();
    }
    std::fs::create_dir_all(world.path("unit/templates")).unwrap();
    std::fs::write(world.path("unit/Chart.yaml"), "apiVersion: v2\nname: unit\nversion: 1.0.0\n").unwrap();
    let pod = format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{ name: unit }}\nspec:\n  containers:\n  - {{ name: web, image: \"{}\" }}\n  - {{ name: cache, image: \"{}\" }}\n",
        images[0], images[1]
    );
    std::fs::write(world.path("unit/templates/pod.yaml"), pod).unwrap();
    std::fs::write(world.path("unit/values.yaml"), "{}\n").unwrap();
    world.wharf(&["publish", "unit", &world.oci("shop")]).ok();
    let from = format!("{host}/shop/unit:1.0.0");
    world.sign(&from);
    world.sign(&images[0]);
    (world, from, format!("{host}/prod/unit"))
}

#[test]
fn a_chart_goes_with_its_images_or_not_at_all() {
    let (world, from, to) = unit();
    let host = world.host();
    let there = |path: &str| world.get(&format!("/v2/prod/{path}")).0 == 200;
    let refused = promote(&world, &from, &to, &["--with-images"]).fails(5, "").json();
    let verdicts: Vec<_> = refused["images"]
        .as_array()
        .unwrap()
        .iter()
        .map(|image| &image["verified"]["source"]["verdict"])
        .collect();
    assert_eq!(
        (&refused["verified"]["source"]["verdict"], verdicts),
        (&"allow".into(), vec![&"deny".into(), &"allow".into()])
    );
    assert!(!there("web/manifests/1") && !there("unit/manifests/1.0.0"), "nothing was written");

    world.sign(&format!("{host}/apps/cache:2"));
    let dry = promote(&world, &from, &to, &["--with-images", "--dry-run"]).ok().json();
    assert_eq!((&dry["outcome"], there("web/manifests/1")), (&"would-promote".into(), false));
    let more = ["--with-images", "--key", "promoter.key", "--channel", "stable"];
    let done = promote(&world, &from, &to, &more).ok().json();
    let images = done["images"].as_array().unwrap();
    let places: Vec<_> =
        images.iter().map(|image| image["destination"].as_str().unwrap().to_owned()).collect();
    assert_eq!(places, [format!("{host}/prod/apps/cache:2"), format!("{host}/prod/web:1")]);
    for image in images {
        assert_eq!(image["verified"]["destination"]["verdict"], "allow");
        let place = image["destination"].as_str().unwrap();
        let found = world.wharf(&["verify", place, "--policy", "policy.yaml", "-o", "json"]).ok().json();
        assert_eq!(found["digest"], image["digest"]);
    }
    let again = promote(&world, &from, &to, &more).ok().json();
    assert_eq!(again["outcome"], "already-there", "{again}");

    // The second hop takes them from where the first put them, though the chart names them elsewhere.
    world.make_project("field");
    std::fs::write(world.path("field.yaml"), UNIT_POLICY.replace("*/prod/**", "*/field/**")).unwrap();
    let hop = |from: &str, to: &str, more: &[&str]| {
        let line = ["promote", from, to, "--policy", "field.yaml", "--with-images", "--output", "json"];
        world.wharf(&[&line[..], more].concat())
    };
    world.wharf(&["rm", &format!("{host}/apps/cache:2")]).ok();
    let far = hop(&format!("{to}:stable"), &format!("{host}/field/unit:1.0.0"), &[]).ok().json();
    assert_eq!(far["images"][0]["source"], format!("{host}/prod/apps/cache:2"));
    // And through a tar.
    let named = ["--as", &format!("{host}/field/unit")];
    hop(&format!("{to}:1.0.0"), "tar:unit.tar", &named).ok();
    let out = hop("tar:unit.tar:1.0.0", "layout:out", &named).ok().json();
    assert_eq!(out["images"].as_array().unwrap().len(), 2);
    assert_eq!(out["images"][0]["digest"], far["images"][0]["digest"]);
}

#[test]
fn an_image_that_is_nowhere_or_taken_stops_a_promotion_before_it_writes() {
    let (world, from, to) = unit();
    let host = world.host();
    world.sign(&format!("{host}/apps/cache:2"));
    // Other content lies where the image would.
    std::fs::write(world.path("other.txt"), "other").unwrap();
    let taken = format!("{host}/prod/web:1");
    world.wharf(&["oras", "push", "--plain-http", &taken, "other.txt"]).ok();
    promote(&world, &from, &to, &["--with-images"]).fails(3, &taken);
    let map = format!("{host}/shop={host}/prod/mirror");
    let mapped = promote(&world, &from, &to, &["--with-images", "--map", &map]).ok().json();
    assert_eq!(mapped["images"][1]["destination"], format!("{host}/prod/mirror/web:1"));

    let pod = std::fs::read_to_string(world.path("unit/templates/pod.yaml")).unwrap();
    std::fs::write(world.path("unit/templates/pod.yaml"), pod.replace("cache:2", "missing:2")).unwrap();
    world.wharf(&["publish", "unit", &world.oci("shop"), "--version", "1.1.0"]).ok();
    let from = from.replace("1.0.0", "1.1.0");
    world.sign(&from);
    let missing = promote(&world, &from, &to, &["--with-images"]);
    missing.fails(6, "is neither at").fails(6, "nothing was written");
    assert_eq!(world.get("/v2/prod/unit/manifests/1.1.0").0, 404);
    let (chart, image) = (format!("{host}/shop/web:1"), format!("{host}/prod/web2"));
    promote(&world, &chart, &image, &["--with-images"]).fails(2, "--with-images is for charts");
    promote(&world, &from, &to, &["--set", "a=b"]).fails(2, "--with-images");
}

#[test]
fn a_promotion_with_images_that_was_killed_at_any_step_completes_when_it_is_run_again() {
    let (world, from, to) = unit();
    let host = world.host();
    world.sign(&format!("{host}/apps/cache:2"));
    let there = format!("{WATCHED}/prod/unit");
    let words = ["promote", &from, &there, "--policy", "policy.yaml", "--with-images", "--channel", "stable"];
    // Which tags there are when the request is about to be made; what names others is whole before it is named itself.
    for (line, [web, cache, unit]) in [
        ("POST /v2/prod/web/blobs/uploads/", [None; 3]),
        ("PUT /v2/prod/web/manifests/sha256:", [None; 3]),
        ("PUT /v2/prod/apps/cache/manifests/sha256:", [None; 3]),
        ("PUT /v2/prod/unit/manifests/sha256:", [None; 3]),
        ("PUT /v2/prod/web/manifests/1 ", [None; 3]),
        ("PUT /v2/prod/apps/cache/manifests/2 ", [Some("1"), None, None]),
        ("PUT /v2/prod/unit/manifests/1.0.0 ", [Some("1"), Some("2"), None]),
        ("PUT /v2/prod/unit/manifests/stable ", [Some("1"), Some("2"), Some("1.0.0")]),
    ] {
        world.kill_before(line, &words);
        for (repository, tag) in [("prod/web", web), ("prod/apps/cache", cache), ("prod/unit", unit)] {
            let found: Vec<String> = serde_json::from_value(tags_of(&world, repository)).unwrap_or_default();
            assert_eq!(found, Vec::from_iter(tag), "{repository} before {line}");
        }
    }
    let more = ["--with-images", "--channel", "stable"];
    let report = promote(&world, &from, &to, &more).ok().json();
    assert_eq!(report["outcome"], "promoted");
    assert_eq!(tags_of(&world, "prod/unit"), serde_json::json!(["1.0.0", "stable"]));
    // Each is whole where it is now: every byte is read from there, and the signature counts.
    for place in ["unit:stable", "web:1", "apps/cache:2"] {
        let place = format!("{host}/prod/{place}");
        world.wharf(&["cp", &place, "layout:read-back"]).ok();
        world.wharf(&["verify", &place, "--policy", "policy.yaml"]).ok();
    }
    assert_eq!(promote(&world, &from, &to, &more).ok().json()["outcome"], "already-there");
}
