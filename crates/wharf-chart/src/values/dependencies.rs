//! Which subcharts are used, under which names, and what values they export.

use std::collections::HashSet;

use wharf_yaml::Value;

use super::coalesce::{Merger, coalesced, shown};
use super::table::{Item, Table};
use crate::semver::{Constraint, Version};
use crate::{Chart, Dependency, Error};

/// Settles the dependencies of a chart for the given user values, and returns warnings.
///
/// For every entry of Chart.yaml the first subchart with that name and a fitting version is taken, under its alias;
/// subcharts that are not declared stay, in front. Entries whose tags or condition switch them off are removed, with
/// their subcharts. Then `import-values` are copied into the defaults of the parents, below what these have themselves.
///
/// # Errors
/// The values of a subchart are not a map.
pub fn process_dependencies(chart: &mut Chart, user: &Value) -> Result<Vec<String>, Error> {
    let mut warnings = Vec::new();
    let done = enable(chart, user, "", &mut warnings).and_then(|()| import(chart, &mut warnings));
    match done {
        Ok(()) => Ok(warnings),
        Err(error) => Err(error.after(warnings)),
    }
}

fn fits(range: &str, version: &str) -> bool {
    match (Constraint::parse(range), Version::parse(version)) {
        (Ok(range), Ok(version)) => range.matches(&version),
        _ => false,
    }
}

fn enable(chart: &mut Chart, user: &Value, path: &str, warnings: &mut Vec<String>) -> Result<(), Error> {
    if chart.metadata.dependencies.is_empty() {
        return Ok(());
    }
    let present = std::mem::take(&mut chart.dependencies);
    let matches = |subchart: &Chart, wanted: &Dependency| {
        subchart.name() == wanted.name && fits(&wanted.version, &subchart.metadata.version)
    };
    let undeclared = |subchart: &&Chart| !chart.metadata.wanted().any(|wanted| matches(subchart, wanted));
    let mut used: Vec<Chart> = present.iter().filter(undeclared).cloned().collect();
    let mut wanted: Vec<Dependency> = chart.metadata.wanted().cloned().collect();
    for dependency in &mut wanted {
        if let Some(subchart) = present.iter().find(|subchart| matches(subchart, dependency)) {
            let mut subchart = subchart.clone();
            if !dependency.alias.is_empty() {
                subchart.metadata.name.clone_from(&dependency.alias);
            }
            used.push(subchart);
        }
        if !dependency.alias.is_empty() {
            dependency.name.clone_from(&dependency.alias);
        }
    }
    chart.dependencies = used;
    let (table, more) = coalesced(chart, user)?;
    warnings.extend(more);
    for dependency in &mut wanted {
        dependency.enabled = by_tags(dependency, &table, warnings);
        by_condition(dependency, &table, path, warnings);
    }
    let off: HashSet<String> = wanted.iter().filter(|d| !d.enabled).map(|d| d.name.clone()).collect();
    chart.dependencies.retain(|subchart| !off.contains(subchart.name()));
    let needs_values = |subchart: &Chart| !subchart.metadata.dependencies.is_empty();
    let values = if chart.dependencies.iter().any(needs_values) { table.to_value() } else { Value::Null };
    for subchart in &mut chart.dependencies {
        let path = format!("{path}{}.", subchart.name());
        // Helm hands the parent's values down whole, not the subchart's section.
        enable(subchart, &values, &path, warnings)?;
    }
    chart.metadata.dependencies = wanted.into_iter().filter(|d| !off.contains(&d.name)).map(Some).collect();
    Ok(())
}

/// Off only if some tag is false and none is true.
fn by_tags(dependency: &Dependency, values: &Table, warnings: &mut Vec<String>) -> bool {
    let Ok(tags) = values.table_at("tags") else { return true };
    let (mut on, mut off) = (false, false);
    for tag in &dependency.tags {
        match tags.get(tag) {
            None => {}
            Some(Item::Other(Value::Bool(true))) => on = true,
            Some(Item::Other(Value::Bool(false))) => off = true,
            Some(_) => {
                warnings.push(format!("returned non-bool value: tag {tag} of chart {}", dependency.name))
            }
        }
    }
    on || !off
}

/// The first path of the condition that leads to a boolean decides.
fn by_condition(dependency: &mut Dependency, values: &Table, prefix: &str, warnings: &mut Vec<String>) {
    for path in dependency.condition.trim().split(',').filter(|path| !path.is_empty()) {
        match values.value_at(&format!("{prefix}{path}")) {
            None => {}
            Some(Value::Bool(value)) => {
                dependency.enabled = value;
                return;
            }
            Some(_) => {
                warnings.push(format!("returned non-bool value: path {path} of chart {}", dependency.name));
            }
        }
    }
}

fn import(chart: &mut Chart, warnings: &mut Vec<String>) -> Result<(), Error> {
    for subchart in &mut chart.dependencies {
        import(subchart, warnings)?;
    }
    if chart.metadata.dependencies.is_empty() {
        return Ok(());
    }
    let mut merger = Merger::for_imports();
    let values = Table::default();
    merger.chart(chart, &values, "").map_err(|error| error.after(std::mem::take(&mut merger.warnings)))?;
    let imported = Table::default();
    for dependency in chart.metadata.dependencies.iter_mut().flatten() {
        let mut settled = Vec::new();
        for wish in &dependency.import_values {
            let (child, parent) = match wish {
                Value::String(name) => (format!("exports.{name}"), ".".to_owned()),
                Value::Map(map) => {
                    let text = |key: &str| map.get(key).map_or_else(|| "<nil>".to_owned(), shown);
                    (text("child"), text("parent"))
                }
                _ => continue,
            };
            settled.push(Value::from([("child", child.as_str().into()), ("parent", parent.as_str().into())]));
            match values.table_at(&format!("{}.{child}", dependency.name)) {
                Ok(table) => merger.tables(&imported, &nested(&parent, table), "", true),
                Err(error) => merger.warnings.push(match wish {
                    Value::String(_) => format!("ImportValues missing table: {error}"),
                    _ => format!("ImportValues missing table from chart {}: {error}", dependency.name),
                }),
            }
        }
        dependency.import_values = settled;
    }
    chart.values = values.to_value();
    if !imported.is_empty() {
        // Into a deep copy: imported tables are parts of the values themselves.
        let all = Table::of(&chart.values);
        merger.tables(&all, &imported, "", true);
        chart.values = all.to_value();
    }
    warnings.append(&mut merger.warnings);
    Ok(())
}

/// Wraps a table so that it stands at a path; `.` means where it is.
fn nested(path: &str, table: Table) -> Table {
    if path == "." {
        return table;
    }
    path.split('.').rev().fold(table, |inner, part| {
        let outer = Table::default();
        outer.insert(part, Item::Table(inner));
        outer
    })
}
