//! `testdata/helm/recorded/*.jsonl`: commands with small charts and what Helm v4.2.4 answered, written by
//! `cargo xtask interop recorded --record`. One JSON object a line: `files` (text, or `{"hex": …}`) and `args` in, then
//! `status`, `stdout`, `stderr` and the files that were `made`, the folder's own path as `FOLDER`.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

fn bytes(value: &Value) -> Vec<u8> {
    match value["hex"].as_str() {
        None => text(value).into_bytes(),
        Some(hex) => {
            (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
        }
    }
}

/// Runs a case and returns what differs.
fn difference(case: &Value) -> Option<String> {
    let folder = tempfile::tempdir().unwrap();
    let files = case["files"].as_object().unwrap();
    for (name, contents) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes(contents)).unwrap();
    }
    let args = case["args"].as_array().unwrap().iter().map(text);
    let mut command = Command::new(env!("CARGO_BIN_EXE_wharf"));
    command.arg("helm").args(args).current_dir(&folder).env_clear().stdin(Stdio::null());
    let environment = [("HELM_NAMESPACE", "default"), ("TZ", "UTC"), ("PATH", "/usr/bin:/bin")];
    let output = command.envs(environment).env("HOME", folder.path()).output().unwrap();
    let place = folder.path().display().to_string();
    let shown = |bytes: &[u8]| String::from_utf8_lossy(bytes).replace(&place, "FOLDER");
    let mut made = BTreeMap::new();
    if let Some(expected) = case["made"].as_object() {
        made.extend(expected.keys().map(|name| (name.clone(), read(&folder.path().join(name)))));
    }
    let actual = (output.status.code(), shown(&output.stdout), sorted(&shown(&output.stderr)), made);
    let expected = (
        case["status"].as_i64().and_then(|status| i32::try_from(status).ok()),
        text(&case["stdout"]),
        sorted(case["stderr"].as_str().unwrap()),
        case["made"]
            .as_object()
            .into_iter()
            .flatten()
            .map(|(name, data)| (name.clone(), text(data)))
            .collect(),
    );
    (actual != expected)
        .then(|| format!("{} {}\n  Helm:  {expected:?}\n  Wharf: {actual:?}", case["name"], case["args"]))
}

fn read(path: &Path) -> String {
    fs::read(path).map(|data| String::from_utf8_lossy(&data).into_owned()).unwrap_or_default()
}

/// Helm goes through maps in a random order, also while it writes its log.
fn sorted(log: &str) -> Vec<String> {
    let mut lines: Vec<String> = log.lines().map(str::to_owned).collect();
    lines.sort();
    lines
}

fn replay(name: &str, at_least: usize) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/testdata/helm/recorded").join(name);
    let recorded = fs::read_to_string(path).unwrap();
    let cases: Vec<Value> = recorded.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(cases.len() >= at_least, "only {} cases were read", cases.len());
    let wrong: Vec<String> = cases.iter().filter_map(difference).collect();
    assert!(wrong.is_empty(), "{} of {} differ:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

#[test]
fn lint_finds_in_broken_charts_what_helm_finds() {
    replay("lint.jsonl", 450);
}

#[test]
fn charts_and_flags_of_many_kinds_render_as_with_helm() {
    replay("template.jsonl", 500);
}

#[test]
fn generated_pipelines_give_what_helm_gives() {
    replay("pipelines.jsonl", 150);
}

#[test]
fn charts_in_the_style_of_widely_used_ones_render_as_with_helm() {
    replay("charts.jsonl", 25);
}
