//! `--format`: results as JSON, or through a Go template.

use std::rc::Rc;

use anyhow::{anyhow, bail};
use serde::Serialize;
use wharf_oci::Descriptor;
use wharf_template::{FunctionTable, Limits, Map, MissingKey, Runtime, TemplateSet, Value};

use super::fault::Fault;
use super::status;
use crate::chart::machine;
use crate::cobra::flags::Given;

/// How a result is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// The way of the command, by its name: `text`, `tree`, `table`.
    Plain(String),
    Json,
    Template(String),
}

/// The formats of most commands.
pub(super) const USUAL: &[&str] = &["json", "go-template", "text"];

impl Format {
    /// Reads the flags. `flag` is the one that names the format.
    pub(super) fn parse(given: &Given, flag: &str, allowed: &[&str]) -> anyhow::Result<Self> {
        let text = given.text(flag).unwrap_or("text");
        let mut template = given.text("template").unwrap_or_default();
        let mut kind = text;
        if !template.is_empty() {
            if kind != "go-template" {
                bail!("--template must be used with --format go-template");
            }
        } else if let Some(own) = text.strip_prefix("go-template=") {
            (kind, template) = ("go-template", own);
        }
        match kind {
            "text" if !allowed.contains(&"text") => bail!("unsupported format type: text"),
            "go-template" if template.is_empty() => {
                Err(Fault::new(format!("{kind:?} format specified but no template given"))
                    .advice("use `--format go-template=TEMPLATE` to specify the template")
                    .into())
            }
            kind if !allowed.contains(&kind) => Err(Fault::new(format!("invalid format type: {kind:?}"))
                .advice(format!("supported types: {}", allowed.join(", ")))
                .into()),
            "json" => Ok(Self::Json),
            "go-template" => Ok(Self::Template(template.to_owned())),
            kind => Ok(Self::Plain(kind.to_owned())),
        }
    }

    pub(super) fn is_text(&self) -> bool {
        matches!(self, Self::Plain(_))
    }

    /// Writes a result, except in the command's own way; says whether it did.
    pub(super) fn write(&self, result: &impl Serialize) -> anyhow::Result<bool> {
        match self {
            Self::Plain(_) => return Ok(false),
            Self::Json => status::print(&pretty(&to_json(result)?)?),
            Self::Template(template) => status::print_bytes(&expand(template, result)?),
        }
        Ok(true)
    }
}

/// A descriptor under its full name, as results show it.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Named {
    pub(super) reference: String,
    #[serde(flatten)]
    pub(super) descriptor: Descriptor,
}

impl Named {
    pub(super) fn new(path: &str, descriptor: &Descriptor) -> Self {
        let reference = format!("{path}@{}", descriptor.digest);
        let mut shown = plain(descriptor);
        shown.annotations = descriptor.annotations.clone();
        shown.artifact_type = descriptor.artifact_type.clone();
        Self { reference, descriptor: shown }
    }
}

/// Returns the three fields that every descriptor has.
pub(super) fn plain(descriptor: &Descriptor) -> Descriptor {
    Descriptor::new(descriptor.media_type.clone(), descriptor.digest.clone(), descriptor.size)
}

/// Writes JSON as Go's encoder does: on one line, with `<`, `>` and `&` escaped.
pub(super) fn to_json(value: &impl Serialize) -> anyhow::Result<String> {
    let text = serde_json::to_string(value)?;
    let mut escaped = String::with_capacity(text.len());
    // These stand in strings only.
    for c in text.chars() {
        match c {
            '<' => escaped.push_str("\\u003c"),
            '>' => escaped.push_str("\\u003e"),
            '&' => escaped.push_str("\\u0026"),
            '\u{2028}' => escaped.push_str("\\u2028"),
            '\u{2029}' => escaped.push_str("\\u2029"),
            c => escaped.push(c),
        }
    }
    Ok(escaped)
}

/// Sets JSON over several lines without changing anything else, and ends it with a line break.
pub(super) fn pretty(text: &str) -> anyhow::Result<String> {
    if let Err(error) = serde_json::from_str::<serde::de::IgnoredAny>(text) {
        bail!("failed to prettify: {error}");
    }
    let mut out = String::new();
    let mut depth = 0_usize;
    let mut chars = text.chars().filter(|_| true).peekable();
    let line = |out: &mut String, depth: usize| {
        out.push('\n');
        out.extend(std::iter::repeat_n("  ", depth));
    };
    while let Some(c) = chars.next() {
        match c {
            '"' => {
                out.push('"');
                while let Some(inner) = chars.next() {
                    out.push(inner);
                    match inner {
                        '\\' => out.extend(chars.next()),
                        '"' => break,
                        _ => {}
                    }
                }
            }
            '{' | '[' => {
                out.push(c);
                while chars.next_if(|c| c.is_ascii_whitespace()).is_some() {}
                if let Some(end) = chars.next_if(|&c| matches!(c, '}' | ']')) {
                    out.push(end);
                } else {
                    depth += 1;
                    line(&mut out, depth);
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                line(&mut out, depth);
                out.push(c);
            }
            ',' => {
                out.push(c);
                line(&mut out, depth);
            }
            ':' => out.push_str(": "),
            c if c.is_ascii_whitespace() => {}
            c => out.push(c),
        }
    }
    out.push('\n');
    Ok(out)
}

/// Writes bytes that are JSON, set over several lines if that is wanted.
pub(super) fn print_json(json: &[u8], over_lines: bool) -> anyhow::Result<()> {
    if over_lines {
        let text = std::str::from_utf8(json).map_err(|error| anyhow!("failed to prettify: {error}"))?;
        status::print(&pretty(text)?);
    } else {
        status::print_bytes(json);
    }
    Ok(())
}

/// Writes a descriptor as JSON.
pub(super) fn print_descriptor(descriptor: &Descriptor, over_lines: bool) -> anyhow::Result<()> {
    print_json(to_json(descriptor)?.as_bytes(), over_lines)
}

fn expand(template: &str, result: &impl Serialize) -> anyhow::Result<Vec<u8>> {
    const NAME: &str = "format output";
    let mut functions = FunctionTable::default();
    wharf_sprig::add_functions(&mut functions, &machine());
    let set = TemplateSet::new(Rc::new(functions));
    set.parse(NAME, template.as_bytes()).map_err(|error| anyhow!("{error}"))?;
    let data = value(&serde_json::to_value(result)?);
    Runtime::new(MissingKey::Invalid, Limits::default())
        .execute(&set, NAME, &data)
        .map_err(|error| anyhow!("{error}"))
}

/// Returns the value that Go's decoder makes of JSON: every number is a floating-point one.
fn value(json: &serde_json::Value) -> Value {
    use serde_json::Value as Json;
    match json {
        Json::Null => Value::Nil,
        Json::Bool(value) => Value::Bool(*value),
        Json::Number(number) => Value::Float(number.as_f64().unwrap_or_default()),
        Json::String(text) => Value::str(text.as_str()),
        Json::Array(items) => Value::list(items.iter().map(value).collect()),
        Json::Object(fields) => {
            Value::Map(Map::of(fields.iter().map(|(name, field)| (name.as_str(), value(field)))))
        }
    }
}
