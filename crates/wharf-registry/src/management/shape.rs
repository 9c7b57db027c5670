//! The JSON of requests and answers: each type is its own schema, so the document cannot drift from the code.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use crate::auth::Secret;

/// The named schemas of a document.
pub(super) type Schemas = BTreeMap<&'static str, Value>;

/// A type that can describe its JSON form as JSON Schema (2020-12, as OpenAPI 3.1 has it).
pub(super) trait Shape {
    /// Whether a field of this type must be present.
    const REQUIRED: bool = true;

    /// Returns the schema, adding what it refers to by name to `schemas`.
    fn describe(schemas: &mut Schemas) -> Value;

    /// Returns whether a field with this value is left out of an answer.
    fn is_absent(&self) -> bool {
        false
    }
}

/// Declares the types of request and answer bodies, with the schema of each.
///
/// `request` types are read: a field that a request must not set does not exist here, and unknown fields are ignored,
/// so nothing that a client sends can reach further than what is written down. `answer` types are written.
macro_rules! shapes {
    ($( $(#[doc = $about:literal])+ $direction:ident $name:ident {
        $( $(#[doc = $doc:literal])* $field:ident: $type:ty ),* $(,)?
    } )*) => {$(
        shapes!(@struct $direction [$(#[doc = $about])+] $name { $( $(#[doc = $doc])* $field: $type ),* });

        impl $crate::management::shape::Shape for $name {
            fn describe(schemas: &mut $crate::management::shape::Schemas) -> serde_json::Value {
                if !schemas.contains_key(stringify!($name)) {
                    schemas.insert(stringify!($name), serde_json::Value::Null);
                    let mut object = $crate::management::shape::Object::new(concat!($($about),+));
                    $( object.field::<$type>(stringify!($field), concat!("", $($doc),*), schemas); )*
                    schemas.insert(stringify!($name), object.schema());
                }
                $crate::management::shape::reference(stringify!($name))
            }
        }
    )*};
    (@struct request [$($about:tt)+] $name:ident { $($fields:tt)* }) => {
        $($about)+
        #[derive(Debug, serde::Deserialize)]
        pub(super) struct $name { $($fields)* }
    };
    (@struct answer [$($about:tt)+] $name:ident { $( $(#[doc = $doc:literal])* $field:ident: $type:ty ),* }) => {
        $($about)+
        #[derive(serde::Serialize)]
        pub(super) struct $name { $(
            $(#[doc = $doc])*
            #[serde(skip_serializing_if = "crate::management::shape::Shape::is_absent")]
            $field: $type
        ),* }
    };
    (@struct both [$($about:tt)+] $name:ident { $( $(#[doc = $doc:literal])* $field:ident: $type:ty ),* }) => {
        $($about)+
        #[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
        pub(super) struct $name { $(
            $(#[doc = $doc])*
            #[serde(skip_serializing_if = "crate::management::shape::Shape::is_absent")]
            pub(super) $field: $type
        ),* }
    };
}
pub(super) use shapes;

/// Returns a reference to a named schema.
pub(super) fn reference(name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

/// The schema of an object under construction.
pub(super) struct Object {
    about: &'static str,
    properties: serde_json::Map<String, Value>,
    required: Vec<String>,
}

impl Object {
    pub(super) fn new(about: &'static str) -> Self {
        Self { about: about.trim(), properties: serde_json::Map::new(), required: Vec::new() }
    }

    pub(super) fn field<T: Shape>(&mut self, name: &str, about: &str, schemas: &mut Schemas) {
        let name = name.trim_start_matches("r#").to_owned();
        let mut schema = T::describe(schemas);
        if !about.is_empty()
            && let Value::Object(schema) = &mut schema
        {
            schema.insert("description".to_owned(), about.trim().into());
        }
        if T::REQUIRED {
            self.required.push(name.clone());
        }
        self.properties.insert(name, schema);
    }

    pub(super) fn schema(self) -> Value {
        let mut schema =
            json!({ "type": "object", "description": self.about, "properties": self.properties });
        if !self.required.is_empty() {
            schema["required"] = self.required.into();
        }
        schema
    }
}

macro_rules! plain {
    ($( $type:ty => $schema:tt ),* $(,)?) => {$(
        impl Shape for $type {
            fn describe(_: &mut Schemas) -> Value {
                json!($schema)
            }
        }
    )*};
}

plain! {
    String => { "type": "string" },
    &'static str => { "type": "string" },
    bool => { "type": "boolean" },
    i64 => { "type": "integer", "format": "int64" },
    u64 => { "type": "integer", "format": "int64", "minimum": 0 },
    u32 => { "type": "integer", "format": "int64", "minimum": 0 },
    u8 => { "type": "integer", "minimum": 0 },
    Time => { "type": "string", "format": "date-time" },
    Secret => { "type": "string", "format": "password", "writeOnly": true },
    wharf_access::Resource => { "type": "string", "examples": ["repository"] },
    wharf_access::Action => { "type": "string", "examples": ["pull"] },
}

impl<T: Shape> Shape for Option<T> {
    const REQUIRED: bool = false;

    fn describe(schemas: &mut Schemas) -> Value {
        T::describe(schemas)
    }

    fn is_absent(&self) -> bool {
        self.is_none()
    }
}

impl<T: Shape> Shape for Vec<T> {
    fn describe(schemas: &mut Schemas) -> Value {
        json!({ "type": "array", "items": T::describe(schemas) })
    }
}

impl<T: Shape> Shape for BTreeMap<String, T> {
    fn describe(schemas: &mut Schemas) -> Value {
        json!({ "type": "object", "additionalProperties": T::describe(schemas) })
    }
}

/// A moment in Unix milliseconds, written in RFC 3339.
#[derive(Clone, Copy, Debug)]
pub(super) struct Time(i64);

impl Time {
    pub(super) const fn seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1000))
    }

    pub(super) const fn millis(millis: i64) -> Self {
        Self(millis)
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // Every stored time is within the calendar; should one not be, the first moment stands for it.
        let time = jiff::Timestamp::from_millisecond(self.0).unwrap_or_default();
        if self.0 % 1000 == 0 {
            serializer.collect_str(&time)
        } else {
            serializer.collect_str(&format_args!("{time:.3}"))
        }
    }
}
