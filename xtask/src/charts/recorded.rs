//! `cargo xtask interop recorded [--record]`: commands with small charts, whose answers by Helm are in
//! `crates/wharf/tests/testdata/helm/recorded`. Helm must still give them, and Wharf must give the same; `--record` writes
//! anew what Helm says.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use super::{Programs, sorted};
use crate::shell::root;
use crate::tally::Tally;

/// One command in a folder with files, and what came of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Case {
    name: String,
    files: BTreeMap<String, Contents>,
    args: Vec<String>,
    status: i32,
    stdout: String,
    stderr: String,
    /// Files that the command made.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    made: BTreeMap<String, String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
enum Contents {
    Text(String),
    Bytes { hex: String },
}

pub(super) fn run(programs: &Programs, record: bool) -> Result<Tally> {
    let folder = root().join("crates/wharf/tests/testdata/helm/recorded");
    let mut tally = Tally::default();
    for path in sorted(&folder)?.iter().filter(|path| path.extension().is_some_and(|end| end == "jsonl")) {
        let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
        let cases: Vec<Case> = text.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
        let mut recorded = String::new();
        for case in cases {
            let theirs = answer(&case, Command::new(&programs.helm))?;
            let mut ours = Command::new(&programs.wharf);
            ours.arg("helm");
            let ours = answer(&case, ours)?;
            let is_good = same(&theirs, &ours) && (record || same(&theirs, &case));
            if !is_good {
                println!(
                    "DIFFERENT   {:?} {:?}\n  helm:     {theirs:?}\n  wharf:    {ours:?}\n  recorded: {case:?}",
                    case.name, case.args
                );
            }
            tally += Tally::one(is_good);
            recorded.push_str(&serde_json::to_string(&theirs)?);
            recorded.push('\n');
        }
        if record {
            fs::write(path, recorded)?;
        }
    }
    Ok(tally)
}

/// Helm goes through maps in a random order, also while it writes its log.
fn same(a: &Case, b: &Case) -> bool {
    let log = |case: &Case| {
        let mut lines: Vec<String> = case.stderr.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    (a.status, &a.stdout, log(a), &a.made) == (b.status, &b.stdout, log(b), &b.made)
}

/// Runs a case with a program, in a folder of its own.
fn answer(case: &Case, mut program: Command) -> Result<Case> {
    let folder = tempfile::tempdir()?;
    for (name, contents) in &case.files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().context("a file lies in a folder")?)?;
        fs::write(path, contents.bytes()?)?;
    }
    let environment = [("HELM_NAMESPACE", "default"), ("TZ", "UTC"), ("PATH", "/usr/bin:/bin")];
    program.args(&case.args).current_dir(&folder).env_clear().envs(environment).env("HOME", folder.path());
    let output = program.stdin(Stdio::null()).output().context("the program does not start")?;
    let place = folder.path().display().to_string();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).replace(&place, "FOLDER");
    let mut made = BTreeMap::new();
    collect(folder.path(), "", &mut |name, path| {
        if !case.files.contains_key(name) {
            made.insert(name.to_owned(), String::from_utf8_lossy(&fs::read(path)?).into_owned());
        }
        Ok(())
    })?;
    Ok(Case {
        status: output.status.code().unwrap_or(-1),
        stdout: text(&output.stdout),
        stderr: text(&output.stderr),
        made,
        ..case.clone()
    })
}

/// Passes on every file below a folder, but for what programs keep in the home folder.
fn collect(root: &Path, below: &str, found: &mut dyn FnMut(&str, &Path) -> Result<()>) -> Result<()> {
    for path in sorted(&root.join(below))? {
        let base = path.file_name().unwrap_or_default().to_string_lossy();
        let name = if below.is_empty() { base.into_owned() } else { format!("{below}/{base}") };
        if path.is_dir() && ![".cache", ".config", ".local"].contains(&name.as_str()) {
            collect(root, &name, found)?;
        } else if path.is_file() {
            found(&name, &path)?;
        }
    }
    Ok(())
}

impl Contents {
    fn bytes(&self) -> Result<Vec<u8>> {
        match self {
            Self::Text(text) => Ok(text.clone().into_bytes()),
            Self::Bytes { hex } => (0..hex.len() / 2)
                .map(|at| Ok(u8::from_str_radix(hex.get(at * 2..at * 2 + 2).context("two digits")?, 16)?))
                .collect(),
        }
    }
}
