//! What `wharf publish --sign` signed and `wharf promote` carried and attested, real cosign verifies at the destination.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::mpsc;

use wharf_testkit::TestServer;

use crate::harness::*;

const POLICY: &str = r#"
version: 1
default: deny
signers: { release: { key: { file: cosign.pub } } }
rules:
- { name: all, match: { repositories: ["**"] }, signatures: { of: [release] } }
"#;

#[test]
fn cosign_verifies_signature_and_promotion_at_the_destination_alone() {
    let Some(program) = peer("cosign") else { return };
    let (staging, production) = (Registry::start(Transport::Plain), Registry::start(Transport::Plain));
    let cosign = Sandbox::new(program, &staging);
    let wharf = cosign.with_program(PathBuf::from(env!("CARGO_BIN_EXE_wharf")));
    for registry in [&staging, &production] {
        wharf.run(&["login", &registry.host(), "-u", USER, "-p", PASSWORD, "--plain-http"]);
    }
    cosign.run(&["generate-key-pair"]);
    cosign.run(&["generate-key-pair", "--output-key-prefix", "promoter"]);
    fs::write(cosign.folder().join("policy.yaml"), POLICY).unwrap();

    let chart = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/storefront");
    let (chart, place) = (chart.display().to_string(), format!("oci://{}/closed", staging.host()));
    wharf.run(&["publish", &chart, &place, "--sign", "cosign.key", "--plain-http"]);
    let from = format!("{}/closed/storefront:1.4.0", staging.host());
    let to = format!("{}/closed/storefront", production.host());
    let how = ["--policy", "policy.yaml", "--key", "promoter.key", "--channel", "stable", "--plain-http"];
    wharf.run(&[&["promote", &from, &to], &how[..]].concat());
    drop(staging);

    let stable = format!("{to}:stable");
    let way = ["--allow-http-registry", "--insecure-ignore-tlog=true"];
    cosign.run(&[&["verify", "--key", "cosign.pub"], &way[..], &[&stable]].concat());
    let line = ["verify-attestation", "--key", "promoter.pub", "--type", "https://wharf.dev/promotion/v1"];
    cosign.run(&[&line[..], &way, &[&stable]].concat());
    let wrong = [&["verify-attestation", "--key", "cosign.pub"], &line[3..], &way, &[&stable]].concat();
    cosign.attempt(&wrong).unwrap_err();
}

const SBOM: &str =
    r#"{"bomFormat":"CycloneDX","specVersion":"1.6","components":[{"type":"library","name":"a"}]}"#;
/// What cosign needs to be told about these registries.
const WAY: [&str; 2] = ["--allow-http-registry", "--insecure-ignore-tlog=true"];

/// A registry without the referrers API and with one repository, `shop/web`, that anybody may write.
fn lame_registry() -> TestServer {
    let (send, receive) = mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async move {
            send.send(TestServer::start().await.without_referrers()).unwrap();
            std::future::pending::<()>().await;
        });
    });
    receive.recv().unwrap()
}

/// A chart that was published with its papers, and the programs that look at it.
struct Release {
    cosign: Sandbox,
    wharf: Sandbox,
}

impl Release {
    fn new(cosign: PathBuf, staging: &Registry) -> Self {
        let cosign = Sandbox::new(cosign, staging);
        let wharf = cosign.with_program(PathBuf::from(env!("CARGO_BIN_EXE_wharf")));
        cosign.run(&["generate-key-pair"]);
        cosign.run(&["generate-key-pair", "--output-key-prefix", "promoter"]);
        cosign.run(&["generate-key-pair", "--output-key-prefix", "stranger"]);
        for (name, text) in
            [("policy.yaml", POLICY), ("sbom.json", SBOM), ("built.json", r#"{"machine":"b1"}"#)]
        {
            fs::write(cosign.folder().join(name), text).unwrap();
        }
        let release = Self { cosign, wharf };
        release.login(staging);
        let chart = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/storefront");
        let (chart, place) = (chart.display().to_string(), format!("oci://{}/closed", staging.host()));
        let publish = ["publish", &chart, &place, "--plain-http", "--sbom", "sbom.json"];
        // Unsigned as ORAS attaches it, then signed with what else is stated.
        release.wharf.run(&publish);
        let signed = ["--sign", "cosign.key", "--attest", "https://example.com/built/v1=built.json"];
        release.wharf.run(&[&publish[..], &signed].concat());
        release
    }

    fn login(&self, registry: &Registry) {
        self.wharf.run(&["login", &registry.host(), "-u", USER, "-p", PASSWORD, "--plain-http"]);
    }

    fn promote(&self, from: &str, to: &str, more: &[&str]) {
        let how = ["--policy", "policy.yaml", "--key", "promoter.key", "--plain-http"];
        self.wharf.run(&[&["promote", from, to], &how[..], more].concat());
    }

    /// Real cosign verifies the signature and every attestation at a place, of which `hops` are promotions; real ORAS
    /// finds them and the unsigned SBOM; real Helm pulls the chart.
    fn check(&self, place: &str, hops: usize) {
        self.cosign.run(&[&["verify", "--key", "cosign.pub"], &WAY[..], &[place]].concat());
        for kind in ["cyclonedx", "https://example.com/built/v1"] {
            let line = ["verify-attestation", "--key", "cosign.pub", "--type", kind];
            self.cosign.run(&[&line[..], &WAY, &[place]].concat());
        }
        let promoted =
            ["verify-attestation", "--key", "promoter.pub", "--type", "https://wharf.dev/promotion/v1"];
        let found = self.cosign.attempt(&[&promoted[..], &WAY, &[place]].concat());
        assert_eq!(
            found.map_or(0, |text| text.lines().count()),
            hops,
            "one attestation for each hop to {place}"
        );
        // Not the promoter's: cosign counts an attestation by a key as a signature by it.
        let wrong = ["verify", "--key", "stranger.pub"];
        self.cosign.attempt(&[&wrong[..], &WAY, &[place]].concat()).unwrap_err();
        if let Some(oras) = peer("oras") {
            let line = ["discover", "--plain-http", "--format", "json", place];
            let found = self.cosign.with_program(oras).run(&line);
            let count = |kind: &str| found.matches(&format!("\"artifactType\": \"{kind}\"")).count();
            assert_eq!(count("application/vnd.cyclonedx+json"), 1, "{found}");
            assert_eq!(count("application/vnd.dev.sigstore.bundle.v0.3+json"), 3 + hops, "{found}");
        }
        if let Some(helm) = peer("helm") {
            let helm = self.cosign.with_program(helm);
            let folder = helm.fresh("pulled").display().to_string();
            let (repository, version) = place.rsplit_once(':').unwrap();
            let chart = format!("oci://{repository}");
            helm.run(&["pull", &chart, "--version", version, "--plain-http", "--untar", "-d", &folder]);
            assert!(Path::new(&folder).join("storefront/Chart.yaml").exists());
        }
    }
}

#[test]
fn papers_survive_two_hops_a_tar_and_a_registry_without_the_referrers_api() {
    let Some(cosign) = peer("cosign") else { return };
    let staging = Registry::start(Transport::Plain);
    let release = Release::new(cosign, &staging);
    let from = format!("{}/closed/storefront:1.4.0", staging.host());
    release.check(&from, 0);

    let lame = lame_registry();
    let second = format!("{}/shop/web:1.4.0", lame.host());
    release.promote(&from, &second, &[]);
    drop(staging);
    release.check(&second, 1);
    assert_eq!(lame.count("PUT /v2/shop/web/manifests/1.4.0"), 1, "the tag is set once");

    let named = ["--as", "registry.example/prod/web"];
    release.promote(&second, "tar:release.tar", &named);
    let production = Registry::start(Transport::Plain);
    release.login(&production);
    let to = format!("{}/closed/web:1.4.0", production.host());
    release.promote("tar:release.tar:1.4.0", &to, &["--channel", "stable"]);
    release.check(&to, 3);
}

#[test]
fn a_refused_promotion_to_a_registry_without_the_referrers_api_leaves_it_as_it_was() {
    let Some(cosign) = peer("cosign") else { return };
    let staging = Registry::start(Transport::Plain);
    let release = Release::new(cosign, &staging);
    let from = format!("{}/closed/storefront:1.4.0", staging.host());
    let stranger = POLICY.replace("cosign.pub", "promoter.pub");
    fs::write(release.wharf.folder().join("policy.yaml"), stranger).unwrap();
    let lame = lame_registry();
    let to = format!("{}/shop/web:1.4.0", lame.host());
    let line = ["promote", &from, &to, "--policy", "policy.yaml", "--plain-http"];
    release.wharf.attempt(&line).unwrap_err();
    assert_eq!(lame.count("PUT ") + lame.count("POST ") + lame.count("PATCH "), 0, "{:?}", lame.seen());
}

/// Asked for and approved by Wharf, verified by cosign; approved by cosign, carried out by Wharf.
#[test]
fn requests_and_approvals_are_statements_that_cosign_verifies_and_makes() {
    let Some(cosign) = peer("cosign") else { return };
    let staging = Registry::start(Transport::Plain);
    let release = Release::new(cosign, &staging);
    let Release { cosign, wharf } = &release;
    cosign.run(&["generate-key-pair", "--output-key-prefix", "second"]);
    let policy = POLICY.replace(
        "signers: {",
        "signers: { ann: { key: { file: promoter.pub } }, bob: { key: { file: second.pub } },",
    );
    let policy = policy.replace("signatures: {", "promotion: { of: [ann, bob] }, signatures: {");
    fs::write(cosign.folder().join("policy.yaml"), policy).unwrap();
    let from = format!("{}/closed/storefront:1.4.0", staging.host());
    let to = format!("{}/closed/promoted", staging.host());
    let line = ["promote", &from, &to, "--policy", "policy.yaml", "--plain-http", "--output", "json"];
    let asked = wharf.run(&[&line[..], &["--request", "--key", "promoter.key"]].concat());
    let asked: serde_json::Value = serde_json::from_str(&asked).unwrap();
    let request = &asked["verified"]["source"]["approvals"]["request"];
    let kind = "https://wharf.dev/promotion-request/v1";
    let verify = ["verify-attestation", "--key", "promoter.pub", "--type", kind];
    let envelope = cosign.run(&[&verify[..], &WAY, &[&from]].concat());
    let envelope: serde_json::Value = serde_json::from_str(envelope.trim()).unwrap();
    let payload = envelope["payload"].as_str().unwrap().parse::<wharf_trust::Base64>().unwrap();
    let said: serde_json::Value = serde_json::from_slice(&payload).unwrap();

    let approval = serde_json::json!({
        "asked": said["predicate"]["asked"],
        "request": { "sha256": request["statement"] },
        "approvedAt": said["predicate"]["requestedAt"],
    });
    fs::write(cosign.folder().join("approval.json"), approval.to_string()).unwrap();
    wharf.attempt(&line).unwrap_err();
    let attest = ["attest", "--key", "second.key", "--type", "https://wharf.dev/promotion-approval/v1"];
    let offline =
        ["--predicate", "approval.json", "--use-signing-config=false", "--tlog-upload=false", "--yes"];
    cosign.run(&[&attest[..], &offline, &["--allow-http-registry", &from]].concat());
    let done: serde_json::Value = serde_json::from_str(&wharf.run(&line)).unwrap();
    assert_eq!(done["outcome"], "promoted");
    assert_eq!(done["verified"]["destination"]["approvals"]["approvals"][0]["signer"], "bob");
}
