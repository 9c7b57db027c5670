//! Real cosign and `wharf cosign` sign without a key at the same sigstore instance: each verifies what the other signed, and
//! refuses what the other refuses.

use serde_json::Value;
use wharf_testkit::sigstore::{FakeSigstore, Services};

use crate::harness::*;

const ALICE: &str = "alice@example.com";
const ROOT: [&str; 2] = ["--trusted-root", "root.json"];

/// One home for both programs, with the instance's files in it.
struct Bench {
    theirs: Sandbox,
    ours: Sandbox,
    fake: FakeSigstore,
    registry: Registry,
}

impl Bench {
    fn start() -> Option<Self> {
        let theirs = peer("cosign")?;
        let registry = Registry::start(Transport::Plain);
        let theirs = Sandbox::new(theirs, &registry);
        let ours = theirs.with_program(env!("CARGO_BIN_EXE_wharf").into());
        let fake = FakeSigstore::start();
        let bench = Self { theirs, ours, fake, registry };
        for (name, log, timestamps) in [
            ("log1", Some(1), false),
            ("log1-stamps", Some(1), true),
            ("log2", Some(2), true),
            ("stamps", None, true),
        ] {
            bench.write(name, &bench.fake.signing_config(Services { log, timestamps }));
        }
        bench.write("root.json", &bench.fake.trusted_root());
        bench.write("expired.json", &bench.fake.trusted_root_with_expired_intermediate());
        bench.write("token", bench.fake.token_of(ALICE).as_bytes());
        bench.write("workflow", bench.fake.token_of_workflow().as_bytes());
        bench.write("blob", b"hello");
        bench.write("predicate.json", br#"{"built":"here"}"#);
        Some(bench)
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        std::fs::write(self.theirs.folder().join(name), bytes).unwrap();
    }

    fn run(&self, ours: bool, line: &[&str]) -> Result<String, String> {
        match ours {
            true => self.ours.attempt(&[&["cosign"], line].concat()),
            false => self.theirs.attempt(line),
        }
    }

    /// Both programs give this verdict.
    #[track_caller]
    fn both(&self, line: &[&str], good: bool) {
        for ours in [true, false] {
            let verdict = self.run(ours, line);
            assert_eq!(
                verdict.is_ok(),
                good,
                "{} {line:?}: {verdict:?}",
                if ours { "wharf" } else { "cosign" }
            );
        }
    }

    fn who<'a>(&'a self, identity: &'a str, issuer: &'a str) -> [&'a str; 4] {
        ["--certificate-identity", identity, "--certificate-oidc-issuer", issuer]
    }

    fn bundle(&self, name: &str) -> Value {
        serde_json::from_slice(&std::fs::read(self.theirs.folder().join(name)).unwrap()).unwrap()
    }
}

#[test]
fn a_blob_signed_by_identity_has_the_same_verdicts() {
    let Some(bench) = Bench::start() else { return };
    let issuer = bench.fake.issuer();
    for signer in [true, false] {
        for (config, more) in [
            ("log1", &[][..]),
            ("log1-stamps", &["--use-signed-timestamps"]),
            ("log2", &[]),
            ("stamps", &["--insecure-ignore-tlog", "--use-signed-timestamps"]),
        ] {
            let sign = ["sign-blob", "--yes", "--identity-token", "token", "--signing-config", config];
            bench.run(signer, &[&sign[..], &ROOT, &["--bundle", "b.json", "blob"]].concat()).unwrap();
            let verify = |root: &[&str], who: [&str; 4], file: &str, good: bool| {
                let line = [&["verify-blob", "--bundle", "b.json"], root, &who[..], more, &[file]].concat();
                bench.both(&line, good);
            };
            verify(&ROOT, bench.who(ALICE, &issuer), "blob", true);
            verify(&ROOT, bench.who("mallory@example.com", &issuer), "blob", false);
            verify(&ROOT, bench.who(ALICE, "https://other.example"), "blob", false);
            verify(&ROOT, bench.who(ALICE, &issuer), "predicate.json", false);
            verify(&["--trusted-root", "expired.json"], bench.who(ALICE, &issuer), "blob", false);
        }
    }
}

#[test]
fn a_workflow_s_claims_are_read_alike() {
    let Some(bench) = Bench::start() else { return };
    let issuer = bench.fake.issuer();
    for signer in [true, false] {
        let sign = ["sign-blob", "--yes", "--identity-token", "workflow", "--signing-config", "log2"];
        bench.run(signer, &[&sign[..], &ROOT, &["--bundle", "b.json", "blob"]].concat()).unwrap();
        for (repository, good) in [("octo/shop", true), ("octo/other", false)] {
            let claim = ["--certificate-github-workflow-repository", repository];
            let who = bench.who(FakeSigstore::WORKFLOW, &issuer);
            let line = [&["verify-blob", "--bundle", "b.json"], &ROOT[..], &who, &claim, &["blob"]].concat();
            bench.both(&line, good);
        }
    }
}

#[test]
fn what_is_taken_from_a_bundle_or_swapped_in_is_refused_by_both() {
    let Some(bench) = Bench::start() else { return };
    let issuer = bench.fake.issuer();
    let verify = |good: bool| {
        let who = bench.who(ALICE, &issuer);
        bench
            .both(&[&["verify-blob", "--bundle", "changed.json"], &ROOT[..], &who, &["blob"]].concat(), good);
    };
    for signer in [true, false] {
        for config in ["log1", "log2"] {
            for name in ["a.json", "b.json"] {
                let sign = ["sign-blob", "--yes", "--identity-token", "token", "--signing-config", config];
                bench.run(signer, &[&sign[..], &ROOT, &["--bundle", name, "blob"]].concat()).unwrap();
            }
            let change = |part: &str, value: Option<Value>| {
                let mut changed = bench.bundle("a.json");
                let material = changed["verificationMaterial"].as_object_mut().unwrap();
                match value {
                    Some(value) => drop(material.insert(part.to_owned(), value)),
                    None => drop(material.remove(part)),
                }
                bench.write("changed.json", changed.to_string().as_bytes());
            };
            let other = bench.bundle("b.json")["verificationMaterial"].clone();
            change("tlogEntries", Some(other["tlogEntries"].clone()));
            verify(false);
            change("tlogEntries", None);
            verify(false);
            change("certificate", Some(other["certificate"].clone()));
            verify(false);
            if config == "log2" {
                let stamps = "timestampVerificationData";
                change(stamps, Some(other[stamps].clone()));
                verify(false);
                change(stamps, None);
                verify(false);
            }
            bench.write("changed.json", bench.bundle("a.json").to_string().as_bytes());
            verify(true);
        }
    }
}

/// cosign signs with a certificate that no certificate log saw, and then refuses what it signed; `wharf` does not sign.
#[test]
fn what_services_answer_wrongly_is_signed_by_nobody_or_verified_by_nobody() {
    use wharf_testkit::sigstore::Fault::*;
    let Some(bench) = Bench::start() else { return };
    let issuer = bench.fake.issuer();
    let bundle = bench.theirs.folder().join("b.json");
    for (fault, config, signed) in [
        (NoSct, "log2", true),
        (WrongSct, "log1", true),
        (OtherEntry, "log1", false),
        (OtherEntry, "log2", false),
        (WrongPromise, "log1", false),
        (WrongProof, "log2", false),
        (OtherStamp, "log2", false),
        (ExpiredCertificate, "log2", false),
    ] {
        bench.fake.misbehave(fault);
        let sign = ["sign-blob", "--yes", "--identity-token", "token", "--signing-config", config];
        let sign = [&sign[..], &ROOT, &["--bundle", "b.json", "blob"]].concat();
        bench.run(true, &sign).unwrap_err();
        assert!(!bundle.exists(), "{fault:?}");
        assert_eq!(bench.run(false, &sign).is_ok(), signed, "{fault:?}");
        if signed {
            let who = bench.who(ALICE, &issuer);
            bench.both(&[&["verify-blob", "--bundle", "b.json"], &ROOT[..], &who, &["blob"]].concat(), false);
            let anyway = ["--insecure-ignore-sct"];
            bench.both(
                &[&["verify-blob", "--bundle", "b.json"], &ROOT[..], &who, &anyway, &["blob"]].concat(),
                true,
            );
            std::fs::remove_file(&bundle).unwrap();
        }
    }
}

#[test]
fn an_image_signed_and_attested_by_identity_verifies_by_both_in_both_layouts() {
    let Some(bench) = Bench::start() else { return };
    let Some(crane) = peer("crane") else { return };
    let (crane, host) = (bench.theirs.with_program(crane), bench.registry.host());
    crane.run(&["auth", "login", &host, "-u", USER, "-p", PASSWORD, "--insecure"]);
    let (url, stamps, issuer) = (bench.fake.url(), bench.fake.timestamp_url(), bench.fake.issuer());
    let old = [
        "--use-signing-config=false",
        "--new-bundle-format=false",
        "--fulcio-url",
        &url,
        "--rekor-url",
        &url,
        "--timestamp-server-url",
        &stamps,
    ];
    for signer in [true, false] {
        for (layout, services) in [
            ("new", &["--signing-config", "log2"][..]),
            ("first", &["--signing-config", "log1"]),
            ("old", &old),
        ] {
            let name = format!("{host}/closed/keyless-{layout}-{signer}");
            let (folder, image) = (crane.fresh("layout"), Image::with(&name));
            image.write_layout(&folder, "1.0");
            crane.run(&["push", &folder.display().to_string(), &format!("{name}:1.0"), "--insecure"]);
            let subject = format!("{name}@{}", image.digest());
            let token = ["--yes", "--allow-http-registry", "--identity-token", "token"];
            bench.run(signer, &[&["sign"], services, &token[..], &ROOT, &[&subject]].concat()).unwrap();
            let attest = ["attest", "--type", "slsaprovenance1", "--predicate", "predicate.json"];
            bench.run(signer, &[&attest, services, &token[..], &ROOT, &[&subject]].concat()).unwrap();
            let format = match layout {
                "old" => "--new-bundle-format=false",
                _ => "--new-bundle-format=true",
            };
            let verify = |command: &[&str], root: &str, who: [&str; 4], good: bool| {
                let how = ["--allow-http-registry", format, "--trusted-root", root];
                bench.both(&[command, &how[..], &who, &[&subject]].concat(), good);
            };
            for command in [&["verify"][..], &["verify-attestation", "--type", "slsaprovenance1"]] {
                verify(command, "root.json", bench.who(ALICE, &issuer), true);
                verify(command, "root.json", bench.who("mallory@example.com", &issuer), false);
                verify(command, "root.json", bench.who(ALICE, "https://other.example"), false);
                verify(command, "expired.json", bench.who(ALICE, &issuer), false);
            }
            let other = ["verify-attestation", "--type", "spdxjson"];
            verify(&other, "root.json", bench.who(ALICE, &issuer), false);
        }
    }
}

#[test]
fn a_key_signs_with_a_log_and_timestamps_for_both() {
    let Some(bench) = Bench::start() else { return };
    bench.run(true, &["generate-key-pair"]).unwrap();
    for signer in [true, false] {
        for config in ["log1", "log1-stamps", "log2"] {
            let with = ["--yes", "--key", "cosign.key", "--signing-config", config, "--bundle", "b.json"];
            bench.run(signer, &[&["sign-blob"], &with[..], &ROOT, &["blob"]].concat()).unwrap();
            let verify = ["verify-blob", "--key", "cosign.pub", "--bundle", "b.json"];
            bench.both(&[&verify[..], &ROOT, &["blob"]].concat(), true);
            bench.both(&[&verify[..], &ROOT, &["predicate.json"]].concat(), false);
            let attest = ["attest-blob", "--type", "custom", "--predicate", "predicate.json"];
            bench.run(signer, &[&attest[..], &with, &ROOT, &["blob"]].concat()).unwrap();
            let verify =
                ["verify-blob-attestation", "--type", "custom", "--key", "cosign.pub", "--bundle", "b.json"];
            bench.both(&[&verify[..], &ROOT, &["blob"]].concat(), true);
            bench.both(&[&verify[..], &ROOT, &["token"]].concat(), false);
        }
    }
}

/// Made by `cosign trusted-root create` and `cosign signing-config create`.
#[test]
fn both_make_the_same_trusted_root_and_signing_config() {
    let Some(bench) = Bench::start() else { return };
    let parts = bench.fake.parts();
    for (name, text) in [
        ("ca.pem", &parts.authority),
        ("ct.pub", &parts.certificate_log),
        ("first.pub", &parts.first_log),
        ("second.pub", &parts.second_log),
        ("tsa.pem", &parts.timestamps),
    ] {
        bench.write(name, text.as_bytes());
    }
    let service = "url=https://a.example,api-version=2,start-time=2024-01-01T00:00:00Z,operator=a";
    let log = "url=https://b.example,public-key=second.pub,start-time=2023-01-01T00:00:00Z,origin=b.example";
    for line in [
        &["trusted-root", "create"][..],
        &["trusted-root", "create", "--fulcio", "url=https://f.example,certificate-chain=ca.pem"],
        &["trusted-root", "create", "--certificate-chain", "ca.pem", "--rekor-key", "second.pub,b.example"],
        &[
            "trusted-root",
            "create",
            "--tsa",
            "url=https://t.example,certificate-chain=tsa.pem,end-time=2030-01-01T00:00:00Z",
        ],
        &[
            "trusted-root",
            "create",
            "--ctfe",
            "url=https://c.example,public-key=ct.pub,start-time=2024-01-01T00:00:00Z",
            "--rekor",
            "url=https://a.example,public-key=first.pub,start-time=2024-01-01T00:00:00Z",
            "--rekor",
            log,
        ],
        &["signing-config", "create"],
        &["signing-config", "create", "--rekor", service, "--rekor-config", "exact:1"],
        &["signing-config", "create", "--base-config", "log2", "--no-default-rekor"],
        &["signing-config", "create", "--base-config", "log2", "--tsa", service, "--tsa-config", "ALL"],
    ] {
        let made = [true, false]
            .map(|ours| -> Value { serde_json::from_str(&bench.run(ours, line).unwrap()).unwrap() });
        assert_eq!(made[0], made[1], "{line:?}");
    }
    for line in [
        &["trusted-root", "create", "--fulcio", "url=https://f.example"][..],
        &["trusted-root", "create", "--tsa", "url=https://t.example,certificate-chain=ca.pem"],
        &["signing-config", "create", "--rekor", service],
        &["signing-config", "create", "--rekor-config", "SOME"],
        &["signing-config", "create", "--base-config", "nosuch"],
    ] {
        bench.both(line, false);
    }
}
