//! Findings about a chart, in the words and severities of `helm lint`.
//!
//! The order is Helm's: Chart.yaml, values, templates, dependencies, definitions. What needs a template engine is asked of a
//! [`LintEngine`]; without one those checks are left out and the rest still runs.

mod address;
mod chart_file;
mod deprecated;
mod manifest;
mod structure;

use std::collections::BTreeMap;
use std::fmt;

use wharf_yaml::Value;

use crate::{Chart, Error, ErrorKind, File};

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// A recommendation.
    Info,
    /// Against the conventions, but probably works.
    Warning,
    /// Will probably not work.
    Error,
}

/// One thing `lint` noticed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// The file or folder, or the chart's own folder.
    pub path: String,
    /// What it is.
    pub message: String,
}

/// What `lint` found in one chart.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// All findings, in the order they were made.
    pub findings: Vec<Finding>,
}

/// What a check is made with.
#[derive(Debug, Clone, PartialEq)]
pub struct LintOptions {
    /// The user's values, a map or null.
    pub values: Value,
    /// Whether values are held against `values.schema.json`.
    pub schema: bool,
    /// The version of Kubernetes, major and minor, for which kinds are deprecated or not.
    pub kube_version: (u32, u32),
}

/// Those of `helm lint` without flags.
impl Default for LintOptions {
    fn default() -> Self {
        Self { values: Value::Null, schema: true, kube_version: (1, 36) }
    }
}

/// The parts of a check that lie outside this crate.
pub trait LintEngine {
    /// Renders the chart's templates: texts by path in the chart, such as `templates/service.yaml`.
    ///
    /// `None` means that nothing is rendered and the checks of the results are left out.
    ///
    /// # Errors
    /// The text to report for templates that do not render.
    fn render(&self, chart: &Chart) -> Option<Result<BTreeMap<String, String>, String>> {
        let _ = chart;
        None
    }
}

/// Renders nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoEngine;

impl LintEngine for NoEngine {}

/// Checks the files of a chart folder, as walked for [`load_folder`](crate::load_folder).
///
/// `chart_folder` is the path to show for findings about the chart as a whole; Helm shows it absolute.
///
/// # Errors
/// A folder without Chart.yaml is not a chart at all.
pub fn lint(
    chart_folder: &str,
    files: &[File],
    options: &LintOptions,
    engine: &dyn LintEngine,
) -> Result<Report, Error> {
    let has = |name: &str| files.iter().any(|f| f.name == name || f.name.starts_with(&format!("{name}/")));
    if !has("Chart.yaml") {
        let text = format!(
            "unable to check Chart.yaml file in chart: stat {chart_folder}/Chart.yaml: no such file or directory"
        );
        return Err(Error::new(ErrorKind::Malformed, text));
    }
    let mut report = Report::default();
    chart_file::check(files, &mut report);
    structure::check_values(files, options, &mut report);
    let chart = crate::load_folder(files.iter().cloned());
    structure::check_templates(files, &chart, options, engine, &mut report);
    structure::check_dependencies(chart_folder, &chart, &mut report);
    structure::check_definitions(files, &chart, &mut report);
    Ok(report)
}

impl Report {
    /// Adds a finding if `result` is an error, and says whether it is none.
    fn rule(&mut self, severity: Severity, path: &str, result: Result<(), String>) -> bool {
        let Err(message) = result else { return true };
        self.findings.push(Finding { severity, path: path.to_owned(), message });
        false
    }

    /// Whether the chart fails: it has errors or, when strict, warnings.
    #[must_use]
    pub fn fails(&self, strict: bool) -> bool {
        let limit = if strict { Severity::Warning } else { Severity::Error };
        self.findings.iter().any(|finding| finding.severity >= limit)
    }

    /// Returns the text `helm lint` prints for a chart; `quiet` leaves out recommendations, and charts that have no more.
    #[must_use]
    pub fn text(&self, path: &str, quiet: bool) -> String {
        let shown: Vec<&Finding> =
            self.findings.iter().filter(|finding| !quiet || finding.severity > Severity::Info).collect();
        if quiet && shown.is_empty() {
            return String::new();
        }
        let mut text = format!("==> Linting {path}\n");
        for finding in shown {
            text.push_str(&format!("{finding}\n"));
        }
        text.push('\n');
        text
    }
}

/// Returns the last line `helm lint` prints.
#[must_use]
pub fn summary(charts: usize, failed: usize) -> String {
    format!("{charts} chart(s) linted, {failed} chart(s) failed")
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Info => "INFO",
            Self::Warning => "WARNING",
            Self::Error => "ERROR",
        })
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}] {}: {}", self.severity, self.path, self.message)
    }
}
