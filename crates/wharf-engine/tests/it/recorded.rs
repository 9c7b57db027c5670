//! See `testdata/recorded/ORIGIN.md`.

use std::path::Path;

use wharf_chart::{File, load_folder, set_values};
use wharf_engine::{RenderOptions, render_files};
use wharf_yaml::Value;

use crate::fixed;

/// Renders all expressions of a file in one chart and compares each with what Helm made of it.
fn compare(name: &str, at_least: usize) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/recorded").join(name);
    let suite: serde_json::Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let cases = suite["cases"].as_array().unwrap();
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    let mut helpers = String::new();
    for (index, case) in cases.iter().enumerate() {
        helpers.push_str(&format!("{{{{ define \"k{index}\" }}}}{{{{ {} }}}}{{{{ end }}}}", text(&case[0])));
    }
    let mut files = vec![
        File::new("Chart.yaml", &b"apiVersion: v2\nname: c\nversion: 1.0.0\n"[..]),
        File::new("templates/_h.tpl", helpers.into_bytes()),
    ];
    for index in 0..cases.len() {
        let call = format!("{{{{ include \"k{index}\" . }}}}");
        files.push(File::new(format!("templates/{index}"), call.into_bytes()));
    }
    for (name, data) in suite["files"].as_object().unwrap() {
        files.push(File::new(name.as_str(), text(data).into_bytes()));
    }
    let mut values = Value::Map(std::sync::Arc::default());
    if let Some(set) = suite["set"].as_str() {
        set_values(&mut values, set).unwrap();
    }
    let made =
        render_files(&load_folder(files).unwrap(), &values, &RenderOptions::default(), &fixed).unwrap();
    let mut failures = Vec::new();
    for (index, case) in cases.iter().enumerate() {
        let (expected, actual) = (text(&case[1]), &made[&format!("c/templates/{index}")]);
        if *actual != expected {
            failures.push(format!("{}\n  Helm:  {expected:?}\n  Wharf: {actual:?}", case[0]));
        }
    }
    assert!(cases.len() >= at_least, "only {} cases were read", cases.len());
    assert!(failures.is_empty(), "{} of {} differ:\n{}", failures.len(), cases.len(), failures.join("\n"));
}

#[test]
fn verbs_print_values_as_in_helm() {
    compare("printf.json", 2000);
}

#[test]
fn patterns_match_files_as_in_helm() {
    compare("glob.json", 600);
}

#[test]
fn ranges_of_versions_are_compared_as_in_helm() {
    compare("semver.json", 2000);
}

#[test]
fn values_are_written_as_yaml_json_and_toml_as_in_helm() {
    compare("yaml.json", 2000);
}

#[test]
fn versions_of_kubernetes_are_shown_as_in_helm() {
    compare("versions.json", 20);
}
