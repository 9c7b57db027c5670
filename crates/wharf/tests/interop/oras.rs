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

/// Runs the same line with ORAS and with Wharf, each in a folder of its own, and returns what both wrote.
fn both(program: &std::path::Path, folders: [&std::path::Path; 2], line: &[&str]) -> [String; 2] {
    let wharf = std::path::Path::new(env!("CARGO_BIN_EXE_wharf"));
    let run = |program: &std::path::Path, first: &[&str], folder: &std::path::Path| {
        let mut command = std::process::Command::new(program);
        let output = command.args(first).args(line).current_dir(folder).env("HOME", folder).output().unwrap();
        let text = [&output.stdout[..], &output.stderr[..]].concat();
        let mut lines: Vec<String> = String::from_utf8(text).unwrap().lines().map(str::to_owned).collect();
        // Transfers run side by side, so their lines come in any order.
        lines.sort();
        format!("{}\n{}", output.status.code().unwrap(), lines.join("\n"))
    };
    [run(program, &[], folders[0]), run(wharf, &["oras"], folders[1])]
}

#[test]
fn wharf_oras_writes_what_oras_writes() {
    let Some(program) = peer("oras") else { return };
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    for folder in &folders {
        fs::write(folder.path().join("hi.txt"), "hello\n").unwrap();
        fs::write(folder.path().join("again.txt"), "again\n").unwrap();
        fs::write(folder.path().join("config.json"), "{}").unwrap();
    }
    let created = "--annotation=org.opencontainers.image.created=2026-01-01T00:00:00Z";
    let lines: &[&[&str]] = &[
        &["push", created, "--oci-layout", "l:v1", "hi.txt", "again.txt:text/plain"],
        &["push", created, "--oci-layout", "l:v2", "--image-spec", "v1.0", "hi.txt"],
        &[
            "push",
            created,
            "--oci-layout",
            "l:v3",
            "--config",
            "config.json:a/b",
            "hi.txt",
            "--format",
            "json",
        ],
        &["push", created, "--oci-layout", "l:v4", "--artifact-platform", "linux/arm64", "hi.txt"],
        &["push", created, "--oci-layout", "l:v5,v6", "--artifact-type", "a/b"],
        &["attach", created, "--oci-layout", "l:v1", "--artifact-type", "a/b", "hi.txt"],
        &["discover", "--oci-layout", "l:v1"],
        &["discover", "--oci-layout", "l:v1", "--format", "json"],
        &["discover", "--oci-layout", "l:v1", "--format", "table"],
        &["resolve", "--oci-layout", "l:v4", "--platform", "linux/arm64"],
        &["resolve", "--oci-layout", "l:v4", "--platform", "linux/amd64"],
        &["manifest", "fetch", "--oci-layout", "l:v1", "--descriptor"],
        &["manifest", "fetch", "--oci-layout", "l:v1", "--pretty"],
        &["manifest", "fetch", "--oci-layout", "l:v1", "--format", "json"],
        &[
            "manifest",
            "fetch",
            "--oci-layout",
            "l:v1",
            "--format",
            "go-template={{.size}} {{.nosuch}}{{.content}}",
        ],
        &["manifest", "fetch-config", "--oci-layout", "l:v4"],
        &["manifest", "index", "create", "--oci-layout", "l:all", "v1", "v4"],
        &["manifest", "index", "update", "--oci-layout", "l:all", "--add", "v2"],
        &["tag", "--oci-layout", "l:v1", "x"],
        &["repo", "tags", "--oci-layout", "l"],
        &["cp", "-r", "--from-oci-layout", "l:v1", "--to-oci-layout", "m:v1"],
        &["cp", "--from-oci-layout", "l:v1", "--to-oci-layout-path", "m", "example.com/a:b"],
        &["repo", "tags", "--oci-layout", "m"],
        &["pull", "--oci-layout", "m:v1", "-o", "out"],
        &["manifest", "delete", "--oci-layout", "l:v2", "--force", "--descriptor"],
        &["pull", "--oci-layout", "l:v2"],
        &["push"],
        &["attach", "--oci-layout", "l:v1"],
        &["resolve", "localhost:5000/A"],
        &["pull", "--format", "foo", "--oci-layout", "l:v1"],
    ];
    for line in lines {
        let [theirs, ours] = both(&program, [folders[0].path(), folders[1].path()], line);
        assert_eq!(theirs, ours, "{line:?}");
    }
    // Each reads what the other wrote.
    let crossed = [folders[1].path(), folders[0].path()];
    let [theirs, ours] = both(&program, crossed, &["discover", "--oci-layout", "l:v1", "--format", "json"]);
    assert_eq!(theirs, ours);
}
