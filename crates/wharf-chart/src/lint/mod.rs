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
use std::sync::Arc;

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
    /// What `helm lint` writes to its log on the way: about values and files that are passed over, and what `required`
    /// and `fail` would have said.
    pub log: Vec<String>,
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

/// What became of a chart's templates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// There is nothing to render with: the checks of what templates make are left out.
    NotRendered,
    /// Values do not fit the chart's dependencies, about which Helm's lint says nothing, nor about the templates then.
    PassedOver,
    /// The text to report for templates that do not render.
    Failed(String),
    /// Texts by path in the chart, such as `templates/service.yaml`.
    Rendered(BTreeMap<String, String>),
}

/// The parts of a check that lie outside this crate.
pub trait LintEngine {
    /// Renders the chart's templates, and adds what was passed over on the way to `log`.
    fn render(&self, chart: &Chart, log: &mut Vec<String>) -> Outcome {
        let _ = (chart, log);
        Outcome::NotRendered
    }
}

/// Renders nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoEngine;

impl LintEngine for NoEngine {}

/// What lies at one place in a chart's folder.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Place {
    /// Nothing.
    #[default]
    Empty,
    /// A file with these contents.
    File(Arc<[u8]>),
    /// A folder.
    Folder,
}

/// What rules look for in a chart's folder themselves, whatever `.helmignore` leaves out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Places {
    /// `Chart.yaml`
    pub description: Place,
    /// `values.yaml`
    pub values: Place,
    /// `values.schema.json`
    pub schema: Place,
    /// `templates`
    pub templates: Place,
    /// `crds`
    pub definitions: Place,
}

impl Places {
    /// Asks for every place by its name.
    ///
    /// # Errors
    /// That of `find`.
    pub fn find<E>(mut find: impl FnMut(&str) -> Result<Place, E>) -> Result<Self, E> {
        Ok(Self {
            description: find("Chart.yaml")?,
            values: find("values.yaml")?,
            schema: find("values.schema.json")?,
            templates: find("templates")?,
            definitions: find("crds")?,
        })
    }

    /// Returns the places of a folder that has these files and no others.
    #[must_use]
    pub fn of(files: &[File]) -> Self {
        let Ok(places) = Self::find(|name| -> Result<Place, std::convert::Infallible> {
            let below = format!("{name}/");
            Ok(match files.iter().find(|file| file.name == name || file.name.starts_with(&below)) {
                None => Place::Empty,
                Some(file) if file.name == name => Place::File(Arc::clone(&file.data)),
                Some(_) => Place::Folder,
            })
        });
        places
    }
}

/// Checks a chart's folder: what lies in it, and the chart that it was loaded as, or why it was not.
///
/// `chart_folder` is the path to show for findings about the chart as a whole; Helm shows it absolute.
///
/// # Errors
/// A folder without Chart.yaml is not a chart at all.
pub fn lint(
    chart_folder: &str,
    places: &Places,
    chart: &Result<Chart, String>,
    options: &LintOptions,
    engine: &dyn LintEngine,
) -> Result<Report, Error> {
    if places.description == Place::Empty {
        let text = format!(
            "unable to check Chart.yaml file in chart: stat {chart_folder}/Chart.yaml: no such file or directory"
        );
        return Err(Error::new(ErrorKind::Malformed, text));
    }
    let mut report = Report::default();
    chart_file::check(chart_folder, &places.description, &mut report);
    structure::check_values(chart_folder, places, options, &mut report);
    structure::check_templates(&places.templates, chart, options, engine, &mut report);
    structure::check_dependencies(chart_folder, chart, &mut report);
    structure::check_definitions(&places.definitions, chart, &mut report);
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
