//! YAML and JSON in templates.

use wharf_template::{FuncError, FunctionTable, List, Map, Value};
use wharf_yaml::Value as Plain;

use crate::args::{Add, Result, T, bytes};
use crate::plain::{from_plain, to_plain};

pub(crate) fn add(table: &mut FunctionTable) {
    const A: &[T] = &[T::Any];
    const S: &[T] = &[T::String];
    // The plain forms swallow errors; the must forms pass them on.
    table.plain("toYaml", A, |args| Ok(to_yaml(&args[0]).unwrap_or_default().into()));
    table.plain("mustToYaml", A, |args| Ok(to_yaml(&args[0])?.into()));
    table.plain("toYamlPretty", A, |args| {
        Ok(crate::pretty::to_yaml_pretty(&args[0]).unwrap_or_default().into())
    });
    table.plain("toJson", A, |args| Ok(json(&args[0], wharf_yaml::to_json).unwrap_or_default().into()));
    table.plain("mustToJson", A, |args| Ok(json(&args[0], wharf_yaml::to_json)?.into()));
    table.plain("toPrettyJson", A, |args| Ok(json(&args[0], pretty_json).unwrap_or_default().into()));
    table.plain("mustToPrettyJson", A, |args| Ok(json(&args[0], pretty_json)?.into()));
    for name in ["toRawJson", "mustToRawJson"] {
        table.plain(name, A, |args| Ok(json(&args[0], wharf_yaml::to_json_raw)?.into()));
    }
    table.plain("fromYaml", S, |args| Ok(into_map(wharf_yaml::from_yaml(bytes(&args[0])), "JSON")));
    table.plain("fromYamlArray", S, |args| Ok(into_list(wharf_yaml::from_yaml(bytes(&args[0])), "JSON")));
    table.plain("fromJson", S, |args| Ok(into_map(wharf_yaml::from_json(bytes(&args[0])), "")));
    table.plain("fromJsonArray", S, |args| Ok(into_list(wharf_yaml::from_json(bytes(&args[0])), "")));
    table.plain("mustFromJson", S, |args| {
        wharf_yaml::from_json(bytes(&args[0]))
            .map(|value| from_plain(&value))
            .map_err(|error| error.to_string().into())
    });
}

/// Writes YAML as Helm's `toYaml`: without the line end at the end.
pub(crate) fn to_yaml(value: &Value) -> Result<String> {
    let plain = to_plain(value).map_err(FuncError::Message)?;
    let mut text = wharf_yaml::to_yaml(&plain).map_err(|error| FuncError::Message(error.to_string()))?;
    if text.ends_with('\n') {
        text.pop();
    }
    Ok(text)
}

fn json(
    value: &Value,
    write: fn(&Plain) -> std::result::Result<String, wharf_yaml::Error>,
) -> Result<String> {
    let plain = to_plain(value).map_err(FuncError::Message)?;
    write(&plain).map_err(|error| FuncError::Message(error.to_string()))
}

fn pretty_json(value: &Plain) -> std::result::Result<String, wharf_yaml::Error> {
    wharf_yaml::to_json_pretty(value, "  ")
}

/// The map read, or a map with the text of the error under `Error`.
fn into_map(read: std::result::Result<Plain, wharf_yaml::Error>, wrapped: &str) -> Value {
    let problem = match read {
        Ok(value @ Plain::Map(_)) => return from_plain(&value),
        Ok(Plain::Null) => return Value::Map(Map::of::<&str>([])),
        Ok(other) => cannot_unmarshal(&other, "map[string]interface {}", wrapped),
        Err(error) if wrapped.is_empty() => error.to_string(),
        Err(error) => format!("error converting YAML to JSON: {error}"),
    };
    Value::Map(Map::of([("Error", problem.into())]))
}

fn into_list(read: std::result::Result<Plain, wharf_yaml::Error>, wrapped: &str) -> Value {
    let problem = match read {
        Ok(value @ Plain::List(_)) => return from_plain(&value),
        Ok(Plain::Null) => return Value::List(List::nil(wharf_template::ListType::ANY)),
        Ok(other) => cannot_unmarshal(&other, "[]interface {}", wrapped),
        Err(error) if wrapped.is_empty() => error.to_string(),
        Err(error) => format!("error converting YAML to JSON: {error}"),
    };
    Value::list(vec![problem.into()])
}

fn cannot_unmarshal(value: &Plain, target: &str, wrapped: &str) -> String {
    let kind = match value {
        Plain::Bool(_) => "bool",
        Plain::String(_) => "string",
        Plain::List(_) => "array",
        Plain::Map(_) => "object",
        _ => "number",
    };
    let prefix = if wrapped.is_empty() { "" } else { "error unmarshaling JSON: while decoding JSON: " };
    format!("{prefix}json: cannot unmarshal {kind} into Go value of type {target}")
}
