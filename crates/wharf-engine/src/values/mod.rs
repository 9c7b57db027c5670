//! Values: defaults, what the user gives, and what passes between a chart and its dependencies.
//!
//! All of this works on the maps that templates see, which are shared as Go's are: where Helm copies, this copies, and
//! where Helm shares, a `set` in one template is seen in another.

pub(crate) mod coalesce;
pub(crate) mod dependencies;
pub(crate) mod set;

use wharf_template::{List, Map, Value};

/// Copies a map with everything in it.
pub(crate) fn deep_copy(map: &Map) -> Map {
    let entries = map.entries().into_iter().map(|(key, value)| (key, deep_copy_value(&value))).collect();
    Map::with_entries(map.ty(), entries)
}

fn deep_copy_value(value: &Value) -> Value {
    match value {
        Value::Map(map) => Value::Map(deep_copy(map)),
        Value::List(list) => {
            Value::List(List::new(list.ty(), list.items().iter().map(deep_copy_value).collect()))
        }
        other => other.clone(),
    }
}

/// Returns the map at a path of names separated by dots.
pub(crate) fn table(values: &Map, path: &str) -> Option<Map> {
    path.split('.').try_fold(values.clone(), |table, name| match table.get(name.as_bytes()) {
        Some(Value::Map(inner)) => Some(inner),
        _ => None,
    })
}

/// Returns the value at a path of names separated by dots, unless it is a map.
pub(crate) fn path_value(values: &Map, path: &str) -> Option<Value> {
    let (table, name) = match path.rsplit_once('.') {
        Some((tables, name)) => (table(values, tables)?, name),
        None => (values.clone(), path),
    };
    table.get(name.as_bytes()).filter(|value| value.as_map().is_none())
}
