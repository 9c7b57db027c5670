//! What `wharf publish` stores, Helm reads; and what Helm stored under a version, `wharf publish` does not replace.

use std::fs;
use std::path::{Path, PathBuf};

use wharf_oci::Algorithm;

use crate::harness::*;

/// The journey's two programs, in one home folder: a login by one is a login for the other.
struct Both {
    registry: Registry,
    helm: Sandbox,
    wharf: Sandbox,
}

impl Both {
    fn new(transport: Transport) -> Option<Self> {
        let program = peer("helm")?;
        let registry = Registry::start(transport);
        let helm = Sandbox::new(program, &registry);
        let wharf = helm.with_program(PathBuf::from(env!("CARGO_BIN_EXE_wharf")));
        let both = Self { registry, helm, wharf };
        both.ask(&both.wharf, &["login", &both.registry.host(), "-u", USER, "-p", PASSWORD]).unwrap();
        Some(both)
    }

    /// Both programs have the same flags for the way to the registry.
    fn ask(&self, program: &Sandbox, arguments: &[&str]) -> Result<String, String> {
        let authority = self.registry.authority().display().to_string();
        let way: &[&str] = match self.registry.transport() {
            Transport::Plain => &["--plain-http"],
            Transport::Tls => &["--ca-file", &authority],
        };
        program.attempt(&[arguments, way].concat())
    }

    fn remote(&self, repository: &str) -> String {
        format!("oci://{}/{repository}", self.registry.host())
    }

    /// Publishes the example chart and returns the report.
    fn publish(&self) -> serde_json::Value {
        let chart =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/storefront").display().to_string();
        let remote = self.remote("closed/charts");
        let words = ["publish", &chart, &remote, "--channel", "stable", "--output", "json"];
        serde_json::from_str(&self.ask(&self.wharf, &words).unwrap()).unwrap()
    }
}

fn helm_reads_what_wharf_published(transport: Transport) {
    let Some(both) = Both::new(transport) else { return };
    let report = both.publish();
    let (digest, version) = (report["digest"].as_str().unwrap(), report["version"].as_str().unwrap());
    let remote = both.remote("closed/charts/storefront");

    for reference in [["--version", version].as_slice(), &[]] {
        let folder = both.helm.fresh("pulled");
        fs::create_dir_all(&folder).unwrap();
        let place = folder.display().to_string();
        let by_digest = format!("{remote}@{digest}");
        let what = if reference.is_empty() { &by_digest } else { &remote };
        both.ask(&both.helm, &[&["pull", what, "-d", &place], reference].concat()).unwrap();
        let file = fs::read_dir(&folder).unwrap().next().unwrap().unwrap().path();
        let packed = Algorithm::Sha256.digest(&fs::read(file).unwrap()).to_string();
        assert_eq!(report["chartDigest"], packed.as_str(), "the bytes that Helm pulled");
    }

    let shown = both.ask(&both.helm, &["show", "chart", &remote, "--version", version]).unwrap();
    assert!(shown.contains("name: storefront"), "{shown}");
    let rendered = both.ask(&both.helm, &["template", "shop", &remote, "--version", version]).unwrap();
    assert!(rendered.contains("kind: Deployment"), "{rendered}");

    let again = both.publish();
    assert_eq!(again["digest"], digest, "the same content is already there");
}

#[test]
fn helm_reads_what_wharf_published_over_plain_http() {
    helm_reads_what_wharf_published(Transport::Plain);
}

#[test]
fn helm_reads_what_wharf_published_over_tls() {
    helm_reads_what_wharf_published(Transport::Tls);
}

#[test]
fn a_version_that_helm_pushed_is_not_replaced_by_other_content() {
    let Some(both) = Both::new(Transport::Plain) else { return };
    both.helm.run(&["create", "app"]);
    both.helm.run(&["package", "app"]);
    both.ask(&both.helm, &["push", "app-0.1.0.tgz", &both.remote("closed/charts")]).unwrap();
    let before = both.registry.digest("closed/charts/app", "0.1.0");

    let values = both.helm.folder().join("app/values.yaml");
    let text = fs::read_to_string(&values).unwrap() + "changed: true\n";
    fs::write(values, text).unwrap();
    let refused = both.ask(&both.wharf, &["publish", "app", &both.remote("closed/charts")]).unwrap_err();
    assert!(refused.contains("exit status: 3"), "{refused}");
    assert!(refused.contains("values.yaml"), "the text names what differs: {refused}");
    assert_eq!(both.registry.digest("closed/charts/app", "0.1.0"), before, "nothing was written");
}

#[test]
fn a_chart_that_helm_packed_and_pushed_is_recognised_by_its_files() {
    let Some(both) = Both::new(Transport::Plain) else { return };
    let chart = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/storefront").display().to_string();
    both.helm.run(&["package", &chart]);
    both.ask(&both.helm, &["push", "storefront-1.4.0.tgz", &both.remote("closed/charts")]).unwrap();
    let there = both.registry.digest("closed/charts/storefront", "1.4.0");
    let report = both.publish();
    assert_eq!(report["outcome"], "already-there");
    assert_eq!(report["digest"], there.as_str(), "what is there stays as it is");
}

#[test]
fn oras_copies_a_plan_like_any_layout() {
    let (Some(both), Some(oras)) = (Both::new(Transport::Plain), peer("oras")) else { return };
    let chart = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/storefront").display().to_string();
    let text = both.wharf.run(&["publish", &chart, "--plan", "plan", "-o", "json"]);
    let report: serde_json::Value = serde_json::from_str(&text).unwrap();
    let target = format!("{}/closed/by-oras:1.4.0", both.registry.host());
    let login = ["--to-username", USER, "--to-password", PASSWORD, "--to-plain-http"];
    let copy = ["copy", "--from-oci-layout", "plan:1.4.0", &target];
    both.wharf.with_program(oras).run(&[&copy[..], &login[..]].concat());
    assert_eq!(both.registry.digest("closed/by-oras", "1.4.0"), report["digest"].as_str().unwrap());
}
