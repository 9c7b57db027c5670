//! Values held against `values.schema.json`, with the texts that Helm shows.
//!
//! Helm uses `santhosh-tekuri/jsonschema` v6 and shows its tree of faults. Drafts 4, 6, 7, 2019-09 and 2020-12 are known; a
//! schema that names none follows 2020-12. Where that library goes through properties in a random order, they come in the
//! order of their names here.
//!
//! A schema comes with a chart from anywhere, so nothing is fetched and no file is read for it: a `$ref` to another document
//! is refused, except to the published metaschemas; one to an URN allows everything, as in Helm. How deep schemas are applied
//! and how often is bounded.
//!
//! `meta/` holds the metaschemas that the JSON Schema organisation publishes, without titles and other prose.

mod compile;
mod decimal;
mod documents;
mod draft;
mod fault;
mod formats;
mod ordinary;
mod place;
mod validate;

use wharf_yaml::{Json, Value};

use crate::{Chart, Error, ErrorKind};
use compile::Compiler;
use validate::Validator;

/// Where Helm says the schema is.
const ADDRESS: &str = "file:///values.schema.json";

/// Holds values that were coalesced against the schema of the chart and those of its subcharts.
///
/// # Errors
/// The text that Helm shows: the name of each chart whose values do not fit, or whose schema is none, and what is wrong.
pub fn check_values(chart: &Chart, values: &Value) -> Result<(), Error> {
    let mut text = String::new();
    collect(chart, values, &mut text);
    if text.is_empty() {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::Invalid,
        format!("values don't meet the specifications of the schema(s) in the following chart(s):\n{text}"),
    ))
}

fn collect(chart: &Chart, values: &Value, text: &mut String) {
    if let Some(schema) = &chart.schema
        && let Err(problem) = check_against(&schema.data, values)
    {
        text.push_str(&format!("{}:\n{problem}", chart.name()));
    }
    for subchart in &chart.dependencies {
        match values.at(subchart.name()) {
            None | Some(Value::Null) => {}
            Some(section @ Value::Map(_)) => collect(subchart, section, text),
            Some(other) => text.push_str(&format!(
                "{}:\ninvalid type for values: expected object (map), got {}\n",
                subchart.name(),
                other.go_type()
            )),
        }
    }
}

/// One thing in a chart's values that its schema does not allow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValueFault {
    /// The keys and indices that lead there, from the outermost chart's values.
    pub path: Vec<String>,
    /// What is wrong, as in the text of [`check_values`].
    pub text: String,
}

/// Returns one by one what [`check_values`] says in one text, for whoever wants to point at it.
#[must_use]
pub fn value_faults(chart: &Chart, values: &Value) -> Vec<ValueFault> {
    let mut faults = Vec::new();
    collect_faults(chart, values, &mut Vec::new(), &mut faults);
    faults
}

fn collect_faults(chart: &Chart, values: &Value, above: &mut Vec<String>, faults: &mut Vec<ValueFault>) {
    let plain = chart.schema.as_ref().map_or(Json::Null, |_| Json::from(values));
    if let Some(schema) = &chart.schema
        && let Ok((document, _)) = Json::read_first(&schema.data)
        && let Ok(schemas) = Compiler::compile(ADDRESS, document, &plain)
        && let Ok(Some(fault)) = Validator::new(&schemas).run(&plain)
    {
        fault.leaves(&mut |location, text| {
            let path = above.iter().chain(location).cloned().collect();
            faults.push(ValueFault { path, text: text.to_owned() });
        });
    }
    for subchart in &chart.dependencies {
        above.push(subchart.name().to_owned());
        match values.at(subchart.name()) {
            None | Some(Value::Null) => {}
            Some(section @ Value::Map(_)) => collect_faults(subchart, section, above, faults),
            Some(other) => faults.push(ValueFault {
                path: above.clone(),
                text: format!("the values of a chart are a map, not {}", other.go_type()),
            }),
        }
        above.pop();
    }
}

/// Holds values against one schema.
///
/// # Errors
/// The text that Helm shows: what does not fit, with a line end after it, or what is wrong with the schema.
pub fn check_against(schema: &[u8], values: &Value) -> Result<(), String> {
    let (document, length) = Json::read_first(schema).map_err(|error| error.to_string())?;
    if !schema[length..].iter().all(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n')) {
        return Err("invalid character after top-level value".to_owned());
    }
    let values = Json::from(values);
    let schemas = Compiler::compile(ADDRESS, document, &values)?;
    match Validator::new(&schemas).run(&values)? {
        None => Ok(()),
        Some(fault) => {
            let text = fault.text();
            let header = format!("jsonschema validation failed with '{ADDRESS}#'\n");
            Err(format!("{}\n", text.strip_prefix(&header).unwrap_or(&text)))
        }
    }
}
