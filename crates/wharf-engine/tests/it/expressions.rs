//! See `testdata/expressions/ORIGIN.md`.

use std::path::Path;

use wharf_chart::{File, load_folder};
use wharf_engine::{RenderOptions, render_files};
use wharf_yaml::Value;

use crate::{fixed, folder};

#[test]
fn every_function_gives_what_helm_gives() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/expressions");
    let chart_files = folder(&data.join("chart"));
    let cases = std::fs::read_to_string(data.join("cases.jsonl")).unwrap();
    let mut failures = Vec::new();
    let mut count = 0;
    for line in cases.lines() {
        let case: serde_json::Value = serde_json::from_str(line).unwrap();
        let expression = case["expression"].as_str().unwrap();
        let mut files = chart_files.clone();
        files.push(File::new("templates/a.yaml", format!("{{{{ {expression} }}}}").into_bytes()));
        let chart = load_folder(files).unwrap();
        let actual = render_files(&chart, &Value::Null, &RenderOptions::default(), &fixed)
            .map(|files| files["x/templates/a.yaml"].clone())
            .map_err(|error| error.to_string());
        let expected = match case["error"].as_str() {
            Some(error) => Err(error.to_owned()),
            None => Ok(case["out"].as_str().unwrap().to_owned()),
        };
        count += 1;
        if actual != expected {
            failures.push(format!("{expression}\n  Helm:  {expected:?}\n  Wharf: {actual:?}"));
        }
    }
    assert!(count > 2000, "only {count} cases were read");
    assert!(failures.is_empty(), "{} of {count} differ:\n{}", failures.len(), failures.join("\n"));
}
