//! YAML and JSON in templates.

use wharf_template::{FuncError, FunctionTable, List, Map, MapType, Value};
use wharf_yaml::{Json, Value as Plain};

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
    table.plain("fromYaml", S, |args| Ok(map_of_yaml(bytes(&args[0]))));
    table.plain("fromYamlArray", S, |args| Ok(list_of_yaml(bytes(&args[0]))));
    table.plain("fromJson", S, |args| Ok(map_of_json(bytes(&args[0]))));
    table.plain("fromJsonArray", S, |args| Ok(list_of_json(bytes(&args[0]))));
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
fn map_of_yaml(text: &[u8]) -> Value {
    let problem = match wharf_yaml::from_yaml(text) {
        Ok(value @ Plain::Map(_)) => return from_plain(&value),
        Ok(Plain::Null) => return Value::Map(Map::of::<&str>([])),
        Ok(other) => format!("{UNMARSHALING}{}", cannot_unmarshal(&other, "map[string]interface {}")),
        Err(error) => format!("error converting YAML to JSON: {error}"),
    };
    Value::Map(Map::of([("Error", problem.into())]))
}

fn list_of_yaml(text: &[u8]) -> Value {
    let problem = match wharf_yaml::from_yaml(text) {
        Ok(value @ Plain::List(_)) => return from_plain(&value),
        Ok(Plain::Null) => return Value::list(Vec::new()),
        Ok(other) => format!("{UNMARSHALING}{}", cannot_unmarshal(&other, "[]interface {}")),
        Err(error) => format!("error converting YAML to JSON: {error}"),
    };
    Value::list(vec![problem.into()])
}

const UNMARSHALING: &str = "error unmarshaling JSON: while decoding JSON: ";

/// As for YAML, but what could be read stands beside an error about a number.
fn map_of_json(text: &[u8]) -> Value {
    let problem = match read_json(text) {
        Ok((value @ Plain::Map(_), problem)) => {
            let read = from_plain(&value);
            if let (Value::Map(map), Some(problem)) = (&read, problem) {
                map.insert("Error".into(), problem.into());
            }
            return read;
        }
        Ok((Plain::Null, None)) => return Value::Map(Map::new(MapType::NIL_ANY)),
        Ok((other, _)) => cannot_unmarshal(&other, "map[string]interface {}"),
        Err(problem) => problem,
    };
    Value::Map(Map::of([("Error", problem.into())]))
}

fn list_of_json(text: &[u8]) -> Value {
    let problem = match read_json(text) {
        Ok((value @ Plain::List(_), None)) => return from_plain(&value),
        Ok((Plain::List(_), Some(problem))) => problem,
        Ok((Plain::Null, None)) => return Value::List(List::nil(wharf_template::ListType::ANY)),
        Ok((other, _)) => cannot_unmarshal(&other, "[]interface {}"),
        Err(problem) => problem,
    };
    Value::list(vec![problem.into()])
}

/// Returns what was read, and what is wrong with a number in it; a number alone is zero if it is too large.
fn read_json(text: &[u8]) -> std::result::Result<(Plain, Option<String>), String> {
    let json = Json::read(text).map_err(|error| error.to_string())?;
    let is_number = matches!(json, Json::Number(_));
    let (value, problem) = json.into_value();
    let value = if is_number && value.is_null() { Plain::Float(0.0) } else { value };
    Ok((value, problem.map(|error| error.to_string())))
}

fn cannot_unmarshal(value: &Plain, target: &str) -> String {
    let kind = match value {
        Plain::Bool(_) => "bool",
        Plain::String(_) => "string",
        Plain::List(_) => "array",
        Plain::Map(_) => "object",
        _ => "number",
    };
    format!("json: cannot unmarshal {kind} into Go value of type {target}")
}
