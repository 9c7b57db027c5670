//! Loading and linting of real charts, against what Helm's own packages gave (`tests/testdata/helm-load.txt`).

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use sha2::{Digest, Sha256};
use wharf_chart::lint::NoEngine;
use wharf_chart::{Chart, config_json};
use wharf_yaml::to_json;

use crate::lint::lint;
use crate::support::{hex, load, read_folder, shared};

fn dump(chart: &Chart, path: &str, lines: &mut BTreeSet<String>) {
    // Helm has no map at all where there is no file.
    let values =
        chart.raw_file("values.yaml").map_or_else(|| "null".to_owned(), |_| to_json(&chart.values).unwrap());
    let mut text = format!("{}\n{values}\n", String::from_utf8(config_json(&chart.metadata)).unwrap(),);
    for (mark, files) in [("T", &chart.templates), ("F", &chart.files)] {
        for file in files {
            text.push_str(&format!("{mark} {} {}\n", file.name, hex(&Sha256::digest(&file.data))));
        }
    }
    lines.insert(format!("{path} {}", hex(&Sha256::digest(text.as_bytes()))));
    for dependency in &chart.dependencies {
        dump(dependency, &format!("{path}/{}", dependency.name()), lines);
    }
}

#[test]
fn real_charts_load_and_lint_as_helm_does_it() {
    let Some(charts) = shared("charts") else { return };
    let recorded =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/testdata/helm-load.txt"));
    let recorded = recorded.unwrap();
    let expected: BTreeSet<String> =
        recorded.lines().filter(|line| !line.starts_with('#')).map(ToOwned::to_owned).collect();
    let mut lines = BTreeSet::new();
    let names: BTreeSet<&str> = expected.iter().map(|line| line.split([' ', '/']).next().unwrap()).collect();
    for name in names {
        let folder = charts.join(name);
        dump(&load(&folder).unwrap(), name, &mut lines);
        let report = lint(name, &read_folder(&folder), &NoEngine).unwrap();
        for finding in report.findings.iter().filter(|finding| !finding.path.starts_with("templates/")) {
            let text = finding.to_string();
            // A schema that lies in the network: each says in its own words why it does not come.
            let text = text
                .split_once(": Get \"")
                .or_else(|| text.split_once(": schemas are"))
                .map_or(text.as_str(), |cut| cut.0);
            lines.insert(format!("{name} lint {}", to_json(&text.into()).unwrap()));
        }
    }
    let missing: Vec<_> = expected.difference(&lines).collect();
    let extra: Vec<_> = lines.difference(&expected).collect();
    assert!(missing.is_empty() && extra.is_empty(), "only Helm: {missing:#?}\nonly Wharf: {extra:#?}");
}
