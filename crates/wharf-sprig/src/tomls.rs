//! TOML in templates, written as the BurntSushi library writes it.

use wharf_template::{FuncError, FunctionTable, Map, Value};
use wharf_yaml::Value as Plain;

use crate::args::{Add, Result, T, ZERO_VALUE, text};
use crate::plain::to_plain;

pub(crate) fn add(table: &mut FunctionTable) {
    table.plain("toToml", &[T::Any], |args| {
        if args[0].is_nil() {
            return Err(ZERO_VALUE.into());
        }
        Ok(to_toml(&args[0]).unwrap_or_else(|error| error.to_string()).into())
    });
    table.plain("mustToToml", &[T::Any], |args| {
        if args[0].is_nil() {
            return Err(ZERO_VALUE.into());
        }
        Ok(to_toml(&args[0])?.into())
    });
    table.plain("fromToml", &[T::String], |args| {
        Ok(match text(&args[0]).parse::<toml::Table>() {
            Ok(read) => from_table(&read),
            Err(error) => Value::Map(Map::of([("Error", format!("toml: {}", error.message()).into())])),
        })
    });
}

fn from_table(table: &toml::Table) -> Value {
    Value::Map(Map::of(table.iter().map(|(key, value)| (key.as_str(), from_toml(value)))))
}

fn from_toml(value: &toml::Value) -> Value {
    match value {
        toml::Value::String(text) => text.as_str().into(),
        toml::Value::Integer(number) => Value::int64(*number),
        toml::Value::Float(number) => (*number).into(),
        toml::Value::Boolean(flag) => (*flag).into(),
        toml::Value::Datetime(time) => time.to_string().into(),
        toml::Value::Array(items) => Value::list(items.iter().map(from_toml).collect()),
        toml::Value::Table(table) => from_table(table),
    }
}

fn to_toml(value: &Value) -> Result<String> {
    let mut out = String::new();
    match to_plain(value).map_err(FuncError::Message)? {
        Plain::Map(map) => write_table(&map, &mut Vec::new(), &mut out)?,
        list @ Plain::List(_) if is_table(&list) => {
            return Err("toml: top-level values must be Go maps or structs".into());
        }
        // What has no key is written bare, which is no TOML, but what the library does.
        other => write_value(&other, &mut out)?,
    }
    Ok(out)
}

/// Writes the plain keys of a table first, then its sub-tables, each with its full name and indented by its depth.
fn write_table(map: &wharf_yaml::Map, path: &mut Vec<String>, out: &mut String) -> Result<()> {
    let indent = "  ".repeat(path.len());
    for (name, value) in map.iter().filter(|(_, value)| !is_table(value)) {
        if value.is_null() {
            continue;
        }
        out.push_str(&indent);
        out.push_str(&key(name));
        out.push_str(" = ");
        write_value(value, out)?;
        out.push('\n');
    }
    for (name, value) in map.iter().filter(|(_, value)| is_table(value)) {
        path.push(key(name));
        let indent = "  ".repeat(path.len() - 1);
        match value {
            Plain::List(items) => {
                for item in items.iter() {
                    if !out.is_empty() {
                        out.push('\n');
                    }
                    out.push_str(&format!("{indent}[[{}]]\n", path.join(".")));
                    if let Plain::Map(inner) = item {
                        write_table(inner, path, out)?;
                    }
                }
            }
            Plain::Map(inner) => {
                if path.len() == 1 && !out.is_empty() {
                    out.push('\n');
                }
                out.push_str(&format!("{indent}[{}]\n", path.join(".")));
                write_table(inner, path, out)?;
            }
            _ => {}
        }
        path.pop();
    }
    Ok(())
}

fn is_table(value: &Plain) -> bool {
    match value {
        Plain::Map(_) => true,
        Plain::List(items) => !items.is_empty() && items.iter().all(|item| matches!(item, Plain::Map(_))),
        _ => false,
    }
}

fn key(name: &str) -> String {
    let bare = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    if bare { name.to_owned() } else { quoted(name) }
}

fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{8}' => out.push_str("\\b"),
            '\t' => out.push_str("\\t"),
            '\n' => out.push_str("\\n"),
            '\u{c}' => out.push_str("\\f"),
            '\r' => out.push_str("\\r"),
            c if c < ' ' || c == '\u{7f}' => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

fn write_value(value: &Plain, out: &mut String) -> Result<()> {
    match value {
        Plain::Null => return Err("toml: cannot encode array with nil element".into()),
        Plain::Bool(flag) => out.push_str(if *flag { "true" } else { "false" }),
        Plain::Int(number) => out.push_str(&number.to_string()),
        Plain::Uint(number) => out.push_str(&number.to_string()),
        Plain::Float(number) => {
            let text = wharf_template::format_float(*number, 'g', None);
            out.push_str(&if number.is_nan() {
                "nan".to_owned()
            } else if number.is_infinite() {
                (if *number > 0.0 { "inf" } else { "-inf" }).to_owned()
            } else if text.contains(['.', 'e']) {
                text
            } else {
                text + ".0"
            });
        }
        Plain::String(text) => out.push_str(&quoted(text)),
        Plain::List(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push_str(", ");
                }
                write_value(item, out)?;
            }
            out.push(']');
        }
        Plain::Map(map) => {
            out.push('{');
            // Here, too, what is no table comes first.
            let (tables, plain): (Vec<_>, Vec<_>) =
                map.iter().filter(|(_, item)| !item.is_null()).partition(|(_, item)| is_table(item));
            for (index, (name, item)) in plain.into_iter().chain(tables).enumerate() {
                if index > 0 {
                    out.push_str(", ");
                }
                out.push_str(&key(name));
                out.push_str(" = ");
                write_value(item, out)?;
            }
            out.push('}');
        }
    }
    Ok(())
}
