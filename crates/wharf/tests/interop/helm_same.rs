//! Helm and `wharf helm`, the same command lines in folders of their own: output, errors and exit statuses are equal, and what
//! one writes the other reads.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::harness::*;

/// Two folders with the same content, one for each program.
struct Twins {
    helm: PathBuf,
    folders: TempDir,
}

#[derive(Debug, PartialEq, Eq)]
struct Outcome {
    status: Option<i32>,
    stdout: String,
    stderr: String,
}

impl Twins {
    fn new() -> Option<Self> {
        let helm = peer("helm")?;
        let twins = Self { helm, folders: TempDir::new().unwrap() };
        for side in ["helm", "wharf"] {
            fs::create_dir_all(twins.folder(side).join("home")).unwrap();
        }
        Some(twins)
    }

    fn folder(&self, side: &str) -> PathBuf {
        self.folders.path().join(side)
    }

    /// Does the same in both folders.
    fn both(&self, act: impl Fn(&Path)) {
        ["helm", "wharf"].iter().for_each(|side| act(&self.folder(side)));
    }

    fn run(&self, side: &str, line: &str) -> Outcome {
        let folder = self.folder(side);
        let mut command = match side {
            "helm" => Command::new(&self.helm),
            _ => {
                let program =
                    std::env::var_os("WHARF_PROGRAM").unwrap_or_else(|| env!("CARGO_BIN_EXE_wharf").into());
                let mut command = Command::new(program);
                command.arg("helm");
                command
            }
        };
        command.args(line.split_whitespace()).current_dir(&folder).env_clear().stdin(Stdio::null());
        command.env("HOME", folder.join("home")).env("TZ", "UTC");
        let output = command.output().unwrap();
        let text =
            |bytes: &[u8]| String::from_utf8_lossy(bytes).replace(&folder.display().to_string(), "FOLDER");
        Outcome { status: output.status.code(), stdout: text(&output.stdout), stderr: text(&output.stderr) }
    }

    /// Runs the line with both and compares.
    fn same(&self, line: &str) -> Outcome {
        let (helm, wharf) = (self.run("helm", line), self.run("wharf", line));
        assert_eq!(wharf, helm, "helm {line}");
        wharf
    }

    fn succeeds(&self, line: &str) {
        let outcome = self.same(line);
        assert_eq!(outcome.status, Some(0), "helm {line}: {outcome:?}");
    }
}

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn chart(folder: &Path, name: &str, version: &str) {
    write(
        &folder.join(name).join("Chart.yaml"),
        &format!("apiVersion: v2\nname: {name}\nversion: {version}\ndescription: a <{name}> & more\n"),
    );
    write(&folder.join(name).join("values.yaml"), "a: 1\n");
}

#[test]
fn charts_in_a_registry() {
    let Some(twins) = Twins::new() else { return };
    let registry = Registry::start(Transport::Plain);
    let host = registry.host();
    twins.both(|folder| chart(folder, "c", "1.0.0"));
    twins.succeeds(&format!("registry login {host} -u {USER} -p {PASSWORD} --plain-http"));
    // The same archive, so that the digests are the same.
    for version in ["1.0.0", "1.1.0+b.1"] {
        let name = format!("c-{version}.tgz");
        twins.run("helm", &format!("package c --version {version}"));
        let status = Command::new("cp")
            .arg("-p")
            .arg(twins.folder("helm").join(&name))
            .arg(twins.folder("wharf").join(&name))
            .status();
        assert!(status.unwrap().success());
        twins.succeeds(&format!("push {name} oci://{host}/closed --plain-http"));
    }
    let digest = registry.digest("closed/c", "1.0.0");
    let remote = format!("oci://{host}/closed/c");
    twins.both(|folder| fs::create_dir(folder.join("p")).unwrap());
    for line in [
        format!("pull {remote} -d p"),
        format!("pull {remote}:1.0.0 -d p"),
        format!("pull {remote} --version ~1.0 -d p"),
        format!("pull {remote}@{digest} -d p"),
        format!("pull {remote} --version 1.0.0 --prov -d p"),
        format!("pull {remote} --version 1.0.0 --untar -d p"),
        format!("show all {remote} --version 1.0.0"),
        format!("template r {remote} --version 1.0.0"),
    ] {
        twins.succeeds(&format!("{line} --plain-http"));
    }
    for line in [
        // Before the pulls that leave an archive with another time here, which is part of the manifest.
        format!("push c-1.0.0.tgz oci://{host}/nowhere"),
        format!("pull {remote} --version ^7"),
        format!("pull {remote} --version 9.9.9"),
        format!("pull {remote} --version 1.0.0 --untar -d p"),
        format!("pull {remote}:1.0.0 --version 1.0.1"),
        format!("pull {remote} --version 1.0.0 --verify"),
        format!("pull oci://{host}/closed/nosuch"),
        format!("pull oci://{host}/Closed/c"),
        format!("push c oci://{host}/closed"),
        format!("push nosuch.tgz oci://{host}/closed"),
        "push c-1.0.0.tgz https://x".to_owned(),
    ] {
        let outcome = twins.same(&format!("{line} --plain-http"));
        assert_eq!(outcome.status, Some(1), "{line}: {outcome:?}");
    }
    assert_eq!(tree(&twins.folder("helm").join("p")), tree(&twins.folder("wharf").join("p")));
    twins.succeeds(&format!("registry logout {host}"));
}

#[test]
fn dependencies_and_their_lock() {
    let Some(twins) = Twins::new() else { return };
    let registry = Registry::start(Transport::Plain);
    let host = registry.host();
    twins.both(|folder| {
        chart(folder, "c", "1.0.0");
        chart(folder, "near", "2.3.4");
        write(
            &folder.join("p/Chart.yaml"),
            &format!(
                "apiVersion: v2\nname: p\nversion: 1.0.0\ndependencies:\n- {{name: c, version: '>0.9 <2', repository: \
                 'oci://{host}/open'}}\n- {{name: near, version: 2.x, repository: 'file://../near', alias: n2}}\n"
            ),
        );
    });
    twins.succeeds(&format!("registry login {host} -u {USER} -p {PASSWORD} --plain-http"));
    twins.run("helm", "package c");
    twins.run("helm", &format!("push c-1.0.0.tgz oci://{host}/open --plain-http"));
    twins.same("dependency list p");
    twins.succeeds("dependency update p --plain-http");
    twins.succeeds("dependency list p");
    let lock = |side: &str| {
        let text = fs::read_to_string(twins.folder(side).join("p/Chart.lock")).unwrap();
        let lines: Vec<String> =
            text.lines().filter(|line| !line.starts_with("generated")).map(str::to_owned).collect();
        lines
    };
    assert_eq!(lock("wharf"), lock("helm"));
    // Each builds from the lock of the other.
    let (helm, wharf) =
        (twins.folder("helm").join("p/Chart.lock"), twins.folder("wharf").join("p/Chart.lock"));
    let (a, b) = (fs::read(&helm).unwrap(), fs::read(&wharf).unwrap());
    fs::write(&helm, b).unwrap();
    fs::write(&wharf, a).unwrap();
    twins.succeeds("dependency build p --plain-http");
    twins.both(|folder| chart(folder, "near", "3.0.0"));
    assert_eq!(twins.same("dependency update p --plain-http").status, Some(1));
}

#[test]
fn an_index_of_a_folder() {
    let Some(twins) = Twins::new() else { return };
    for version in ["1.0.0", "2.0.0-rc.1", "1.10.0"] {
        twins.both(|folder| chart(folder, "c", version));
        twins.run("helm", "package c -d charts");
    }
    let copied = Command::new("cp")
        .arg("-r")
        .arg(twins.folder("helm").join("charts"))
        .arg(twins.folder("wharf"))
        .status();
    assert!(copied.unwrap().success());
    for more in ["", " --url https://charts.example.com/x", " --json"] {
        twins.succeeds(&format!("repo index charts{more}"));
        let index = |side: &str| {
            let text = fs::read_to_string(twins.folder(side).join("charts/index.yaml")).unwrap();
            let is_time = |line: &&str| line.contains("created") || line.contains("generated");
            let lines: Vec<String> = text.lines().filter(|line| !is_time(line)).map(str::to_owned).collect();
            lines
        };
        assert_eq!(index("wharf"), index("helm"), "repo index{more}");
    }
    for line in [
        "repo list",
        "repo list -o json",
        "repo update",
        "search repo x",
        "repo remove x",
        "repo add a/b http://x",
    ] {
        twins.same(line);
    }
}

#[test]
fn a_new_chart() {
    let Some(twins) = Twins::new() else { return };
    for line in ["create app", "create app", "create below/app", "create", "create no/folder/app"] {
        twins.both(|folder| fs::create_dir_all(folder.join("below")).unwrap());
        twins.same(line);
    }
    assert_eq!(tree(&twins.folder("helm").join("app")), tree(&twins.folder("wharf").join("app")));
    let starter = |folder: &Path| {
        chart(folder, "start", "1.0.0");
        write(&folder.join("start/templates/t.yaml"), "name: <CHARTNAME>\n");
    };
    twins.both(starter);
    for side in ["helm", "wharf"] {
        let line = format!("create fresh --starter {}", twins.folder(side).join("start").display());
        assert_eq!(twins.run(side, &line).status, Some(0));
    }
    assert_eq!(tree(&twins.folder("helm").join("fresh")), tree(&twins.folder("wharf").join("fresh")));
}

/// The files below a folder by their names, with their bytes.
fn tree(folder: &Path) -> std::collections::BTreeMap<String, Vec<u8>> {
    let mut files = std::collections::BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            files.extend(tree(&path).into_iter().map(|(below, bytes)| (format!("{name}/{below}"), bytes)));
        } else {
            files.insert(name, fs::read(path).unwrap());
        }
    }
    files
}
