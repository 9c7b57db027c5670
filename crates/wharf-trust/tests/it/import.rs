//! Policies of other tools: what is taken, what is told, and that the result is a policy.

use serde_json::{Value, json};
use wharf_trust::policy::{Fate, Imported, Policy, import_cluster_image_policies, import_containers_policy};
use wharf_trust::{KeyAlgorithm, PrivateKey};

fn pem() -> String {
    PrivateKey::generate(KeyAlgorithm::EcdsaP256).unwrap().public().to_pem()
}

/// Reads the result as a policy; every file that it names holds a key.
fn policy(imported: &Imported) -> Policy {
    let root = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/data/sigstore-public-good.json")).unwrap();
    Policy::from_json(imported.policy.to_string().as_bytes(), &mut |name| {
        Ok(if name == "root.json" { root.clone() } else { pem().into_bytes() })
    })
    .unwrap()
}

fn fate(imported: &Imported, path: &str) -> Vec<Fate> {
    imported.items.iter().filter(|item| item.path.contains(path)).map(|item| item.fate).collect()
}

fn cluster(name: &str, spec: &Value) -> Value {
    json!({
        "apiVersion": "policy.sigstore.dev/v1beta1", "kind": "ClusterImagePolicy",
        "metadata": { "name": name }, "spec": spec,
    })
}

#[test]
fn a_cluster_image_policy_with_keys_and_identities_is_taken() {
    let document = cluster(
        "prod",
        &json!({
            "images": [{ "glob": "registry.example/prod/**" }, { "glob": "index.docker.io/acme/*" }],
            "mode": "warn",
            "authorities": [
                { "name": "key", "key": { "data": pem() }, "ctlog": { "url": "https://rekor.example" } },
                { "keyless": { "identities": [
                    { "issuer": "https://token.example", "subjectRegExp": "https://git.example/acme/.*" },
                    { "issuer": "https://token.example", "subjectRegExp": ".*" },
                    { "issuer": "https://token.example" },
                ] } },
            ],
        }),
    );
    let imported = import_cluster_image_policies(&[document], None).unwrap();
    assert!(!imported.is_weaker(), "{:?}", imported.items);
    let rule = &imported.policy["rules"][0];
    assert_eq!(
        rule["match"]["repositories"],
        json!(["registry.example/prod/**", "index.docker.io/acme/*", "docker.io/acme/*"])
    );
    assert_eq!(
        rule["signatures"],
        json!({
            "of": ["prod-1-0", "prod-key"], "transparency": "required", "timestamp": false, "level": "warn",
        })
    );
    assert_eq!(fate(&imported, "identities[0]"), [Fate::Stricter]);
    assert_eq!(fate(&imported, "identities[1]"), [Fate::Stricter], "everybody of an issuer is nobody here");
    assert_eq!(fate(&imported, "identities[2]"), [Fate::Stricter]);
    let lines = policy(&imported).explain();
    assert!(lines.iter().any(|line| line.contains("1 of prod-1-0, prod-key")), "{lines:?}");
}

#[test]
fn what_a_cluster_image_policy_says_and_this_one_cannot_is_not_dropped_in_silence() {
    let key = json!({ "key": { "data": pem() } });
    let with = |name: &str, value: Value| {
        let mut authority = key.clone();
        authority[name] = value;
        json!({ "images": [{ "glob": "r.example/**" }], "authorities": [authority] })
    };
    let cue = json!([{ "name": "scan", "predicateType": "vuln", "policy": { "type": "cue", "data": "x" } }]);
    for (spec, path, expected) in [
        (with("attestations", cue), "attestations[0].policy", Fate::Unsaid),
        (with("somethingNew", json!(1)), "somethingNew", Fate::Unsaid),
        (with("source", json!([{ "oci": "other.example/signatures" }])), "source", Fate::Stricter),
        (with("ctlog", json!({ "trustRootRef": "own" })), "authorities[0]", Fate::Stricter),
        (
            json!({ "images": [{ "glob": "r.example/**" }], "authorities": [key.clone()], "policy": { "type": "rego" } }),
            "policy",
            Fate::Unsaid,
        ),
        (
            json!({ "images": [{ "glob": "r.example/a:v1*" }], "authorities": [key.clone()] }),
            "images[0]",
            Fate::Stricter,
        ),
        (
            json!({ "images": [{ "glob": "r.example/a:v1*" }], "authorities": [{ "static": { "action": "pass" } }] }),
            "images[0]",
            Fate::Unsaid,
        ),
        (
            json!({ "images": [{ "glob": "r.example/**" }], "authorities": [{ "key": { "secretRef": { "name": "k" } } }] }),
            "authorities[0]",
            Fate::Stricter,
        ),
    ] {
        let imported = import_cluster_image_policies(&[cluster("p", &spec)], None).unwrap();
        assert!(fate(&imported, path).contains(&expected), "{path}: {:?}", imported.items);
        assert_eq!(imported.is_weaker(), expected == Fate::Unsaid, "{path}: {:?}", imported.items);
        policy(&imported);
    }
    let attested = with("attestations", json!([{ "name": "scan", "predicateType": "vuln" }]));
    let imported = import_cluster_image_policies(&[cluster("p", &attested)], None).unwrap();
    let rule = &imported.policy["rules"][0];
    assert!(rule.get("signatures").is_none() && rule["attestations"][0]["type"] == "vuln", "{rule}");
    let own = with("ctlog", json!({ "trustRootRef": "own" }));
    let imported = import_cluster_image_policies(&[cluster("p", &own)], Some("root.json")).unwrap();
    assert_eq!(imported.policy["trustRoot"]["file"], "root.json");
    assert_eq!(imported.policy["rules"][0]["signatures"]["transparency"], "required");
    policy(&imported);
    // What nobody can satisfy is denied.
    let lost = json!({ "images": [{ "glob": "r.example/**" }], "authorities": [{ "static": { "action": "fail", "message": "no" } }] });
    let imported = import_cluster_image_policies(&[cluster("p", &lost)], None).unwrap();
    assert_eq!(imported.policy["rules"][0]["deny"], "no");
}

#[test]
fn policies_of_a_cluster_that_meet_are_told_because_both_hold_there() {
    let document = |name: &str, glob: &str| {
        cluster(name, &json!({ "images": [{ "glob": glob }], "authorities": [{ "key": { "data": pem() } }] }))
    };
    let weaker = |one: &str, other: &str| {
        import_cluster_image_policies(&[document("a", one), document("b", other)], None).unwrap().is_weaker()
    };
    assert!(weaker("r.example/**", "r.example/prod/*"));
    assert!(weaker("**", "r.example/prod/*"));
    assert!(!weaker("r.example/dev/**", "r.example/prod/**"));
    for wrong in [json!({ "kind": "Pod" }), json!({}), cluster("a", &json!({})), json!(null)] {
        import_cluster_image_policies(&[wrong], None).unwrap_err();
    }
    import_cluster_image_policies(&[], None).unwrap_err();
}

#[test]
fn a_containers_policy_keeps_its_order_of_scopes() {
    let key = |path: &str| json!([{ "type": "sigstoreSigned", "keyPath": path, "signedIdentity": { "type": "matchRepository" } }]);
    let document = json!({
        "default": [{ "type": "reject" }],
        "transports": {
            "docker-daemon": { "": [{ "type": "insecureAcceptAnything" }] },
            "docker": {
                "": [{ "type": "insecureAcceptAnything" }],
                "r.example": key("/etc/one.pub"),
                "r.example/prod/app": [key("/etc/one.pub")[0], key("/etc/two.pub")[0], key("/etc/one.pub")[0]],
                "*.example.org": [{ "type": "reject" }],
                "r.example/prod": [{ "type": "signedBy", "keyType": "GPGKeys", "keyPath": "/etc/a.gpg" }],
                "r.example/free:1.0": [{ "type": "insecureAcceptAnything" }],
            },
        },
    });
    let imported = import_containers_policy(&document, None).unwrap();
    let rules = imported.policy["rules"].as_array().unwrap();
    let names: Vec<_> = rules.iter().map(|rule| rule["name"].as_str().unwrap()).collect();
    assert_eq!(
        names,
        ["r.example/prod/app", "r.example/prod", "r.example", "*.example.org", "everything else"]
    );
    assert_eq!(imported.policy["default"], "deny");
    assert_eq!(rules[0]["match"]["repositories"], json!(["r.example/prod/app", "r.example/prod/app/**"]));
    assert_eq!(rules[0]["signatures"]["atLeast"], 2, "the same key twice is one demand");
    assert!(rules[1]["deny"].as_str().unwrap().contains("OpenPGP"));
    assert!(rules[4].get("signatures").is_none() && rules[4].get("deny").is_none());
    assert_eq!(fate(&imported, "docker-daemon"), [Fate::Apart]);
    assert!(imported.is_weaker(), "the name inside the signature is not compared");
    assert_eq!(fate(&imported, "free:1.0"), [Fate::Taken, Fate::Stricter]);
    policy(&imported);
}

#[test]
fn identities_of_a_containers_policy_need_their_authority() {
    let fulcio = json!({ "default": [{
        "type": "sigstoreSigned",
        "fulcio": { "caPath": "/etc/ca.pem", "oidcIssuer": "https://token.example", "subjectEmail": "a@b.example" },
        "rekorPublicKeyPath": "/etc/rekor.pub",
    }] });
    let without = import_containers_policy(&fulcio, None).unwrap();
    assert_eq!((&without.policy["default"], &without.policy["rules"]), (&"deny".into(), &json!([])));
    let with = import_containers_policy(&fulcio, Some("root.json")).unwrap();
    let rule = &with.policy["rules"][0];
    assert_eq!(rule["signatures"], json!({ "atLeast": 1, "of": ["keyless-1"], "transparency": "required" }));
    policy(&with);
    for wrong in [
        json!({}),
        json!({ "default": [] }),
        json!({ "default": [{ "type": "somethingNew" }] }),
        json!({ "default": [{ "type": "sigstoreSigned", "keyData": "no base64!" }] }),
    ] {
        import_containers_policy(&wrong, None).unwrap_err();
    }
}

/// Two authorities of one name must not become one signer, nor one signer come twice.
#[test]
fn authorities_of_one_name_stay_apart_and_equal_ones_become_one() {
    let key = |pem: &str| json!({ "name": "key", "key": { "data": pem } });
    let (one, other) = (pem(), pem());
    let spec = json!({ "images": [{ "glob": "r.example/**" }], "authorities": [key(&one), key(&other), key(&one), key("none")] });
    let imported = import_cluster_image_policies(&[cluster("p", &spec)], None).unwrap();
    assert_eq!(imported.policy["rules"][0]["signatures"]["of"], json!(["p-key", "p-key-2"]));
    policy(&imported);
    let path = json!({ "default": [{ "type": "sigstoreSigned", "keyPaths": ["/a.pub", "/a.pub"] }] });
    policy(&import_containers_policy(&path, None).unwrap());
}
