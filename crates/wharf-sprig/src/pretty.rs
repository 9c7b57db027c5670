//! `toYamlPretty`: YAML in the style of go-yaml v3, with lists indented under their keys.

use wharf_template::{FuncError, Value};
use wharf_yaml::Value as Plain;

use crate::args::Result;
use crate::plain::to_plain;

/// The most bytes of a key that stands on one line with its value.
const MAX_SIMPLE_KEY: usize = 128;
/// What ends a line, so that a text with one of them is no simple key.
const BREAKS: [char; 5] = ['\n', '\r', '\u{85}', '\u{2028}', '\u{2029}'];

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
            for (index, (key, item)) in wharf_yaml::in_key_order_of_v3(map).into_iter().enumerate() {
                if index > 0 || after_key {
                    out.push_str(&" ".repeat(indent));
                }
                if key == "<<" {
                    out.push_str("<<:");
                    write(item, indent + 2, true, out)?;
                    continue;
                }
                let name = Plain::from(key);
                if key.len() > MAX_SIMPLE_KEY || key.contains(BREAKS) {
                    out.push_str("? ");
                    write(&name, indent + 2, false, out)?;
                    out.push_str(&" ".repeat(indent));
                    out.push_str(": ");
                    write(item, indent + 2, false, out)?;
                } else {
                    out.push_str(scalar(&name)?.trim_end());
                    out.push(':');
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

/// Writes a value that holds no others. Unlike v2, v3 neither folds long texts nor takes numbers through JSON, and it writes
/// two more characters as escapes.
fn scalar(value: &Plain) -> Result<String> {
    let Plain::String(text) = value else {
        if let Plain::Float(number) = value {
            return Ok(wharf_yaml::format_float_g(*number) + "\n");
        }
        return wharf_yaml::to_yaml(value).map_err(|error| FuncError::Message(error.to_string()));
    };
    if text.contains(|c: char| ('\u{7f}'..='\u{9f}').contains(&c) || ('\u{fffe}'..='\u{ffff}').contains(&c)) {
        return Ok(quoted(text) + "\n");
    }
    let written = wharf_yaml::to_yaml(value).map_err(|error| FuncError::Message(error.to_string()))?;
    if written.starts_with('|') {
        return Ok(written);
    }
    // A fold stands for one space; the next line is indented by two, and begins with a backslash if more follow.
    Ok(written.trim_end_matches('\n').replace("\n  \\ ", "  ").replace("\n  ", " ") + "\n")
}

/// Writes a text in double quotes, with escapes for all that v3 does not print.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        let short = match c {
            '"' | '\\' => c,
            '\0' => '0',
            '\u{7}' => 'a',
            '\u{8}' => 'b',
            '\t' => 't',
            '\n' => 'n',
            '\u{b}' => 'v',
            '\u{c}' => 'f',
            '\r' => 'r',
            '\u{1b}' => 'e',
            '\u{85}' => 'N',
            '\u{2028}' => 'L',
            '\u{2029}' => 'P',
            ' '..='~' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' if c != '\u{feff}' => {
                out.push(c);
                continue;
            }
            _ => {
                out.push_str(&match u32::from(c) {
                    code @ ..=0xff => format!("\\x{code:02X}"),
                    code @ ..=0xffff => format!("\\u{code:04X}"),
                    code => format!("\\U{code:08X}"),
                });
                continue;
            }
        };
        out.push('\\');
        out.push(short);
    }
    out + "\""
}
