//! Struct fields out of values and into JSON, by the rules of Go's `encoding/json` behind `sigs.k8s.io/yaml`.

use std::collections::BTreeMap;

use wharf_yaml::{Value, format_float_g32, from_json, to_json, to_yaml, write_json_string};

use crate::Error;
use crate::quote::Quoted;

/// Fills fields from values; the first misfit is reported at the end, as Go does it.
pub(crate) struct Decoder {
    strict: bool,
    /// The name of the struct being filled, and the fields that lead to it from the outermost one.
    structs: Vec<String>,
    path: Vec<String>,
    error: Option<String>,
    unknown: Option<String>,
}

impl Decoder {
    pub(crate) fn new(outermost: &str, strict: bool) -> Self {
        Self { strict, structs: vec![outermost.to_owned()], path: Vec::new(), error: None, unknown: None }
    }

    pub(crate) fn finish(self) -> Result<(), Error> {
        match self.unknown.or(self.error) {
            Some(text) => {
                Err(Error::malformed(format!("error unmarshaling JSON: while decoding JSON: json: {text}")))
            }
            None => Ok(()),
        }
    }

    /// Passes every entry of an object to `fill` under its field's name; `names` are all fields.
    ///
    /// Names match without regard to case where no exact match exists.
    pub(crate) fn object(
        &mut self,
        value: &Value,
        go_type: &str,
        mut fill: impl FnMut(&mut Self, &str, &Value) -> bool,
        names: &[&str],
    ) {
        let map = match value {
            Value::Null => return,
            Value::Map(map) => map,
            other => return self.misfit(other, go_type),
        };
        self.structs.push(go_type.rsplit('.').next().unwrap_or(go_type).to_owned());
        for (key, value) in map.iter() {
            let name = names
                .iter()
                .find(|name| **name == &**key)
                .or_else(|| names.iter().find(|name| name.eq_ignore_ascii_case(key)));
            let Some(name) = name else {
                if self.strict && self.unknown.is_none() {
                    self.unknown = Some(format!("unknown field {}", Quoted(key)));
                }
                continue;
            };
            self.path.push((*name).to_owned());
            fill(self, name, value);
            self.path.pop();
        }
        self.structs.pop();
    }

    pub(crate) fn text(&mut self, value: &Value, field: &mut String) {
        match value {
            Value::Null => {}
            Value::String(text) => field.replace_range(.., text),
            Value::Bool(value) => *field = value.to_string(),
            Value::Int(value) => *field = value.to_string(),
            Value::Uint(value) => *field = value.to_string(),
            Value::Float(value) => *field = format_float_g32(*value),
            Value::List(_) | Value::Map(_) => self.misfit(value, "string"),
        }
    }

    pub(crate) fn flag(&mut self, value: &Value, field: &mut bool) {
        match value {
            Value::Null => {}
            Value::Bool(value) => *field = *value,
            other => self.misfit(other, "bool"),
        }
    }

    pub(crate) fn texts(&mut self, value: &Value, field: &mut Vec<String>) {
        match value {
            Value::Null => field.clear(),
            Value::List(items) => {
                field.clear();
                for item in items.iter() {
                    let mut text = String::new();
                    self.text(item, &mut text);
                    field.push(text);
                }
            }
            other => self.misfit(other, "[]string"),
        }
    }

    pub(crate) fn text_map(&mut self, value: &Value, field: &mut BTreeMap<String, String>) {
        match value {
            Value::Null => field.clear(),
            Value::Map(map) => {
                for (key, value) in map.iter() {
                    let mut text = String::new();
                    self.text(value, &mut text);
                    field.insert(key.to_string(), text);
                }
            }
            other => self.misfit(other, "map[string]string"),
        }
    }

    /// Values of any shape; numbers become floats.
    pub(crate) fn values(&mut self, value: &Value, field: &mut Vec<Value>) {
        match value {
            Value::Null => field.clear(),
            Value::List(items) => *field = items.iter().map(with_floats).collect(),
            other => self.misfit(other, "[]interface {}"),
        }
    }

    pub(crate) fn objects<T: Default>(
        &mut self,
        value: &Value,
        field: &mut Vec<Option<T>>,
        go_type: &str,
        decode: impl Fn(&mut T, &Value, &mut Self),
    ) {
        match value {
            Value::Null => field.clear(),
            Value::List(items) => {
                field.clear();
                for item in items.iter() {
                    field.push((!item.is_null()).then(|| {
                        let mut object = T::default();
                        decode(&mut object, item, self);
                        object
                    }));
                }
            }
            other => self.misfit(other, go_type),
        }
    }

    pub(crate) fn misfit(&mut self, value: &Value, go_type: &str) {
        let found = match value {
            Value::Null => "null",
            Value::Bool(_) => "bool",
            Value::Int(_) | Value::Uint(_) | Value::Float(_) => "number",
            Value::String(_) => "string",
            Value::List(_) => "array",
            Value::Map(_) => "object",
        };
        let place = match (self.path.is_empty(), self.structs.last()) {
            (false, Some(name)) => format!("Go struct field {name}.{}", self.path.join(".")),
            _ => "Go value".to_owned(),
        };
        self.error.get_or_insert_with(|| format!("cannot unmarshal {found} into {place} of type {go_type}"));
    }
}

#[expect(clippy::cast_precision_loss, reason = "the loss above 2^53 is Go's")]
fn with_floats(value: &Value) -> Value {
    match value {
        Value::Int(value) => Value::Float(*value as f64),
        Value::Uint(value) => Value::Float(*value as f64),
        Value::List(items) => items.iter().map(with_floats).collect(),
        Value::Map(map) => map
            .iter()
            .map(|(key, value)| (key.clone(), with_floats(value)))
            .collect::<wharf_yaml::Map>()
            .into(),
        other => other.clone(),
    }
}

/// One JSON object under construction, fields in the order of the calls, empty fields left out.
pub(crate) struct JsonObject(String);

impl JsonObject {
    pub(crate) fn new() -> Self {
        Self("{".to_owned())
    }

    pub(crate) fn finish(mut self) -> String {
        self.0.push('}');
        self.0
    }

    fn key(&mut self, name: &str) {
        if self.0.len() > 1 {
            self.0.push(',');
        }
        write_json_string(&mut self.0, name);
        self.0.push(':');
    }

    /// A text that is written even when empty.
    pub(crate) fn always(&mut self, name: &str, text: &str) {
        self.key(name);
        write_json_string(&mut self.0, text);
    }

    pub(crate) fn text(&mut self, name: &str, text: &str) {
        if !text.is_empty() {
            self.always(name, text);
        }
    }

    pub(crate) fn flag(&mut self, name: &str, value: bool) {
        if value {
            self.key(name);
            self.0.push_str("true");
        }
    }

    pub(crate) fn texts(&mut self, name: &str, texts: &[String]) {
        let items = texts.iter().map(|text| {
            let mut json = String::new();
            write_json_string(&mut json, text);
            json
        });
        self.list(name, items);
    }

    pub(crate) fn text_map(&mut self, name: &str, map: &BTreeMap<String, String>) {
        if !map.is_empty() {
            let mut inner = Self::new();
            map.iter().for_each(|(key, text)| inner.always(key, text));
            self.raw(name, &inner.finish());
        }
    }

    pub(crate) fn objects<T>(&mut self, name: &str, objects: &[Option<T>], write: impl Fn(&T) -> String) {
        self.list(
            name,
            objects.iter().map(|object| object.as_ref().map_or_else(|| "null".to_owned(), &write)),
        );
    }

    pub(crate) fn values(&mut self, name: &str, values: &[Value]) {
        // Values come from YAML or JSON, which have no infinities.
        self.list(name, values.iter().map(|value| to_json(value).unwrap_or_else(|_| "null".to_owned())));
    }

    pub(crate) fn raw(&mut self, name: &str, json: &str) {
        self.key(name);
        self.0.push_str(json);
    }

    fn list(&mut self, name: &str, items: impl ExactSizeIterator<Item = String>) {
        if items.len() > 0 {
            let items: Vec<String> = items.collect();
            self.raw(name, &format!("[{}]", items.join(",")));
        }
    }
}

/// Turns JSON into YAML as `sigs.k8s.io/yaml` does.
pub(crate) fn json_to_yaml(json: &str) -> Result<String, Error> {
    let value = from_json(json.as_bytes()).map_err(|error| Error::malformed(error.to_string()))?;
    to_yaml(&value).map_err(|error| Error::malformed(error.to_string()))
}
