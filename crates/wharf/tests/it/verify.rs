//! `wharf verify` and `wharf policy`: one trust policy, on a chart in a registry and on stored papers.

use crate::signing::OFFLINE;
use crate::support::World;

const POLICY: &str = r#"
version: 1
default: deny
signers:
  release: { key: { file: release.pub } }
  builder: { key: { file: builder.pub } }
rules:
- name: shop
  match: { repositories: ["HOST/shop/**"], kinds: [chart] }
  signatures: { of: [release] }
  attestations:
  - type: https://example.com/built/v1
    by: { of: [builder] }
    values:
    - { pointer: /machine, matches: "build-[0-9]+" }
"#;

/// A registry with a chart, two keys and the policy.
fn world() -> (World, String) {
    let world = World::logged_in();
    world.publish(&[]).ok();
    for name in ["release", "builder"] {
        world.make_key(name);
    }
    std::fs::write(world.path("policy.yaml"), POLICY.replace("HOST", &world.host())).unwrap();
    let reference = format!("{}/shop/storefront:1.4.0", world.host());
    (world, reference)
}

fn attest(world: &World, key: &str, machine: &str, reference: &str) {
    std::fs::write(world.path("predicate.json"), format!(r#"{{"machine":"{machine}"}}"#)).unwrap();
    let what =
        ["attest", "--key", key, "--predicate", "predicate.json", "--type", "https://example.com/built/v1"];
    world.cosign(&[&what[..], &OFFLINE, &[reference]].concat()).ok();
}

#[test]
fn a_chart_is_allowed_once_every_demand_is_met() {
    let (world, reference) = world();
    let verify = || world.wharf(&["verify", &reference, "--policy", "policy.yaml", "--output", "json"]);
    let nothing = verify().fails(5, "");
    assert_eq!(nothing.json()["verdict"], "deny");
    assert_eq!(nothing.json()["checks"][0]["reasons"][0], "nothing is attached");

    world.sign(&reference);
    attest(&world, "builder.key", "laptop", &reference);
    let half = verify().fails(5, "").json();
    assert_eq!(
        (&half["checks"][0]["outcome"], &half["checks"][1]["outcome"]),
        (&"met".into(), &"failed".into())
    );
    assert!(half["checks"][1]["reasons"].to_string().contains("matches build-[0-9]+; found"), "{half}");

    attest(&world, "release.key", "build-7", &reference);
    verify().fails(5, "");
    attest(&world, "builder.key", "build-7", &reference);
    let whole = verify().ok().json();
    assert_eq!((&whole["verdict"], &whole["rule"]), (&"allow".into(), &"shop".into()));
    let shown = world.wharf(&["verify", &reference, "--policy", "policy.yaml"]).ok().stdout;
    assert!(shown.contains("allow") && shown.contains("by release"), "{shown}");
}

#[test]
fn a_signature_of_the_older_layout_counts_as_well() {
    let (world, reference) = world();
    let line = ["sign", "--key", "release.key", "--new-bundle-format=false"];
    world.cosign(&[&line[..], &OFFLINE, &[&reference]].concat()).ok();
    let decision =
        world.wharf(&["verify", &reference, "--policy", "policy.yaml", "-o", "json"]).fails(5, "").json();
    assert_eq!(decision["checks"][0]["outcome"], "met", "{decision}");
}

#[test]
fn what_is_not_there_and_what_is_not_understood_have_their_own_status() {
    let (world, reference) = world();
    world
        .wharf(&["verify", &reference.replace("1.4.0", "9.9.9"), "--policy", "policy.yaml"])
        .fails(6, "9.9.9");
    world.wharf(&["verify", &reference, "--policy", "nosuch.yaml"]).fails(1, "nosuch.yaml");
    let text = std::fs::read_to_string(world.path("policy.yaml")).unwrap();
    for (from, to, why) in [
        ("signatures:", "signature:", "unknown field `signature`"),
        ("default: deny", "default: deny\ndefault: allow", "default"),
        ("release.pub", "elsewhere.pub", "elsewhere.pub"),
    ] {
        std::fs::write(world.path("bad.yaml"), text.replace(from, to)).unwrap();
        let run = world.wharf(&["verify", &reference, "--policy", "bad.yaml"]);
        assert!(run.status != 0 && run.stderr.contains(why), "{run:?}");
    }
}

#[test]
fn a_policy_is_explained_and_tried_on_stored_papers() {
    let world = World::without_registry();
    for name in ["release", "builder"] {
        world.make_key(name);
    }
    std::fs::write(
        world.path("policy.yaml"),
        POLICY.replace("HOST", "r.example").replace("chart", "artifact"),
    )
    .unwrap();
    let lines = world.wharf(&["policy", "explain", "policy.yaml"]).ok().stdout;
    assert!(
        lines.contains("must be signed by 1 of release") && lines.contains("anything else: deny"),
        "{lines}"
    );

    std::fs::write(world.path("blob"), "hello").unwrap();
    std::fs::write(world.path("predicate.json"), r#"{"machine":"build-1"}"#).unwrap();
    let attest =
        ["attest-blob", "--predicate", "predicate.json", "--bundle", "built.json", "--key", "builder.key"];
    world.cosign(&[&attest[..], &OFFLINE, &["--type", "https://example.com/built/v1", "blob"]].concat()).ok();
    let attest =
        ["attest-blob", "--predicate", "predicate.json", "--bundle", "signed.json", "--key", "release.key"];
    world
        .cosign(&[&attest[..], &OFFLINE, &["--type", "https://sigstore.dev/cosign/sign/v1", "blob"]].concat())
        .ok();
    let digest = "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
    let case = |papers: &str, expect: &str| {
        format!(
            "- {{ name: it, repository: r.example/shop/x, kind: artifact, digest: '{digest}', papers: [{papers}], expect: {expect} }}\n"
        )
    };
    let good = case("signed.json, built.json", "allow") + &case("built.json", "deny") + &case("", "deny");
    std::fs::write(world.path("cases.yaml"), &good).unwrap();
    assert!(world.wharf(&["policy", "test", "policy.yaml", "cases.yaml"]).ok().stdout.contains("3 of 3"));
    std::fs::write(world.path("cases.yaml"), good + &case("", "allow")).unwrap();
    let run = world.wharf(&["policy", "test", "policy.yaml", "cases.yaml"]);
    assert!(run.status == 5 && run.stdout.contains("3 of 4"), "{run:?}");
}

const CLUSTER: &str = r#"
apiVersion: policy.sigstore.dev/v1beta1
kind: ClusterImagePolicy
metadata: { name: prod }
spec:
  images: [{ glob: "r.example/prod/**" }]
  authorities:
  - keyless:
      identities: [{ issuer: "https://token.example", subject: "https://git.example/acme/web" }]
---
apiVersion: policy.sigstore.dev/v1beta1
kind: ClusterImagePolicy
metadata: { name: play }
spec:
  images: [{ glob: "r.example/play/**" }]
  authorities: [{ static: { action: pass } }]
"#;

#[test]
fn an_imported_policy_that_demands_less_is_written_only_on_purpose() {
    let world = World::without_registry();
    world.make_key("release");
    let key = world.path("release.pub");
    let policy = serde_json::json!({
        "default": [{ "type": "reject" }],
        "transports": { "docker": { "r.example": [{ "type": "sigstoreSigned", "keyPath": key }] } },
    });
    std::fs::write(world.path("policy.json"), policy.to_string()).unwrap();
    let import = ["policy", "import", "policy.json", "--to", "trust.yaml"];
    world.wharf(&import).fails(10, "signedIdentity (matchRepoDigestOrExact)").fails(10, "--weaker");
    assert!(!world.path("trust.yaml").exists());
    world.wharf(&[&import[..], &["--weaker"]].concat()).ok();
    let words = world.wharf(&["policy", "explain", "trust.yaml"]).ok().stdout;
    assert!(
        words.contains("must be signed by 1 of key-1") && words.contains("anything else: deny"),
        "{words}"
    );

    std::fs::write(world.path("cluster.yaml"), CLUSTER).unwrap();
    let taken = world.wharf(&["policy", "import", "cluster.yaml"]).ok();
    assert!(taken.stderr.contains("taken  prod.authorities[0].keyless.identities[0]"), "{taken:?}");
    std::fs::write(world.path("trust.yaml"), &taken.stdout).unwrap();
    let words = world.wharf(&["policy", "explain", "trust.yaml"]).ok().stdout;
    assert!(words.contains("rule play:\n  nothing else is demanded"), "{words}");
    let report = world.wharf(&["policy", "import", "cluster.yaml", "--output", "json"]).ok().json();
    assert_eq!(report["policy"]["rules"][0]["name"], "prod");
    std::fs::write(world.path("pod.yaml"), "kind: Pod\n").unwrap();
    world.wharf(&["policy", "import", "pod.yaml"]).fails(2, "is no ClusterImagePolicy");
}
