//! Values as templates see them: in maps that are shared and changed in place, as Go's are.

use std::collections::HashMap;
use std::sync::Arc;

use wharf_template::{Map, MapType, Value};
use wharf_yaml::Value as Plain;

/// Makes the values of a render of those that were coalesced, a map.
///
/// What [`wharf_chart::coalesce_values`] shares between charts (maps and lists below `global`) stays shared: a `set` in one
/// template is seen in another.
pub(crate) fn live_values(values: &Plain) -> Map {
    match live(values, &mut HashMap::new()) {
        Value::Map(map) => map,
        _ => Map::new(MapType::ANY),
    }
}

fn live(value: &Plain, shared: &mut HashMap<*const (), Value>) -> Value {
    let place = match value {
        Plain::Map(map) => Arc::as_ptr(map).cast::<()>(),
        Plain::List(list) => Arc::as_ptr(list).cast(),
        other => return wharf_sprig::from_plain(other),
    };
    if let Some(known) = shared.get(&place) {
        return known.clone();
    }
    let made = match value {
        Plain::Map(map) => {
            let entries = map.iter().map(|(key, value)| (key.as_ref().into(), live(value, shared))).collect();
            Value::Map(Map::with_entries(MapType::ANY, entries))
        }
        // What lists hold is shared with the list only.
        list => wharf_sprig::from_plain(list),
    };
    shared.insert(place, made.clone());
    made
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
