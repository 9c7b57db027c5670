//! Versions and ranges, against answers recorded from `Masterminds/semver` v3.5.0 (`tests/testdata/README.md`).

use std::fs;
use std::path::Path;

use wharf_chart::semver::{Constraint, Version};

#[derive(serde::Deserialize)]
struct Case {
    op: String,
    #[serde(default, rename = "in")]
    input: String,
    #[serde(default)]
    arg: String,
    out: Option<String>,
    #[serde(default)]
    err: String,
}

fn answer(case: &Case) -> Result<String, String> {
    let loose = |text: &str| Version::parse(text).map_err(|error| error.to_string());
    match case.op.as_str() {
        "version" => loose(&case.input).map(|v| v.to_string()),
        "strictversion" => {
            Version::parse_strict(&case.input).map(|v| v.to_string()).map_err(|e| e.to_string())
        }
        "compare" => Ok((loose(&case.input)?.cmp(&loose(&case.arg)?) as i8).to_string()),
        "check" => {
            let constraint = Constraint::parse(&case.input).map_err(|error| error.to_string())?;
            let version = loose(&case.arg)?;
            let (fits, reasons) = match constraint.explain(&version) {
                Ok(()) => (true, Vec::new()),
                Err(reasons) => (false, reasons),
            };
            let mut text = format!("{} {fits}", constraint.matches(&version));
            reasons.iter().for_each(|reason| text.push_str(&format!("\n{reason}")));
            Ok(text)
        }
        other => panic!("unknown operation {other}"),
    }
}

#[test]
fn versions_and_ranges_are_judged_as_by_the_go_library() {
    let committed = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/testdata/semver.jsonl");
    let more = std::env::var_os("WHARF_SEMVER_CASES").map(std::path::PathBuf::from);
    let mut wrong = Vec::new();
    for file in [Some(committed), more].into_iter().flatten() {
        for line in fs::read_to_string(file).unwrap().lines() {
            let case: Case = serde_json::from_str(line).unwrap();
            let expected = case.out.clone().ok_or_else(|| case.err.clone());
            let got = answer(&case);
            if got != expected {
                wrong.push(format!(
                    "{} {:?} {:?}\n  go   {expected:?}\n  ours {got:?}",
                    case.op, case.input, case.arg
                ));
            }
        }
    }
    let shown: Vec<&str> = wrong.iter().take(30).map(String::as_str).collect();
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), shown.join("\n"));
}
