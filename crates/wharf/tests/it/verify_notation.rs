//! `wharf verify` and the pull gate with signers by Notation, on the signatures that are recorded in wharf-trust's test data.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::support::World;

const NAME: &str = "CN=ec-384.example,OU=Release,O=Example,L=Seattle,ST=WA,C=US";
const ROOT: &str = "CN=Example Root,O=Example,ST=WA,C=US";

fn policy(world: &World, root: &str, subject: &str) {
    let text = format!(
        r#"
version: 1
default: deny
signers:
  vendor: {{ notation: {{ certificates: [{{ file: {root} }}], subjects: ["{subject}"] }} }}
rules:
- name: shop
  match: {{ repositories: ["{}/shop/**"] }}
  signatures: {{ of: [vendor] }}
"#,
        world.host()
    );
    fs::write(world.path("policy.yaml"), text).unwrap();
}

/// A registry with the artifact of the recorded signatures, and one of these attached.
fn world(envelope: &str, media_type: &str) -> World {
    let world = World::logged_in();
    let recorded = Path::new(env!("CARGO_MANIFEST_DIR")).join("../wharf-trust/testdata/notation");
    for name in ["manifest.json", "root.pem", "other-root.pem", "ec-256.cose", "ec-384.jws", "ec-384.cose"] {
        fs::copy(recorded.join(name), world.path(name)).unwrap();
    }
    fs::write(world.path("empty.json"), "{}").unwrap();
    let place = format!("{}/shop/app", world.host());
    world.wharf(&["project", "create", "shop", "--public", "--registry", &world.host()]).ok();
    world.wharf(&["oras", "blob", "push", "--plain-http", &place, "empty.json"]).ok();
    world.wharf(&["oras", "manifest", "push", "--plain-http", &format!("{place}:1"), "manifest.json"]).ok();
    let kind = "application/vnd.cncf.notary.signature";
    let signature = format!("{envelope}:{media_type}");
    world
        .wharf(&[
            "oras",
            "attach",
            "--plain-http",
            "--artifact-type",
            kind,
            &format!("{place}:1"),
            &signature,
        ])
        .ok();
    policy(&world, "root.pem", "C=US, ST=WA, O=Example, CN=ec-384.example");
    world
}

fn decide(world: &World) -> (i32, Value) {
    let reference = format!("{}/shop/app:1", world.host());
    let run = world.wharf(&["verify", &reference, "--policy", "policy.yaml", "--output", "json"]);
    (run.status, run.json())
}

#[test]
fn a_notation_signature_satisfies_its_signer_and_is_named() {
    for (envelope, media_type) in
        [("ec-384.jws", "application/jose+json"), ("ec-384.cose", "application/cose")]
    {
        let world = world(envelope, media_type);
        let (status, decision) = decide(&world);
        assert_eq!((status, &decision["verdict"]), (0, &"allow".into()), "{decision}");
        let by = decision["checks"][0]["by"][0].as_str().unwrap();
        let told = format!(" by vendor (Notation: {NAME}, certified by {ROOT} (sha256:");
        assert!(by.contains(&told) && by.ends_with("; revocation not checked)"), "{by}");
        let reference = format!("{}/shop/app:1", world.host());
        let text = world.wharf(&["verify", &reference, "--policy", "policy.yaml"]).ok().stdout;
        assert!(text.contains(by), "{text}");

        let explained = world.wharf(&["policy", "explain", "policy.yaml"]).ok().stdout;
        let line = format!(
            "signer vendor: a Notation signature by `C=US, ST=WA, O=Example, CN=ec-384.example`, certified by {ROOT}; revocation is not checked"
        );
        assert!(explained.contains(&line), "{explained}");

        policy(&world, "other-root.pem", "O=Example");
        let (status, decision) = decide(&world);
        assert_eq!(status, 5, "{decision}");
        assert!(decision["checks"][0]["reasons"].to_string().contains("which is not trusted"), "{decision}");
        policy(&world, "root.pem", "O=Example, CN=ec-256.example");
        let (status, decision) = decide(&world);
        assert_eq!(status, 5, "{decision}");
        assert!(decision["checks"][0]["reasons"].to_string().contains("signed by CN=ec-384"), "{decision}");
    }
}

/// Asks the registry as nobody: status and body.
fn get(world: &World, path: &str) -> (u16, String) {
    let url = format!("http://{}{path}", world.host());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let answer = client.get(url).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    })
}

#[test]
fn the_pull_gate_lets_through_what_notation_signed_and_keeps_signatures_readable() {
    let world = world("ec-384.cose", "application/cose");
    let set = || {
        let line = ["project", "policy", "set", "shop", "policy.yaml", "--registry", &world.host()];
        world.wharf(&line).ok();
    };
    let manifest = "/v2/shop/app/manifests/1";
    set();
    assert_eq!(get(&world, manifest).0, 200);
    policy(&world, "other-root.pem", "O=Example");
    set();
    let (status, refusal) = get(&world, manifest);
    assert!(status == 403 && refusal.contains("which is not trusted"), "{status} {refusal}");
    let digest = "sha256:a9a3c4bc6bc3ad011b776a06591f45e95bd71269e94c5fa1565232f5a622acc3";
    let listed = get(&world, &format!("/v2/shop/app/referrers/{digest}")).1;
    let listed: Value = serde_json::from_str(&listed).unwrap();
    let signature = listed["manifests"][0]["digest"].as_str().unwrap();
    assert_eq!(get(&world, &format!("/v2/shop/app/manifests/{signature}")).0, 200);
}

#[test]
fn stored_cases_hold_notation_signatures() {
    let world = World::without_registry();
    let recorded = Path::new(env!("CARGO_MANIFEST_DIR")).join("../wharf-trust/testdata/notation");
    for name in ["root.pem", "ec-256.cose", "ec-384.jws"] {
        fs::copy(recorded.join(name), world.path(name)).unwrap();
    }
    let text = r#"
version: 1
default: deny
signers: { vendor: { notation: { certificates: [{ file: root.pem }], subjects: ["O=Example, CN=ec-384.example"] } } }
rules: [{ name: all, match: { repositories: ["**"] }, signatures: { of: [vendor] } }]
"#;
    fs::write(world.path("policy.yaml"), text).unwrap();
    let case = |more: &str, paper: &str, expect: &str| {
        let digest = "sha256:a9a3c4bc6bc3ad011b776a06591f45e95bd71269e94c5fa1565232f5a622acc3";
        format!(
            "- {{ name: c, repository: r/app, digest: \"{digest}\", {more} papers: [{paper}], at: 2027-01-01T00:00:00Z, expect: {expect} }}\n"
        )
    };
    let known = "mediaType: application/vnd.oci.image.manifest.v1+json, size: 426,";
    let cases = case(known, "ec-384.jws", "allow") + &case(known, "ec-256.cose", "deny");
    fs::write(world.path("cases.yaml"), cases).unwrap();
    world.wharf(&["policy", "test", "policy.yaml", "cases.yaml"]).ok();
    fs::write(world.path("cases.yaml"), case("", "ec-384.jws", "allow")).unwrap();
    world.wharf(&["policy", "test", "policy.yaml", "cases.yaml"]).fails(2, "give mediaType and size");
}
