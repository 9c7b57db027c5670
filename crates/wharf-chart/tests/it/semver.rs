//! Versions and ranges, against answers recorded from `Masterminds/semver` v3.5.0 (`tests/testdata/README.md`).

use std::fs;
use std::path::Path;

use proptest::prelude::*;
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

#[test]
fn build_metadata_is_no_part_of_the_order() {
    let version = |text: &str| Version::parse(text).unwrap();
    assert_eq!(version("1.0.0+a"), version("v1+b"));
    assert!(version("1.0.0-rc.2") < version("1.0.0-rc.10") && version("1.0.0-rc.10") < version("1"));
    assert_eq!(version("v1.2").original(), "v1.2");
}

proptest! {
    #[test]
    fn any_text_gives_an_answer(text in "[0-9v.xX*+~^=<>!|, a-z-]{0,40}", version in "[0-9v.a+-]{0,20}") {
        let parsed = Version::parse(&version);
        let _ = Version::parse_strict(&version);
        if let (Ok(range), Ok(version)) = (Constraint::parse(&text), parsed) {
            // Unlike `matches`, the explanation ends at the first group that fits.
            prop_assert_eq!(range.matches(&version), range.explain(&version).is_ok());
        }
    }

    #[test]
    fn versions_are_in_one_order(mut texts in prop::collection::vec("[0-2](\\.[0-2]){0,2}(-(a|b|1|2|10|1\\.a|a\\.1))?", 3..6)) {
        texts.sort_by(|a, b| Version::parse(a).unwrap().cmp(&Version::parse(b).unwrap()));
        for pair in texts.windows(2) {
            prop_assert!(Version::parse(&pair[0]).unwrap() <= Version::parse(&pair[1]).unwrap());
        }
    }
}
