//! The images that a chart uses: found by rendering it in more than one way.

use wharf_chart::Chart;
use wharf_engine::{RenderOptions, render};
use wharf_manifests::{ImageReport, ImageSearch};
use wharf_yaml::{Map, Value};

use super::still;

/// How many values are switched on or off one at a time, at most.
pub(crate) const MAX_SWITCHES: usize = 500;

/// How the renders went.
#[derive(Default)]
pub(crate) struct Renders {
    pub(crate) done: usize,
    /// Those that failed, with the reason.
    pub(crate) failed: Vec<(String, String)>,
    /// Switches beyond [`MAX_SWITCHES`].
    pub(crate) left_out: usize,
}

/// Renders a chart with the given values and, unless once is enough, with each values file inside it and with each switch
/// in its values the other way.
///
/// # Errors
/// It does not render with the given values.
pub(crate) fn find(
    chart: &Chart,
    user: &Value,
    one_render: bool,
) -> Result<(ImageReport, Renders), wharf_engine::Error> {
    let mut search = ImageSearch::new(chart);
    search.add("the given values", &render(chart, user, &RenderOptions::default(), &still)?);
    let mut renders = Renders { done: 1, ..Renders::default() };
    if !one_render {
        render_variants(chart, user, &mut search, &mut renders);
    }
    Ok((search.report(), renders))
}

/// Renders with each values file of the chart, and with each switch the other way.
fn render_variants(chart: &Chart, user: &Value, search: &mut ImageSearch<'_>, renders: &mut Renders) {
    let mut variant = |label: String, values: Value| {
        let values = wharf_chart::merge_tables(&values, user);
        match render(chart, &values, &RenderOptions::default(), &still) {
            Ok(rendered) => {
                search.add(&label, &rendered);
                renders.done += 1;
            }
            // What a chart refuses cannot be installed either, so it uses no image.
            Err(error) => renders.failed.push((label, error.to_string())),
        }
    };
    for file in chart.raw.iter().filter(|file| is_values_file(&file.name)) {
        if let Ok(values) = wharf_chart::read_values(&file.data) {
            variant(file.name.clone(), values);
        }
    }
    let all = wharf_chart::coalesce_values(chart, user).map(|(values, _)| values).unwrap_or_default();
    let mut switches = Vec::new();
    find_switches(&all, &mut Vec::new(), &mut switches);
    renders.left_out = switches.len().saturating_sub(MAX_SWITCHES);
    for (keys, is_on) in switches.into_iter().take(MAX_SWITCHES) {
        let flipped = keys.iter().rev().fold(Value::Bool(!is_on), |inner, key| {
            Value::Map(std::sync::Arc::new(Map::from([(key.as_str().into(), inner)])))
        });
        let label = format!("{}={}", keys.join("."), !is_on);
        variant(label, flipped);
    }
}

/// Whether a file of the chart holds values for trying it out: `ci/*-values.yaml` or `values-*.yaml`.
fn is_values_file(name: &str) -> bool {
    match name.strip_prefix("ci/") {
        Some(name) => name.ends_with("values.yaml"),
        None => name.starts_with("values-") && name.ends_with(".yaml"),
    }
}

fn find_switches(value: &Value, path: &mut Vec<String>, found: &mut Vec<(Vec<String>, bool)>) {
    for (key, value) in value.as_map().into_iter().flatten() {
        path.push(key.to_string());
        match value {
            Value::Bool(is_on) if key.ends_with("nabled") => found.push((path.clone(), *is_on)),
            _ => find_switches(value, path, found),
        }
        path.pop();
    }
}
