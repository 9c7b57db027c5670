//! `toYamlPretty`: YAML in the style of go-yaml v3, with lists indented under their keys.

use wharf_template::{FuncError, Value};
use wharf_yaml::Value as Plain;

use crate::args::Result;
use crate::plain::to_plain;

/// The width at which go-yaml v2 folds.
const FOLD_WIDTH: usize = 70;

/// Writes a value in the style of go-yaml v3 with two spaces, without the line end at the end.
///
/// Scalars are quoted by the rules of go-yaml v2, which differ from v3 only in rare texts.
pub(crate) fn to_yaml_pretty(value: &Value) -> Result<String> {
    let plain = to_plain(value).map_err(FuncError::Message)?;
    let mut out = String::new();
    write(&plain, 0, false, &mut out)?;
    if out.ends_with('\n') {
        out.pop();
    }
    Ok(out)
}

fn write(value: &Plain, indent: usize, after_key: bool, out: &mut String) -> Result<()> {
    match value {
        Plain::Map(map) if !map.is_empty() => {
            if after_key {
                out.push('\n');
            }
            // The order of keys and their quoting are those of a map with these keys and no content.
            let keys =
                Plain::Map(std::sync::Arc::new(map.keys().map(|key| (key.clone(), Plain::Null)).collect()));
            let lines = scalar(&keys)?;
            for (index, line) in lines.lines().enumerate() {
                let key = line.strip_suffix(": null").unwrap_or(line);
                if index > 0 || after_key {
                    out.push_str(&" ".repeat(indent));
                }
                out.push_str(key);
                out.push(':');
                let name = wharf_yaml::from_yaml(line.as_bytes())
                    .map_err(|error| FuncError::Message(error.to_string()))?;
                let name = name.as_map().and_then(|map| map.keys().next().cloned());
                if let Some(item) = name.and_then(|name| map.get(&name)) {
                    write(item, indent + 2, true, out)?;
                }
            }
        }
        Plain::List(items) if !items.is_empty() => {
            if after_key {
                out.push('\n');
            }
            for (index, item) in items.iter().enumerate() {
                if index > 0 || after_key {
                    out.push_str(&" ".repeat(indent));
                }
                out.push_str("- ");
                write(item, indent + 2, false, out)?;
            }
        }
        other => {
            if after_key {
                out.push(' ');
            }
            let text = scalar(other)?;
            let mut lines = text.lines();
            out.push_str(lines.next().unwrap_or_default());
            out.push('\n');
            for line in lines {
                if !line.is_empty() {
                    // A block text is already indented by two relative to its parent.
                    out.push_str(&" ".repeat(indent.saturating_sub(2)));
                }
                out.push_str(line);
                out.push('\n');
            }
        }
    }
    Ok(())
}

/// Writes a value that holds no others. Unlike v2, v3 neither folds long texts nor takes numbers through JSON.
fn scalar(value: &Plain) -> Result<String> {
    match value {
        Plain::Float(number) => return Ok(wharf_yaml::format_float_g(*number) + "\n"),
        Plain::String(text) if text.len() > FOLD_WIDTH && !text.contains('\n') => {
            // A fold stands for one space; v2 indents the next line by two.
            let folded = wharf_yaml::to_yaml(value).map_err(|error| FuncError::Message(error.to_string()))?;
            return Ok(folded.trim_end().replace("\n  ", " ") + "\n");
        }
        _ => {}
    }
    wharf_yaml::to_yaml(value).map_err(|error| FuncError::Message(error.to_string()))
}
