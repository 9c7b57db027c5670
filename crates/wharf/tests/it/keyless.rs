//! Signing as whoever an identity provider vouches for, with logs and timestamps, against a sigstore instance in this process.

use serde_json::Value;
use wharf_testkit::sigstore::{Answering, FakeSigstore, Fault, Services};

use crate::signing::ALICE;
use crate::support::{Run, World};

const LOG_1: Services = Services { log: Some(1), timestamps: false };
const LOG_2: Services = Services { log: Some(2), timestamps: true };

/// A home with a blob, and the instance's files: `root.json`, `token`, and a signing config by each name.
struct Bench {
    world: World,
    fake: FakeSigstore,
}

impl Bench {
    fn new(world: World) -> Self {
        let fake = world.sigstore();
        std::fs::write(world.path("blob"), "hello").unwrap();
        Self { world, fake }
    }

    fn blobs() -> Self {
        Self::new(World::without_registry())
    }

    fn cosign(&self, line: &[&str]) -> Run {
        self.cosign_in(line, &[])
    }

    fn cosign_in(&self, line: &[&str], variables: &[(&str, &str)]) -> Run {
        let password = [("COSIGN_PASSWORD", "pw")];
        self.world.wharf_with(&[&["cosign"], line].concat(), "", &[&password, variables].concat())
    }

    /// Signs the blob with those services.
    fn sign(&self, config: &str, more: &[&str]) -> Run {
        let line =
            ["sign-blob", "--signing-config", config, "--trusted-root", "root.json", "--bundle", "b.json"];
        self.cosign(&[&line[..], more, &["blob"]].concat())
    }

    fn verify(&self, identity: &str, more: &[&str]) -> Run {
        let issuer = self.fake.issuer();
        let line = ["verify-blob", "--trusted-root", "root.json", "--bundle", "b.json"];
        let who = ["--certificate-identity", identity, "--certificate-oidc-issuer", &issuer];
        self.cosign(&[&line[..], &who, more, &["blob"]].concat())
    }

    fn bundle(&self) -> Value {
        serde_json::from_slice(&std::fs::read(self.world.path("b.json")).unwrap()).unwrap()
    }

    fn with_key(self) -> Self {
        self.cosign(&["generate-key-pair"]).ok();
        self
    }
}

#[test]
fn whoever_is_vouched_for_signs_without_a_key_and_nobody_else_verifies() {
    let bench = Bench::blobs();
    for (config, entries, stamps, more) in [
        ("log1", 1, 0, &[][..]),
        ("log1-stamps", 1, 1, &["--use-signed-timestamps"]),
        ("log2", 1, 1, &[]),
        ("stamps", 0, 1, &["--insecure-ignore-tlog", "--use-signed-timestamps"]),
    ] {
        bench.sign(config, &["--identity-token", "token"]).ok();
        let material = &bench.bundle()["verificationMaterial"];
        let count = |value: &Value| value.as_array().map_or(0, Vec::len);
        assert_eq!(count(&material["tlogEntries"]), entries, "{config}");
        assert_eq!(count(&material["timestampVerificationData"]["rfc3161Timestamps"]), stamps, "{config}");
        let run = bench.verify(ALICE, more).ok();
        assert!(run.stderr.ends_with("Verified OK\n"), "{run:?}");
        bench.verify("mallory@example.com", more).fails(1, "got \"alice@example.com\"");
        bench
            .verify(ALICE, &[more, &["--certificate-oidc-issuer", "https://other.example"]].concat())
            .fails(1, "expected issuer value");
        std::fs::write(bench.world.path("blob"), "hallo").unwrap();
        bench.verify(ALICE, more).fails(1, "failed to verify signature");
        std::fs::write(bench.world.path("blob"), "hello").unwrap();
    }
}

#[test]
fn what_was_signed_is_verified_without_asking_anybody() {
    let bench = Bench::blobs();
    bench.sign("log2", &["--identity-token", "token"]).ok();
    let before = bench.fake.seen().len();
    bench.verify(ALICE, &[]).ok();
    assert_eq!(bench.fake.seen().len(), before);
}

#[test]
fn a_workflow_signs_by_the_token_that_its_job_is_given() {
    let bench = Bench::blobs();
    let (url, secret) = bench.fake.ambient();
    let sign = [
        "sign-blob",
        "--signing-config",
        "log2",
        "--trusted-root",
        "root.json",
        "--bundle",
        "b.json",
        "blob",
    ];
    let job = [("ACTIONS_ID_TOKEN_REQUEST_URL", &*url), ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", &*secret)];
    bench.cosign_in(&sign, &job).ok();
    let claims = [
        ["--certificate-github-workflow-repository", "octo/shop"],
        ["--certificate-github-workflow-trigger", "push"],
        ["--certificate-github-workflow-name", "release"],
    ]
    .concat();
    bench.verify(FakeSigstore::WORKFLOW, &claims).ok();
    bench
        .verify(FakeSigstore::WORKFLOW, &["--certificate-github-workflow-repository", "octo/other"])
        .fails(1, "octo/shop");
    bench.cosign_in(&sign, &[("SIGSTORE_ID_TOKEN", &bench.fake.token_of(ALICE))]).ok();
    bench.verify(ALICE, &[]).ok();
    let off = [&["sign-blob", "--oidc-disable-ambient-providers", "--fulcio-auth-flow", "token"], &sign[1..]]
        .concat();
    bench.cosign_in(&off, &job).fails(1, "give --identity-token");
}

#[test]
fn somebody_signs_in_on_another_device() {
    let bench = Bench::blobs();
    let run = bench.sign("log2", &["--oidc-disable-ambient-providers", "--fulcio-auth-flow", "device"]).ok();
    assert!(run.stderr.contains("Enter the verification code ABCD-EFGH"), "{run:?}");
    bench.verify("device@example.com", &[]).ok();
}

#[test]
fn a_token_that_the_authority_does_not_believe_signs_nothing() {
    let bench = Bench::blobs();
    let stale = bench
        .fake
        .token(&serde_json::json!({ "sub": "1", "email": ALICE, "email_verified": true, "exp": 1 }));
    let refused = bench.sign("log2", &["--identity-token", &stale]);
    refused.fails(1, "the token has expired");
    bench.sign("log2", &["--identity-token", "nosuch"]).fails(1, "open nosuch: no such file or directory");
    let unverified = bench.fake.token(&serde_json::json!({ "sub": "1", "email": ALICE }));
    let run = bench.sign("log2", &["--identity-token", &unverified]);
    run.fails(1, "the provider has not verified the e-mail address");
    assert!(!bench.world.path("b.json").exists());
}

/// A verifier would refuse it, so nobody gets to see it.
#[test]
fn what_a_service_answers_wrongly_is_not_written() {
    let bench = Bench::blobs();
    for (fault, config, text) in [
        (Fault::WrongPromise, "log1", "the signed entry timestamp is not by"),
        (Fault::WrongProof, "log1", "the proof leads to root"),
        (Fault::WrongProof, "log2", "the proof leads to root"),
        (Fault::OtherEntry, "log1", "the log entry holds another signature than the bundle"),
        (Fault::OtherEntry, "log2", "the log entry holds another signature than the bundle"),
        (Fault::NoSct, "log2", "holds no signed certificate timestamp"),
        (Fault::WrongSct, "log2", "no signed certificate timestamp verifies"),
        (Fault::OtherKey, "log2", "the certificate authority certified key"),
        (Fault::ExpiredCertificate, "log1", "the certificate is valid from"),
        (Fault::ExpiredCertificate, "log2", "failed to verify leaf certificate"),
        (Fault::OtherStamp, "log2", "the timestamp is of another signature"),
        (Fault::Garbage(Answering::Certificates), "log2", "answer of the certificate authority"),
        (Fault::Garbage(Answering::Log), "log1", "answer of the transparency log"),
        (Fault::Garbage(Answering::Log), "log2", "answer of the transparency log"),
        (Fault::Garbage(Answering::Timestamps), "log2", "signed timestamp"),
        (Fault::Huge(Answering::Certificates), "log2", "at most 4194304 are accepted"),
        (Fault::Huge(Answering::Log), "log2", "at most 4194304 are accepted"),
        (Fault::Broken(Answering::Log), "log1", "the service is broken"),
    ] {
        bench.fake.misbehave(fault);
        bench.sign(config, &["--identity-token", "token"]).fails(1, text);
        assert!(!bench.world.path("b.json").exists(), "{fault:?} {config}");
    }
    bench.fake.misbehave(Fault::NoSct);
    bench.sign("log2", &["--identity-token", "token", "--insecure-skip-verify"]).ok();
    bench.verify(ALICE, &[]).fails(1, "no signed certificate timestamp");
    bench.fake.misbehave(None);
    bench.sign("log2", &["--identity-token", "token"]).ok();
}

#[test]
fn services_that_the_trusted_root_does_not_know_sign_nothing() {
    let bench = Bench::blobs();
    let other = FakeSigstore::start();
    for root in [other.trusted_root(), bench.fake.trusted_root_with_expired_intermediate()] {
        std::fs::write(bench.world.path("root.json"), root).unwrap();
        bench.sign("log2", &["--identity-token", "token"]).fails(1, "does not verify");
        assert!(!bench.world.path("b.json").exists());
    }
}

#[test]
fn every_log_that_is_asked_must_be_one_that_is_believed() {
    let bench = Bench::blobs().with_key();
    let other = FakeSigstore::start();
    let read = |bytes: Vec<u8>| -> Value { serde_json::from_slice(&bytes).unwrap() };
    let mut config = read(bench.fake.signing_config(LOG_2));
    let mut second = read(other.signing_config(LOG_2))["rekorTlogUrls"][0].clone();
    second["operator"] = "other.example".into();
    config["rekorTlogUrls"].as_array_mut().unwrap().push(second);
    let write = |name: &str, value: &Value| {
        std::fs::write(bench.world.path(name), value.to_string()).unwrap();
    };
    for (selector, entries) in [
        (serde_json::json!({ "selector": "ALL" }), 2),
        (serde_json::json!({ "selector": "EXACT", "count": 2 }), 2),
        (serde_json::json!({ "selector": "ANY" }), 1),
    ] {
        config["rekorTlogConfig"] = selector;
        write("config", &config);
        let mut root = read(bench.fake.trusted_root());
        if entries == 2 {
            write("root.json", &root);
            bench.sign("config", &["--key", "cosign.key"]).fails(1, "1 < 2");
        }
        let theirs = read(other.trusted_root())["tlogs"].as_array().unwrap().clone();
        root["tlogs"].as_array_mut().unwrap().extend(theirs);
        write("root.json", &root);
        bench.sign("config", &["--key", "cosign.key"]).ok();
        assert_eq!(bench.bundle()["verificationMaterial"]["tlogEntries"].as_array().unwrap().len(), entries);
    }
}

#[test]
fn a_bundle_is_refused_when_what_vouches_for_it_is_taken_away_or_swapped() {
    let bench = Bench::blobs();
    bench.sign("log1", &["--identity-token", "token"]).ok();
    let first = bench.bundle();
    bench.sign("log1", &["--identity-token", "token"]).ok();
    let write = |bundle: &Value| std::fs::write(bench.world.path("b.json"), bundle.to_string()).unwrap();
    let mut swapped = bench.bundle();
    swapped["verificationMaterial"]["tlogEntries"] = first["verificationMaterial"]["tlogEntries"].clone();
    write(&swapped);
    bench.verify(ALICE, &[]).fails(1, "another signature");
    let mut bare = first.clone();
    bare["verificationMaterial"].as_object_mut().unwrap().remove("tlogEntries");
    write(&bare);
    bench.verify(ALICE, &[]).fails(1, "not enough verified log entries");
    write(&first);
    std::fs::write(bench.world.path("root.json"), bench.fake.trusted_root_with_expired_intermediate())
        .unwrap();
    bench.verify(ALICE, &[]).fails(1, "failed to verify leaf certificate");
}

#[test]
fn a_key_signs_with_a_log_and_with_timestamps() {
    let bench = Bench::blobs().with_key();
    let verify = ["verify-blob", "--key", "cosign.pub", "--trusted-root", "root.json", "--bundle", "b.json"];
    for (config, more) in [
        ("log1", &[][..]),
        ("log2", &["--use-signed-timestamps"]),
        ("stamps", &["--insecure-ignore-tlog", "--use-signed-timestamps"]),
    ] {
        bench.sign(config, &["--key", "cosign.key"]).ok();
        bench.cosign(&[&verify[..], more, &["blob"]].concat()).ok();
    }
    // Without a log that was asked, the demand for one stands.
    bench.cosign(&[&verify[..], &["blob"]].concat()).fails(1, "transparency log");
    std::fs::write(bench.world.path("predicate.json"), r#"{"built":"here"}"#).unwrap();
    for config in ["log1", "log2"] {
        let attest =
            ["attest-blob", "--key", "cosign.key", "--predicate", "predicate.json", "--bundle", "b.json"];
        let services = ["--signing-config", config, "--trusted-root", "root.json", "blob"];
        bench.cosign(&[&attest[..], &services].concat()).ok();
        let verify = ["verify-blob-attestation", "--key", "cosign.pub", "--trusted-root", "root.json"];
        bench.cosign(&[&verify[..], &["--bundle", "b.json", "blob"]].concat()).ok();
    }
}

#[test]
fn an_image_is_signed_and_attested_in_both_layouts() {
    let bench = Bench::new(World::logged_in());
    let published = bench.world.publish(&[]).ok().json();
    let digest = published["digest"].as_str().unwrap().to_owned();
    let image = format!("{}/shop/storefront@{digest}", bench.world.host());
    std::fs::write(bench.world.path("predicate.json"), r#"{"built":"here"}"#).unwrap();
    let (url, stamps, issuer) = (bench.fake.url(), bench.fake.timestamp_url(), bench.fake.issuer());
    let config = ["--signing-config", "log2"];
    let flags = [
        "--use-signing-config=false",
        "--new-bundle-format=false",
        "--yes",
        "--fulcio-url",
        &url,
        "--rekor-url",
        &url,
        "--timestamp-server-url",
        &stamps,
    ];
    let who = ["--certificate-identity", ALICE, "--certificate-oidc-issuer", &issuer];
    for (services, layout) in
        [(&flags[..], "--new-bundle-format=false"), (&config, "--new-bundle-format=true")]
    {
        let token = ["--identity-token", "token", "--trusted-root", "root.json"];
        bench.cosign(&[&["sign"][..], services, &token, &[&image]].concat()).ok();
        let attest = ["attest", "--predicate", "predicate.json"];
        bench.cosign(&[&attest[..], services, &token, &[&image]].concat()).ok();
        let verify = |command: &str, root: &str| {
            bench.cosign(&[&[command, layout, "--trusted-root", root], &who[..], &[&image]].concat())
        };
        verify("verify", "root.json").ok();
        verify("verify-attestation", "root.json").ok();
        std::fs::write(bench.world.path("expired.json"), bench.fake.trusted_root_with_expired_intermediate())
            .unwrap();
        assert_ne!(verify("verify", "expired.json").status, 0);
        let wrong = ["--certificate-identity", "mallory@example.com", "--certificate-oidc-issuer", &issuer];
        let run = bench
            .cosign(&[&["verify", layout, "--trusted-root", "root.json"], &wrong[..], &[&image]].concat());
        run.fails(12, "mallory@example.com");
    }
}

#[test]
fn a_chart_is_published_and_signed_by_identity_in_one_go_and_only_once() {
    let bench = Bench::new(World::logged_in());
    let token = bench.fake.token_of(ALICE);
    let sign = ["--sign", "keyless", "--signing-config", "log2", "--trusted-root", "root.json"];
    let publish = || bench.world.publish(&[&sign[..], &["--identity-token", &token]].concat());
    let report = publish().ok().json();
    assert_eq!(report["signature"]["attached"], true, "{report}");
    let again = publish().ok().json();
    assert_eq!(again["signature"]["attached"], false, "{again}");
    assert_eq!(again["signature"]["digest"], report["signature"]["digest"]);
    let image = format!("{}/shop/storefront@{}", bench.world.host(), report["digest"].as_str().unwrap());
    let issuer = bench.fake.issuer();
    let who = ["--certificate-identity", ALICE, "--certificate-oidc-issuer", &issuer];
    bench.cosign(&[&["verify", "--trusted-root", "root.json"], &who[..], &[&image]].concat()).ok();
    bench.world.publish(&["--signing-config", "log2"]).fails(2, "--sign");
}

#[test]
fn both_files_are_made_from_their_parts() {
    let bench = Bench::blobs();
    let parts = bench.fake.parts();
    for (name, text) in [
        ("ca.pem", &parts.authority),
        ("ct.pub", &parts.certificate_log),
        ("first.pub", &parts.first_log),
        ("second.pub", &parts.second_log),
        ("tsa.pem", &parts.timestamps),
    ] {
        std::fs::write(bench.world.path(name), text).unwrap();
    }
    let (url, stamps) = (bench.fake.url(), bench.fake.timestamp_url());
    let since = "start-time=2024-01-01T00:00:00Z";
    let authority = format!("url={url},certificate-chain=ca.pem,{since}");
    let certificates = format!("url={url}/ct,public-key=ct.pub,{since}");
    let first = format!("url={url},public-key=first.pub,{since}");
    let second = format!("url={url},public-key=second.pub,{since},origin=127.0.0.1");
    let times = format!("url={stamps},certificate-chain=tsa.pem,{since}");
    let line = [
        "trusted-root",
        "create",
        "--fulcio",
        &authority,
        "--ctfe",
        &certificates,
        "--rekor",
        &first,
        "--rekor",
        &second,
        "--tsa",
        &times,
    ];
    assert_eq!(bench.cosign(&line).ok().stdout.trim_end().as_bytes(), bench.fake.trusted_root());

    let service =
        |url: &str, version: u32| format!("url={url},api-version={version},{since},operator=fake.example");
    let (fulcio, rekor, tsa) = (service(&url, 1), service(&url, 2), service(&stamps, 1));
    let oidc = service(&bench.fake.issuer(), 1);
    let line = [
        "signing-config",
        "create",
        "--fulcio",
        &fulcio,
        "--rekor",
        &rekor,
        "--rekor-config",
        "ANY",
        "--tsa",
        &tsa,
        "--tsa-config",
        "EXACT:1",
        "--oidc-provider",
        &oidc,
    ];
    let made: Value = bench.cosign(&line).ok().json();
    let expected: Value = serde_json::from_slice(&bench.fake.signing_config(LOG_2)).unwrap();
    assert_eq!(made, expected);
    for (line, text) in [
        (
            &["signing-config", "create", "--rekor", &rekor][..],
            "--rekor-config must be provided when --rekor is specified",
        ),
        (
            &["signing-config", "create", "--rekor", "url=x", "--rekor-config", "ANY"],
            "parsing rekor spec: missing required key 'api-version' in service spec",
        ),
        (
            &["signing-config", "create", "--tsa-config", "EXACT"],
            "parsing tsa-config: mode EXACT requires a count, e.g. EXACT:2",
        ),
        (
            &["signing-config", "create", "--fulcio", "url"],
            "parsing fulcio spec: invalid key-value pair: url",
        ),
        (
            &["trusted-root", "create", "--fulcio", "url=x"],
            "parsing fulcio spec: missing or empty required key 'certificate-chain' in fulcio spec",
        ),
        (
            &["trusted-root", "create", "--tsa", "url=x,certificate-chain=ca.pem"],
            "parsing tsa spec: first certificate in chain must be a leaf certificate",
        ),
        (
            &["trusted-root", "create", "--fulcio", &authority, "--certificate-chain", "ca.pem"],
            "cannot use --fulcio and old fulcio flags at the same time",
        ),
    ] {
        bench.cosign(line).fails(1, text);
    }
}

#[test]
fn what_cannot_be_meant_is_refused_before_anybody_is_asked() {
    let bench = Bench::blobs().with_key();
    let line = |more: &[&str]| {
        let run = bench.cosign(&[&["sign-blob", "--bundle", "b.json"], more, &["blob"]].concat());
        assert!(bench.fake.seen().is_empty());
        run
    };
    let url = bench.fake.url();
    line(&["--identity-token", "token", "--fulcio-url", &url])
        .fails(1, "cannot specify service URLs and use signing config");
    line(&["--identity-token", "token", "--use-signing-config=false", "--rekor-url", &url])
        .fails(1, "user declined the prompt");
    std::fs::write(
        bench.world.path("no-stamps"),
        bench.fake.signing_config(Services { log: Some(2), timestamps: false }),
    )
    .unwrap();
    line(&["--identity-token", "token", "--signing-config", "no-stamps"])
        .fails(1, "a timestamp authority must be provided");
    let mut ended: Value = serde_json::from_slice(&bench.fake.signing_config(LOG_1)).unwrap();
    ended["rekorTlogUrls"][0]["validFor"]["end"] = "2025-01-01T00:00:00Z".into();
    std::fs::write(bench.world.path("ended"), ended.to_string()).unwrap();
    line(&["--key", "cosign.key", "--signing-config", "ended"]).fails(1, "no matching services found");
    ended["rekorTlogUrls"][0]["validFor"]["end"] = Value::Null;
    ended["rekorTlogConfig"] = serde_json::json!({ "selector": "EXACT", "count": 2 });
    std::fs::write(bench.world.path("two"), ended.to_string()).unwrap();
    line(&["--key", "cosign.key", "--signing-config", "two"])
        .fails(1, "service selector count 2 must be less than or equal to the slice length 1");
}

#[test]
fn signing_waits_for_a_service_no_longer_than_it_may() {
    let bench = Bench::blobs();
    std::fs::write(bench.world.path("predicate.json"), r#"{"built":"here"}"#).unwrap();
    bench.fake.misbehave(Fault::Silent(Answering::Log));
    let config = ["--signing-config", "log2", "--trusted-root", "root.json", "--identity-token", "token"];
    for line in [&["sign-blob"][..], &["attest-blob", "--predicate", "predicate.json"]] {
        let run = bench.cosign(&[line, &config, &["--bundle", "b.json", "--timeout", "1s", "blob"]].concat());
        run.fails(1, "context deadline exceeded: not done within 1s");
        assert!(!bench.world.path("b.json").exists());
    }
}
