//! The rendering part of the checks that `wharf publish` and `wharf helm lint` make.

use std::collections::BTreeMap;

use wharf_chart::Chart;
use wharf_chart::lint::LintEngine;
use wharf_engine::{KubeVersion, RenderOptions, render_files};
use wharf_yaml::Value;

use super::machine;

/// Renders a chart for its checks: what `required` and `fail` refuse is let through.
#[derive(Debug)]
pub(crate) struct Rendering {
    /// The user's values, a map or null.
    pub(crate) values: Value,
    /// `.Release.Namespace`
    pub(crate) namespace: String,
    /// `.Capabilities.KubeVersion`
    pub(crate) kube_version: KubeVersion,
}

impl Default for Rendering {
    fn default() -> Self {
        Self { values: Value::Null, namespace: "default".to_owned(), kube_version: KubeVersion::default() }
    }
}

impl LintEngine for Rendering {
    fn render(&self, chart: &Chart) -> Option<Result<BTreeMap<String, String>, String>> {
        let options = RenderOptions {
            release_name: "test-release".to_owned(),
            namespace: self.namespace.clone(),
            kube_version: self.kube_version.clone(),
            lint: true,
            ..RenderOptions::default()
        };
        let rendered = render_files(chart, &self.values, &options, &machine);
        let own = format!("{}/", chart.name());
        Some(rendered.map_err(|error| error.to_string()).map(|files| {
            let inside = |(path, text): (String, String)| Some((path.strip_prefix(&own)?.to_owned(), text));
            files.into_iter().filter_map(inside).collect()
        }))
    }
}
