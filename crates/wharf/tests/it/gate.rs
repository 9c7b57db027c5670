//! `wharf project policy`, and what it does to those who pull.

use std::path::Path;

use serde_json::json;
use wharf_testkit::sigstore::FakeSigstore;

use crate::signing::ALICE;
use crate::support::{Run, World};

const POLICY: &str = r#"
# What may leave production.
version: 1
default: deny
signers:
  release: { key: { file: release.pub } }
rules:
- name: production
  match: { repositories: ["*/shop/**"] }
  signatures: { of: [release] }
"#;

/// Runs `wharf project policy WORD …` against the registry.
fn policy(world: &World, words: &[&str]) -> Run {
    let host = world.host();
    world.wharf(&[&["project", "policy"], words, &["--registry", &host]].concat())
}

/// A registry with a published chart, a key and a policy file; and the home of a guest of the project who is logged in.
fn worlds() -> (World, World, String) {
    let world = World::logged_in();
    world.publish(&[]).ok();
    world.make_key("release");
    std::fs::write(world.path("policy.yaml"), POLICY).unwrap();
    let host = world.host();
    let user = ["user", "create", "gina", "--password-stdin", "--registry", &host];
    world.wharf_with(&user, "a long password", &[]).ok();
    let guest = World::without_registry();
    guest.wharf_with(&["login", &host, "-u", "gina", "--password-stdin"], "a long password", &[]).ok();
    add_guest(&world, "shop");
    (world, guest, format!("{host}/shop/storefront:1.4.0"))
}

fn add_guest(world: &World, project: &str) {
    let host = world.host();
    world.wharf(&["project", "members", "add", project, "gina", "--role", "guest", "--registry", &host]).ok();
}

fn pull(guest: &World, reference: &str) -> Run {
    guest.wharf(&["pull", reference, "--overwrite"])
}

#[track_caller]
fn assert_refused(guest: &World, reference: &str) {
    pull(guest, reference).fails(4, "trust policy of project shop refuses");
}

#[test]
fn a_policy_of_a_project_decides_what_is_pulled() {
    let (world, guest, reference) = worlds();
    pull(&guest, &reference).ok();
    let dry = policy(&world, &["set", "shop", "policy.yaml", "--dry-run"]).ok();
    assert!(dry.stdout.contains("must be signed by 1 of release"), "{}", dry.stdout);
    policy(&world, &["show", "shop"]).fails(6, "has no trust policy");
    let set = policy(&world, &["set", "shop", "policy.yaml", "--output", "json"]).ok().json();
    assert_eq!(set["host"], json!(world.host()));
    assert_refused(&guest, &reference);

    // Whoever may push signs; the guest pulls and verifies at once, by what the project shows.
    world.sign(&reference);
    pull(&guest, &reference).ok();
    let shown = policy(&world, &["show", "shop"]).ok().stdout;
    assert!(shown.starts_with("# policy of shop: sha256:") && shown.contains("BEGIN PUBLIC KEY"), "{shown}");
    for home in [&world, &guest] {
        std::fs::write(home.path("shown.yaml"), &shown).unwrap();
    }
    guest.wharf(&["verify", &reference, "--policy", "shown.yaml"]).ok();
    policy(&world, &["set", "shop", "shown.yaml"]).ok();
    pull(&guest, &reference).ok();

    // Another key.
    world.make_key("other");
    std::fs::copy(world.path("other.pub"), world.path("release.pub")).unwrap();
    policy(&world, &["set", "shop", "policy.yaml"]).ok();
    assert_refused(&guest, &reference);
    policy(&world, &["remove", "shop"]).ok();
    policy(&world, &["remove", "shop"]).fails(6, "");
    pull(&guest, &reference).ok();
}

#[test]
fn a_policy_that_cannot_be_meant_is_refused_before_anything_is_asked() {
    let (world, ..) = worlds();
    for (text, problem) in [
        ("version: 1\n", "missing field"),
        ("version: 1\ndefault: deny\nrules: []\nsurprise: 1\n", "surprise"),
        (&POLICY.replace("release.pub", "absent.pub"), "absent.pub"),
    ] {
        std::fs::write(world.path("wrong.yaml"), text).unwrap();
        let run = policy(&world, &["set", "shop", "wrong.yaml"]);
        assert!(run.status != 0 && run.stderr.contains(problem), "{}", run.stderr);
    }
}

#[test]
fn a_promotion_into_a_gated_project_reads_back_what_it_brought() {
    let (world, guest, reference) = worlds();
    let host = world.host();
    world.wharf(&["project", "create", "prod", "--registry", &host]).ok();
    let text = POLICY.replace("*/shop/**", "*/prod/**");
    std::fs::write(world.path("prod.yaml"), text).unwrap();
    policy(&world, &["set", "prod", "prod.yaml"]).ok();
    world.sign(&reference);
    let to = format!("{host}/prod/storefront");
    let line = ["promote", &reference, &to, "--policy", "prod.yaml", "--key", "release.key", "-o", "json"];
    let report = world.signing(&line).ok().json();
    assert_eq!(report["outcome"], "promoted");
    add_guest(&world, "prod");
    pull(&guest, &format!("{to}:1.4.0")).ok();
    // And out of it with all papers, by somebody who may only read it.
    let copied = guest.wharf(&["cp", &format!("{to}:1.4.0"), "layout:away", "--output", "json"]).ok().stdout;
    assert!(copied.contains("referrer"), "{copied}");
}

#[test]
fn a_project_may_demand_an_identity() {
    let (world, guest, reference) = worlds();
    let fake = world.sigstore();
    let text = format!(
        "version: 1\ndefault: deny\ntrustRoot: {{ file: root.json }}\nsigners:\n  alice: {{ keyless: {{ issuer: {{ exact: \"{}\" }}, subject: {{ exact: {ALICE} }} }} }}\nrules:\n- name: all\n  match: {{ repositories: [\"*/shop/**\"] }}\n  signatures: {{ of: [alice], transparency: required, timestamp: true }}\n",
        fake.issuer()
    );
    std::fs::write(world.path("policy.yaml"), text).unwrap();
    policy(&world, &["set", "shop", "policy.yaml"]).ok();
    assert_refused(&guest, &reference);
    world.sign(&reference);
    assert_refused(&guest, &reference);
    let sign = |config: &str, token: &str| {
        let line = ["sign", "--signing-config", config, "--trusted-root", "root.json", "--identity-token"];
        world.cosign(&[&line[..], &[token, &reference]].concat()).ok();
    };
    sign("log2", &fake.token_of("mallory@example.com"));
    assert_refused(&guest, &reference);
    // Alice herself, but no authority vouches for the time.
    sign("log1", "token");
    assert_refused(&guest, &reference);
    sign("log2", "token");
    pull(&guest, &reference).ok();

    // The root is part of the policy: of another instance, the same e-mail address is somebody else.
    std::fs::write(world.path("root.json"), FakeSigstore::start().trusted_root()).unwrap();
    policy(&world, &["set", "shop", "policy.yaml"]).ok();
    assert_refused(&guest, &reference);
}

#[test]
fn a_project_may_demand_a_provenance_file() {
    let (world, guest, unsigned) = worlds();
    let keys = Path::new(env!("CARGO_MANIFEST_DIR")).join("../wharf-provenance/tests/testdata");
    for name in ["pub.asc", "sec.gpg"] {
        std::fs::copy(keys.join(name), world.path(name)).unwrap();
    }
    let helm = |words: &[&str]| world.wharf(&[&["helm"], words].concat()).ok();
    helm(&["create", "app"]);
    helm(&["package", "app", "--sign", "--key", "Wharf Test", "--keyring", "sec.gpg"]);
    helm(&["push", "app-0.1.0.tgz", &world.oci("shop")]);
    let signed = format!("{}/shop/app:0.1.0", world.host());
    let set = |more: &str| {
        let text = format!(
            "version: 1\ndefault: deny\nsigners: {{ maintainers: {{ pgp: {{ keyring: pub.asc{more} }} }} }}\nrules:\n- {{ name: all, match: {{ repositories: [\"*/shop/**\"] }}, signatures: {{ of: [maintainers] }} }}\n"
        );
        std::fs::write(world.path("policy.yaml"), text).unwrap();
        policy(&world, &["set", "shop", "policy.yaml"]).ok();
    };
    set("");
    pull(&guest, &signed).ok();
    assert_refused(&guest, &unsigned);
    set(&format!(", fingerprint: \"{}\"", "0A".repeat(20)));
    assert_refused(&guest, &signed);
}
