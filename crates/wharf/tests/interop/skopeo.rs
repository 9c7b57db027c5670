//! skopeo (Debian's package): copies images between an OCI layout and the registry.

use crate::harness::*;

struct Skopeo {
    registry: Registry,
    sandbox: Sandbox,
    image: Image,
}

impl Skopeo {
    fn remote(&self, repository: &str, reference: &str) -> String {
        let mark = if reference.contains(':') { '@' } else { ':' };
        format!("docker://{}/{repository}{mark}{reference}", self.registry.host())
    }

    /// A command with the flags that say how to reach the registry; `side` is empty, `--src` or `--dest`.
    fn flags(&self, side: &str) -> String {
        match (self.registry.transport(), side) {
            (Transport::Plain, "") => "--tls-verify=false".to_owned(),
            (Transport::Plain, side) => format!("--{side}-tls-verify=false"),
            (Transport::Tls, "") => format!("--cert-dir={}", self.certificates()),
            (Transport::Tls, side) => format!("--{side}-cert-dir={}", self.certificates()),
        }
    }

    /// skopeo wants a folder of authorities, each named `*.crt`.
    fn certificates(&self) -> String {
        let folder = self.sandbox.folder().join("certificates");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::copy(self.registry.authority(), folder.join("ca.crt")).unwrap();
        folder.display().to_string()
    }
}

impl Client for Skopeo {
    fn login(&self) {
        self.sandbox.run(&[
            "login",
            &self.flags(""),
            "--username",
            USER,
            "--password",
            PASSWORD,
            &self.registry.host(),
        ]);
    }

    fn logout(&self) {
        self.sandbox.run(&["logout", &self.registry.host()]);
    }

    fn content(&self) -> Content {
        self.image.content()
    }

    fn push(&self, repository: &str, tag: &str) -> Result<String, String> {
        let layout = self.sandbox.fresh("layout");
        self.image.write_layout(&layout, tag);
        let (local, remote) = (format!("oci:{}:{tag}", layout.display()), self.remote(repository, tag));
        self.sandbox.attempt(&[
            "--insecure-policy",
            "copy",
            "--preserve-digests",
            &self.flags("dest"),
            &local,
            &remote,
        ])?;
        Ok(self.image.digest())
    }

    fn tags(&self, repository: &str) -> Option<Vec<String>> {
        let remote = format!("docker://{}/{repository}", self.registry.host());
        let list: serde_json::Value =
            serde_json::from_str(&self.sandbox.run(&["list-tags", &self.flags(""), &remote])).unwrap();
        Some(list["Tags"].as_array().unwrap().iter().map(|tag| tag.as_str().unwrap().to_owned()).collect())
    }

    fn pull(&self, repository: &str, reference: &str) -> Result<Content, String> {
        let layout = self.sandbox.fresh("pulled");
        let (remote, local) =
            (self.remote(repository, reference), format!("oci:{}:pulled", layout.display()));
        self.sandbox.attempt(&[
            "--insecure-policy",
            "copy",
            "--preserve-digests",
            &self.flags("src"),
            &remote,
            &local,
        ])?;
        Ok(blobs_of_layout(&layout))
    }

    fn delete(&self, repository: &str, tag: &str, _digest: &str) {
        self.sandbox.run(&["delete", &self.flags(""), &self.remote(repository, tag)]);
    }
}

fn journey(transport: Transport) {
    let Some(program) = peer("skopeo") else { return };
    let registry = Registry::start(transport);
    let sandbox = Sandbox::new(program, &registry);
    walk(&Skopeo { registry, sandbox, image: Image::with("carried by skopeo") }, "1.0");
}

#[test]
fn skopeo_walks_the_journey_over_plain_http() {
    journey(Transport::Plain);
}

#[test]
fn skopeo_walks_the_journey_over_tls() {
    journey(Transport::Tls);
}
