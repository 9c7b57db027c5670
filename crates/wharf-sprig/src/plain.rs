//! Template values to and from the plain values of YAML and JSON.

use std::sync::Arc;

use wharf_template::{List, Map, Value};
use wharf_yaml::Value as Plain;

/// Deeper values are refused; a value that contains itself is deeper than any limit.
const MAX_DEPTH: u32 = 1000;

/// Converts as Go's `encoding/json` sees a value: bytes as base64, objects by their fields or their text.
///
/// # Errors
/// Fails when the value is nested too deeply.
pub fn to_plain(value: &Value) -> Result<Plain, String> {
    convert(value, 0)
}

fn convert(value: &Value, depth: u32) -> Result<Plain, String> {
    if depth > MAX_DEPTH {
        return Err("json: unsupported value: encountered a cycle".to_owned());
    }
    Ok(match value {
        Value::Invalid | Value::Nil => Plain::Null,
        Value::Bool(flag) => Plain::Bool(*flag),
        Value::Int(_, number) => Plain::Int(*number),
        Value::Uint(_, number) => i64::try_from(*number).map_or(Plain::Uint(*number), Plain::Int),
        Value::Float(number) => Plain::Float(*number),
        Value::Str(text) => Plain::String(match std::str::from_utf8(text) {
            Ok(text) => Arc::from(text),
            // Each invalid byte becomes one replacement character, as in Go.
            Err(_) => replace_invalid(text).into(),
        }),
        Value::Bytes(bytes) => Plain::String(data_encoding::BASE64.encode(bytes).into()),
        Value::List(list) if list.is_nil() => Plain::Null,
        Value::Map(map) if map.ty().is_nil => Plain::Null,
        Value::List(list) => Plain::List(Arc::new(
            list.items().iter().map(|item| convert(item, depth + 1)).collect::<Result<_, _>>()?,
        )),
        Value::Map(map) => {
            let entries = map.borrow();
            let entries = entries
                .iter()
                .map(|(key, item)| Ok((key.to_text().as_ref().into(), convert(item, depth + 1)?)));
            Plain::Map(Arc::new(entries.collect::<Result<_, String>>()?))
        }
        Value::Object(object) => convert(&object.to_plain(), depth + 1)?,
    })
}

fn replace_invalid(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    let mut rest = bytes;
    loop {
        match std::str::from_utf8(rest) {
            Ok(text) => {
                out.push_str(text);
                return out;
            }
            Err(error) => {
                let (valid, bad) = rest.split_at(error.valid_up_to());
                out.push_str(&String::from_utf8_lossy(valid));
                out.push(char::REPLACEMENT_CHARACTER);
                rest = &bad[1..];
            }
        }
    }
}

/// Converts plain values; text is shared, not copied.
pub fn from_plain(value: &Plain) -> Value {
    match value {
        Plain::Null => Value::Nil,
        Plain::Bool(flag) => Value::Bool(*flag),
        Plain::Int(number) => Value::int64(*number),
        Plain::Uint(number) => Value::Uint(wharf_template::UintType::Uint64, *number),
        Plain::Float(number) => Value::Float(*number),
        Plain::String(text) => Value::str(Arc::clone(text)),
        Plain::List(items) => Value::List(List::of(items.iter().map(from_plain).collect())),
        Plain::Map(entries) => {
            Value::Map(Map::of(entries.iter().map(|(key, item)| (Arc::clone(key), from_plain(item)))))
        }
    }
}
