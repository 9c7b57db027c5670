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
