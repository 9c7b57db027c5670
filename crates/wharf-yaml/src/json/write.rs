//! Writing JSON.

use std::fmt::Write as _;

use crate::{Error, ErrorKind, Value, format_float_json};

/// Writes a value as `json.Marshal` does: no spaces, sorted keys, `<`, `>`, `&`, U+2028 and U+2029 escaped.
///
/// # Errors
/// NaN and infinities.
pub fn to_json(value: &Value) -> Result<String, Error> {
    Writer { html: true, indent: None }.text(value)
}

/// Writes a value as [`to_json`], but leaves `<`, `>` and `&` as they are (`SetEscapeHTML(false)`).
///
/// # Errors
/// NaN and infinities.
pub fn to_json_raw(value: &Value) -> Result<String, Error> {
    Writer { html: false, indent: None }.text(value)
}

/// Writes a value as `json.MarshalIndent(v, "", indent)` does.
///
/// # Errors
/// NaN and infinities.
pub fn to_json_pretty(value: &Value, indent: &str) -> Result<String, Error> {
    Writer { html: true, indent: Some(indent) }.text(value)
}

/// Writes `text` as a JSON string the way `encoding/json` does, HTML escaping included.
pub fn write_json_string(out: &mut String, text: &str) {
    write_string(out, text, true);
}

struct Writer<'a> {
    html: bool,
    indent: Option<&'a str>,
}

impl Writer<'_> {
    fn text(&self, value: &Value) -> Result<String, Error> {
        let mut out = String::new();
        self.write(&mut out, value, 0)?;
        Ok(out)
    }

    fn write(&self, out: &mut String, value: &Value, depth: usize) -> Result<(), Error> {
        match value {
            Value::Null => out.push_str("null"),
            Value::Bool(true) => out.push_str("true"),
            Value::Bool(false) => out.push_str("false"),
            Value::Int(value) => {
                let _ = write!(out, "{value}");
            }
            Value::Uint(value) => {
                let _ = write!(out, "{value}");
            }
            Value::Float(value) if value.is_finite() => out.push_str(&format_float_json(*value)),
            Value::Float(value) => {
                let text = format!("json: unsupported value: {}", crate::format_float_g(*value));
                return Err(Error::new(ErrorKind::Unsupported, text, None));
            }
            Value::String(text) => write_string(out, text, self.html),
            Value::List(items) if items.is_empty() => out.push_str("[]"),
            Value::List(items) => {
                out.push('[');
                for (index, item) in items.iter().enumerate() {
                    if index > 0 {
                        out.push(',');
                    }
                    self.line(out, depth + 1);
                    self.write(out, item, depth + 1)?;
                }
                self.line(out, depth);
                out.push(']');
            }
            Value::Map(map) if map.is_empty() => out.push_str("{}"),
            Value::Map(map) => {
                out.push('{');
                for (index, (key, value)) in map.iter().enumerate() {
                    if index > 0 {
                        out.push(',');
                    }
                    self.line(out, depth + 1);
                    write_string(out, key, self.html);
                    out.push_str(if self.indent.is_some() { ": " } else { ":" });
                    self.write(out, value, depth + 1)?;
                }
                self.line(out, depth);
                out.push('}');
            }
        }
        Ok(())
    }

    fn line(&self, out: &mut String, depth: usize) {
        if let Some(indent) = self.indent {
            out.push('\n');
            for _ in 0..depth {
                out.push_str(indent);
            }
        }
    }
}

fn write_string(out: &mut String, text: &str, html: bool) {
    out.push('"');
    for char in text.chars() {
        match char {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '<' | '>' | '&' if !html => out.push(char),
            '\0'..='\u{1f}' | '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                let _ = write!(out, "\\u{:04x}", u32::from(char));
            }
            _ => out.push(char),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Map;

    #[test]
    fn json_is_written_as_go_writes_it() {
        let value = Value::from([
            ("b", Value::from(vec![Value::Null, Value::from(1e21), Value::from(3i64)])),
            ("a<", Value::from("x&\u{1}\u{8}\u{7f}\u{2028}é\t")),
            ("c", Value::from(Map::new())),
        ]);
        let text = "{\"a\\u003c\":\"x\\u0026\\u0001\\b\u{7f}\\u2028é\\t\",\"b\":[null,1e+21,3],\"c\":{}}";
        assert_eq!(to_json(&value).as_deref(), Ok(text));
        let pretty = to_json_pretty(&Value::from([("a", Value::from(vec![Value::from(1.0)]))]), "  ");
        assert_eq!(pretty.as_deref(), Ok("{\n  \"a\": [\n    1\n  ]\n}"));
    }
}
