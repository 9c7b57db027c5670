//! Cases whose answers were recorded from the real Go libraries; see `tests/testdata/README.md`.
//!
//! `WHARF_YAML_CASES` may name a folder with more files of the same form.

use std::fs;
use std::path::{Path, PathBuf};

use wharf_yaml::{Error, Reader, Value, from_json, from_yaml, to_json, to_yaml};

#[derive(serde::Deserialize)]
struct Case {
    op: String,
    #[serde(default, rename = "in")]
    input: String,
    /// Base64 of input that is not UTF-8; such cases are kept out of the committed set.
    #[serde(default)]
    in64: Option<String>,
    out: Option<String>,
    #[serde(default)]
    err: String,
}

fn answer(case: &Case) -> Result<String, Error> {
    let input = case.input.as_bytes();
    match case.op.as_str() {
        "read" => to_json(&from_yaml(input)?),
        "strict" => to_json(&Reader::new().strict(true).read(input)?),
        "emit" => to_yaml(&from_json(input)?),
        other => panic!("unknown operation {other}"),
    }
}

fn check(file: &Path) -> Vec<String> {
    let mut wrong = Vec::new();
    let (mut cases, mut texts) = (0, 0);
    for line in fs::read_to_string(file).unwrap().lines() {
        let case: Case = serde_json::from_str(line).unwrap();
        if case.in64.is_some() {
            continue;
        }
        cases += 1;
        let got = answer(&case);
        match (&case.out, &got) {
            (Some(expected), Ok(text)) if expected == text => {}
            (None, Err(error)) => {
                let texts_agree = case.err.ends_with(&error.to_string());
                texts += usize::from(!texts_agree);
                if !texts_agree && std::env::var_os("WHARF_YAML_TEXTS").is_some() {
                    wrong.push(format!("{} {:?}\n  go   {}\n  ours {error}", case.op, case.input, case.err));
                }
            }
            (expected, got) => wrong.push(format!(
                "{} {:?}\n  go   {}\n  ours {}",
                case.op,
                case.input,
                expected.as_ref().map_or_else(|| case.err.clone(), |text| format!("{text:?}")),
                got.as_ref().map_or_else(ToString::to_string, |text| format!("{text:?}")),
            )),
        }
    }
    println!(
        "{}: {cases} cases, {} differ, {texts} differ in the text of an error",
        file.display(),
        wrong.len()
    );
    wrong
}

#[test]
fn values_and_bytes_are_those_of_the_go_libraries() {
    let committed = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/testdata");
    let folders = [Some(committed), std::env::var_os("WHARF_YAML_CASES").map(PathBuf::from)];
    let mut wrong = Vec::new();
    for folder in folders.into_iter().flatten() {
        let mut files: Vec<PathBuf> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        for file in files.iter().filter(|file| file.extension().is_some_and(|e| e == "jsonl")) {
            if file.file_name().is_some_and(|name| name != "semver.jsonl") {
                wrong.extend(check(file));
            }
        }
    }
    let shown: Vec<&str> = wrong.iter().take(40).map(String::as_str).collect();
    assert!(wrong.is_empty(), "{} cases differ:\n{}", wrong.len(), shown.join("\n"));
}

#[test]
fn what_is_written_reads_back_the_same() {
    let value = from_yaml(b"a: [1, {b: 'x: y'}, |\n  text\n  more\n ]\n").unwrap_or(Value::Null);
    assert_eq!(from_yaml(to_yaml(&value).unwrap().as_bytes()).unwrap(), value);
}
