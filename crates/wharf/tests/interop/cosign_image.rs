//! Real cosign and `wharf cosign` on the same registry: what one signs and attests the other verifies, in both layouts, and
//! what one refuses the other refuses.

use crate::harness::{Image, PASSWORD, Registry, Sandbox, Transport, USER, peer};

const OFFLINE: [&str; 2] = ["--use-signing-config=false", "--tlog-upload=false"];
const OLD: &str = "--new-bundle-format=false";
const UNLOGGED: &str = "--insecure-ignore-tlog=true";

struct Pair {
    registry: Registry,
    cosign: Sandbox,
    wharf: Sandbox,
    crane: Sandbox,
}

/// Who carries out a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tool {
    Cosign,
    Wharf,
}

const BOTH: [Tool; 2] = [Tool::Cosign, Tool::Wharf];

impl Pair {
    /// Logs in and makes a key pair.
    fn new() -> Option<Self> {
        let (cosign, crane) = (peer("cosign")?, peer("crane")?);
        let registry = Registry::start(Transport::Plain);
        let cosign = Sandbox::new(cosign, &registry);
        let wharf = cosign.with_program(env!("CARGO_BIN_EXE_wharf").into());
        let crane = cosign.with_program(crane);
        crane.run(&["auth", "login", &registry.host(), "-u", USER, "-p", PASSWORD, "--insecure"]);
        cosign.run(&["generate-key-pair"]);
        cosign.run(&["generate-key-pair", "--output-key-prefix", "other"]);
        std::fs::write(cosign.folder().join("predicate.json"), r#"{"built":"here"}"#).unwrap();
        Some(Self { registry, cosign, wharf, crane })
    }

    /// Pushes an image under a tag and returns repository and digest.
    fn image(&self, repository: &str, text: &str) -> (String, String) {
        let image = Image::with(text);
        let layout = self.crane.fresh("layout");
        image.write_layout(&layout, "1.0");
        let name = format!("{}/closed/{repository}", self.registry.host());
        self.crane.run(&["push", &layout.display().to_string(), &format!("{name}:1.0"), "--insecure"]);
        (name, image.digest().to_string())
    }

    fn run(&self, tool: Tool, command: &str, more: &[&str]) -> Result<String, String> {
        match tool {
            Tool::Cosign => self.cosign.attempt(&[&[command, "--allow-http-registry"], more].concat()),
            Tool::Wharf => {
                self.wharf.attempt(&[&["cosign", command, "--allow-http-registry"], more].concat())
            }
        }
    }

    fn sign(&self, tool: Tool, more: &[&str], subject: &str) {
        self.run(tool, "sign", &[&["--yes", "--key", "cosign.key"], &OFFLINE[..], more, &[subject]].concat())
            .unwrap();
    }

    fn attest(&self, tool: Tool, kind: &str, more: &[&str], subject: &str) {
        let what = ["--yes", "--key", "cosign.key", "--predicate", "predicate.json", "--type", kind];
        self.run(tool, "attest", &[&what[..], &OFFLINE[..], more, &[subject]].concat()).unwrap();
    }

    /// Both tools must say the same about a verification.
    #[track_caller]
    fn both(&self, expected: bool, command: &str, more: &[&str]) -> Vec<String> {
        let judge = |tool| {
            let said = self.run(tool, command, &[&[UNLOGGED], more].concat());
            assert_eq!(said.is_ok(), expected, "{tool:?}: {said:?}");
            said.unwrap_or_else(|complaint| complaint)
        };
        BOTH.map(judge).to_vec()
    }
}

#[test]
fn signatures_verify_across_in_both_layouts() {
    let Some(pair) = Pair::new() else { return };
    for (signer, layout) in
        [(Tool::Wharf, &[][..]), (Tool::Cosign, &[]), (Tool::Wharf, &[OLD]), (Tool::Cosign, &[OLD])]
    {
        let name = format!("signed-{signer:?}-{}", layout.len()).to_lowercase();
        let (repository, digest) = pair.image(&name, &name);
        let (tag, pinned) = (format!("{repository}:1.0"), format!("{repository}@{digest}"));
        for complaint in pair.both(false, "verify", &["--key", "cosign.pub", &tag]) {
            assert!(
                complaint.contains("exit status: 10") && complaint.contains("no signatures found"),
                "{complaint}"
            );
        }
        pair.sign(signer, &[layout, &["-a", "env=prod"]].concat(), &tag);
        for subject in [&tag, &pinned] {
            for said in pair.both(true, "verify", &["--key", "cosign.pub", subject]) {
                assert!(said.contains(&digest) && said.contains(r#""env":"prod""#), "{said}");
            }
        }
        pair.both(true, "verify", &["--key", "cosign.pub", "-a", "env=prod", &tag]);
        pair.both(false, "verify", &["--key", "cosign.pub", "-a", "env=test", &tag]);
        pair.both(false, "verify", &["--key", "other.pub", &tag]);
        for complaint in pair.both(false, "verify", &["--key", "cosign.pub", &format!("{repository}:2.0")]) {
            assert!(complaint.contains("exit status: 11"), "{complaint}");
        }
        // The same payload once more does not make a second signature of the older layout.
        pair.sign(Tool::Wharf, &[layout, &["-a", "env=prod"]].concat(), &pinned);
        pair.both(true, "verify", &["--key", "cosign.pub", &tag]);
        for tool in BOTH {
            let tree = pair.run(tool, "tree", &[&tag]).unwrap();
            assert!(tree.contains("🍒 sha256:"), "{tool:?}: {tree}");
        }
        // A tag that moves takes no signature along.
        pair.image(&name, &format!("{name}, built again"));
        pair.both(false, "verify", &["--key", "cosign.pub", &tag]);
        pair.both(true, "verify", &["--key", "cosign.pub", &pinned]);
    }
}

#[test]
fn a_signature_that_was_replayed_for_another_image_is_refused_by_both() {
    let Some(pair) = Pair::new() else { return };
    let (repository, first) = pair.image("replayed", "first");
    pair.sign(Tool::Wharf, &[OLD], &format!("{repository}@{first}"));
    let (_, second) = pair.image("replayed", "second");
    let tag = |digest: &str| format!("{repository}:{}.sig", digest.replace(':', "-"));
    pair.crane.run(&["copy", &tag(&first), &tag(&second), "--insecure"]);
    pair.both(false, "verify", &["--key", "cosign.pub", &format!("{repository}@{second}")]);
    pair.both(true, "verify", &["--key", "cosign.pub", &format!("{repository}@{first}")]);
}

#[test]
fn attestations_verify_across_in_both_layouts() {
    let Some(pair) = Pair::new() else { return };
    for (signer, layout) in
        [(Tool::Wharf, &[][..]), (Tool::Cosign, &[]), (Tool::Wharf, &[OLD]), (Tool::Cosign, &[OLD])]
    {
        let name = format!("attested-{signer:?}-{}", layout.len()).to_lowercase();
        let (repository, digest) = pair.image(&name, &name);
        let pinned = format!("{repository}@{digest}");
        for kind in ["spdxjson", "https://example.com/built/v1", "custom"] {
            pair.both(false, "verify-attestation", &["--key", "cosign.pub", "--type", kind, &pinned]);
            pair.attest(signer, kind, layout, &pinned);
            for said in
                pair.both(true, "verify-attestation", &["--key", "cosign.pub", "--type", kind, &pinned])
            {
                let line: serde_json::Value = serde_json::from_str(said.trim()).unwrap();
                assert_eq!(line["payloadType"], "application/vnd.in-toto+json");
            }
            pair.both(false, "verify-attestation", &["--key", "other.pub", "--type", kind, &pinned]);
        }
        pair.both(false, "verify-attestation", &["--key", "cosign.pub", "--type", "cyclonedx", &pinned]);
        let all = pair.wharf.run(&["cosign", "download", "attestation", "--allow-http-registry", &pinned]);
        assert_eq!(all.lines().count(), 3, "{all}");
    }
}

/// Real cosign counts any attestation as a signature of the image; Wharf does not, because a report about an image is no
/// approval of it.
#[test]
fn an_attestation_alone_is_no_signature() {
    let Some(pair) = Pair::new() else { return };
    let (repository, digest) = pair.image("only-attested", "only attested");
    let pinned = format!("{repository}@{digest}");
    pair.attest(Tool::Cosign, "spdxjson", &[], &pinned);
    let refused = pair.run(Tool::Wharf, "verify", &[UNLOGGED, "--key", "cosign.pub", &pinned]).unwrap_err();
    assert!(refused.contains("https://spdx.dev/Document"), "{refused}");
}

#[test]
fn papers_are_cleaned_and_only_they() {
    let Some(pair) = Pair::new() else { return };
    let (repository, digest) = pair.image("cleaned", "cleaned");
    let pinned = format!("{repository}@{digest}");
    pair.sign(Tool::Cosign, &[OLD], &pinned);
    pair.sign(Tool::Cosign, &[], &pinned);
    pair.run(Tool::Wharf, "clean", &["--force", &pinned]).unwrap();
    pair.both(false, "verify", &["--key", "cosign.pub", &pinned]);
    pair.crane.run(&["manifest", &pinned, "--insecure"]);
}

#[test]
fn a_copy_takes_papers_of_both_layouts_along() {
    let Some(pair) = Pair::new() else { return };
    let (repository, digest) = pair.image("copied", "copied");
    let pinned = format!("{repository}@{digest}");
    pair.sign(Tool::Cosign, &[OLD], &pinned);
    pair.attest(Tool::Cosign, "spdxjson", &[], &pinned);
    pair.attest(Tool::Wharf, "cyclonedx", &[], &pinned);
    let elsewhere = format!("{}/open/copied:1.0", pair.registry.host());
    pair.run(Tool::Wharf, "copy", &[&format!("{repository}:1.0"), &elsewhere]).unwrap();
    pair.both(true, "verify", &["--key", "cosign.pub", &elsewhere.replace(":1.0", &format!("@{digest}"))]);
    for kind in ["spdxjson", "cyclonedx"] {
        pair.both(true, "verify-attestation", &["--key", "cosign.pub", "--type", kind, &elsewhere]);
    }
    pair.image("copied", "copied later");
    let again = pair.run(Tool::Wharf, "copy", &[&format!("{repository}:1.0"), &elsewhere]).unwrap_err();
    assert!(again.contains("already exists"), "{again}");
}

/// What is signed by its digest is what it is, whether or not it is still there.
#[test]
fn a_digest_that_is_signed_verifies_for_both_although_the_artifact_is_gone() {
    let Some(pair) = Pair::new() else { return };
    let (name, digest) = pair.image("gone", "gone");
    let subject = format!("{name}@{digest}");
    pair.sign(Tool::Cosign, &[OLD], &subject);
    pair.wharf.run(&["rm", &subject]);
    assert!(pair.crane.attempt(&["manifest", &subject, "--insecure"]).is_err(), "it is gone");
    pair.both(true, "verify", &["--key", "cosign.pub", &subject]);
    pair.both(false, "verify", &["--key", "other.pub", &subject]);
    let (name, _) = pair.image("gone", "another");
    let unsigned = format!("{name}@sha256:{}", "0".repeat(64));
    pair.both(false, "verify", &["--key", "cosign.pub", &unsigned]);
}

#[test]
fn a_copy_of_some_papers_only_brings_the_same_as_cosign_s() {
    let Some(pair) = Pair::new() else { return };
    let (name, digest) = pair.image("whole", "whole");
    pair.sign(Tool::Cosign, &[OLD], &name_of(&name));
    pair.attest(Tool::Cosign, "custom", &[OLD], &name_of(&name));
    let sibling = digest.replace(':', "-");
    for (only, ends) in [
        (&["--only=sig"][..], &["sig"][..]),
        (&["--only=sig,att"], &["att", "sig"]),
        (&["--only=sbom"], &[]),
        (&["--sig-only"], &["sig"]),
    ] {
        let expected: Vec<String> = ends.iter().map(|end| format!("{sibling}.{end}")).collect();
        for tool in BOTH {
            let to = format!("{name}-{tool:?}-{}-{}", only[0].len(), ends.len()).to_lowercase();
            let target = format!("{to}:copied");
            pair.run(tool, "copy", &[only, &[&name_of(&name), &target]].concat()).unwrap();
            let found = pair.crane.attempt(&["ls", &to, "--insecure"]).unwrap_or_default();
            let found: Vec<&str> = found.lines().filter(|tag| *tag != sibling).collect();
            assert_eq!(found, expected, "{tool:?} {only:?}");
            pair.crane.run(&["manifest", &format!("{to}@{digest}"), "--insecure"]);
        }
    }
    for complaint in BOTH.map(|tool| {
        let to = format!("{name}-none:copied");
        pair.run(tool, "copy", &["--only=foo", &name_of(&name), &to]).unwrap_err()
    }) {
        assert!(complaint.contains("only the following values are supported: [sig sbom att]"), "{complaint}");
    }
}

fn name_of(repository: &str) -> String {
    format!("{repository}:1.0")
}

/// A scan and a VEX document, attested by the real tool, as a policy reads them.
#[test]
fn a_policy_takes_the_scan_and_the_vex_that_either_attests() {
    let Some(pair) = Pair::new() else { return };
    let write = |name: &str, text: &str| std::fs::write(pair.cosign.folder().join(name), text).unwrap();
    write(
        "policy.yaml",
        "version: 1\ndefault: deny\nsigners: { release: { key: { file: cosign.pub } } }\nrules:\n- name: all\n  match: { repositories: [\"**\"] }\n  attestations:\n  - vulnerabilities: { maxSeverity: medium, vex: { of: [release] } }\n    by: { of: [release] }\n",
    );
    let found = r#"{"VulnerabilityID":"CVE-1","Severity":"CRITICAL","FixedVersion":"2","PkgName":"zlib"}"#;
    let times = r#"{"scanStartedOn":"2026-01-01T00:00:00Z","scanFinishedOn":"2026-01-01T00:01:00Z"}"#;
    write(
        "scan.json",
        &format!(
            r#"{{"invocation":{{}},"scanner":{{"uri":"pkg:github/scanner","version":"1","db":{{}},"result":{{"SchemaVersion":2,"ArtifactName":"a","Results":[{{"Vulnerabilities":[{found}]}}]}}}},"metadata":{times}}}"#
        ),
    );
    for tool in BOTH {
        let name = format!("vex-{tool:?}").to_lowercase();
        let (repository, digest) = pair.image(&name, &name);
        let subject = format!("{repository}@{digest}");
        let product = format!("pkg:oci/{name}@{}", digest.replace(':', "%3A"));
        write(
            "vex.json",
            &format!(
                r#"{{"@context":"https://openvex.dev/ns/v0.2.0","@id":"https://acme.example/vex/1","author":"acme","timestamp":"2026-01-02T00:00:00Z","version":1,"statements":[{{"vulnerability":{{"name":"CVE-1"}},"products":[{{"@id":"{product}"}}],"status":"not_affected","justification":"component_not_present"}}]}}"#
            ),
        );
        let verify = || pair.wharf.attempt(&["verify", &subject, "--policy", "policy.yaml"]);
        let attest = |kind: &str, file: &str| {
            let what = ["--yes", "--key", "cosign.key", "--predicate", file, "--type", kind];
            pair.run(tool, "attest", &[&what[..], &OFFLINE, &[&subject]].concat()).unwrap();
        };
        attest("vuln", "scan.json");
        let refused = verify().unwrap_err();
        assert!(refused.contains("CVE-1 (Critical)"), "{tool:?}: {refused}");
        attest("openvex", "vex.json");
        let allowed = verify().unwrap();
        assert!(allowed.contains("CVE-1 does not count: not affected, component_not_present"), "{allowed}");
    }
}
