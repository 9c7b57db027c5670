//! The rendering part of the checks that `wharf publish` and `wharf helm lint` make.

use std::collections::BTreeMap;

use wharf_chart::lint::{LintEngine, LintOptions};
use wharf_chart::{Chart, File, Spot};
use wharf_engine::{ErrorKind, KubeVersion, RenderOptions, render, render_files};
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
    fn render(&self, chart: &Chart) -> Option<Result<BTreeMap<String, String>, String>> {
        let rendered = render_files(chart, &self.values, &self.render_options(), &machine);
        if rendered.as_ref().is_err_and(|error| error.kind() == ErrorKind::Values) {
            // Helm's lint passes over values that do not fit the chart's dependencies.
            return None;
        }
        let own = format!("{}/", chart.name());
        Some(rendered.map_err(|error| error.to_string()).map(|files| {
            let inside = |(path, text): (String, String)| Some((path.strip_prefix(&own)?.to_owned(), text));
            files.into_iter().filter_map(inside).collect()
        }))
    }
}
