//! Real cosign and `wharf cosign` on the same files: what one signs the other verifies, what one refuses the other refuses.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::harness::peer;
use crate::pki;

const OFFLINE: [&str; 2] = ["--use-signing-config=false", "--tlog-upload=false"];

struct Two {
    home: TempDir,
    theirs: PathBuf,
}

impl Two {
    fn new() -> Option<Self> {
        let theirs = peer("cosign")?;
        let two = Self { home: TempDir::new().unwrap(), theirs };
        std::fs::write(two.path("blob"), "carried with its papers").unwrap();
        std::fs::write(two.path("other"), "something else").unwrap();
        std::fs::write(two.path("predicate.json"), r#"{"built":"here","n":[1,2.5,null]}"#).unwrap();
        Some(two)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    /// Runs one of the two; returns whether it succeeded, and what it said.
    fn run(&self, wharf: bool, arguments: &[&str]) -> (bool, String) {
        let mut command = if wharf {
            let mut command = Command::new(env!("CARGO_BIN_EXE_wharf"));
            command.arg("cosign");
            command
        } else {
            Command::new(&self.theirs)
        };
        command.args(arguments).current_dir(self.home.path()).env_clear().stdin(Stdio::null());
        command.env("HOME", self.home.path()).env("COSIGN_PASSWORD", "pw");
        let output = command.output().unwrap();
        let text = [output.stdout, output.stderr].concat();
        (output.status.success(), format!("{arguments:?}: {}", String::from_utf8_lossy(&text)))
    }

    #[track_caller]
    fn ok(&self, wharf: bool, arguments: &[&str]) {
        let (good, text) = self.run(wharf, arguments);
        assert!(good, "{text}");
    }

    /// Both must say the same.
    #[track_caller]
    fn both(&self, expected: bool, arguments: &[&str]) {
        for wharf in [true, false] {
            let (good, text) = self.run(wharf, arguments);
            assert_eq!(good, expected, "{} {text}", if wharf { "wharf" } else { "cosign" });
        }
    }

    /// Makes and imports a key; the importer is the one that signs last with it.
    fn key(&self, name: &str, wharf: bool) {
        let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../wharf-trust/testdata");
        let source = data.join(format!("openssl-{name}.pem")).display().to_string();
        self.ok(wharf, &["import-key-pair", "--key", &source, "--output-key-prefix", name, "--yes"]);
    }
}

#[test]
fn blobs_and_attestations_verify_across_for_every_signer() {
    let Some(two) = Two::new() else { return };
    for signer in [true, false] {
        let prefix = if signer { "ours" } else { "theirs" };
        let (key, public) = (format!("{prefix}.key"), format!("{prefix}.pub"));
        two.ok(signer, &["generate-key-pair", "--output-key-prefix", prefix]);
        // Either opens the key that the other made.
        for by in [true, false] {
            let sign = ["sign-blob", "--yes", "--key", &key, "--bundle", "b.json"];
            two.ok(by, &[&sign[..], &OFFLINE, &["blob"]].concat());
            let verify = ["verify-blob", "--key", &public, "--insecure-ignore-tlog", "--bundle", "b.json"];
            two.both(true, &[&verify[..], &["blob"]].concat());
            two.both(false, &[&verify[..], &["other"]].concat());
            two.both(false, &[&verify[..], &["nosuch"]].concat());
            for (kind, wanted) in [
                ("custom", "custom"),
                ("spdxjson", "spdxjson"),
                ("https://example.com/p/v1", "https://example.com/p/v1"),
            ] {
                let attest = [
                    "attest-blob",
                    "--yes",
                    "--key",
                    &key,
                    "--bundle",
                    "a.json",
                    "--predicate",
                    "predicate.json",
                ];
                two.ok(by, &[&attest[..], &OFFLINE, &["--type", kind, "blob"]].concat());
                let verify = [
                    "verify-blob-attestation",
                    "--key",
                    &public,
                    "--insecure-ignore-tlog",
                    "--bundle",
                    "a.json",
                ];
                two.both(true, &[&verify[..], &["--type", wanted, "blob"]].concat());
                two.both(false, &[&verify[..], &["--type", wanted, "other"]].concat());
                two.both(false, &[&verify[..], &["--type", "cyclonedx", "blob"]].concat());
                two.both(
                    false,
                    &[
                        "verify-blob",
                        "--key",
                        &public,
                        "--insecure-ignore-tlog",
                        "--bundle",
                        "a.json",
                        "other",
                    ],
                );
            }
        }
    }
}

#[test]
fn a_bundle_that_was_tampered_with_is_refused_by_both() {
    let Some(two) = Two::new() else { return };
    two.ok(true, &["generate-key-pair"]);
    two.ok(
        true,
        &[&["sign-blob", "--key", "cosign.key", "--bundle", "b.json"], &OFFLINE[..], &["blob"]].concat(),
    );
    let good = std::fs::read_to_string(two.path("b.json")).unwrap();
    let verify =
        ["verify-blob", "--key", "cosign.pub", "--insecure-ignore-tlog", "--bundle", "b.json", "blob"];
    two.both(true, &verify);
    let half = &good[..good.len() / 2];
    for changed in [
        good.replace("v0.3", "v0.9"),
        good.replace("\"signature\":\"ME", "\"signature\":\"MF"),
        good.replace("messageSignature", "messageSignatures"),
        good.replace("SHA2_256", "SHA2_512"),
        half.to_owned(),
        String::new(),
    ] {
        assert_ne!(changed, good);
        std::fs::write(two.path("b.json"), &changed).unwrap();
        two.both(false, &verify);
    }
}

/// cosign verifies P-384, P-521 with SHA-256 only and so refuses what it signed itself; Wharf verifies both.
#[test]
fn keys_of_other_tools_sign_and_verify() {
    let Some(two) = Two::new() else { return };
    for (name, both_ways) in [("rsa", true), ("rsa1", true), ("ed", true), ("p384", false), ("p521", false)] {
        for importer in [true, false] {
            two.key(name, importer);
            let (key, public) = (format!("{name}.key"), format!("{name}.pub"));
            let sign = ["sign-blob", "--yes", "--key", &key, "--bundle", "b.json"];
            let verify = ["verify-blob", "--key", &public, "--insecure-ignore-tlog", "--bundle", "b.json"];
            for signer in [true, false] {
                two.ok(signer, &[&sign[..], &OFFLINE, &["blob"]].concat());
                two.ok(true, &[&verify[..], &["blob"]].concat());
                two.both(false, &[&verify[..], &["other"]].concat());
            }
            two.ok(true, &[&sign[..], &OFFLINE, &["blob"]].concat());
            if both_ways {
                two.ok(false, &[&verify[..], &["blob"]].concat());
            }
            two.ok(true, &["public-key", "--key", &key, "--outfile", "shown.pub"]);
            assert_eq!(
                std::fs::read(two.path("shown.pub")).unwrap(),
                std::fs::read(two.path(&public)).unwrap()
            );
        }
    }
}

#[test]
fn certificates_of_one_s_own_authority_go_along_for_both() {
    let Some(two) = Two::new() else { return };
    pki::write(two.home.path());
    two.ok(false, &["import-key-pair", "--key", "pki.pem", "--output-key-prefix", "release", "--yes"]);
    two.ok(false, &["generate-key-pair", "--output-key-prefix", "other"]);
    two.ok(false, &["signing-config", "create", "--out", "nobody.json"]);
    for name in ["chain", "root"] {
        let authority = format!("url=https://ca.acme.example,certificate-chain={name}.pem");
        let out = format!("{name}.json");
        two.ok(false, &["trusted-root", "create", "--fulcio", &authority, "--out", &out]);
    }
    let sign = ["sign-blob", "--yes", "--signing-config", "nobody.json", "--certificate", "leaf.pem"];
    let verify = ["verify-blob", "--bundle", "b.json", "--certificate-identity", pki::RELEASE];
    let own = ["--certificate-oidc-issuer-regexp", ".*", "--insecure-ignore-tlog", "--insecure-ignore-sct"];
    let verify = |good: bool, more: &[&str]| two.both(good, &[&verify[..], &own, more].concat());
    for signer in [true, false] {
        for chain in [&[][..], &["--certificate-chain", "chain.pem"]] {
            let key = ["--key", "release.key", "--bundle", "b.json", "blob"];
            two.ok(signer, &[&sign[..], chain, &key].concat());
            let brought = !chain.is_empty();
            verify(!brought, &["--trusted-root", "chain.json", "blob"]);
            verify(true, &["--trusted-root", "chain.json", "--allow-certificate-chain", "blob"]);
            verify(brought, &["--trusted-root", "root.json", "--allow-certificate-chain", "blob"]);
            verify(false, &["--trusted-root", "chain.json", "--allow-certificate-chain", "other"]);
        }
    }
    let with = |more: &[&str]| two.both(false, &[&sign[..], more, &["--bundle", "c.json", "blob"]].concat());
    with(&["--key", "other.key"]);
    with(&["--key", "release.key", "--certificate-chain", "root.pem"]);
}
