//! Findings, against the output recorded from `helm lint`.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use wharf_chart::lint::{self, LintEngine, LintOptions, NoEngine, Outcome, Places, Report, summary};
use wharf_chart::{Chart, Error, File, load_folder};

use crate::support::{load, read_folder};

/// Files written one after the other, each behind a line `-- NAME --`.
fn files(text: &str) -> Vec<File> {
    let mut files: Vec<(String, String)> = Vec::new();
    for line in text.split_inclusive('\n') {
        match line.strip_prefix("-- ").and_then(|rest| rest.strip_suffix(" --\n")) {
            Some(name) => files.push((name.to_owned(), String::new())),
            None => files.last_mut().unwrap().1.push_str(line),
        }
    }
    files.into_iter().map(|(name, data)| File::new(name, data.into_bytes())).collect()
}

/// Checks a folder that has these files and no others.
pub(crate) fn lint(shown: &str, files: &[File], engine: &dyn LintEngine) -> Result<Report, Error> {
    let chart = load_folder(files.iter().cloned()).map_err(|error| error.to_string());
    lint::lint(shown, &Places::of(files), &chart, &LintOptions::default(), engine)
}

fn text_of(report: &Report) -> String {
    format!("{}{}\n", report.text("CHART", false), summary(1, usize::from(report.fails(false))))
}

#[test]
fn findings_are_those_of_helm_lint() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/testdata/lint");
    let mut wrong = Vec::new();
    for entry in fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "in") {
            continue;
        }
        let expected = fs::read_to_string(path.with_extension("out")).unwrap();
        let report = lint("/CHART", &files(&fs::read_to_string(&path).unwrap()), &NoEngine).unwrap();
        if text_of(&report).trim_end() != expected.trim_end() {
            wrong.push(format!("{}\n--- helm\n{expected}--- ours\n{}", path.display(), text_of(&report)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_folder_without_chart_yaml_is_no_chart() {
    let error = lint("/x", &[File::new("values.yaml", &b""[..])], &NoEngine).unwrap_err();
    assert_eq!(
        error.to_string(),
        "unable to check Chart.yaml file in chart: stat /x/Chart.yaml: no such file or directory"
    );
}

#[test]
fn the_example_chart_has_no_findings() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/storefront");
    let report = lint("storefront", &read_folder(&folder), &NoEngine).unwrap();
    assert_eq!(report.findings, []);
    assert!(load(&folder).unwrap().warnings.is_empty());
}

struct Fixed(BTreeMap<String, String>);

impl LintEngine for Fixed {
    fn render(&self, _chart: &Chart, _log: &mut Vec<String>) -> Outcome {
        Outcome::Rendered(self.0.clone())
    }
}

#[test]
fn an_engine_adds_the_checks_of_rendered_documents() {
    let chart = files(
        "-- Chart.yaml --\napiVersion: v2\nname: x\nversion: 1.0.0\nicon: https://x.example/\n-- values.yaml --\na: 1\n\
         -- values.schema.json --\n{\"properties\": {\"a\": {\"type\": \"string\"}}}\n-- templates/a.yaml --\nx\n-- templates/b.yaml --\nx\n",
    );
    let rendered = BTreeMap::from([
        (
            "templates/a.yaml".to_owned(),
            "apiVersion: apps/v1beta1\nkind: Deployment\nmetadata:\n  name: A_b\n---\nkind: Service\nmetadata: {name: 1a}\n".to_owned(),
        ),
        (
            "templates/b.yaml".to_owned(),
            "  kind: List\n  items: [{metadata: {annotations: {helm.sh/resource-policy: keep}}}]\n"
                .to_owned(),
        ),
    ]);
    let report = lint("x", &chart, &Fixed(rendered)).unwrap();
    let lines: Vec<String> =
        report.findings.iter().map(|f| f.to_string().chars().take(80).collect()).collect();
    assert_eq!(
        lines,
        [
            "[ERROR] values.yaml: - at '/a': got number, want string\n",
            "[WARNING] templates/a.yaml: object name does not conform to Kubernetes naming re",
            "[WARNING] templates/a.yaml: apps/v1beta1 Deployment is deprecated in v1.8+, unav",
            "[ERROR] templates/a.yaml: a Deployment must contain matchLabels or matchExpressi",
            "[WARNING] templates/a.yaml: object name does not conform to Kubernetes naming re",
            "[WARNING] templates/b.yaml: document starts with an illegal indent: \"  kind: Lis",
            "[WARNING] templates/b.yaml: object name does not conform to Kubernetes naming re",
            "[ERROR] templates/b.yaml: annotation 'helm.sh/resource-policy' within List objec",
        ]
    );
}
