use std::collections::BTreeMap;

use wharf_yaml::{Reader, Value, locate};

/// What Helm reads of a document to sort it.
#[derive(Debug, Default)]
pub(super) struct Head {
    pub(super) api_version: String,
    pub(super) kind: String,
    pub(super) name: String,
    pub(super) annotations: BTreeMap<String, String>,
}

/// Why a document has no head.
#[derive(Debug)]
pub(super) struct Unread {
    /// In Helm's words.
    pub(super) text: String,
    /// The same in short.
    pub(super) problem: String,
    /// Line and column in the document, from one.
    pub(super) place: (usize, usize),
}

impl Head {
    /// Reads the head of a document.
    ///
    /// # Errors
    /// Fails in the words of Helm's YAML library when the document is not YAML, or a field has the wrong type.
    pub(super) fn read(document: &str) -> Result<Self, Unread> {
        let value = Reader::new()
            .only(&["apiVersion", "kind", "metadata"])
            .read(document.as_bytes())
            .map_err(|error| Unread {
                text: format!("error converting YAML to JSON: {error}"),
                problem: error.problem().to_owned(),
                place: (error.line().unwrap_or(1), error.column().unwrap_or(1)),
            })?;
        let wrong = |found: &Value, field: &str, wanted: &str| {
            let path: Vec<&str> = field.trim_start_matches("struct field ").split('.').skip(1).collect();
            let place = locate(document.as_bytes(), &path).map_or((1, 1), |place| (place.line, place.column));
            let kind = match found {
                Value::Bool(_) => "bool",
                Value::String(_) => "string",
                Value::List(_) => "array",
                Value::Map(_) => "object",
                _ => "number",
            };
            Unread {
                text: format!(
                    "error unmarshaling JSON: while decoding JSON: json: cannot unmarshal {kind} into Go {field} of type {wanted}"
                ),
                problem: format!("{} must not be of type {kind}", path.join(".")),
                place,
            }
        };
        let text = |found: &Value, field: &str| match found {
            Value::Null => Ok(String::new()),
            Value::String(text) => Ok(text.to_string()),
            Value::Bool(flag) => Ok(flag.to_string()),
            Value::Int(number) => Ok(number.to_string()),
            Value::Uint(number) => Ok(number.to_string()),
            Value::Float(number) => Ok(wharf_yaml::format_float_g(*number)),
            other => Err(wrong(other, &format!("struct field {field}"), "string")),
        };
        let mut head = Self::default();
        let map = match &value {
            Value::Map(map) => map,
            Value::Null => return Ok(head),
            other => return Err(wrong(other, "value", "util.SimpleHead")),
        };
        if let Some(found) = map.get("apiVersion") {
            head.api_version = text(found, "SimpleHead.apiVersion")?;
        }
        if let Some(found) = map.get("kind") {
            head.kind = text(found, "SimpleHead.kind")?;
        }
        let metadata = match map.get("metadata") {
            None | Some(Value::Null) => return Ok(head),
            Some(Value::Map(metadata)) => metadata,
            Some(other) => {
                let wanted = "struct { Name string \"json:\\\"name\\\"\"; Annotations map[string]string \"json:\\\"annotations\\\"\" }";
                return Err(wrong(other, "struct field SimpleHead.metadata", wanted));
            }
        };
        if let Some(found) = metadata.get("name") {
            head.name = text(found, ".metadata.name")?;
        }
        match metadata.get("annotations") {
            None | Some(Value::Null) => {}
            Some(Value::Map(annotations)) => {
                for (key, found) in annotations.iter() {
                    head.annotations.insert(key.to_string(), text(found, ".metadata.annotations")?);
                }
            }
            Some(other) => {
                return Err(wrong(other, "struct field .metadata.annotations", "map[string]string"));
            }
        }
        Ok(head)
    }
}
