//! regctl: probes with anonymous mounts, asks for limits, and uses the referrers API.

use crate::harness::*;

struct Regctl {
    registry: Registry,
    sandbox: Sandbox,
    image: Image,
}

impl Regctl {
    fn new(transport: Transport) -> Option<Self> {
        let program = peer("regctl")?;
        let registry = Registry::start(transport);
        let sandbox = Sandbox::new(program, &registry);
        let host = registry.host();
        match transport {
            Transport::Plain => sandbox.run(&["registry", "set", &host, "--tls=disabled", "--skip-check"]),
            Transport::Tls => {
                let authority = std::fs::read_to_string(registry.authority()).unwrap();
                sandbox.run(&["registry", "set", &host, "--skip-check", &format!("--cacert={authority}")])
            }
        };
        Some(Self { registry, sandbox, image: Image::with("carried by regctl") })
    }

    fn remote(&self, repository: &str, reference: &str) -> String {
        let mark = if reference.contains(':') { '@' } else { ':' };
        format!("{}/{repository}{mark}{reference}", self.registry.host())
    }
}

impl Client for Regctl {
    fn login(&self) {
        self.sandbox.run(&["registry", "login", &self.registry.host(), "-u", USER, "-p", PASSWORD]);
    }

    fn logout(&self) {
        self.sandbox.run(&["registry", "logout", &self.registry.host()]);
    }

    fn content(&self) -> Content {
        self.image.content()
    }

    fn push(&self, repository: &str, tag: &str) -> Result<String, String> {
        let layout = self.sandbox.fresh("layout");
        self.image.write_layout(&layout, tag);
        let local = format!("ocidir://{}:{tag}", layout.display());
        let remote = self.remote(repository, tag);
        self.sandbox.attempt(&["image", "copy", &local, &remote])?;
        Ok(self.sandbox.attempt(&["image", "digest", &remote])?.trim().to_owned())
    }

    fn tags(&self, repository: &str) -> Option<Vec<String>> {
        let remote = format!("{}/{repository}", self.registry.host());
        Some(self.sandbox.run(&["tag", "ls", &remote]).lines().map(str::to_owned).collect())
    }

    fn pull(&self, repository: &str, reference: &str) -> Result<Content, String> {
        let layout = self.sandbox.fresh("pulled");
        let local = format!("ocidir://{}:pulled", layout.display());
        self.sandbox.attempt(&["image", "copy", &self.remote(repository, reference), &local])?;
        Ok(blobs_of_layout(&layout))
    }

    fn delete(&self, repository: &str, _tag: &str, digest: &str) {
        self.sandbox.run(&["manifest", "delete", &self.remote(repository, digest)]);
    }
}

#[test]
fn regctl_walks_the_journey_over_plain_http() {
    if let Some(regctl) = Regctl::new(Transport::Plain) {
        walk(&regctl, "1.0");
    }
}

#[test]
fn regctl_walks_the_journey_over_tls() {
    if let Some(regctl) = Regctl::new(Transport::Tls) {
        walk(&regctl, "1.0");
    }
}

#[test]
fn regctl_deletes_one_tag_and_leaves_the_other_and_finds_referrers() {
    let Some(regctl) = Regctl::new(Transport::Plain) else { return };
    regctl.login();
    let digest = regctl.push("closed/app", "1.0").unwrap();
    let first = regctl.remote("closed/app", "1.0");
    regctl.sandbox.run(&["image", "copy", &first, &regctl.remote("closed/app", "stable")]);
    regctl.sandbox.run(&["tag", "delete", &first]);
    assert_eq!(regctl.tags("closed/app").unwrap(), ["stable"]);

    let subject = regctl.remote("closed/app", &digest);
    let paper = regctl.sandbox.folder().join("sbom.json");
    std::fs::write(&paper, "{}").unwrap();
    let file = paper.display().to_string();
    let kind = "application/vnd.example.sbom";
    regctl.sandbox.run(&["artifact", "put", "--artifact-type", kind, "--subject", &subject, "--file", &file]);
    let found = regctl.sandbox.run(&[
        "artifact",
        "list",
        &subject,
        "--format",
        "{{range .Descriptors}}{{.ArtifactType}}{{end}}",
    ]);
    assert_eq!(found.trim(), kind);
    assert_eq!(
        regctl.tags("closed/app").unwrap(),
        ["stable"],
        "no fallback tag: the registry has the referrers API"
    );
}
