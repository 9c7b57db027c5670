//! The pull gate before real clients: what is not signed is refused to crane, helm and cosign, and what real cosign signed
//! passes at once, in either layout.

use std::fs;
use std::path::{Path, PathBuf};

use crate::harness::*;

const POLICY: &str = r#"
version: 1
default: deny
signers: { release: { key: { file: cosign.pub } } }
rules:
- { name: all, match: { repositories: ["*/closed/**"] }, signatures: { of: [release] } }
"#;
const OFFLINE: [&str; 2] = ["--use-signing-config=false", "--tlog-upload=false"];

/// A registry with a robot that pushes and one that only pulls, each with a home of its own.
struct Gate {
    registry: Registry,
    pusher: Sandbox,
    puller: Sandbox,
    crane: PathBuf,
    helm: PathBuf,
    cosign: PathBuf,
}

impl Gate {
    fn new() -> Option<Self> {
        let (crane, helm, cosign) = (peer("crane")?, peer("helm")?, peer("cosign")?);
        let registry = Registry::start(Transport::Plain);
        let wharf = PathBuf::from(env!("CARGO_BIN_EXE_wharf"));
        let [admin, pusher, puller] = [(); 3].map(|()| Sandbox::new(wharf.clone(), &registry));
        let host = registry.host();
        admin.run(&["login", &host, "-u", USER, "-p", PASSWORD]);
        for (name, may, home) in [("push", "pull,push", &pusher), ("pull", "pull", &puller)] {
            let grant = format!("closed:{may}");
            let line =
                ["robot", "create", name, "--project", "closed", "--grant", &grant, "--output", "json"];
            let made = admin.run(&[&line[..], &["--registry", &host]].concat());
            let made: serde_json::Value = serde_json::from_str(&made).unwrap();
            let (user, secret) = (made["name"].as_str().unwrap(), made["secret"].as_str().unwrap());
            let crane = home.with_program(crane.clone());
            crane.run(&["auth", "login", &host, "-u", user, "-p", secret, "--insecure"]);
            let helm = home.with_program(helm.clone());
            helm.run(&["registry", "login", &host, "-u", user, "-p", secret, "--plain-http"]);
        }
        pusher.with_program(cosign.clone()).run(&["generate-key-pair"]);
        for home in [&puller, &admin] {
            fs::copy(pusher.folder().join("cosign.pub"), home.folder().join("cosign.pub")).unwrap();
            fs::write(home.folder().join("policy.yaml"), POLICY).unwrap();
        }
        admin.run(&["project", "policy", "set", "closed", "policy.yaml", "--registry", &host]);
        Some(Self { registry, pusher, puller, crane, helm, cosign })
    }

    /// Pushes an image and returns its reference by tag and by digest.
    fn image(&self, tag: &str) -> [String; 2] {
        let image = Image::with(tag);
        let layout = self.pusher.fresh("layout");
        image.write_layout(&layout, tag);
        let place = format!("{}/closed/app", self.registry.host());
        let (local, remote) = (layout.display().to_string(), format!("{place}:{tag}"));
        self.pusher.with_program(self.crane.clone()).run(&["push", &local, &remote, "--insecure"]);
        [remote, format!("{place}@{}", image.digest())]
    }

    /// Signs as the robot that pushes; `layout` are further flags.
    fn sign(&self, reference: &str, layout: &[&str]) {
        let line = ["sign", "--yes", "--key", "cosign.key", "--allow-http-registry"];
        self.pusher
            .with_program(self.cosign.clone())
            .run(&[&line[..], &OFFLINE, layout, &[reference]].concat());
    }

    /// Everything that crane and cosign do to get an image, as the robot that pulls.
    fn pull(&self, reference: &str) -> [Result<String, String>; 3] {
        let crane = self.puller.with_program(self.crane.clone());
        let file = self.puller.fresh("pulled").display().to_string();
        [
            crane.attempt(&["manifest", reference, "--insecure"]),
            crane.attempt(&["digest", reference, "--insecure"]),
            crane.attempt(&["pull", reference, &file, "--insecure"]),
        ]
    }

    fn verify(&self, reference: &str) -> Result<String, String> {
        let line = ["verify", "--key", "cosign.pub", "--insecure-ignore-tlog=true", "--allow-http-registry"];
        self.puller.with_program(self.cosign.clone()).attempt(&[&line[..], &[reference]].concat())
    }
}

#[test]
fn an_image_is_pulled_once_cosign_signed_it_in_either_layout() {
    let Some(gate) = Gate::new() else { return };
    let legacy = ["--new-bundle-format=false", "--registry-referrers-mode=legacy"];
    for (tag, layout) in [("1.0", &[][..]), ("2.0", &legacy)] {
        let references = gate.image(tag);
        for reference in &references {
            for refused in gate.pull(reference) {
                let complaint = refused.unwrap_err();
                assert!(complaint.contains("DENIED") || complaint.contains("403"), "{complaint}");
            }
            let [told, ..] = gate.pull(reference);
            let told = told.unwrap_err();
            assert!(
                told.contains("trust policy of project closed refuses")
                    && told.contains("not signed by 1 of release"),
                "{told}"
            );
            assert!(gate.verify(reference).is_err());
        }
        gate.sign(&references[1], layout);
        for reference in &references {
            for pulled in gate.pull(reference) {
                pulled.unwrap();
            }
            gate.verify(reference).unwrap();
        }
    }
}

#[test]
fn a_chart_is_pulled_by_helm_once_it_is_signed() {
    let Some(gate) = Gate::new() else { return };
    let chart = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/storefront").display().to_string();
    let host = gate.registry.host();
    let place = format!("oci://{host}/closed");
    let (pusher, puller) =
        (gate.pusher.with_program(gate.helm.clone()), gate.puller.with_program(gate.helm.clone()));
    pusher.run(&["package", &chart]);
    pusher.run(&["push", "storefront-1.4.0.tgz", &place, "--plain-http"]);
    let pull =
        || puller.attempt(&["pull", &format!("{place}/storefront"), "--version", "1.4.0", "--plain-http"]);
    let complaint = pull().unwrap_err();
    assert!(complaint.contains("403"), "{complaint}");
    gate.sign(&format!("{host}/closed/storefront:1.4.0"), &[]);
    pull().unwrap();
    assert!(gate.puller.folder().join("storefront-1.4.0.tgz").exists());
}
