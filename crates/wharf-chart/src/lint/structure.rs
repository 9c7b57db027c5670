//! Rules about values, templates, dependencies and definitions.

use std::collections::HashSet;

use wharf_yaml::{Value, from_yaml};

use super::{LintEngine, LintOptions, Outcome, Place, Places, Report, Severity, manifest};
use crate::{Chart, check_against, coalesce_tables};

pub(super) fn check_values(chart_folder: &str, places: &Places, options: &LintOptions, report: &mut Report) {
    const PATH: &str = "values.yaml";
    let data = match &places.values {
        Place::File(data) => data,
        Place::Empty => {
            report.rule(Severity::Info, PATH, Err("file does not exist".to_owned()));
            return;
        }
        Place::Folder => {
            let text = format!("unable to parse YAML: read {chart_folder}/{PATH}: is a directory");
            report.rule(Severity::Error, PATH, Err(text));
            return;
        }
    };
    let values = match from_yaml(data) {
        Ok(Value::Null) => Value::Map(std::sync::Arc::default()),
        Ok(values @ Value::Map(_)) => values,
        Ok(other) => {
            let found = match other {
                Value::List(_) => "array",
                Value::String(_) => "string",
                Value::Bool(_) => "bool",
                _ => "number",
            };
            let text = format!(
                "unable to parse YAML: error unmarshaling JSON: while decoding JSON: json: cannot unmarshal {found} into \
                 Go value of type common.Values"
            );
            report.rule(Severity::Error, PATH, Err(text));
            return;
        }
        Err(error) => {
            let text = format!("unable to parse YAML: error converting YAML to JSON: {error}");
            report.rule(Severity::Error, PATH, Err(text));
            return;
        }
    };
    // Only the chart's own table: subcharts' values are not looked at here.
    let (overrides, _) = coalesce_tables(&Value::Map(std::sync::Arc::default()), &options.values);
    let (values, warnings) = coalesce_tables(&overrides, &values);
    report.log.extend(warnings);
    if let Place::File(schema) = &places.schema
        && !schema.is_empty()
        && options.schema
    {
        report.rule(Severity::Error, PATH, check_against(schema, &values));
    }
}

pub(super) fn check_templates(
    folder: &Place,
    chart: &Result<Chart, String>,
    options: &LintOptions,
    engine: &dyn LintEngine,
    report: &mut Report,
) {
    const PATH: &str = "templates/";
    match folder {
        Place::Folder => {}
        Place::File(_) => {
            report.rule(Severity::Error, PATH, Err("not a directory".to_owned()));
            return;
        }
        Place::Empty => {
            report.rule(Severity::Warning, PATH, Err("directory does not exist".to_owned()));
            return;
        }
    }
    let chart = match chart {
        Ok(chart) => chart,
        Err(error) => {
            report.rule(Severity::Error, PATH, Err(error.clone()));
            return;
        }
    };
    report.log.extend(chart.all_warnings());
    let rendered = match engine.render(chart, &mut report.log) {
        Outcome::Failed(error) => {
            report.rule(Severity::Error, PATH, Err(error));
            return;
        }
        Outcome::PassedOver => return,
        Outcome::Rendered(rendered) => Some(rendered),
        Outcome::NotRendered => None,
    };
    for template in &chart.templates {
        let name = template.name.as_str();
        let extension = extension(name);
        let allowed = matches!(extension, ".yaml" | ".yml" | ".tpl" | ".txt");
        let message = || {
            format!("file extension '{extension}' not valid. Valid extensions are .yaml, .yml, .tpl, or .txt")
        };
        report.rule(Severity::Error, name, if allowed { Ok(()) } else { Err(message()) });
        let is_yaml = extension.eq_ignore_ascii_case(".yaml") || extension.eq_ignore_ascii_case(".yml");
        let text = rendered.as_ref().and_then(|rendered| rendered.get(name));
        if let Some(text) = text.filter(|text| is_yaml && !text.trim().is_empty())
            && !manifest::check(name, text, options.kube_version, report)
        {
            return;
        }
    }
}

/// The part from the last dot of the last path part, or nothing (Go's `filepath.Ext`).
fn extension(name: &str) -> &str {
    let base = name.rsplit('/').next().unwrap_or_default();
    base.rfind('.').map_or("", |at| &base[at..])
}

pub(super) fn check_dependencies(chart_folder: &str, chart: &Result<Chart, String>, report: &mut Report) {
    let chart = match chart {
        Ok(chart) => chart,
        Err(error) => {
            report.rule(Severity::Error, "", Err(format!("unable to load chart\n\t{error}")));
            return;
        }
    };
    report.log.extend(chart.all_warnings());
    let list = |names: Vec<&str>, words: &str| {
        if names.is_empty() { Ok(()) } else { Err(format!("{words}: {}", names.join(","))) }
    };
    let wanted: HashSet<&str> = chart.metadata.wanted().map(|wanted| wanted.name.as_str()).collect();
    let undeclared =
        chart.dependencies.iter().map(Chart::name).filter(|name| !wanted.contains(name)).collect();
    report.rule(
        Severity::Error,
        chart_folder,
        list(undeclared, "chart metadata is missing these dependencies"),
    );
    let mut keys = HashSet::new();
    let twice = chart.metadata.wanted().map(|wanted| wanted.key()).filter(|key| !keys.insert(*key)).collect();
    report.rule(Severity::Error, chart_folder, list(twice, "multiple dependencies with name or alias"));
    let missing = chart.missing_dependencies();
    report.rule(
        Severity::Warning,
        chart_folder,
        list(missing, "chart directory is missing these dependencies"),
    );
}

pub(super) fn check_definitions(folder: &Place, chart: &Result<Chart, String>, report: &mut Report) {
    const PATH: &str = "crds/";
    match folder {
        Place::Empty => return,
        Place::File(_) => {
            report.rule(Severity::Error, PATH, Err("not a directory".to_owned()));
            return;
        }
        Place::Folder => {}
    }
    let chart = match chart {
        Ok(chart) => chart,
        Err(error) => {
            report.rule(Severity::Error, PATH, Err(error.clone()));
            return;
        }
    };
    report.log.extend(chart.all_warnings());
    for definition in chart.crds() {
        let name = &definition.file.name;
        let (heads, read) = manifest::heads(&definition.file.data);
        for head in heads {
            let is_extension = head.api_version.starts_with("apiextensions.k8s.io");
            let message = "apiVersion is not in 'apiextensions.k8s.io'".to_owned();
            report.rule(Severity::Error, name, if is_extension { Ok(()) } else { Err(message) });
            let is_definition = head.kind == "CustomResourceDefinition";
            let message = "object kind is not 'CustomResourceDefinition'".to_owned();
            report.rule(Severity::Error, name, if is_definition { Ok(()) } else { Err(message) });
        }
        let read = read.map_err(|error| format!("unable to parse YAML: {error}"));
        if !report.rule(Severity::Error, name, read) {
            return;
        }
    }
}
