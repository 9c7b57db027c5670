//! crane: appends a layer to nothing, and pulls OCI layouts.

use std::fs;

use crate::harness::*;

struct Crane {
    registry: Registry,
    sandbox: Sandbox,
    image: Image,
}

impl Crane {
    fn remote(&self, repository: &str, reference: &str) -> String {
        let mark = if reference.contains(':') { '@' } else { ':' };
        format!("{}/{repository}{mark}{reference}", self.registry.host())
    }

    /// `--insecure` permits plain HTTP; with TLS the certificate is verified.
    fn attempt(&self, arguments: &[&str]) -> Result<String, String> {
        let mut all = arguments.to_vec();
        if self.registry.transport() == Transport::Plain {
            all.push("--insecure");
        }
        self.sandbox.attempt(&all)
    }
}

impl Client for Crane {
    fn login(&self) {
        self.attempt(&["auth", "login", &self.registry.host(), "-u", USER, "-p", PASSWORD]).unwrap();
    }

    fn logout(&self) {
        self.attempt(&["auth", "logout", &self.registry.host()]).unwrap();
    }

    fn content(&self) -> Content {
        self.image.content()
    }

    fn push(&self, repository: &str, tag: &str) -> Result<String, String> {
        let layout = self.sandbox.fresh("layout");
        self.image.write_layout(&layout, tag);
        let printed =
            self.attempt(&["push", &layout.display().to_string(), &self.remote(repository, tag)])?;
        Ok(printed.trim().rsplit('@').next().unwrap().to_owned())
    }

    fn tags(&self, repository: &str) -> Option<Vec<String>> {
        let remote = format!("{}/{repository}", self.registry.host());
        Some(self.attempt(&["ls", &remote]).unwrap().lines().map(str::to_owned).collect())
    }

    fn pull(&self, repository: &str, reference: &str) -> Result<Content, String> {
        let layout = self.sandbox.fresh("pulled");
        self.attempt(&[
            "pull",
            "--format=oci",
            &self.remote(repository, reference),
            &layout.display().to_string(),
        ])?;
        Ok(blobs_of_layout(&layout))
    }

    fn delete(&self, repository: &str, _tag: &str, digest: &str) {
        self.attempt(&["delete", &self.remote(repository, digest)]).unwrap();
    }
}

fn start(transport: Transport) -> Option<Crane> {
    let program = peer("crane")?;
    let registry = Registry::start(transport);
    let sandbox = Sandbox::new(program, &registry);
    Some(Crane { registry, sandbox, image: Image::with("carried by crane") })
}

#[test]
fn crane_walks_the_journey_over_plain_http() {
    if let Some(crane) = start(Transport::Plain) {
        walk(&crane, "1.0");
    }
}

#[test]
fn crane_walks_the_journey_over_tls() {
    if let Some(crane) = start(Transport::Tls) {
        walk(&crane, "1.0");
    }
}

#[test]
fn crane_appends_validates_retags_and_copies_across_repositories() {
    let Some(crane) = start(Transport::Plain) else { return };
    crane.login();
    let layer = crane.sandbox.folder().join("layer.tar");
    fs::write(&layer, crane.image.layer()).unwrap();
    let first = crane.remote("closed/app", "1.0");
    crane.attempt(&["append", "--oci-empty-base", "-f", &layer.display().to_string(), "-t", &first]).unwrap();
    crane.attempt(&["validate", "--remote", &first]).unwrap();
    crane.attempt(&["tag", &first, "stable"]).unwrap();
    assert_eq!(crane.tags("closed/app").unwrap(), ["1.0", "stable"]);

    // The copy mounts the blobs from the first repository instead of sending them again.
    let second = crane.remote("open/copy", "1.0");
    crane.attempt(&["copy", &first, &second]).unwrap();
    let digest = |reference: &str| crane.attempt(&["digest", reference]).unwrap();
    assert_eq!(digest(&first), digest(&second));
    let catalog = crane.attempt(&["catalog", &crane.registry.host()]).unwrap();
    assert_eq!(catalog.lines().collect::<Vec<_>>(), ["closed/app", "open/copy"]);
}
