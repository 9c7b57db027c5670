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
    let problem = match Json::read(text) {
        Ok(Json::Map(entries)) => {
            let mut problem = None;
            let map = Map::of(entries.into_iter().map(|(key, value)| (key, from_json(value, &mut problem))));
            if let Some(problem) = problem {
                map.insert("Error".into(), problem.into());
            }
            return Value::Map(map);
        }
        Ok(Json::Null) => return Value::Map(Map::new(MapType::NIL_ANY)),
        Ok(other) => cannot_unmarshal(&scalar(other), "map[string]interface {}"),
        Err(error) => error.to_string(),
    };
    Value::Map(Map::of([("Error", problem.into())]))
}

fn list_of_json(text: &[u8]) -> Value {
    let problem = match Json::read(text) {
        Ok(Json::List(items)) => {
            let mut problem = None;
            let items = items.into_iter().map(|item| from_json(item, &mut problem)).collect();
            match problem {
                None => return Value::list(items),
                Some(problem) => problem,
            }
        }
        Ok(Json::Null) => return Value::List(List::nil(wharf_template::ListType::ANY)),
        Ok(other) => cannot_unmarshal(&scalar(other), "[]interface {}"),
        Err(error) => error.to_string(),
    };
    Value::list(vec![problem.into()])
}

/// Makes the value of what was read, and keeps what is wrong with the first number that is too large.
fn from_json(json: Json, problem: &mut Option<String>) -> Value {
    match json {
        Json::Null => Value::Nil,
        Json::Bool(value) => value.into(),
        Json::String(text) => Value::str(text),
        Json::List(items) => Value::list(items.into_iter().map(|item| from_json(item, problem)).collect()),
        Json::Map(entries) => {
            Value::Map(Map::of(entries.into_iter().map(|(key, value)| (key, from_json(value, problem)))))
        }
        number @ Json::Number(_) => {
            let (value, error) = number.into_value();
            if let (None, Some(error)) = (&problem, error) {
                *problem = Some(error.to_string());
            }
            from_plain(&value)
        }
    }
}

/// Returns what was read where something else was wanted; a number is one even if it is too large.
fn scalar(json: Json) -> Plain {
    match json {
        Json::Number(_) => Plain::Float(0.0),
        other => other.into_value().0,
    }
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
