//! Rules about values, templates, dependencies and definitions.

use std::collections::HashSet;

use wharf_yaml::{Value, from_yaml};

use super::{LintEngine, LintOptions, Report, Severity, manifest};
use crate::{Chart, Error, File, check_against, coalesce_tables};

pub(super) fn check_values(files: &[File], options: &LintOptions, report: &mut Report) {
    const PATH: &str = "values.yaml";
    let Some(file) = files.iter().find(|file| file.name == PATH) else {
        report.rule(Severity::Info, PATH, Err("file does not exist".to_owned()));
        return;
    };
    let values = match from_yaml(&file.data) {
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
    if let Some(schema) = files.iter().find(|file| file.name == "values.schema.json" && !file.data.is_empty())
        && options.schema
    {
        // Only the chart's own table: subcharts' values are not looked at here.
        let overrides = coalesce_tables(&Value::Map(std::sync::Arc::default()), &options.values);
        let values = coalesce_tables(&overrides, &values);
        report.rule(Severity::Error, PATH, check_against(&schema.data, &values));
    }
}

/// Whether a name is a folder with files, a file, or not there.
enum Place {
    Folder,
    File,
    Nothing,
}

fn place(files: &[File], name: &str) -> Place {
    let below = format!("{name}/");
    if files.iter().any(|file| file.name.starts_with(&below)) {
        Place::Folder
    } else if files.iter().any(|file| file.name == name) {
        Place::File
    } else {
        Place::Nothing
    }
}

pub(super) fn check_templates(
    files: &[File],
    chart: &Result<Chart, Error>,
    options: &LintOptions,
    engine: &dyn LintEngine,
    report: &mut Report,
) {
    const PATH: &str = "templates/";
    match place(files, "templates") {
        Place::Folder => {}
        Place::File => {
            report.rule(Severity::Error, PATH, Err("not a directory".to_owned()));
            return;
        }
        Place::Nothing => {
            report.rule(Severity::Warning, PATH, Err("directory does not exist".to_owned()));
            return;
        }
    }
    let chart = match chart {
        Ok(chart) => chart,
        Err(error) => {
            report.rule(Severity::Error, PATH, Err(error.to_string()));
            return;
        }
    };
    let rendered = match engine.render(chart) {
        Some(Err(error)) => {
            report.rule(Severity::Error, PATH, Err(error));
            return;
        }
        Some(Ok(rendered)) => Some(rendered),
        None => None,
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

pub(super) fn check_dependencies(chart_folder: &str, chart: &Result<Chart, Error>, report: &mut Report) {
    let chart = match chart {
        Ok(chart) => chart,
        Err(error) => {
            report.rule(Severity::Error, "", Err(format!("unable to load chart\n\t{error}")));
            return;
        }
    };
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

pub(super) fn check_definitions(files: &[File], chart: &Result<Chart, Error>, report: &mut Report) {
    const PATH: &str = "crds/";
    match place(files, "crds") {
        Place::Nothing => return,
        Place::File => {
            report.rule(Severity::Error, PATH, Err("not a directory".to_owned()));
            return;
        }
        Place::Folder => {}
    }
    let chart = match chart {
        Ok(chart) => chart,
        Err(error) => {
            report.rule(Severity::Error, PATH, Err(error.to_string()));
            return;
        }
    };
    for definition in chart.crds() {
        let name = &definition.file.name;
        let heads = match manifest::heads(&definition.file.data) {
            Ok(heads) => heads,
            Err(error) => {
                report.rule(Severity::Error, name, Err(error));
                return;
            }
        };
        for head in heads {
            let is_extension = head.api_version.starts_with("apiextensions.k8s.io");
            let message = "apiVersion is not in 'apiextensions.k8s.io'".to_owned();
            report.rule(Severity::Error, name, if is_extension { Ok(()) } else { Err(message) });
            let is_definition = head.kind == "CustomResourceDefinition";
            let message = "object kind is not 'CustomResourceDefinition'".to_owned();
            report.rule(Severity::Error, name, if is_definition { Ok(()) } else { Err(message) });
        }
    }
}
