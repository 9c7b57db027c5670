//! cosign: signs with a key pair, offline, without any transparency log; the signatures are papers in the registry.

use crate::harness::*;

struct Cosign {
    registry: Registry,
    sandbox: Sandbox,
    subject: String,
}

impl Cosign {
    /// Pushes an image with crane, logs in, and makes a key pair.
    fn new(transport: Transport) -> Option<Self> {
        let (program, crane) = (peer("cosign")?, peer("crane")?);
        let registry = Registry::start(transport);
        let sandbox = Sandbox::new(program, &registry);
        let image = Image::with("signed by cosign");
        let layout = sandbox.fresh("layout");
        image.write_layout(&layout, "1.0");
        let host = registry.host();
        // The two share the home folder, so that the layout and the login are there for both.
        let crane = sandbox.with_program(crane);
        let insecure: &[&str] = if transport == Transport::Plain { &["--insecure"] } else { &[] };
        crane.run(&[&["auth", "login", &host, "-u", USER, "-p", PASSWORD], insecure].concat());
        let (local, remote) = (layout.display().to_string(), format!("{host}/closed/app:1.0"));
        crane.run(&[&["push", &local, &remote], insecure].concat());
        sandbox.run(&["generate-key-pair"]);
        let subject = format!("{host}/closed/app@{}", image.digest());
        Some(Self { registry, sandbox, subject })
    }

    fn attempt(&self, arguments: &[&str]) -> Result<String, String> {
        let authority = self.registry.authority().display().to_string();
        let mut all = vec![arguments[0]];
        match self.registry.transport() {
            Transport::Plain => all.push("--allow-http-registry"),
            Transport::Tls => all.extend(["--registry-cacert", &authority]),
        }
        all.extend(&arguments[1..]);
        self.sandbox.attempt(&all)
    }

    /// No signing configuration means no service to ask: only the key signs.
    fn sign(&self) {
        let offline = ["--use-signing-config=false", "--tlog-upload=false"];
        self.attempt(&[&["sign", "--yes", "--key", "cosign.key"], &offline[..], &[&self.subject]].concat())
            .unwrap();
    }

    fn verify(&self) -> Result<String, String> {
        self.attempt(&["verify", "--key", "cosign.pub", "--insecure-ignore-tlog=true", &self.subject])
    }
}

fn signs_and_verifies(transport: Transport) {
    let Some(cosign) = Cosign::new(transport) else { return };
    assert!(cosign.verify().is_err(), "nothing is signed yet");
    cosign.sign();
    cosign.verify().unwrap();
    let tree = cosign.attempt(&["tree", &cosign.subject]).unwrap();
    assert!(tree.contains("sha256:"), "the signature is listed: {tree}");
}

#[test]
fn cosign_signs_and_verifies_over_plain_http() {
    signs_and_verifies(Transport::Plain);
}

#[test]
fn cosign_signs_and_verifies_over_tls() {
    signs_and_verifies(Transport::Tls);
}

#[test]
fn cosign_attests_and_verifies_the_attestation() {
    let Some(cosign) = Cosign::new(Transport::Plain) else { return };
    std::fs::write(cosign.sandbox.folder().join("predicate.json"), r#"{"built":"here"}"#).unwrap();
    let offline = ["--use-signing-config=false", "--tlog-upload=false"];
    let what = ["--predicate", "predicate.json", "--type", "https://example.com/built/v1"];
    let attest =
        [&["attest", "--yes", "--key", "cosign.key"], &offline[..], &what[..], &[&cosign.subject]].concat();
    cosign.attempt(&attest).unwrap();
    let trust =
        ["--key", "cosign.pub", "--insecure-ignore-tlog=true", "--type", "https://example.com/built/v1"];
    cosign.attempt(&[&["verify-attestation"], &trust[..], &[&cosign.subject]].concat()).unwrap();
}
