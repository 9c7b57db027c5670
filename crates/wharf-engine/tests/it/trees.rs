//! `testdata/trees/cases.jsonl` holds generated charts with dependencies (aliases, conditions, tags, imported values,
//! nulls, globals) and what Helm v4.2.4's packages make of them: `files` and `values` in, `out` or `error`.

use std::collections::BTreeMap;
use std::path::Path;

use wharf_chart::{File, load_folder};
use wharf_engine::{RenderOptions, render_files};

use crate::fixed;

#[test]
fn values_pass_through_trees_of_charts_as_in_helm() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/trees/cases.jsonl");
    let mut failures = Vec::new();
    let mut count = 0;
    for line in std::fs::read_to_string(path).unwrap().lines() {
        let case: serde_json::Value = serde_json::from_str(line).unwrap();
        let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
        let files = case["files"].as_object().unwrap();
        let files = files.iter().map(|(name, data)| File::new(name.as_str(), text(data).into_bytes()));
        let actual: Result<BTreeMap<String, String>, String> =
            load_folder(files).map_err(|error| error.to_string()).and_then(|chart| {
                let values = wharf_yaml::from_yaml(text(&case["values"]).as_bytes()).unwrap();
                render_files(&chart, &values, &RenderOptions::default(), &fixed)
                    .map_err(|error| error.to_string())
            });
        let expected = match case["error"].as_str() {
            Some(error) => Err(error.to_owned()),
            None => {
                let out = case["out"].as_object().unwrap();
                Ok(out.iter().map(|(path, out)| (path.clone(), text(out))).collect())
            }
        };
        count += 1;
        if actual != expected {
            failures.push(format!("{line}\n  Helm:  {expected:?}\n  Wharf: {actual:?}"));
        }
    }
    assert!(count > 200, "only {count} cases were read");
    assert!(failures.is_empty(), "{} of {count} differ:\n{}", failures.len(), failures.join("\n"));
}
