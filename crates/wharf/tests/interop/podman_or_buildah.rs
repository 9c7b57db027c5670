//! podman and buildah (Debian's packages) share the client library; whichever is there walks. Images go through
//! their own storage, so what is compared is the image's identifier: the digest of its configuration.

use std::collections::BTreeMap;
use std::fs;

use crate::harness::*;

struct Podman {
    registry: Registry,
    sandbox: Sandbox,
    image: Image,
    is_podman: bool,
}

impl Podman {
    fn new(transport: Transport) -> Option<Self> {
        let found = ["podman", "buildah"].into_iter().find(|name| on_path(name));
        let Some(name) = found else {
            missing("podman");
            return None;
        };
        let registry = Registry::start(transport);
        let sandbox = Sandbox::new(peer(name)?, &registry);
        let policy = sandbox.folder().join(".config/containers");
        fs::create_dir_all(&policy).unwrap();
        fs::write(policy.join("policy.json"), r#"{"default":[{"type":"insecureAcceptAnything"}]}"#).unwrap();
        Some(Self { registry, sandbox, image: Image::with("carried by podman"), is_podman: name == "podman" })
    }

    fn remote(&self, repository: &str, reference: &str) -> String {
        let mark = if reference.contains(':') { '@' } else { ':' };
        format!("{}/{repository}{mark}{reference}", self.registry.host())
    }

    /// Every call has its own storage: a pull can only bring what the registry has.
    fn attempt(&self, storage: &str, arguments: &[&str]) -> Result<String, String> {
        let place = self.sandbox.folder().join(storage);
        let (root, run) = (place.join("root").display().to_string(), place.join("run").display().to_string());
        let before = ["--root", &root, "--runroot", &run, "--storage-driver", "vfs"];
        self.sandbox.attempt(&[&before[..], arguments].concat())
    }

    /// A command that talks to the registry, with the flag that says how.
    fn talk(&self, storage: &str, command: &[&str], rest: &[&str]) -> Result<String, String> {
        let flag = match self.registry.transport() {
            Transport::Plain => "--tls-verify=false".to_owned(),
            Transport::Tls => {
                let folder = self.sandbox.folder().join("certificates");
                fs::create_dir_all(&folder).unwrap();
                fs::copy(self.registry.authority(), folder.join("ca.crt")).unwrap();
                format!("--cert-dir={}", folder.display())
            }
        };
        self.attempt(storage, &[command, &[&flag], rest].concat())
    }

    fn fresh_storage(&self) -> String {
        self.sandbox.fresh("storage").file_name().unwrap().display().to_string()
    }
}

impl Client for Podman {
    fn login(&self) {
        self.talk("login", &["login"], &["-u", USER, "-p", PASSWORD, &self.registry.host()]).unwrap();
    }

    fn logout(&self) {
        self.attempt("login", &["logout", &self.registry.host()]).unwrap();
    }

    fn content(&self) -> Content {
        // The identifier of an image is the digest of its configuration.
        let blobs = self.image.content();
        let manifest: serde_json::Value = serde_json::from_slice(&blobs[&self.image.digest()]).unwrap();
        let id = manifest["config"]["digest"].as_str().unwrap().trim_start_matches("sha256:").to_owned();
        content_of(&id)
    }

    fn push(&self, repository: &str, tag: &str) -> Result<String, String> {
        let layout = self.sandbox.fresh("layout");
        self.image.write_layout(&layout, tag);
        let storage = self.fresh_storage();
        // Relative, because podman makes a name of the path, and names have no capitals.
        let local = format!("oci:{}:{tag}", layout.file_name().unwrap().display());
        let id = self.attempt(&storage, &["pull", "-q", &local])?;
        let digest_file = self.sandbox.fresh("digest");
        let digest_flag = format!("--digestfile={}", digest_file.display());
        let remote = format!("docker://{}", self.remote(repository, tag));
        self.talk(&storage, &["push", "-q"], &[&digest_flag, id.trim(), &remote])?;
        Ok(fs::read_to_string(digest_file).unwrap().trim().to_owned())
    }

    fn tags(&self, repository: &str) -> Option<Vec<String>> {
        if !self.is_podman {
            return None;
        }
        let remote = format!("{}/{repository}", self.registry.host());
        // Searching has no flag for the certificate; the sandbox's environment names it.
        let plain: &[&str] =
            if self.registry.transport() == Transport::Plain { &["--tls-verify=false"] } else { &[] };
        let table = self.attempt("list", &[&["search", "--list-tags"], plain, &[&remote]].concat()).unwrap();
        Some(
            table
                .lines()
                .skip(1)
                .filter_map(|row| row.split_whitespace().last())
                .map(str::to_owned)
                .collect(),
        )
    }

    fn pull(&self, repository: &str, reference: &str) -> Result<Content, String> {
        let storage = self.fresh_storage();
        let remote = format!("docker://{}", self.remote(repository, reference));
        let id = self.talk(&storage, &["pull", "-q"], &[&remote])?;
        Ok(content_of(id.trim()))
    }

    /// podman cannot delete in a registry.
    fn delete(&self, repository: &str, _tag: &str, digest: &str) {
        self.registry.delete(repository, digest);
    }
}

/// podman compresses layers on the way, so the manifest is its own; the image's identifier stays.
fn content_of(id: &str) -> Content {
    BTreeMap::from([("id".to_owned(), id.into())])
}

fn on_path(name: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|place| place.join(name).is_file())
}

#[test]
fn podman_walks_the_journey_over_plain_http() {
    if let Some(podman) = Podman::new(Transport::Plain) {
        walk(&podman, "1.0");
    }
}

#[test]
fn podman_walks_the_journey_over_tls() {
    if let Some(podman) = Podman::new(Transport::Tls) {
        walk(&podman, "1.0");
    }
}
