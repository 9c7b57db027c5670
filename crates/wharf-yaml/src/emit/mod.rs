//! YAML as `sigs.k8s.io/yaml` `Marshal` writes it: the block style of go-yaml v2's libyaml port.

mod keys;
mod scalar;
mod writer;

use crate::number::{parse_int, parse_uint};
use crate::resolve::reads_as_text;
use crate::{Error, ErrorKind, Map, Value, format_float_g, format_float_json, write_json_string};
use keys::Version;
use scalar::{Analysis, Style};
use writer::Writer;

/// Longest key written without the `? ` form, in bytes.
const MAX_SIMPLE_KEY_BYTES: usize = 128;
/// Longest key that go-yaml reads back from JSON, quotes and escapes included, in characters.
const MAX_JSON_KEY_CHARS: usize = 1024;

/// Writes a value as `sigs.k8s.io/yaml` `Marshal` does, with a line end at the end.
///
/// Keys are in "natural" order (`a2` before `a10`), lists start at their key's column, text that would read back as
/// something else is quoted, text with line ends is literal where possible, long text folds at column 80.
///
/// # Errors
/// NaN and infinities, and text with control characters that JSON leaves bare but YAML refuses (U+007F to U+009F
/// without U+0085, U+FFFE, U+FFFF), and keys with U+0085 or of more than 1024 characters. Helm's `toYaml` gives an empty
/// text for all of these.
pub fn to_yaml(value: &Value) -> Result<String, Error> {
    let mut emitter = Emitter { out: Writer::new() };
    emitter.node(value, Context::Root)?;
    emitter.out.write_indent();
    Ok(emitter.out.into_text())
}

/// Returns the entries of a map in the order in which go-yaml v3 writes them, which `toYamlPretty` uses.
#[must_use]
pub fn in_key_order_of_v3(map: &Map) -> Vec<(&str, &Value)> {
    let mut entries: Vec<(&str, &Value)> = map.iter().map(|(key, value)| (&**key, value)).collect();
    keys::sort(&mut entries, Version::V3);
    entries
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Context {
    Root,
    ListItem,
    MapValue,
}

struct Emitter {
    out: Writer,
}

impl Emitter {
    fn node(&mut self, value: &Value, context: Context) -> Result<(), Error> {
        match value {
            Value::List(items) if !items.is_empty() => {
                // A list that is a map value and starts on a new line keeps the map's indentation.
                let indentless = context == Context::MapValue && !self.out.indention();
                let outer = self.out.increase_indent(false, indentless);
                for item in items.iter() {
                    self.out.write_indent();
                    self.out.write_indicator("-", true, false, true);
                    self.node(item, Context::ListItem)?;
                }
                self.out.restore_indent(outer);
                Ok(())
            }
            Value::Map(map) if !map.is_empty() => self.map(map),
            Value::List(_) => self.empty("[", "]"),
            Value::Map(_) => self.empty("{", "}"),
            Value::Null => self.plain("null"),
            Value::Bool(true) => self.plain("true"),
            Value::Bool(false) => self.plain("false"),
            Value::Int(value) => self.plain(&value.to_string()),
            Value::Uint(value) => self.plain(&value.to_string()),
            Value::Float(value) => self.plain(&float_text(*value)?),
            Value::String(text) => {
                let text = through_json(text)?;
                let (analysis, style) = style_of(&text);
                self.scalar(&text, &analysis, style, false);
                Ok(())
            }
        }
    }

    fn map(&mut self, map: &Map) -> Result<(), Error> {
        let outer = self.out.increase_indent(false, false);
        let mut entries: Vec<(&str, &Value)> = map.iter().map(|(key, value)| (&**key, value)).collect();
        keys::sort(&mut entries, Version::V2);
        for (key, value) in entries {
            let key = key_through_json(key)?;
            self.out.write_indent();
            let multiline = Analysis::of(key).multiline;
            if multiline || key.len() > MAX_SIMPLE_KEY_BYTES {
                self.out.write_indicator("?", true, false, true);
                let (analysis, style) = style_of(key);
                self.scalar(key, &analysis, style, false);
                self.out.write_indent();
                self.out.write_indicator(":", true, false, true);
            } else {
                let (analysis, style) = style_of(key);
                self.scalar(key, &analysis, style, true);
                self.out.write_indicator(":", false, false, false);
            }
            self.node(value, Context::MapValue)?;
        }
        self.out.restore_indent(outer);
        Ok(())
    }

    fn empty(&mut self, open: &str, close: &str) -> Result<(), Error> {
        self.out.write_indicator(open, true, true, false);
        self.out.write_indicator(close, false, false, false);
        Ok(())
    }

    fn plain(&mut self, text: &str) -> Result<(), Error> {
        self.scalar(text, &Analysis::of(text), Style::Plain, false);
        Ok(())
    }

    fn scalar(&mut self, text: &str, analysis: &Analysis, wanted: Style, key: bool) {
        let outer = self.out.increase_indent(true, false);
        let fold = !key;
        match analysis.allowed(wanted, key, text.is_empty()) {
            Style::Plain => self.out.plain(text, fold),
            Style::Single => self.out.single_quoted(text, fold),
            Style::Double => self.out.double_quoted(text, fold),
            Style::Literal => self.out.literal(text),
        }
        self.out.restore_indent(outer);
    }
}

/// The style go-yaml asks for, before the emitter finds out what is possible.
fn style_of(text: &str) -> (Analysis, Style) {
    let style = if text.contains('\n') {
        Style::Literal
    } else if reads_as_text(text) && !is_base_60(text) {
        Style::Plain
    } else {
        Style::Double
    };
    (Analysis::of(text), style)
}

/// Numbers in base 60 (`1:30`) are quoted for other YAML 1.1 readers.
///
/// `[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?`
fn is_base_60(text: &str) -> bool {
    let rest = text.strip_prefix(['-', '+']).unwrap_or(text);
    let Some((head, mut rest)) = rest.split_once(':') else { return false };
    if !head.starts_with(|c: char| c.is_ascii_digit())
        || !head.bytes().all(|b| b.is_ascii_digit() || b == b'_')
    {
        return false;
    }
    loop {
        let count = rest.bytes().take_while(u8::is_ascii_digit).count();
        match (count, rest.as_bytes().first()) {
            (1, _) | (2, Some(b'0'..=b'5')) => rest = &rest[count..],
            _ => return false,
        }
        match rest.as_bytes().first() {
            None => return true,
            Some(b':') => rest = &rest[1..],
            Some(b'.') => return rest[1..].bytes().all(|b| b.is_ascii_digit() || b == b'_'),
            Some(_) => return false,
        }
    }
}

/// A float as it looks after JSON and a second reading: whole numbers are integers where they fit 64 bits.
fn float_text(value: f64) -> Result<String, Error> {
    if !value.is_finite() {
        let text = format!("json: unsupported value: {}", format_float_g(value));
        return Err(Error::new(ErrorKind::Unsupported, text, None));
    }
    let json = format_float_json(value);
    if let Some(whole) = parse_int(&json) {
        return Ok(whole.to_string());
    }
    Ok(match parse_uint(&json) {
        Some(whole) => whole.to_string(),
        None => format_float_g(value),
    })
}

/// A key after it was JSON and was read back as YAML, which wants it on one line and not too long.
fn key_through_json(key: &str) -> Result<&str, Error> {
    let mut json = String::new();
    if key.len() > MAX_JSON_KEY_CHARS / 6 {
        write_json_string(&mut json, key);
    }
    if key.contains('\u{85}') || json.chars().count() > MAX_JSON_KEY_CHARS {
        let text = "yaml: line 1: did not find expected ',' or '}'";
        return Err(Error::new(ErrorKind::Unsupported, text, None));
    }
    through_json(key)?;
    Ok(key)
}

/// The text after it was JSON and was read back as YAML: next-line characters fold, some characters cannot pass.
fn through_json(text: &str) -> Result<std::borrow::Cow<'_, str>, Error> {
    if text.is_ascii() && !text.as_bytes().contains(&0x7f) {
        return Ok(text.into());
    }
    let bad = |c: char| matches!(c, '\u{7f}'..='\u{84}' | '\u{86}'..='\u{9f}' | '\u{fffe}' | '\u{ffff}');
    if text.contains(bad) {
        return Err(Error::new(ErrorKind::Unsupported, "yaml: control characters are not allowed", None));
    }
    if !text.contains('\u{85}') {
        return Ok(text.into());
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\u{85}') {
        out.push_str(rest[..at].trim_end_matches(' '));
        rest = &rest[at + '\u{85}'.len_utf8()..];
        let mut more = 0;
        loop {
            rest = rest.trim_start_matches(' ');
            let Some(after) = rest.strip_prefix('\u{85}') else { break };
            rest = after;
            more += 1;
        }
        if more == 0 { out.push(' ') } else { out.extend(std::iter::repeat_n('\n', more)) }
    }
    out.push_str(rest);
    Ok(out.into())
}
