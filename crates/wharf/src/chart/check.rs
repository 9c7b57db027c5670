//! The rendering part of the checks that `wharf publish` and `wharf helm lint` make.

use wharf_chart::lint::{LintEngine, LintOptions, Outcome};
use wharf_chart::{Chart, File, Spot};
use wharf_engine::{ErrorKind, KubeVersion, RenderOptions, render, render_telling};
use wharf_yaml::Value;

use super::machine;
use crate::helm::ValueSources;
use crate::pointing;

/// Renders a chart for its checks: what `required` and `fail` refuse is let through.
#[derive(Debug)]
pub(crate) struct Rendering {
    /// The user's values, a map or null.
    pub(crate) values: Value,
    /// `.Release.Namespace`
    pub(crate) namespace: String,
    /// `.Capabilities.KubeVersion`
    pub(crate) kube_version: KubeVersion,
    /// Whether values go unchecked by `values.schema.json`.
    pub(crate) skip_schema_validation: bool,
}

impl Default for Rendering {
    fn default() -> Self {
        Self {
            values: Value::Null,
            namespace: "default".to_owned(),
            kube_version: KubeVersion::default(),
            skip_schema_validation: false,
        }
    }
}

impl Rendering {
    /// Returns the same for the checks that render nothing.
    pub(crate) fn options(&self) -> LintOptions {
        let number = |text: &str| text.parse().unwrap_or_default();
        LintOptions {
            values: self.values.clone(),
            schema: !self.skip_schema_validation,
            kube_version: (number(&self.kube_version.major), number(&self.kube_version.minor)),
        }
    }
}

impl Rendering {
    fn render_options(&self) -> RenderOptions {
        RenderOptions {
            release_name: "test-release".to_owned(),
            namespace: self.namespace.clone(),
            kube_version: self.kube_version.clone(),
            lint: true,
            skip_schema_validation: self.skip_schema_validation,
            ..RenderOptions::default()
        }
    }

    /// Returns the places where a chart that failed its checks cannot be read or rendered.
    pub(crate) fn spots(&self, files: &[File]) -> Vec<Spot> {
        match wharf_chart::load_folder(files.iter().cloned()) {
            Err(error) => error.spot().cloned().into_iter().collect(),
            Ok(chart) => match render(&chart, &self.values, &self.render_options(), &machine) {
                Err(error) => pointing::of_render(&error, &chart, &ValueSources::default()),
                Ok(_) => Vec::new(),
            },
        }
    }
}

impl LintEngine for Rendering {
    fn render(&self, chart: &Chart, log: &mut Vec<String>) -> Outcome {
        match render_telling(chart, &self.values, &self.render_options(), &machine) {
            Ok((files, warnings)) => {
                log.extend(warnings);
                let own = format!("{}/", chart.name());
                let inside =
                    |(path, text): (String, String)| Some((path.strip_prefix(&own)?.to_owned(), text));
                Outcome::Rendered(files.into_iter().filter_map(inside).collect())
            }
            Err(error) => {
                log.extend_from_slice(error.warnings());
                match error.kind() {
                    ErrorKind::Values => Outcome::PassedOver,
                    _ => Outcome::Failed(error.to_string()),
                }
            }
        }
    }
}
