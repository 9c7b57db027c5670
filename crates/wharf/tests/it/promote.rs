//! `wharf promote`: by policy from one repository to another, with every paper, or not at all.

use serde_json::Value;

use wharf_testkit::sigstore::Fault;

use crate::signing::{ALICE, OFFLINE, WATCHED};
use crate::support::{PASSWORD, Run, World};

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
pub(crate) const PROMOTION: &str = "https://wharf.dev/promotion/v1";

pub(crate) fn promote(world: &World, from: &str, to: &str, more: &[&str]) -> Run {
    world.signing(&[&["promote", from, to], &BY_POLICY[..], more].concat())
}

/// A registry with a chart in `shop`, an empty project `prod`, two keys and the policy for `prod`.
pub(crate) fn world() -> (World, String, String) {
    let world = World::logged_in();
    world.publish(&[]).ok();
    world.make_project("prod");
    world.make_key("release");
    world.make_key("promoter");
    std::fs::write(world.path("policy.yaml"), POLICY).unwrap();
    let (from, to) =
        (format!("{}/shop/storefront:1.4.0", world.host()), format!("{}/prod/storefront", world.host()));
    (world, from, to)
}

/// Every tag of a repository, by the registry's own account; null where there is no such repository.
pub(crate) fn tags_of(world: &World, repository: &str) -> Value {
    let (status, body) = world.get(&format!("/v2/{repository}/tags/list"));
    if status == 404 { Value::Null } else { serde_json::from_str::<Value>(&body).unwrap()["tags"].clone() }
}

pub(crate) fn tags(world: &World) -> Value {
    tags_of(world, "prod/storefront")
}

#[test]
fn a_promoted_chart_is_found_with_its_signature_at_the_destination_alone() {
    let (world, from, to) = world();
    world.sign(&from);
    // The destination is another registry, which knows nothing of the first.
    let other = World::logged_in();
    other.make_project("prod");
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
    other.cosign(&[&line[..], &[&stable]].concat()).ok();
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
    world.cosign(&[&["sign", "--key", "promoter.key"], &OFFLINE[..], &[&from]].concat()).ok();
    promote(&world, &from, &to, &[]).fails(5, "");
    promote(&world, &from, "tar:refused.tar", &["--as", "r.example/prod/web"]).fails(5, "");
    assert!(!world.path("refused.tar").exists());
    assert_eq!((tags(&world), world.get(&manifest).0), (Value::Null, 404));
}

#[test]
fn a_dry_run_verifies_and_writes_nothing() {
    let (world, from, to) = world();
    promote(&world, &from, &to, &["--dry-run"]).fails(5, "");
    world.sign(&from);
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

#[test]
fn a_promotion_that_was_killed_at_any_step_completes_when_it_is_run_again() {
    let (world, from, to) = world();
    world.sign(&from);
    for line in [
        "POST /v2/prod/storefront/blobs/uploads/",
        "PUT /v2/prod/storefront/manifests/sha256:",
        "PUT /v2/prod/storefront/manifests/1.4.0 ",
        "PUT /v2/prod/storefront/manifests/stable ",
    ] {
        let to = format!("{WATCHED}/prod/storefront");
        let words = ["promote", &from, &to, "--policy", "policy.yaml", "--channel", "stable"];
        world.kill_before(line, &words);
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
    world.sign(&from);
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
fn what_identities_signed_is_promoted_long_after_their_certificates_ran_out() {
    let (world, from, to) = world();
    let fake = world.sigstore();
    world.make_project("later");
    let policy = |project: &str| {
        format!(
            "version: 1\ndefault: deny\ntrustRoot: {{ file: root.json }}\nsigners:\n  alice: {{ keyless: {{ issuer: {{ exact: \"{}\" }}, subject: {{ exact: {ALICE} }} }} }}\nrules:\n- name: all\n  match: {{ repositories: [\"*/{project}/**\"] }}\n  signatures: {{ of: [alice], transparency: required, timestamp: true }}\n",
            fake.issuer()
        )
    };
    std::fs::write(world.path("policy.yaml"), policy("prod")).unwrap();
    fake.misbehave(Fault::HourBehind);
    let by = ["--signing-config", "log1-stamps", "--trusted-root", "root.json", "--identity-token", "token"];
    world.cosign(&[&["sign"], &by[..], &[&from]].concat()).ok();
    let attested = promote(&world, &from, &to, &[&["--key", "keyless"], &by[..]].concat()).ok().json();
    assert_eq!(attested["outcome"], "promoted", "{attested}");

    // Nothing is signed anew on the next hop, and nobody has to be asked: time, log and certificate are in the papers.
    std::fs::write(world.path("policy.yaml"), policy("later")).unwrap();
    let to = format!("{to}:1.4.0");
    let later = to.replace("/prod/", "/later/").replace(":1.4.0", "");
    let asked = fake.seen().len();
    let report = promote(&world, &to, &later, &[]).ok().json();
    assert_eq!(report["verified"]["destination"]["verdict"], "allow", "{report}");
    assert_eq!(fake.seen().len(), asked);
    let (issuer, place) = (fake.issuer(), format!("{later}:1.4.0"));
    let who = [
        "--trusted-root",
        "root.json",
        "--certificate-identity",
        ALICE,
        "--certificate-oidc-issuer",
        &issuer,
    ];
    world.cosign(&[&["verify"], &who[..], &[&place]].concat()).ok();
    world.cosign(&[&["verify-attestation", "--type", PROMOTION], &who[..], &[&place]].concat()).ok();
}

#[test]
fn a_version_that_is_taken_by_other_content_is_not_overwritten() {
    let (world, from, to) = world();
    world.sign(&from);
    promote(&world, &from, &to, &["--channel", "stable"]).ok();
    world.publish(&["--version", "1.5.0"]).ok();
    let newer = from.replace("1.4.0", "1.5.0");
    world.sign(&newer);
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
        world.signing(&[&line[..], more].concat())
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
    let publish = |more: &[&str]| world.signing(&[&["publish"], more, &["-o", "json"]].concat());
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
        world.cosign(&line).ok();
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
    world.sign(&from);
    pull(&from, &[]).ok();
    assert!(world.path("out/storefront-1.4.0.tgz").exists());
    world.wharf(&["cp", &from, "tar:chart.tar"]).ok();
    pull("tar:chart.tar:1.4.0", &["--overwrite"]).fails(2, "--as HOST/REPOSITORY");
    pull("tar:chart.tar:1.4.0", &["--overwrite", "--as", &from.replace(":1.4.0", "")]).ok();
    let named = ["verify", "tar:chart.tar:1.4.0", "--policy", "policy.yaml", "--as", &to];
    world.wharf(&named).fails(5, "");
}
