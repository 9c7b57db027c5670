//! Ways to render a chart: its defaults, the values in its `ci` folder, and generated flags and values files.
//!
//! What is generated depends on the chart's own values and templates only, so every run has the same.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use wharf_yaml::{Value, from_yaml};

use super::sorted;

/// One way to render a chart.
#[derive(Debug, Clone)]
pub(super) struct Variation {
    /// Shown with the chart's name; empty for the defaults.
    pub(super) name: String,
    /// What follows `template CHART`.
    pub(super) flags: Vec<String>,
}

/// Values deeper than this are left alone.
const MAX_DEPTH: usize = 6;

/// What a value is set to, as text after `=`.
const NUMBERS: &[&str] =
    &["0", "-1", "2", "1000000", "3000000000", "9223372036854775808", "007", "1.5", "1e3", "0x10", ""];
const TEXTS: &[&str] = &[
    "",
    "null",
    "true",
    "0",
    "é",
    "a\\,b",
    "{a,b}",
    "{}",
    "x y",
    "1.0",
    "{{ .Release.Name }}",
    "a: b",
    "-",
    "#",
];
const JSON: &[&str] = &[
    "null",
    "true",
    "0",
    "-1.5",
    "1e6",
    "123456789012",
    "\"\"",
    "\"on\"",
    "[]",
    "{}",
    "[\"a\"]",
    "{\"a\":{\"b\":1}}",
    "\"a\\nb\\n\"",
];
/// The same in a values file.
const YAML: &[&str] = &[
    "null",
    "~",
    "yes",
    "off",
    "0777",
    "0o17",
    "1e3",
    "1_000",
    ".5",
    "1:30",
    "2024-01-01",
    "\"\"",
    "[]",
    "{}",
    "[a, 1, null]",
    "{a: {b: c}}",
    "'1'",
    "|\n  one\n  two\n",
    "!!str 5",
    "123456789012345678",
    "\"\\u00e9\\t\"",
    "{{x}: 1}",
    "{{ .Values.a }}",
];

const API_VERSIONS: &[&str] = &[
    "monitoring.coreos.com/v1",
    "policy/v1/PodDisruptionBudget",
    "networking.k8s.io/v1/Ingress",
    "cert-manager.io/v1",
    "gateway.networking.k8s.io/v1",
    "autoscaling/v2",
    "batch/v1/CronJob",
    "route.openshift.io/v1",
    "security.openshift.io/v1",
    "autoscaling.k8s.io/v1",
    "batch/v1beta1",
];
const KUBE_VERSIONS: &[&str] =
    &["1.16.0", "v1.20.4", "1.25", "1.29.3-gke.100", "1.31.0+k3s1", "1.99", "2.0.0", "x", "v1.30.0-alpha.1"];

/// Returns the defaults, the chart's `ci` values, and `count` generated ways.
pub(super) fn of(chart: &Path, count: usize, scratch: &Path) -> Result<Vec<Variation>> {
    let mut all: Vec<Variation> = super::values(chart)?
        .into_iter()
        .map(|path| match path {
            None => Variation { name: String::new(), flags: Vec::new() },
            Some(path) => Variation {
                name: format!("with {}", path.file_name().unwrap_or_default().to_string_lossy()),
                flags: vec!["--values".to_owned(), path.display().to_string()],
            },
        })
        .collect();
    let mut generated = generated(chart)?;
    // A sample that is spread over all of them and the same in every run.
    generated.sort_by_key(|flags| mixed(&flags.concat()));
    generated.dedup();
    generated.truncate(count);
    for (at, flags) in generated.into_iter().enumerate() {
        let mut files = Vec::new();
        let name = flags.join(" ");
        let mut real = Vec::new();
        for flag in flags {
            match flag.strip_prefix("FILE:") {
                None => real.push(flag),
                Some(text) => {
                    let path = file(scratch, chart, at, files.len(), text)?;
                    real.push(path.display().to_string());
                    files.push(path);
                }
            }
        }
        // `--set-file` names its file inside the expression.
        for flag in &mut real {
            if let Some((key, text)) = flag.clone().split_once("=FILE:") {
                let path = file(scratch, chart, at, files.len(), text)?;
                *flag = format!("{key}={}", path.display());
                files.push(path);
            }
        }
        all.push(Variation { name, flags: real });
    }
    Ok(all)
}

fn file(scratch: &Path, chart: &Path, at: usize, part: usize, text: &str) -> Result<PathBuf> {
    let chart = chart.file_name().unwrap_or_default().to_string_lossy();
    let path = scratch.join(format!("{chart}-{at}-{part}.yaml"));
    fs::write(&path, text).with_context(|| path.display().to_string())?;
    Ok(path)
}

/// Spreads texts over numbers (FNV-1a, then mixed once more).
fn mixed(text: &str) -> u64 {
    let hash = text
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3));
    let hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash ^ (hash >> 33)
}

fn generated(chart: &Path) -> Result<Vec<Vec<String>>> {
    let mut places = Vec::new();
    places_of(&values(chart), &mut Vec::new(), &mut places);
    if let Ok(subcharts) = sorted(&chart.join("charts")) {
        for subchart in subcharts.iter().filter(|path| path.join("Chart.yaml").is_file()) {
            let name = subchart.file_name().unwrap_or_default().to_string_lossy().into_owned();
            places_of(&values(subchart), &mut vec![name], &mut places);
        }
    }
    let mut all = Vec::new();
    let mut add = |flags: &[&str]| all.push(flags.iter().map(|flag| (*flag).to_owned()).collect::<Vec<_>>());
    for (at, (path, value)) in places.iter().enumerate() {
        let key = path.iter().map(|part| escaped(part)).collect::<Vec<_>>().join(".");
        let pick = |from: &[&'static str], step: usize| from[(at + step) % from.len()];
        match value {
            Value::Bool(value) => {
                add(&["--set", &format!("{key}={}", !value)]);
                add(&["--set-string", &format!("{key}={}", !value)]);
            }
            Value::Int(_) | Value::Uint(_) | Value::Float(_) => {
                add(&["--set", &format!("{key}={}", pick(NUMBERS, 0))]);
                add(&["--set-string", &format!("{key}={}", pick(NUMBERS, 3))]);
            }
            Value::String(_) => {
                add(&["--set", &format!("{key}={}", pick(TEXTS, 0))]);
                add(&["--set-literal", &format!("{key}={}", pick(TEXTS, 5))]);
                add(&["--set-file", &format!("{key}=FILE:{}", pick(TEXTS, 2))]);
            }
            Value::List(_) => {
                add(&["--set", &format!("{key}[0]=x")]);
                add(&["--set", &format!("{key}[1].name=x")]);
                add(&["--set", &format!("{key}={{a,1,null}}")]);
            }
            Value::Map(_) => {
                add(&["--set", &format!("{key}.extra=1")]);
                add(&["--set", &format!("{key}=text")]);
            }
            Value::Null => {
                add(&["--set", &format!("{key}={}", pick(TEXTS, 1))]);
                add(&["--set", &format!("{key}.extra=1")]);
            }
        }
        add(&["--set", &format!("{key}=null")]);
        add(&["--set-json", &format!("{key}={}", pick(JSON, 0))]);
        add(&["--values", &format!("FILE:{}", nested(path, pick(YAML, 0)))]);
        add(&["--values", &format!("FILE:{}", nested(path, pick(YAML, 7)))]);
        if at % 3 == 0 {
            // Two at once, far from each other.
            let (other, _) = &places[(at * 7 + 3) % places.len()];
            let other = other.iter().map(|part| escaped(part)).collect::<Vec<_>>().join(".");
            add(&["--set", &format!("{key}={},{other}={}", pick(TEXTS, 3), pick(NUMBERS, 1))]);
        }
    }
    // Whole-chart flags weigh as much as a few values.
    for api in API_VERSIONS {
        add(&["--api-versions", api]);
    }
    add(&["--api-versions", &API_VERSIONS.join(",")]);
    for version in KUBE_VERSIONS {
        add(&["--kube-version", version]);
    }
    for flags in [
        &["--include-crds"][..],
        &["--is-upgrade"],
        &["--no-hooks"],
        &["--skip-tests"],
        &["--skip-schema-validation"],
        &["--namespace", "other-ns"],
        &["--name-template", "a-{{ \"B\" | lower }}-{{ len \"abc\" }}"],
        &["--is-upgrade", "--no-hooks", "--include-crds", "--namespace", "x"],
        &["--show-only", "templates/NOTES.txt"],
        &["--show-only", "templates/*.yaml"],
        &["--show-only", "charts/*/templates/*.yaml"],
    ] {
        add(flags);
    }
    if let Ok(templates) = sorted(&chart.join("templates")) {
        for template in templates.iter().filter(|path| path.is_file()) {
            let name = template.file_name().unwrap_or_default().to_string_lossy();
            add(&["--show-only", &format!("templates/{name}")]);
        }
    }
    Ok(all)
}

fn values(chart: &Path) -> Value {
    let text = fs::read(chart.join("values.yaml")).unwrap_or_default();
    from_yaml(&text).unwrap_or_default()
}

/// Collects every value below a map, with the keys that lead to it.
fn places_of(value: &Value, path: &mut Vec<String>, found: &mut Vec<(Vec<String>, Value)>) {
    let Some(map) = value.as_map() else { return };
    for (key, inner) in map {
        path.push(key.to_string());
        found.push((path.clone(), inner.clone()));
        if path.len() < MAX_DEPTH {
            places_of(inner, path, found);
        }
        path.pop();
    }
}

/// Writes a key for `--set`.
fn escaped(key: &str) -> String {
    key.chars().fold(String::new(), |mut out, c| {
        if matches!(c, '.' | ',' | '=' | '[' | ']' | '{' | '}' | '\\') {
            out.push('\\');
        }
        out.push(c);
        out
    })
}

/// Writes a values file with one value.
fn nested(path: &[String], value: &str) -> String {
    let mut out = String::new();
    for (depth, key) in path.iter().enumerate() {
        out.push_str(&format!("{}{}:", "  ".repeat(depth), serde_json::Value::from(key.as_str())));
        if depth + 1 < path.len() {
            out.push('\n');
        }
    }
    let indent = format!("\n{}", "  ".repeat(path.len()));
    format!("{out} {}\n", value.trim_end().replace("\n  ", &indent))
}
