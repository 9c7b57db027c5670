//! The pull gate: only what the project's trust policy allows is handed out.

use reqwest::Response;
use serde_json::{Value, json};
use wharf_access::{Caller, Role};
use wharf_oci::{Algorithm, Digest, media_type};
use wharf_storage::catalog::Management as _;
use wharf_trust::{
    BUNDLE_V03, Bundle, COSIGN_SIGN, Envelope, IN_TOTO_PAYLOAD, KeyAlgorithm, PrivateKey, STATEMENT_V1,
};

use crate::support::{PASSWORD, Registry, code, digest_of, header};

const POLICY: &str = "/api/v2.0/projects/shop/policy";
const SBOM: &str = "https://spdx.dev/Document";

/// A registry, a key, a guest of `shop` who pulls and a developer who pushes.
struct World {
    registry: Registry,
    key: PrivateKey,
}

impl World {
    async fn new() -> Self {
        let registry = Registry::start().await;
        for (name, role) in [("puller", Role::LimitedGuest), ("pusher", Role::Developer)] {
            registry.create_user(name).await;
            registry.catalog.add_member(&Caller::system(), "shop", name, role).await.unwrap();
        }
        Self { registry, key: key() }
    }

    /// The same, with the policy that everything in `shop` is signed by the key.
    async fn gated() -> Self {
        let world = Self::new().await;
        world.set(&world.policy(&json!({}))).await;
        world
    }

    /// The policy with other members.
    fn policy(&self, with: &Value) -> Value {
        let mut policy = json!({
            "version": 1,
            "default": "deny",
            "signers": { "release": { "key": { "pem": self.key.public().to_pem() } } },
            "rules": [{
                "name": "all", "match": { "repositories": ["registry.example/shop/**"] },
                "signatures": { "of": ["release"] },
            }],
        });
        policy.as_object_mut().unwrap().extend(with.as_object().unwrap().clone());
        policy
    }

    async fn put_policy(&self, text: &str) -> Response {
        let body = json!({ "text": text, "host": "registry.example" });
        self.registry.request("PUT", POLICY).json(&body).send().await.unwrap()
    }

    async fn set(&self, policy: &Value) {
        let answer = self.put_policy(&policy.to_string()).await;
        assert_eq!(answer.status(), 200, "{}", answer.text().await.unwrap());
    }

    async fn ask(&self, method: &str, path: &str) -> Response {
        self.registry.request_by("puller", method, path).send().await.unwrap()
    }

    /// The status of GET, which that of HEAD agrees with.
    async fn status(&self, path: &str) -> u16 {
        let [get, head] = [self.ask("GET", path).await, self.ask("HEAD", path).await];
        assert_eq!(get.status(), head.status(), "{path}");
        get.status().as_u16()
    }

    async fn manifest(&self, reference: impl std::fmt::Display) -> u16 {
        self.status(&format!("/v2/shop/web/manifests/{reference}")).await
    }

    /// Attaches a bundle with a statement about `subject`; returns the manifest and the layer.
    async fn attach(
        &self,
        key: &PrivateKey,
        subject: &Digest,
        kind: &str,
        predicate: Value,
    ) -> (Digest, Digest) {
        let (bundle, config) = (self.bundle(key, subject, kind, predicate), self.empty().await);
        let layer = self.registry.push_blob("shop/web", &bundle).await;
        let manifest = json!({
            "schemaVersion": 2, "mediaType": media_type::OCI_MANIFEST, "artifactType": BUNDLE_V03, "config": config,
            "layers": [{ "mediaType": BUNDLE_V03, "digest": layer, "size": bundle.len() }],
            "subject": { "mediaType": media_type::OCI_MANIFEST, "digest": subject, "size": 7 },
        });
        (self.put(&manifest, None).await, layer)
    }

    fn bundle(&self, key: &PrivateKey, subject: &Digest, kind: &str, predicate: Value) -> Vec<u8> {
        let statement = json!({
            "_type": STATEMENT_V1, "predicateType": kind, "predicate": predicate,
            "subject": [{ "digest": { "sha256": subject.encoded() } }],
        });
        let envelope = Envelope::sign(IN_TOTO_PAYLOAD, statement.to_string().as_bytes(), key).unwrap();
        Bundle::of_envelope(envelope, key.public()).to_json()
    }

    async fn sign(&self, subject: &Digest) -> (Digest, Digest) {
        self.attach(&self.key, subject, COSIGN_SIGN, json!({})).await
    }

    async fn empty(&self) -> Value {
        let config = self.registry.push_blob("shop/web", b"{}").await;
        json!({ "mediaType": media_type::OCI_EMPTY, "digest": config, "size": 2 })
    }

    /// Pushes a manifest as the administrator, by digest or under a tag.
    async fn put(&self, manifest: &Value, tag: Option<&str>) -> Digest {
        let digest = digest_of(manifest);
        let reference = tag.unwrap_or(digest.as_str());
        let answer = self.registry.put_manifest("shop/web", reference, manifest).await;
        assert_eq!(answer.status(), 201, "{}", answer.text().await.unwrap());
        digest
    }

    async fn image(&self, tag: &str, layer: &[u8]) -> Digest {
        self.registry.push_image("shop/web", tag, layer).await
    }

    async fn blob(&self, content: &[u8]) -> u16 {
        self.status(&format!("/v2/shop/web/blobs/{}", Algorithm::Sha256.digest(content))).await
    }

    async fn metric(&self, name: &str) -> u64 {
        let text = self.registry.get("/metrics").await.text().await.unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.map_or(0, |count| count.parse().unwrap())
    }
}

fn key() -> PrivateKey {
    PrivateKey::generate(KeyAlgorithm::EcdsaP256).unwrap()
}

#[tokio::test]
async fn what_is_not_signed_is_refused_and_what_is_signed_passes_at_once() {
    let world = World::new().await;
    let digest = world.image("1.0", b"layer").await;
    world.registry.push_image("open/web", "1.0", b"layer").await;
    assert_eq!(world.manifest("1.0").await, 200);
    world.set(&world.policy(&json!({}))).await;
    for reference in ["1.0", digest.as_str()] {
        assert_eq!(world.manifest(reference).await, 403, "{reference}");
    }
    let answer = world.ask("GET", "/v2/shop/web/manifests/1.0").await;
    let warning = header(&answer, "warning");
    assert!(
        warning.starts_with("299 - \"the trust policy of project shop refuses shop/web:1.0"),
        "{warning}"
    );
    let body: Value = answer.json().await.unwrap();
    let error = &body["errors"][0];
    assert_eq!(error["code"], "DENIED");
    let message = error["message"].as_str().unwrap();
    for told in [
        digest.as_str(),
        "not signed by 1 of release",
        "nothing is attached",
        "wharf project policy show shop",
    ] {
        assert!(message.contains(told), "{message}");
    }
    assert_eq!(error["detail"]["decision"]["verdict"], "deny");
    assert_eq!(
        error["detail"]["decision"]["checks"][0]["demand"],
        "signed by 1 of release, in a transparency log if keyless"
    );
    // Nor in parts; but what there is may be known.
    assert_eq!((world.blob(b"layer").await, world.blob(b"{}").await), (403, 403));
    for path in ["tags/list", &format!("referrers/{digest}")] {
        assert_eq!(world.ask("GET", &format!("/v2/shop/web/{path}")).await.status(), 200);
    }
    // Whoever has to sign it reads it, and another project is as it was.
    for (user, repository) in [("pusher", "shop/web"), ("admin", "shop/web"), ("puller", "open/web")] {
        for method in ["GET", "HEAD"] {
            let path = format!("/v2/{repository}/manifests/1.0");
            let answer = world.registry.request_by(user, method, &path).send().await.unwrap();
            assert_eq!(answer.status(), 200, "{method} by {user}");
        }
    }

    world.sign(&digest).await;
    for reference in ["1.0", digest.as_str()] {
        assert_eq!(world.manifest(reference).await, 200, "{reference}");
    }
    assert_eq!((world.blob(b"layer").await, world.blob(b"{}").await), (200, 200));
    let none_match = format!("\"{digest}\"");
    let request = world.registry.request_by("puller", "GET", "/v2/shop/web/manifests/1.0");
    assert_eq!(request.header("if-none-match", none_match).send().await.unwrap().status(), 304);
}

#[tokio::test]
async fn a_conditional_request_does_not_tell_that_it_is_there() {
    let world = World::gated().await;
    let digest = world.image("1.0", b"layer").await;
    let request = world.registry.request_by("puller", "GET", "/v2/shop/web/manifests/1.0");
    let answer = request.header("if-none-match", format!("\"{digest}\"")).send().await.unwrap();
    assert_eq!(answer.status(), 403);
    let path = format!("/v2/shop/web/blobs/{}", Algorithm::Sha256.digest(b"layer"));
    let request = world.registry.request_by("puller", "GET", &path).header("range", "bytes=0-1");
    assert_eq!(code(request.send().await.unwrap()).await, "DENIED");
}

#[tokio::test]
async fn every_change_of_papers_and_policy_counts_at_once() {
    let world = World::gated().await;
    let digest = world.image("1.0", b"layer").await;
    let other = key();
    world.attach(&other, &digest, COSIGN_SIGN, json!({})).await;
    assert_eq!(world.manifest("1.0").await, 403, "signed by somebody else");
    let elsewhere = world.image("2.0", b"other layer").await;
    let (signature, layer) = world.sign(&digest).await;
    assert_eq!((world.manifest("1.0").await, world.manifest("2.0").await), (200, 403));
    // A signature of one is none of another.
    world.attach(&world.key, &elsewhere, SBOM, json!({})).await;
    assert_eq!(world.manifest("2.0").await, 403, "an attestation is no signature");

    let mut others = world.policy(&json!({}));
    others["signers"]["release"]["key"]["pem"] = json!(other.public().to_pem());
    world.set(&others).await;
    assert_eq!(world.manifest("1.0").await, 200, "by the other key, which the policy names now");
    others["signers"]["release"]["revoked"] = json!(true);
    world.set(&others).await;
    assert_eq!(world.manifest("1.0").await, 403, "by a signer that is revoked");
    world.set(&world.policy(&json!({}))).await;
    assert_eq!(world.manifest("1.0").await, 200);

    // The signature's content goes, then it comes back, then the signature goes.
    assert_eq!(world.registry.delete(&format!("/v2/shop/web/blobs/{layer}")).await.status(), 202);
    assert_eq!(world.manifest("1.0").await, 403);
    let bundle_again = world.sign(&digest).await;
    assert_eq!(world.manifest("1.0").await, 200);
    for signature in [signature, bundle_again.0] {
        world.registry.delete(&format!("/v2/shop/web/manifests/{signature}")).await;
    }
    assert_eq!(world.manifest("1.0").await, 403);

    // A tag that moves is judged by where it points.
    world.sign(&digest).await;
    assert_eq!(world.manifest("1.0").await, 200);
    world.image("1.0", b"moved").await;
    assert_eq!((world.manifest("1.0").await, world.manifest(&digest).await), (403, 200));
    assert_eq!(world.registry.delete(POLICY).await.status(), 200);
    assert_eq!(world.manifest("1.0").await, 200, "without a policy");
}

#[tokio::test]
async fn attestations_are_demanded_with_what_they_say() {
    let world = World::new().await;
    let demand = json!({ "rules": [{
        "name": "all", "match": { "repositories": ["registry.example/shop/**"] },
        "attestations": [{ "type": "spdxjson", "by": { "of": ["release"] }, "values": [{ "pointer": "/name", "equals": "web" }] }],
    }] });
    world.set(&world.policy(&demand)).await;
    let digest = world.image("1.0", b"layer").await;
    world.sign(&digest).await;
    assert_eq!(world.manifest("1.0").await, 403, "no attestation of that type");
    world.attach(&world.key, &digest, SBOM, json!({ "name": "other" })).await;
    assert_eq!(world.manifest("1.0").await, 403, "one that says something else");
    world.attach(&world.key, &digest, SBOM, json!({ "name": "web" })).await;
    assert_eq!(world.manifest("1.0").await, 200);
}

#[tokio::test]
async fn what_an_allowed_index_lists_is_allowed() {
    let world = World::gated().await;
    let (child, stranger) =
        (world.image("child", b"child").await, world.image("stranger", b"stranger").await);
    let index = |child: &Digest, note: &str| {
        json!({
            "schemaVersion": 2, "mediaType": media_type::OCI_INDEX, "annotations": { "note": note },
            "manifests": [{ "mediaType": media_type::OCI_MANIFEST, "digest": child, "size": 1 }],
        })
    };
    let signed = world.put(&index(&child, "signed"), Some("1.0")).await;
    world.put(&index(&stranger, "unsigned"), Some("2.0")).await;
    assert_eq!(world.manifest(&child).await, 403);
    world.sign(&signed).await;
    assert_eq!(
        (world.manifest("1.0").await, world.manifest(&child).await, world.blob(b"child").await),
        (200, 200, 200)
    );
    assert_eq!(
        (world.manifest("2.0").await, world.manifest(&stranger).await, world.blob(b"stranger").await),
        (403, 403, 403)
    );
    // An index of what is not signed, under the name of a list of referrers, is a list and nothing more.
    let list = format!("sha256-{}", signed.encoded());
    world.put(&index(&stranger, "a list"), Some(&list)).await;
    assert_eq!((world.manifest(&list).await, world.manifest(&stranger).await), (200, 403));
}

#[tokio::test]
async fn papers_are_readable_and_software_is_not_taken_for_them() {
    let world = World::gated().await;
    let digest = world.image("1.0", b"layer").await;
    // Whoever verifies sees signatures that are not good, too.
    let (signature, layer) = world.attach(&key(), &digest, COSIGN_SIGN, json!({})).await;
    assert_eq!(world.manifest(&signature).await, 200);
    assert_eq!(world.status(&format!("/v2/shop/web/blobs/{layer}")).await, 200);
    // cosign's older layout.
    let sibling = format!("sha256-{}.sig", digest.encoded());
    let payload = b"{\"critical\":{}}";
    let blob = world.registry.push_blob("shop/web", payload).await;
    let config = world.registry.push_blob("shop/web", b"{\"config\":{}}").await;
    let legacy = json!({
        "schemaVersion": 2, "mediaType": media_type::OCI_MANIFEST,
        "config": { "mediaType": media_type::OCI_CONFIG, "digest": config, "size": 13 },
        "layers": [{ "mediaType": wharf_trust::SIMPLE_SIGNING, "digest": blob, "size": payload.len() }],
    });
    let legacy = world.put(&legacy, Some(&sibling)).await;
    assert_eq!(
        (world.manifest(&sibling).await, world.manifest(&legacy).await, world.blob(payload).await),
        (200, 200, 200)
    );

    // What claims to be a signature and is none.
    let subject = json!({ "mediaType": media_type::OCI_MANIFEST, "digest": digest, "size": 7 });
    let archive = b"\x1f\x8b\x08 an archive";
    let blob = world.registry.push_blob("shop/web", archive).await;
    let disguised = json!({
        "schemaVersion": 2, "mediaType": media_type::OCI_MANIFEST, "config": world.empty().await, "subject": subject,
        "layers": [{ "mediaType": BUNDLE_V03, "digest": blob, "size": archive.len() }],
    });
    let disguised = world.put(&disguised, None).await;
    assert_eq!((world.manifest(&disguised).await, world.blob(archive).await), (403, 403));
    // An image that names a subject is an image.
    let mut image = world.registry.image("shop/web", b"attached image").await;
    image["subject"] = subject.clone();
    let image = world.put(&image, None).await;
    // An SBOM goes along with what it is about.
    let sbom = world.registry.push_blob("shop/web", b"SPDX").await;
    let sbom = json!({
        "schemaVersion": 2, "mediaType": media_type::OCI_MANIFEST, "artifactType": "text/spdx", "subject": subject,
        "config": world.empty().await, "layers": [{ "mediaType": "text/spdx", "digest": sbom, "size": 4 }],
    });
    let sbom = world.put(&sbom, Some("latest")).await;
    assert_eq!(
        (world.manifest(&image).await, world.manifest(&sbom).await, world.blob(b"SPDX").await),
        (403, 403, 403)
    );
    world.sign(&digest).await;
    assert_eq!((world.manifest(&image).await, world.blob(b"attached image").await), (403, 403));
    assert_eq!((world.manifest(&sbom).await, world.blob(b"SPDX").await), (200, 200));
    assert_eq!(
        world.manifest("latest").await,
        403,
        "under a tag that somebody follows it is content like any other"
    );
    assert_eq!(world.manifest(&disguised).await, 200, "without a config that lists it, nothing runs it");
}

#[tokio::test]
async fn a_mount_takes_along_what_may_be_pulled_and_nothing_else() {
    let world = World::gated().await;
    world.registry.catalog.add_member(&Caller::system(), "open", "puller", Role::Developer).await.unwrap();
    let signed = world.image("1.0", b"signed").await;
    world.sign(&signed).await;
    world.image("2.0", b"unsigned").await;
    for (content, from, expected) in [
        (&b"unsigned"[..], "&from=shop/web", 202),
        (b"unsigned", "", 202),
        (b"signed", "&from=shop/web", 201),
    ] {
        let digest = Algorithm::Sha256.digest(content);
        let path = format!("/v2/open/copy/blobs/uploads/?mount={digest}{from}");
        assert_eq!(world.ask("POST", &path).await.status(), expected, "{path}");
        let there = world.ask("HEAD", &format!("/v2/open/copy/blobs/{digest}")).await.status();
        assert_eq!(there, if expected == 201 { 200 } else { 404 }, "{path}");
    }
}

#[tokio::test]
async fn decisions_are_remembered_and_times_are_kept() {
    let world = World::new().await;
    let digest = world.image("1.0", b"layer").await;
    let expires = jiff::Timestamp::now() + std::time::Duration::from_secs(3);
    let exception = json!({ "exceptions": [{
        "digest": digest, "reason": "until it is signed", "owner": "ann", "expires": expires,
    }] });
    world.set(&world.policy(&exception)).await;
    for _ in 0..5 {
        assert_eq!((world.manifest("1.0").await, world.blob(b"layer").await), (200, 200));
    }
    // By tag and by digest.
    assert!(world.metric("registry_gate_decisions_total").await <= 2);
    let wait = expires.duration_since(jiff::Timestamp::now()).unsigned_abs();
    tokio::time::sleep(wait + std::time::Duration::from_millis(50)).await;
    assert_eq!((world.manifest("1.0").await, world.blob(b"layer").await), (403, 403));
}

#[tokio::test]
async fn a_rule_may_insist_on_a_digest_or_only_warn() {
    let world = World::new().await;
    let digest = world.image("1.0", b"layer").await;
    let mut policy = world.policy(&json!({}));
    policy["rules"][0]["signatures"]["level"] = json!("warn");
    world.set(&policy).await;
    let answer = world.ask("GET", "/v2/shop/web/manifests/1.0").await;
    let warning = header(&answer, "warning");
    assert!(
        warning.contains("not signed by 1 of release") && warning.contains("only warned of"),
        "{warning}"
    );
    assert_eq!(answer.status(), 200);
    policy["rules"][0]["requireDigest"] = json!(true);
    world.set(&policy).await;
    assert_eq!((world.manifest("1.0").await, world.manifest(&digest).await), (403, 200));
}

#[tokio::test]
async fn no_request_chooses_the_name_by_which_it_is_judged() {
    let world = World::new().await;
    let digest = world.image("1.0", b"layer").await;
    let policy = json!({ "rules": [
        { "name": "elsewhere", "match": { "repositories": ["elsewhere.example/**"] } },
        { "name": "all", "match": { "repositories": ["registry.example/shop/**"] }, "signatures": { "of": ["release"] } },
    ] });
    world.set(&world.policy(&policy)).await;
    let path = format!("/v2/shop/web/manifests/{digest}");
    let request = world.registry.request_by("puller", "GET", &path).header("host", "elsewhere.example");
    assert_eq!(request.send().await.unwrap().status(), 403);
}

#[tokio::test]
async fn the_public_is_told_what_is_missing() {
    let world = World::new().await;
    let digest = world.registry.push_image("open/web", "1.0", b"layer").await;
    let text = world.policy(&json!({})).to_string();
    let body = json!({ "text": text, "host": "registry.example" });
    let path = "/api/v2.0/projects/open/policy";
    assert_eq!(world.registry.request("PUT", path).json(&body).send().await.unwrap().status(), 200);
    for method in ["GET", "HEAD"] {
        let answer = world.registry.anonymous(method, "/v2/open/web/manifests/1.0").send().await.unwrap();
        assert_eq!(answer.status(), 403);
    }
    let answer =
        world.registry.anonymous("GET", &format!("/v2/open/web/manifests/{digest}")).send().await.unwrap();
    let body: Value = answer.json().await.unwrap();
    // It is about `shop` only.
    let message = body["errors"][0]["message"].as_str().unwrap();
    assert!(message.contains("no rule matches registry.example/open/web"), "{message}");
}

#[tokio::test]
async fn refusals_and_pulls_stand_in_the_audit_log_with_what_decided() {
    let world = World::gated().await;
    let digest = world.image("1.0", b"layer").await;
    world.ask("GET", "/v2/shop/web/manifests/1.0").await;
    world.sign(&digest).await;
    world.ask("GET", "/v2/shop/web/manifests/1.0").await;
    let request = world.registry.request_by("pusher", "GET", "/v2/shop/web/manifests/1.0");
    request.send().await.unwrap();
    let set: Value = world.registry.get(POLICY).await.json().await.unwrap();
    let policy = set["digest"].as_str().unwrap();
    assert!(world.metric("registry_gate_answers_total{answer=\"deny\"}").await >= 1);
    assert!(world.metric("registry_gate_answers_total{answer=\"allow\"}").await >= 1);
    let World { registry, .. } = world;
    // What waits is written at the end.
    let registry = registry.restart().await;
    let path = "/api/v2.0/projects/shop/logs?page_size=100&operation=pull_artifact";
    let log: Value = registry.get(path).await.json().await.unwrap();
    let told = |user: &str, outcome: &str| {
        let mut entries = log.as_array().unwrap().iter();
        let entry = entries.find(|entry| entry["username"] == user && entry["outcome"] == outcome);
        let entry = entry.unwrap_or_else(|| panic!("{user} {outcome}: {log:#}"));
        assert_eq!((&entry["resource"], &entry["digest"]), (&json!("shop/web:1.0"), &json!(digest)));
        entry["detail"].as_str().unwrap_or_default().to_owned()
    };
    let refused = told("puller", "denied: trust policy");
    assert!(refused.contains("not signed by 1 of release") && refused.contains(policy), "{refused}");
    let allowed = told("puller", "success");
    assert!(allowed.starts_with(&format!("allow by rule all of policy {policy}")), "{allowed}");
    assert!(told("pusher", "success").starts_with("policy not asked: may push"));
}

#[tokio::test]
async fn a_policy_is_checked_before_it_is_set() {
    let world = World::new().await;
    let mut with_file = world.policy(&json!({}));
    with_file["signers"]["release"]["key"] = json!({ "file": "release.pub" });
    for (text, problem) in [
        (with_file.to_string(), "release.pub"),
        ("version: 1\ndefault: deny\nrules: []\nsurprise: 1\n".to_owned(), "surprise"),
        ("version: 1\nversion: 1\n".to_owned(), "version"),
        ("{".to_owned(), "policy"),
    ] {
        let answer = world.put_policy(&text).await;
        assert_eq!(answer.status(), 400);
        let message = answer.text().await.unwrap();
        assert!(message.contains(problem), "{message}");
    }
    assert_eq!(world.registry.get(POLICY).await.status(), 404);
    // YAML is kept as it came.
    let yaml = "# ours\nversion: 1\ndefault: allow\nrules: []\n";
    let set: Value = world.put_policy(yaml).await.json().await.unwrap();
    assert_eq!(
        (&set["text"], &set["host"], &set["username"]),
        (&json!(yaml), &json!("registry.example"), &json!("admin"))
    );
    assert_eq!(set["explanation"], json!(["anything else: allow"]));
    let shown: Value =
        world.registry.request_by("puller", "GET", POLICY).send().await.unwrap().json().await.unwrap();
    assert_eq!(shown, set);
    let dry = json!({ "text": world.policy(&json!({})).to_string(), "dry_run": true });
    let checked: Value =
        world.registry.request("PUT", POLICY).json(&dry).send().await.unwrap().json().await.unwrap();
    // Without a name of its own the server goes by that under which it was asked.
    assert!(world.registry.url("").ends_with(checked["host"].as_str().unwrap()), "{checked}");
    assert_eq!(world.registry.get(POLICY).await.json::<Value>().await.unwrap(), set, "nothing was set");
    let bad = json!({ "text": yaml, "host": "no/host" });
    assert_eq!(world.registry.request("PUT", POLICY).json(&bad).send().await.unwrap().status(), 400);
}

#[tokio::test]
async fn more_papers_than_are_read_are_refused_and_not_forgotten() {
    let world = World::gated().await;
    let digest = world.image("1.0", b"layer").await;
    world.sign(&digest).await;
    let (large, sibling) = (vec![b' '; 33 << 20], format!("sha256-{}.att", digest.encoded()));
    let blob = world.registry.push_blob("shop/web", &large).await;
    let config = world.registry.push_blob("shop/web", b"{}").await;
    let attached = json!({
        "schemaVersion": 2, "mediaType": media_type::OCI_MANIFEST,
        "config": { "mediaType": media_type::OCI_CONFIG, "digest": config, "size": 2 },
        "layers": [{ "mediaType": "application/vnd.dsse.envelope.v1+json", "digest": blob, "size": large.len() }],
    });
    world.put(&attached, Some(&sibling)).await;
    assert_eq!(
        world.manifest("1.0").await,
        200,
        "a paper that is too large proves nothing and hinders nothing"
    );
    let layers = vec![attached["config"].clone(); 1001];
    let attached = json!({
        "schemaVersion": 2, "mediaType": media_type::OCI_MANIFEST, "config": attached["config"], "layers": layers,
    });
    world.put(&attached, Some(&sibling)).await;
    let answer = world.ask("GET", "/v2/shop/web/manifests/1.0").await;
    assert_eq!(answer.status(), 403);
    assert!(answer.text().await.unwrap().contains("at most 1000"));
}

#[tokio::test]
async fn a_policy_that_is_lost_shuts_the_gate() {
    let world = World::gated().await;
    let digest = world.image("1.0", b"layer").await;
    world.sign(&digest).await;
    assert_eq!(world.manifest("1.0").await, 200);
    let catalog = world.registry.folder.path().join("data/catalog.db");
    rusqlite::Connection::open(catalog).unwrap().execute_batch("DELETE FROM project_policies").unwrap();
    assert_eq!((world.manifest("1.0").await, world.blob(b"layer").await), (500, 500));
}

#[tokio::test]
async fn whoever_signs_reads_with_a_token_to_pull() {
    let world = World::gated().await;
    world.image("1.0", b"layer").await;
    for (user, expected) in [("pusher", 200), ("puller", 403)] {
        let path = "/service/token?service=wharf&scope=repository:shop/web:pull";
        let answer =
            world.registry.anonymous("GET", path).basic_auth(user, Some(PASSWORD)).send().await.unwrap();
        let token: Value = answer.json().await.unwrap();
        let request = world.registry.anonymous("GET", "/v2/shop/web/manifests/1.0");
        let answer = request.bearer_auth(token["token"].as_str().unwrap()).send().await.unwrap();
        assert_eq!(answer.status(), expected, "{user}");
    }
}
