//! Which dependencies take part, under which name, and what values they export.

use wharf_chart::semver::{Constraint, Version};
use wharf_template::{Map, MapType, Value};

use super::coalesce::{coalesce_tables, coalesce_values};
use super::{deep_copy, path_value, table};
use crate::charts::Node;
use crate::error::Error;

/// Selects dependencies by tags and conditions, gives them their aliases, and imports values, through the whole tree.
pub(crate) fn process(chart: &mut Node<'_>, user: &Map) -> Result<(), Error> {
    select(chart, user, "")?;
    import(chart)
}

/// Whether a version satisfies a range; what does not parse does not.
pub(crate) fn is_compatible(range: &str, version: &str) -> bool {
    match (Version::parse(version), Constraint::parse(range)) {
        (Ok(version), Ok(range)) => range.matches(&version),
        _ => false,
    }
}

fn select(chart: &mut Node<'_>, values: &Map, path: &str) -> Result<(), Error> {
    if chart.wanted.is_empty() {
        return Ok(());
    }
    let present = std::mem::take(&mut chart.dependencies);
    // Charts that nobody asked for stay, and come first.
    let mut dependencies: Vec<Node<'_>> = present
        .iter()
        .filter(|chart_there| {
            !chart.wanted.iter().any(|wanted| {
                wanted.name == chart_there.name()
                    && is_compatible(&wanted.version, &chart_there.metadata.version)
            })
        })
        .cloned()
        .collect();
    for wanted in &mut chart.wanted {
        let found = present.iter().find(|chart_there| {
            chart_there.name() == wanted.name && is_compatible(&wanted.version, &chart_there.metadata.version)
        });
        if let Some(found) = found {
            let mut copy = found.clone();
            if !wanted.alias.is_empty() {
                copy.metadata.name.clone_from(&wanted.alias);
            }
            dependencies.push(copy);
        }
        if !wanted.alias.is_empty() {
            wanted.name.clone_from(&wanted.alias);
        }
        wanted.enabled = true;
    }
    chart.dependencies = dependencies;
    let values = coalesce_values(chart, values, false)?;
    apply_tags(chart, &values);
    apply_conditions(chart, &values, path);
    let disabled: Vec<String> =
        chart.wanted.iter().filter(|wanted| !wanted.enabled).map(|wanted| wanted.name.clone()).collect();
    chart.dependencies.retain(|dependency| !disabled.iter().any(|name| name == dependency.name()));
    chart.wanted.retain(|wanted| !disabled.contains(&wanted.name));
    for dependency in &mut chart.dependencies {
        let path = format!("{path}{}.", dependency.name());
        select(dependency, &values, &path)?;
    }
    Ok(())
}

/// Any true tag enables; false ones alone disable.
fn apply_tags(chart: &mut Node<'_>, values: &Map) {
    let Some(tags) = table(values, "tags") else {
        return;
    };
    for wanted in &mut chart.wanted {
        let set: Vec<bool> = wanted
            .tags
            .iter()
            .filter_map(|tag| match tags.get(tag.as_bytes()) {
                Some(Value::Bool(flag)) => Some(flag),
                _ => None,
            })
            .collect();
        wanted.enabled = set.is_empty() || set.contains(&true);
    }
}

/// The first path of the condition that leads to a boolean decides, whatever the tags say.
fn apply_conditions(chart: &mut Node<'_>, values: &Map, path: &str) {
    for wanted in &mut chart.wanted {
        let decided = wanted.condition.trim().split(',').filter(|condition| !condition.is_empty()).find_map(
            |condition| match path_value(values, &format!("{path}{condition}")) {
                Some(Value::Bool(flag)) => Some(flag),
                _ => None,
            },
        );
        if let Some(flag) = decided {
            wanted.enabled = flag;
        }
    }
}

/// Brings the values that dependencies export up into their parents, from the bottom.
fn import(chart: &mut Node<'_>) -> Result<(), Error> {
    for dependency in &mut chart.dependencies {
        import(dependency)?;
    }
    if chart.wanted.is_empty() {
        return Ok(());
    }
    let values = coalesce_values(chart, &Map::new(MapType::ANY), true)?;
    let imported = Map::new(MapType::ANY);
    for wanted in &mut chart.wanted {
        let mut done = Vec::new();
        for wish in &wanted.import_values {
            let (child, parent) = match wish {
                wharf_yaml::Value::Map(wish) => {
                    let text = |key: &str| {
                        let value = wish.get(key).map_or(Value::Nil, wharf_sprig::from_plain);
                        value.to_string()
                    };
                    (text("child"), text("parent"))
                }
                wharf_yaml::Value::String(name) => (format!("exports.{name}"), ".".to_owned()),
                _ => continue,
            };
            done.push((child.clone(), parent.clone()));
            let Some(exported) = table(&values, &format!("{}.{child}", wanted.name)) else {
                continue;
            };
            let placed = if parent == "." {
                exported
            } else {
                parent.split('.').rev().fold(exported, |inner, name| Map::of([(name, Value::Map(inner))]))
            };
            coalesce_tables(&imported, &placed, true);
        }
        wanted.imported = done;
    }
    let values = deep_copy(&values);
    coalesce_tables(&values, &imported, true);
    chart.values = values;
    Ok(())
}
