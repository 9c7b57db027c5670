//! oras: pushes files, attaches papers, discovers them.

use std::collections::BTreeMap;
use std::fs;

use crate::harness::*;

struct Oras {
    registry: Registry,
    sandbox: Sandbox,
}

impl Oras {
    fn new(transport: Transport) -> Option<Self> {
        let program = peer("oras")?;
        let registry = Registry::start(transport);
        let sandbox = Sandbox::new(program, &registry);
        fs::write(sandbox.folder().join("hello.txt"), "carried by oras").unwrap();
        fs::write(sandbox.folder().join("empty.bin"), "").unwrap();
        Some(Self { registry, sandbox })
    }

    fn remote(&self, repository: &str, reference: &str) -> String {
        let mark = if reference.contains(':') { '@' } else { ':' };
        format!("{}/{repository}{mark}{reference}", self.registry.host())
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

impl Client for Oras {
    fn login(&self) {
        self.attempt(&["login", &self.registry.host(), "-u", USER, "-p", PASSWORD]).unwrap();
    }

    fn logout(&self) {
        self.sandbox.run(&["logout", &self.registry.host()]);
    }

    fn content(&self) -> Content {
        let files = [("hello.txt", "carried by oras"), ("empty.bin", "")];
        files.into_iter().map(|(name, text)| (name.to_owned(), text.as_bytes().to_vec())).collect()
    }

    fn push(&self, repository: &str, tag: &str) -> Result<String, String> {
        // Without a fixed time of creation every push would have another digest.
        let created = "org.opencontainers.image.created=2000-01-01T00:00:00Z";
        let kind = "application/vnd.example.files";
        let remote = self.remote(repository, tag);
        let words = [
            "push",
            "--no-tty",
            "--artifact-type",
            kind,
            "-a",
            created,
            "--format",
            "go-template={{.digest}}",
        ];
        let printed = self.attempt(&[&words[..], &[&remote, "hello.txt", "empty.bin"]].concat())?;
        Ok(printed.trim().to_owned())
    }

    fn tags(&self, repository: &str) -> Option<Vec<String>> {
        let remote = format!("{}/{repository}", self.registry.host());
        Some(self.attempt(&["repo", "tags", &remote]).unwrap().lines().map(str::to_owned).collect())
    }

    fn pull(&self, repository: &str, reference: &str) -> Result<Content, String> {
        let folder = self.sandbox.fresh("pulled");
        let place = folder.display().to_string();
        self.attempt(&["pull", "--no-tty", "-o", &place, &self.remote(repository, reference)])?;
        let files = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
        let files =
            files.map(|file| (file.file_name().unwrap().display().to_string(), fs::read(&file).unwrap()));
        Ok(files.collect::<BTreeMap<_, _>>())
    }

    fn delete(&self, repository: &str, _tag: &str, digest: &str) {
        self.attempt(&["manifest", "delete", "--force", &self.remote(repository, digest)]).unwrap();
    }
}

#[test]
fn oras_walks_the_journey_over_plain_http() {
    if let Some(oras) = Oras::new(Transport::Plain) {
        walk(&oras, "1.0");
    }
}

#[test]
fn oras_walks_the_journey_over_tls() {
    if let Some(oras) = Oras::new(Transport::Tls) {
        walk(&oras, "1.0");
    }
}

#[test]
fn oras_attaches_papers_and_discovers_them_by_type() {
    let Some(oras) = Oras::new(Transport::Plain) else { return };
    oras.login();
    let digest = oras.push("closed/app", "1.0").unwrap();
    let subject = oras.remote("closed/app", &digest);
    for kind in ["application/vnd.example.sbom", "application/vnd.example.scan"] {
        oras.attempt(&["attach", "--no-tty", "--artifact-type", kind, &subject, "hello.txt"]).unwrap();
    }
    let discover = |extra: &[&str]| -> serde_json::Value {
        let printed = oras.attempt(&[&["discover", "--format", "json", &subject], extra].concat()).unwrap();
        serde_json::from_str(&printed).unwrap()
    };
    assert_eq!(discover(&[])["referrers"].as_array().unwrap().len(), 2);
    let sboms = discover(&["--artifact-type", "application/vnd.example.sbom"]);
    assert_eq!(sboms["referrers"].as_array().unwrap().len(), 1);
    assert_eq!(
        oras.tags("closed/app").unwrap(),
        ["1.0"],
        "no fallback tag: the registry has the referrers API"
    );
}

#[test]
fn oras_copies_with_papers_and_tags_several_at_once() {
    let Some(oras) = Oras::new(Transport::Plain) else { return };
    oras.login();
    let digest = oras.push("closed/app", "1.0").unwrap();
    let subject = oras.remote("closed/app", &digest);
    oras.attempt(&[
        "attach",
        "--no-tty",
        "--artifact-type",
        "application/vnd.example.sbom",
        &subject,
        "hello.txt",
    ])
    .unwrap();
    oras.attempt(&["tag", &subject, "stable", "latest"]).unwrap();
    assert_eq!(oras.tags("closed/app").unwrap(), ["1.0", "latest", "stable"]);

    let (from, to) = (oras.remote("closed/app", "1.0"), oras.remote("open/copy", "1.0"));
    oras.sandbox.run(&["cp", "-r", "--no-tty", "--from-plain-http", "--to-plain-http", &from, &to]);
    let there = oras.remote("open/copy", "1.0");
    let printed = oras.attempt(&["discover", "--format", "json", &there]).unwrap();
    let found: serde_json::Value = serde_json::from_str(&printed).unwrap();
    assert_eq!(found["referrers"].as_array().unwrap().len(), 1, "the papers came along");
}
