//! `wharf promote`: by policy from one repository to another, with every paper, or not at all.

use std::sync::mpsc;

use serde_json::Value;

use crate::support::{PASSWORD, Run, World};

const OFFLINE: [&str; 2] = ["--use-signing-config=false", "--tlog-upload=false"];
const POLICY: &str = r#"
version: 1
default: deny
signers:
  release: { key: { file: release.pub } }
rules:
- name: production
  match: { repositories: ["*/prod/**"], kinds: [chart] }
  signatures: { of: [release] }
"#;
/// What follows the places.
const BY_POLICY: [&str; 4] = ["--policy", "policy.yaml", "--output", "json"];
const PROMOTION: &str = "https://wharf.dev/promotion/v1";

fn cosign(world: &World, arguments: &[&str]) -> Run {
    world.wharf_with(&[&["cosign"], arguments].concat(), "", &[("COSIGN_PASSWORD", "pw")])
}

fn promote(world: &World, from: &str, to: &str, more: &[&str]) -> Run {
    let arguments = [&["promote", from, to], &BY_POLICY[..], more].concat();
    world.wharf_with(&arguments, "", &[("COSIGN_PASSWORD", "pw")])
}

fn make_project(world: &World, name: &str) {
    world.wharf(&["project", "create", name, "--registry", &world.host()]).ok();
}

fn make_key(world: &World, name: &str) {
    cosign(world, &["generate-key-pair", "--output-key-prefix", name]).ok();
}

fn sign(world: &World, reference: &str) {
    cosign(world, &[&["sign", "--key", "release.key"], &OFFLINE[..], &[reference]].concat()).ok();
}

/// A registry with a chart in `shop`, an empty project `prod`, two keys and the policy for `prod`.
fn world() -> (World, String, String) {
    let world = World::logged_in();
    world.publish(&[]).ok();
    make_project(&world, "prod");
    make_key(&world, "release");
    make_key(&world, "promoter");
    std::fs::write(world.path("policy.yaml"), POLICY).unwrap();
    let (from, to) =
        (format!("{}/shop/storefront:1.4.0", world.host()), format!("{}/prod/storefront", world.host()));
    (world, from, to)
}

/// Every tag of the production repository, by the registry's own account.
fn tags(world: &World) -> Value {
    let (status, body) = world.get("/v2/prod/storefront/tags/list");
    if status == 404 { Value::Null } else { serde_json::from_str::<Value>(&body).unwrap()["tags"].clone() }
}

#[test]
fn a_promoted_chart_is_found_with_its_signature_at_the_destination_alone() {
    let (world, from, to) = world();
    sign(&world, &from);
    // The destination is another registry, which knows nothing of the first.
    let other = World::logged_in();
    make_project(&other, "prod");
    let there = other.host();
    world.wharf_with(&["login", &there, "-u", "admin", "--password-stdin"], PASSWORD, &[]).ok();
    let to = to.replace(&world.host(), &there);
    let more = ["--channel", "stable", "--key", "promoter.key", "--by", "ann", "--receipt", "receipt.json"];
    let report = promote(&world, &from, &to, &more).ok().json();
    assert_eq!(report["outcome"], "promoted");
    assert_eq!(report["verified"]["source"]["rule"], "production");
    assert_eq!(report["verified"]["destination"]["verdict"], "allow");
    assert_eq!(
        (&report["tags"][0]["name"], &report["channels"][0]["name"]),
        (&"1.4.0".into(), &"stable".into())
    );
    let receipt: Value = serde_json::from_slice(&std::fs::read(world.path("receipt.json")).unwrap()).unwrap();
    assert_eq!(receipt, report);

    let digest = report["digest"].as_str().unwrap().to_owned();
    for name in ["release.pub", "promoter.pub", "policy.yaml"] {
        std::fs::copy(world.path(name), other.path(name)).unwrap();
    }
    drop(world);
    assert_eq!(tags(&other), serde_json::json!(["1.4.0", "stable"]));
    let stable = format!("{to}:stable");
    let found = other.wharf(&["verify", &stable, "--policy", "policy.yaml", "-o", "json"]).ok().json();
    assert_eq!(found["digest"], digest);
    let line = ["verify-attestation", "--key", "promoter.pub", "--insecure-ignore-tlog", "--type", PROMOTION];
    cosign(&other, &[&line[..], &[&stable]].concat()).ok();
}

#[test]
fn what_the_policy_refuses_leaves_the_destination_as_it_was() {
    let (world, from, to) = world();
    let run = promote(&world, &from, &to, &["--channel", "stable", "--receipt", "receipt.json"]);
    let report = run.fails(5, "").json();
    assert_eq!(report["outcome"], "refused");
    assert_eq!(report["verified"]["source"]["checks"][0]["reasons"][0], "nothing is attached");
    assert_eq!(report["copied"], Value::Null);
    assert_eq!(tags(&world), Value::Null);
    let manifest = format!("/v2/prod/storefront/manifests/{}", report["digest"].as_str().unwrap());
    assert_eq!(world.get(&manifest).0, 404);
    assert!(!world.path("receipt.json").exists());

    // Signed by somebody, but not by whom the policy wants.
    cosign(&world, &[&["sign", "--key", "promoter.key"], &OFFLINE[..], &[&from]].concat()).ok();
    promote(&world, &from, &to, &[]).fails(5, "");
    promote(&world, &from, "tar:refused.tar", &["--as", "r.example/prod/web"]).fails(5, "");
    assert!(!world.path("refused.tar").exists());
    assert_eq!((tags(&world), world.get(&manifest).0), (Value::Null, 404));
}

#[test]
fn a_dry_run_verifies_and_writes_nothing() {
    let (world, from, to) = world();
    promote(&world, &from, &to, &["--dry-run"]).fails(5, "");
    sign(&world, &from);
    let report = promote(&world, &from, &to, &["--dry-run", "--key", "promoter.key"]).ok().json();
    assert_eq!(report["outcome"], "would-promote");
    let items = report["copied"]["items"].as_array().unwrap();
    assert!(items.iter().all(|item| item["outcome"] == "planned"), "{items:?}");
    assert!(items.iter().any(|item| item["role"] == "referrer"), "{items:?}");
    assert_eq!(tags(&world), Value::Null);
    assert_eq!(
        world.get(&format!("/v2/prod/storefront/manifests/{}", report["digest"].as_str().unwrap())).0,
        404
    );
}

/// Kills a promotion right before its first request that starts with `line`.
fn kill_before(world: &World, from: &str, line: &'static str) {
    let (send, receive) = mpsc::channel::<std::process::Child>();
    let (done, killed) = mpsc::channel();
    let host = world.interrupted(line, move || {
        let mut child = receive.recv().unwrap();
        child.kill().unwrap();
        done.send(child.wait().unwrap()).unwrap();
        // What the killed one was about to say is never said.
        loop {
            std::thread::park();
        }
    });
    let to = format!("{host}/prod/storefront");
    let child = world.spawn(&["promote", from, &to, "--policy", "policy.yaml", "--channel", "stable"]);
    send.send(child).unwrap();
    assert!(
        !killed.recv_timeout(std::time::Duration::from_secs(60)).expect("the promotion gets there").success()
    );
}

#[test]
fn a_promotion_that_was_killed_at_any_step_completes_when_it_is_run_again() {
    let (world, from, to) = world();
    sign(&world, &from);
    for line in [
        "POST /v2/prod/storefront/blobs/uploads/",
        "PUT /v2/prod/storefront/manifests/sha256:",
        "PUT /v2/prod/storefront/manifests/1.4.0 ",
        "PUT /v2/prod/storefront/manifests/stable ",
    ] {
        kill_before(&world, &from, line);
        let stable = tags(&world).as_array().is_some_and(|tags| tags.contains(&"stable".into()));
        assert!(!stable, "the channel is moved last: {line}");
    }
    let more = ["--channel", "stable", "--key", "promoter.key"];
    let report = promote(&world, &from, &to, &more).ok().json();
    assert_eq!((&report["outcome"], &report["attestation"]["attached"]), (&"promoted".into(), &true.into()));
    assert_eq!(tags(&world), serde_json::json!(["1.4.0", "stable"]));
    let again = promote(&world, &from, &to, &more).ok().json();
    assert_eq!(again["outcome"], "already-there", "{again}");
    assert_eq!(again["attestation"]["digest"], report["attestation"]["digest"], "it is attested once");
}

#[test]
fn a_promotion_goes_through_a_tar_and_each_hop_adds_its_attestation() {
    let (world, from, to) = world();
    sign(&world, &from);
    let key = ["--key", "promoter.key", "--as", "r.example/prod/storefront"];
    let out = promote(&world, &from, "tar:out.tar", &key).ok().json();
    let back = promote(&world, "tar:out.tar:1.4.0", &to, &key).ok().json();
    assert_eq!(back["digest"], out["digest"]);
    assert_ne!(back["attestation"]["digest"], out["attestation"]["digest"]);
    let seen = world.wharf(&["inspect", &format!("{to}:1.4.0"), "-o", "json"]).ok().json();
    assert_eq!(seen["papers"].as_array().unwrap().len(), 3, "a signature and two attestations: {seen}");
    world.wharf(&["verify", &format!("{to}:1.4.0"), "--policy", "policy.yaml"]).ok();
    let unnamed = promote(&world, "tar:out.tar:1.4.0", "layout:out", &[]);
    unnamed.fails(2, "--as HOST/REPOSITORY");
}

#[test]
fn a_version_that_is_taken_by_other_content_is_not_overwritten() {
    let (world, from, to) = world();
    sign(&world, &from);
    promote(&world, &from, &to, &["--channel", "stable"]).ok();
    world.publish(&["--version", "1.5.0"]).ok();
    let newer = from.replace("1.4.0", "1.5.0");
    sign(&world, &newer);
    let taken = format!("{to}:1.4.0");
    promote(&world, &newer, &taken, &[]).fails(3, "nothing was written");
    let moved = promote(&world, &newer, &to, &["--channel", "stable"]).ok().json();
    assert_eq!(moved["channels"][0]["moved"], true);
    assert!(moved["channels"][0]["from"].is_string());
    let forced = promote(&world, &newer, &taken, &["--force"]).ok().json();
    assert_eq!((&forced["outcome"], &forced["tags"][0]["moved"]), (&"promoted".into(), &true.into()));
}

#[test]
fn what_is_published_with_a_key_is_signed_once_and_can_be_promoted() {
    let (world, from, to) = world();
    let (chart, place) = (world.chart(), world.oci("shop"));
    let publish = |more: &[&str]| {
        let line = ["publish", chart.to_str().unwrap(), &place, "--sign", "release.key", "-o", "json"];
        world.wharf_with(&[&line[..], more].concat(), "", &[("COSIGN_PASSWORD", "pw")])
    };
    assert!(publish(&["--dry-run"]).ok().json().get("signature").is_none());
    promote(&world, &from, &to, &[]).fails(5, "");
    let first = publish(&[]).ok().json();
    assert_eq!((&first["outcome"], &first["signature"]["attached"]), (&"already-there".into(), &true.into()));
    let again = publish(&["--channel", "beta"]).ok().json();
    assert_eq!(again["signature"]["attached"], false);
    assert_eq!(again["signature"]["digest"], first["signature"]["digest"]);
    promote(&world, &from, &to, &[]).ok();
    let wrong = world.wharf_with(
        &["publish", "storefront", &place, "--sign", "release.key"],
        "",
        &[("COSIGN_PASSWORD", "x")],
    );
    assert!(wrong.status == 1 && wrong.stderr.contains("cannot open key release.key"), "{wrong:?}");
    world.wharf(&["publish", "storefront", "--plan", "plan", "--sign", "release.key"]).fails(2, "--sign");
}

const FOUR_EYES: &str = r#"
version: 1
default: deny
signers:
  release: { key: { file: release.pub } }
  ann: { key: { file: ann.pub } }
  bob: { key: { file: bob.pub } }
  again: { key: { file: ann.pub } }
rules:
- name: production
  match: { repositories: ["*/prod/**"], kinds: [chart] }
  signatures: { of: [release] }
  promotion: { approvals: 1, of: [ann, bob, again] }
"#;

#[test]
fn what_needs_four_eyes_is_promoted_once_another_key_has_approved() {
    let (world, from, to) = world();
    ["ann", "bob", "eve"].iter().for_each(|name| make_key(&world, name));
    std::fs::write(world.path("policy.yaml"), FOUR_EYES).unwrap();
    let channel = ["--channel", "stable"];
    let ask = |what: &str, key: &str, more: &[&str]| {
        promote(&world, &from, &to, &[&channel[..], &[what, "--key", key], more].concat())
    };
    // Nobody asks for what the policy refuses anyway.
    ask("--request", "ann.key", &[]).fails(5, "");
    sign(&world, &from);
    promote(&world, &from, &to, &channel).fails(5, "");
    let nobody = ask("--approve", "bob.key", &[]).fails(5, "").json();
    assert!(nobody["note"].as_str().unwrap().contains("nobody asked"), "{nobody}");
    let stranger = ask("--request", "eve.key", &[]).fails(5, "").json();
    assert!(stranger["note"].as_str().unwrap().contains("lets nobody ask with"), "{stranger}");
    assert_eq!(ask("--request", "ann.key", &["--dry-run"]).ok().json()["outcome"], "would-request");

    let asked = ask("--request", "ann.key", &[]).ok().json();
    assert_eq!((&asked["outcome"], &asked["request"]["attached"]), (&"requested".into(), &true.into()));
    let again = ask("--request", "ann.key", &[]).ok().json();
    assert_eq!(again["request"]["digest"], asked["request"]["digest"], "it is asked once");
    promote(&world, &from, &to, &channel).fails(5, "");
    let own = ask("--approve", "ann.key", &[]).fails(5, "").json();
    assert!(own["note"].as_str().unwrap().contains("somebody else must agree"), "{own}");
    let stranger = ask("--approve", "eve.key", &[]).fails(5, "").json();
    assert!(stranger["note"].as_str().unwrap().contains("lets nobody approve with"), "{stranger}");
    // What was asked for is what is approved: another channel is another promotion.
    promote(&world, &from, &to, &["--channel", "beta", "--approve", "--key", "bob.key"]).fails(5, "");
    assert_eq!(ask("--approve", "bob.key", &["--dry-run"]).ok().json()["outcome"], "would-promote");
    assert_eq!(tags(&world), Value::Null);

    let done = ask("--approve", "bob.key", &["--by", "bob", "--receipt", "receipt.json"]).ok().json();
    assert_eq!((&done["outcome"], &done["approval"]["attached"]), (&"promoted".into(), &true.into()));
    assert_eq!(tags(&world), serde_json::json!(["1.4.0", "stable"]));
    let approvals = &done["verified"]["destination"]["approvals"];
    assert_eq!(approvals["request"]["signer"], "ann");
    assert_eq!(approvals["approvals"][0]["signer"], "bob");
    assert_eq!(approvals["request"]["paper"], asked["request"]["digest"]);
    assert_ne!(approvals["request"]["key"], approvals["approvals"][0]["key"]);
    let receipt: Value = serde_json::from_slice(&std::fs::read(world.path("receipt.json")).unwrap()).unwrap();
    assert_eq!(receipt, done);
    let stable = format!("{to}:stable");
    let line = ["verify-attestation", "--key", "bob.pub", "--insecure-ignore-tlog", "--type", PROMOTION];
    let said = cosign(&world, &[&line[..], &[&stable]].concat()).ok().json();
    let payload = data_encoding(said["payload"].as_str().unwrap());
    assert_eq!(payload["predicate"]["requestedBy"]["signer"], "ann");
    assert_eq!(payload["predicate"]["approvedBy"][0]["signer"], "bob");
    // Once both have signed, anybody may carry it out, and again.
    let later = promote(&world, &from, &to, &channel).ok().json();
    assert_eq!(later["outcome"], "already-there");
}

/// The JSON in a base64 text.
fn data_encoding(text: &str) -> Value {
    let bytes = text.parse::<wharf_trust::Base64>().unwrap();
    serde_json::from_slice(&bytes).unwrap()
}

#[test]
fn a_promotion_that_two_must_approve_waits_for_the_second() {
    let (world, from, to) = world();
    ["ann", "bob"].iter().for_each(|name| make_key(&world, name));
    let policy =
        FOUR_EYES.replace("approvals: 1, of: [ann, bob, again]", "approvals: 2, of: [ann, bob, release]");
    std::fs::write(world.path("policy.yaml"), policy).unwrap();
    sign(&world, &from);
    let ask = |what: &str, key: &str| promote(&world, &from, &to, &[what, "--key", key]).ok().json();
    ask("--request", "ann.key");
    assert_eq!(ask("--approve", "bob.key")["outcome"], "approved");
    assert_eq!(ask("--approve", "bob.key")["approval"]["attached"], false);
    assert_eq!(tags(&world), Value::Null);
    assert_eq!(ask("--approve", "release.key")["outcome"], "promoted");
}

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
    make_project(&world, "apps");
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
    sign(&world, &from);
    sign(&world, &images[0]);
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

    sign(&world, &format!("{host}/apps/cache:2"));
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
    make_project(&world, "field");
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
    sign(&world, &format!("{host}/apps/cache:2"));
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
    sign(&world, &from);
    let missing = promote(&world, &from, &to, &["--with-images"]);
    missing.fails(6, "is neither at").fails(6, "nothing was written");
    assert_eq!(world.get("/v2/prod/unit/manifests/1.1.0").0, 404);
    let (chart, image) = (format!("{host}/shop/web:1"), format!("{host}/prod/web2"));
    promote(&world, &chart, &image, &["--with-images"]).fails(2, "--with-images is for charts");
    promote(&world, &from, &to, &["--set", "a=b"]).fails(2, "--with-images");
}

#[test]
fn papers_are_published_with_the_chart_once_and_planned_before() {
    let (world, from, to) = world();
    let (chart, place) = (world.chart(), world.oci("shop"));
    let chart = chart.to_str().unwrap();
    std::fs::write(
        world.path("sbom.json"),
        r#"{"bomFormat":"CycloneDX","specVersion":"1.6","components":[{}]}"#,
    )
    .unwrap();
    std::fs::write(world.path("built.json"), r#"{"machine":"build-1"}"#).unwrap();
    let publish = |more: &[&str]| {
        let line = [&["publish"], more, &["-o", "json"]].concat();
        world.wharf_with(&line, "", &[("COSIGN_PASSWORD", "pw")])
    };
    publish(&[chart, &place, "--attest", "custom=built.json"]).fails(2, "needs --sign");
    publish(&[chart, &place, "--sbom", "built.json"]).fails(2, "no SBOM that is known");
    publish(&[chart, &place, "--sign", "release.key", "--attest", "slsaprovenance1"]).fails(2, "TYPE=FILE");
    let unsigned = publish(&[chart, &place, "--sbom", "sbom.json"]).ok().json();
    assert_eq!(unsigned["papers"][0]["type"], "application/vnd.cyclonedx+json");
    assert_eq!(
        (&unsigned["papers"][0]["signed"], &unsigned["papers"][0]["attached"]),
        (&false.into(), &true.into())
    );
    let same = publish(&[chart, &place, "--sbom", "sbom.json"]).ok().json();
    assert_eq!(
        (&same["papers"][0]["attached"], &same["papers"][0]["digest"]),
        (&false.into(), &unsigned["papers"][0]["digest"])
    );

    let planned = publish(&[
        chart,
        "--plan",
        "plan",
        "--sbom",
        "sbom.json",
        "--attest",
        "https://example.com/built/v1=built.json",
    ])
    .ok()
    .json();
    assert_eq!(planned["papers"].as_array().unwrap().len(), 2, "{planned}");
    publish(&["--plan", "plan", &place]).fails(2, "needs --sign");
    let signed = ["--plan", "plan", &place, "--sign", "release.key", "--channel", "beta"];
    let dry = publish(&[&signed[..], &["--dry-run"]].concat()).ok().json();
    assert_eq!(dry["papers"].as_array().unwrap().len(), 2);
    assert!(dry["papers"][0]["digest"].is_null());
    let first = publish(&signed).ok().json();
    let again = publish(&signed).ok().json();
    for (at, kind) in ["https://example.com/built/v1", "https://cyclonedx.org/bom"].iter().enumerate() {
        assert_eq!(
            (&first["papers"][at]["type"], &first["papers"][at]["attached"]),
            (&(*kind).into(), &true.into())
        );
        assert_eq!(
            (&again["papers"][at]["attached"], &again["papers"][at]["digest"]),
            (&false.into(), &first["papers"][at]["digest"])
        );
        let line =
            ["verify-attestation", "--key", "release.pub", "--insecure-ignore-tlog", "--type", kind, &from];
        cosign(&world, &line).ok();
    }
    std::fs::write(world.path("plan/papers/0.json"), "{}").unwrap();
    publish(&signed).fails(1, "and the plan says");

    // A policy that demands what was published, at the destination alone.
    let demands = POLICY.to_owned()
        + "  attestations:\n  - { sbom: { formats: [cyclonedx] }, by: { of: [release] } }\n  - { type: \"https://example.com/built/v1\", by: { of: [release] }, values: [{ pointer: /machine, equals: build-1 }] }\n";
    std::fs::write(world.path("policy.yaml"), demands).unwrap();
    let done = promote(&world, &from, &to, &[]).ok().json();
    assert_eq!(done["verified"]["destination"]["checks"].as_array().unwrap().len(), 3);
}

#[test]
fn a_pull_by_policy_writes_only_what_was_verified() {
    let (world, from, to) = world();
    std::fs::write(world.path("policy.yaml"), POLICY.replace("*/prod/**", "*/shop/**")).unwrap();
    let pull = |place: &str, more: &[&str]| {
        world.wharf(&[&["pull", place, "--to", "out", "--policy", "policy.yaml"], more].concat())
    };
    pull(&from, &[]).fails(5, "");
    assert!(!world.path("out").exists(), "nothing was written");
    sign(&world, &from);
    pull(&from, &[]).ok();
    assert!(world.path("out/storefront-1.4.0.tgz").exists());
    world.wharf(&["cp", &from, "tar:chart.tar"]).ok();
    pull("tar:chart.tar:1.4.0", &["--overwrite"]).fails(2, "--as HOST/REPOSITORY");
    pull("tar:chart.tar:1.4.0", &["--overwrite", "--as", &from.replace(":1.4.0", "")]).ok();
    let named = ["verify", "tar:chart.tar:1.4.0", "--policy", "policy.yaml", "--as", &to];
    world.wharf(&named).fails(5, "");
}
