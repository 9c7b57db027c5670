//! Helm: packages a chart, pushes it, and reads it back with `pull`, `show` and `template`.

use std::collections::BTreeMap;
use std::fs;

use crate::harness::*;

const VERSION: &str = "0.1.0";

struct Helm {
    registry: Registry,
    sandbox: Sandbox,
}

impl Helm {
    /// Lets Helm make and package a chart of its own.
    fn new(transport: Transport) -> Option<Self> {
        let program = peer("helm")?;
        let registry = Registry::start(transport);
        let sandbox = Sandbox::new(program, &registry);
        sandbox.run(&["create", "app"]);
        sandbox.run(&["package", "app"]);
        Some(Self { registry, sandbox })
    }

    /// `app` is the chart's name: Helm adds it to the place that it pushes to.
    fn remote(&self, repository: &str) -> String {
        format!("oci://{}/{repository}", self.registry.host())
    }

    fn attempt(&self, arguments: &[&str]) -> Result<String, String> {
        let authority = self.registry.authority().display().to_string();
        let mut all = arguments.to_vec();
        match self.registry.transport() {
            Transport::Plain => all.push("--plain-http"),
            Transport::Tls => all.extend(["--ca-file", &authority]),
        }
        self.sandbox.attempt(&all)
    }
}

impl Client for Helm {
    fn login(&self) {
        self.attempt(&["registry", "login", &self.registry.host(), "-u", USER, "-p", PASSWORD]).unwrap();
    }

    fn logout(&self) {
        self.sandbox.run(&["registry", "logout", &self.registry.host()]);
    }

    fn content(&self) -> Content {
        let package = fs::read(self.sandbox.folder().join(format!("app-{VERSION}.tgz"))).unwrap();
        BTreeMap::from([("chart".to_owned(), package)])
    }

    fn push(&self, repository: &str, tag: &str) -> Result<String, String> {
        let parent = repository.strip_suffix("/app").unwrap();
        // Helm prints the digest on its error stream, so it is asked for in another way.
        self.attempt(&["push", &format!("app-{tag}.tgz"), &self.remote(parent)])?;
        Ok(self.registry.digest(repository, tag))
    }

    fn tags(&self, _repository: &str) -> Option<Vec<String>> {
        None
    }

    fn pull(&self, repository: &str, reference: &str) -> Result<Content, String> {
        let folder = self.sandbox.fresh("pulled");
        fs::create_dir_all(&folder).unwrap();
        let place = folder.display().to_string();
        let remote = self.remote(repository);
        if reference.contains(':') {
            self.attempt(&["pull", &format!("{remote}@{reference}"), "-d", &place])?;
        } else {
            self.attempt(&["pull", &remote, "--version", reference, "-d", &place])?;
        }
        let file = fs::read_dir(&folder).unwrap().next().unwrap().unwrap().path();
        Ok(BTreeMap::from([("chart".to_owned(), fs::read(file).unwrap())]))
    }

    /// Helm cannot delete.
    fn delete(&self, repository: &str, _tag: &str, digest: &str) {
        self.registry.delete(repository, digest);
    }
}

#[test]
fn helm_walks_the_journey_over_plain_http() {
    if let Some(helm) = Helm::new(Transport::Plain) {
        walk(&helm, VERSION);
    }
}

#[test]
fn helm_walks_the_journey_over_tls() {
    if let Some(helm) = Helm::new(Transport::Tls) {
        walk(&helm, VERSION);
    }
}

#[test]
fn helm_shows_and_renders_straight_from_the_registry_and_picks_the_newest_in_a_range() {
    let Some(helm) = Helm::new(Transport::Plain) else { return };
    helm.login();
    helm.push("closed/app", VERSION).unwrap();
    helm.sandbox.run(&["package", "app", "--version", "0.1.7"]);
    helm.push("closed/app", "0.1.7").unwrap();
    let remote = helm.remote("closed/app");
    let shown = helm.attempt(&["show", "chart", &remote, "--version", "~0.1.0"]).unwrap();
    assert!(shown.contains("version: 0.1.7"), "{shown}");
    let rendered = helm.attempt(&["template", "release", &remote, "--version", VERSION]).unwrap();
    assert!(rendered.contains("kind: Deployment"), "{rendered}");
}
