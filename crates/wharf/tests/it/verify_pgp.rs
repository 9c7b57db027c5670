//! `wharf verify` with signers by OpenPGP: a chart's provenance file as one more paper.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::support::World;

/// Fingerprints of the keys in wharf-provenance's test data, as GnuPG shows them.
const FIRST: &str = "8B8C7F0C2F1B4E7E6F2B";

fn policy(world: &World, signer: &str) {
    let text = format!(
        r#"
version: 1
default: deny
signers:
  maintainers: {{ pgp: {{ {signer} }} }}
rules:
- name: shop
  match: {{ repositories: ["{}/shop/**"], kinds: [chart] }}
  signatures: {{ of: [maintainers] }}
"#,
        world.host()
    );
    fs::write(world.path("policy.yaml"), text).unwrap();
}

/// A registry with a chart that `sec.gpg` signed, and one that nobody did.
fn world() -> World {
    let world = World::logged_in();
    let keys = Path::new(env!("CARGO_MANIFEST_DIR")).join("../wharf-provenance/tests/testdata");
    for name in ["pub.gpg", "pub.asc", "other.gpg", "sec.gpg"] {
        fs::copy(keys.join(name), world.path(name)).unwrap();
    }
    let helm = |words: &[&str]| world.wharf(&[&["helm"], words].concat()).ok();
    world.wharf(&["project", "create", "shop", "--registry", &world.host()]).ok();
    helm(&["create", "app"]);
    helm(&["package", "app", "--sign", "--key", "Wharf Test", "--keyring", "sec.gpg"]);
    helm(&["push", "app-0.1.0.tgz", &world.oci("shop")]);
    fs::remove_file(world.path("app-0.1.0.tgz.prov")).unwrap();
    helm(&["package", "app", "--version", "0.2.0"]);
    helm(&["push", "app-0.2.0.tgz", &world.oci("shop")]);
    world
}

fn decide(world: &World, version: &str) -> (i32, Value) {
    let reference = format!("{}/shop/app:{version}", world.host());
    let run = world.wharf(&["verify", &reference, "--policy", "policy.yaml", "--output", "json"]);
    (run.status, run.json())
}

#[test]
fn a_provenance_file_satisfies_a_signer_by_its_key() {
    let world = world();
    for keyring in ["pub.gpg", "pub.asc"] {
        policy(&world, &format!("keyring: {keyring}"));
        let (status, decision) = decide(&world, "0.1.0");
        assert_eq!((status, &decision["verdict"]), (0, &"allow".into()), "{decision}");
        let by = decision["checks"][0]["by"][0].as_str().unwrap();
        assert!(by.contains(" by maintainers (OpenPGP key ") && by.contains("Wharf Test"), "{by}");
        let fingerprint = by.split("OpenPGP key ").nth(1).unwrap().split(',').next().unwrap().to_owned();
        policy(&world, &format!("keyring: {keyring}, fingerprint: \"{}\"", fingerprint.to_lowercase()));
        assert_eq!(decide(&world, "0.1.0").0, 0);
        let explained = world.wharf(&["policy", "explain", "policy.yaml"]).ok().stdout;
        let line = format!(
            "signer maintainers: a chart's provenance file by OpenPGP key {fingerprint} of keyring {keyring}"
        );
        assert!(explained.contains(&line), "{explained}");
    }
}

/// CVE-2026-35205 (GHSA-q5jf-9vfq-h4h7): a missing provenance file was warned of, and no error.
#[test]
fn a_chart_without_a_provenance_file_is_denied_where_one_is_demanded() {
    let world = world();
    policy(&world, "keyring: pub.gpg");
    let (status, decision) = decide(&world, "0.2.0");
    assert_eq!((status, &decision["verdict"]), (5, &"deny".into()), "{decision}");
    assert_eq!(decision["checks"][0]["reasons"][0], "nothing is attached");
}

#[test]
fn other_keys_and_other_archives_do_not_satisfy() {
    let world = world();
    policy(&world, "keyring: other.gpg");
    let (status, decision) = decide(&world, "0.1.0");
    assert_eq!(status, 5, "{decision}");
    assert!(
        decision["checks"][0]["reasons"].to_string().contains("signature made by unknown entity"),
        "{decision}"
    );
    policy(&world, &format!("keyring: pub.gpg, fingerprint: {FIRST}{FIRST}"));
    let (status, decision) = decide(&world, "0.1.0");
    assert_eq!(status, 5, "{decision}");
    assert!(decision["checks"][0]["reasons"].to_string().contains("signed by OpenPGP key"), "{decision}");

    // The provenance file of one archive beside another.
    policy(&world, "keyring: pub.gpg");
    let wharf = |words: &[&str]| world.wharf(words).ok();
    wharf(&["helm", "pull", &world.oci("shop/app"), "--version", "0.1.0", "--prov"]);
    let config = r#"{"name":"app","version":"0.3.0","apiVersion":"v2"}"#;
    fs::write(world.path("config.json"), config).unwrap();
    let reference = format!("{}/shop/app:0.3.0", world.host());
    let parts = [
        "app-0.2.0.tgz:application/vnd.cncf.helm.chart.content.v1.tar+gzip",
        "app-0.1.0.tgz.prov:application/vnd.cncf.helm.chart.provenance.v1.prov",
    ];
    let config = "config.json:application/vnd.cncf.helm.config.v1+json";
    wharf(&[&["oras", "push", &reference, "--plain-http", "--config", config], &parts[..]].concat());
    let (status, decision) = decide(&world, "0.3.0");
    assert_eq!(status, 5, "{decision}");
    assert!(
        decision["checks"][0]["reasons"].to_string().contains("the chart's archive is sha256:"),
        "{decision}"
    );
}

#[test]
fn a_policy_with_a_bad_keyring_or_a_short_fingerprint_is_refused() {
    let world = World::without_registry();
    fs::write(world.path("bad.gpg"), "no keyring").unwrap();
    for (signer, why) in [
        ("keyring: bad.gpg", "keyring bad.gpg"),
        ("keyring: nosuch.gpg", "nosuch.gpg"),
        ("keyring: bad.gpg, fingerprint: 1234ABCD", "no fingerprint of 40 or 64"),
        ("keyring: bad.gpg, fingerprints: x", "unknown field"),
    ] {
        policy(&world, signer);
        let run = world.wharf(&["policy", "explain", "policy.yaml"]);
        assert!(run.status != 0 && run.stderr.contains(why), "{signer}: {run:?}");
    }
}
