//! Merging user values over chart defaults, down through the dependencies, by the rules of Helm 4.2.4.
//!
//! Null is special: a null given by the user deletes a default that is not null; a null in a chart's defaults is dropped.
//! While merging for `import-values` (`keep_nulls`) nulls are kept instead.

use wharf_template::{Map, MapType, Value};

use super::deep_copy;
use crate::charts::Node;
use crate::error::Error;

const GLOBAL: &[u8] = b"global";

/// Returns the values of a chart: the user's over the defaults, with sections for all dependencies.
pub(crate) fn coalesce_values(chart: &Node<'_>, user: &Map, keep_nulls: bool) -> Result<Map, Error> {
    let values = deep_copy(user);
    coalesce(chart, &values, keep_nulls)?;
    Ok(values)
}

fn coalesce(chart: &Node<'_>, values: &Map, keep_nulls: bool) -> Result<(), Error> {
    coalesce_defaults(chart, values, keep_nulls);
    for dependency in &chart.dependencies {
        let name = dependency.name();
        let section = match values.get(name.as_bytes()) {
            None => {
                let section = Map::new(MapType::ANY);
                values.insert(name.into(), Value::Map(section.clone()));
                section
            }
            Some(Value::Map(section)) => section,
            Some(other) => {
                let shown = String::from_utf8_lossy(&wharf_template::sprintf(b"%t", &[other])).into_owned();
                return Err(Error::values(format!("type mismatch on {name}: {shown}")));
            }
        };
        coalesce_globals(&section, values);
        coalesce(dependency, &section, keep_nulls)?;
    }
    Ok(())
}

/// Copies the globals of a chart into the section of a dependency, where they win over those already there.
fn coalesce_globals(section: &Map, parent: &Map) {
    let target = match section.get(GLOBAL) {
        None => Map::new(MapType::ANY),
        Some(Value::Map(map)) => map,
        Some(_) => return,
    };
    let source = match parent.get(GLOBAL) {
        None => Map::new(MapType::ANY),
        Some(Value::Map(map)) => map,
        Some(_) => return,
    };
    for (key, value) in source.entries() {
        let old = target.get(&key);
        match (&value, &old) {
            (Value::Map(table), None) => {
                target.insert(key, Value::Map(shallow_copy(table)));
            }
            (Value::Map(table), Some(Value::Map(old))) => {
                let table = shallow_copy(table);
                coalesce_tables(&table, old, true);
                target.insert(key, Value::Map(table));
            }
            // A map is not put over something else, nor the other way round.
            (Value::Map(_), Some(_)) | (_, Some(Value::Map(_))) => {}
            _ => {
                target.insert(key, value);
            }
        }
    }
    section.insert(GLOBAL.into(), Value::Map(target));
}

fn shallow_copy(map: &Map) -> Map {
    Map::with_entries(map.ty(), map.entries().into_iter().collect())
}

/// Puts the defaults of a chart under the values already there.
fn coalesce_defaults(chart: &Node<'_>, values: &Map, keep_nulls: bool) {
    let defaults = deep_copy(&chart.values);
    for (key, default) in defaults.entries() {
        match values.get(&key) {
            Some(Value::Nil) if !keep_nulls => {
                values.remove(&key);
            }
            Some(Value::Map(table)) => {
                if let Value::Map(default) = &default {
                    // In the section of a dependency, nulls are for the dependency to handle.
                    let keep_nulls =
                        keep_nulls || chart.dependencies.iter().any(|dep| dep.name().as_bytes() == &*key);
                    if !keep_nulls {
                        drop_nulls(default);
                    }
                    coalesce_tables(&table, default, keep_nulls);
                }
            }
            Some(_) => {}
            None => {
                if !keep_nulls {
                    match &default {
                        Value::Nil => continue,
                        Value::Map(table) => drop_nulls(table),
                        _ => {}
                    }
                }
                values.insert(key, default);
            }
        }
    }
}

/// Merges `source` under `target`: what the target has wins, maps are merged.
pub(super) fn coalesce_tables(target: &Map, source: &Map, keep_nulls: bool) {
    let given: Vec<_> = source.entries();
    for (key, value) in target.entries() {
        if matches!(value, Value::Nil) {
            source.insert(key, Value::Nil);
        }
    }
    let was_not_null =
        |key: &[u8]| given.iter().any(|(name, value)| &**name == key && !matches!(value, Value::Nil));
    for (key, value) in source.entries() {
        match target.get(&key) {
            Some(Value::Nil) if !keep_nulls && was_not_null(&key) => {
                target.remove(&key);
            }
            None => {
                target.insert(key, value);
            }
            Some(Value::Map(inner)) => {
                if let Value::Map(value) = &value {
                    coalesce_tables(&inner, value, keep_nulls);
                }
            }
            Some(_) => {}
        }
    }
}

/// Removes nulls from a map and the maps in it.
pub(super) fn drop_nulls(map: &Map) {
    for (key, value) in map.entries() {
        match value {
            Value::Nil => {
                map.remove(&key);
            }
            Value::Map(inner) => drop_nulls(&inner),
            _ => {}
        }
    }
}
