//! `--set` and its relatives, against results recorded from Helm's parser (`tests/testdata/README.md`).

use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use wharf_chart::{set_files, set_json, set_literal, set_strings, set_values};
use wharf_yaml::{Value, from_json, to_json};

#[derive(serde::Deserialize)]
struct Case {
    op: String,
    #[serde(rename = "in")]
    input: String,
    base: String,
    out: Option<String>,
    #[serde(default)]
    err: String,
}

fn apply(op: &str, values: &mut Value, input: &str) -> Result<(), wharf_chart::Error> {
    match op {
        "set" => set_values(values, input),
        "string" => set_strings(values, input),
        "json" => set_json(values, input),
        "literal" => set_literal(values, input),
        _ => set_files(values, input, |path| Ok(format!("<{path}>"))),
    }
}

#[test]
fn expressions_give_the_values_helm_gives() {
    let committed = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/testdata/set.jsonl");
    let more = std::env::var_os("WHARF_SET_CASES").map(PathBuf::from);
    let mut wrong = Vec::new();
    for file in [Some(committed), more].into_iter().flatten() {
        for line in fs::read_to_string(file).unwrap().lines() {
            let case: Case = serde_json::from_str(line).unwrap();
            // A whole object is merged by another part of Helm.
            if case.op == "json" && case.input.trim_start().starts_with('{') {
                continue;
            }
            let mut values = from_json(case.base.as_bytes()).unwrap();
            let got = apply(&case.op, &mut values, &case.input).map_err(|error| error.to_string());
            let agrees = match (&got, &case.out) {
                (Ok(()), Some(out)) => to_json(&values).unwrap() == *out,
                (Err(text), None) => *text == case.err,
                _ => false,
            };
            if !agrees {
                wrong.push(format!("{line}\n  ours {got:?} {}", to_json(&values).unwrap()));
            }
        }
    }
    let shown: Vec<&str> = wrong.iter().take(20).map(String::as_str).collect();
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), shown.join("\n"));
}

#[test]
fn a_json_object_is_merged_into_the_values() {
    let mut values = from_json(br#"{"a":{"b":1,"c":2}}"#).unwrap();
    set_json(&mut values, r#" {"a":{"b":null,"d":[1]}}"#).unwrap();
    assert_eq!(to_json(&values).as_deref(), Ok(r#"{"a":{"b":null,"c":2,"d":[1]}}"#));
    assert!(set_json(&mut values, "{").is_err());
}

#[test]
fn cve_2022_23524_and_cve_2022_36055_depth_and_index_are_bounded() {
    let mut values = Value::Null;
    let error = set_values(&mut values, &("a.".repeat(40) + "b=1")).unwrap_err().to_string();
    assert_eq!(error, "value name nested level is greater than maximum supported nested level of 30");
    let error = set_values(&mut values, "a[2000000000]=1").unwrap_err().to_string();
    assert_eq!(error, "index of 2000000000 is greater than maximum supported index of 65536");
    for deep in ["[0]".repeat(100_000), "[0].a".repeat(100_000)] {
        assert!(set_values(&mut values, &format!("a{deep}=1")).is_err());
    }
    assert_eq!(values, Value::Null);
}

proptest! {
    #[test]
    fn any_expression_gives_an_answer(text in "[ab.=,\\[\\]{}\\\\0-9 \"é]{0,30}") {
        for op in ["set", "string", "json", "literal", "file"] {
            let _ = apply(op, &mut Value::Null, &text);
        }
    }
}
