//! The drafts of JSON Schema: which words they have, and the schemas that describe them.

use std::collections::BTreeMap;

use wharf_yaml::{Json, JsonMap};

use super::place;

/// A published version of JSON Schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Draft {
    D4,
    D6,
    D7,
    D2019,
    D2020,
}

/// A draft and the vocabularies of it that a custom metaschema leaves in; `None` stands for the usual ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Dialect {
    pub(super) draft: Draft,
    pub(super) vocabularies: Option<Vec<String>>,
}

/// A step on the way from a schema to the schemas inside it.
#[derive(Clone, Copy)]
enum Step {
    Key(&'static str),
    EveryKey,
    EveryItem,
}

use Step::{EveryItem, EveryKey, Key};

/// Where schemas stand inside a schema, and since which draft.
const INNER: &[(Draft, &[Step])] = &[
    (Draft::D4, &[Key("definitions"), EveryKey]),
    (Draft::D4, &[Key("not")]),
    (Draft::D4, &[Key("allOf"), EveryItem]),
    (Draft::D4, &[Key("anyOf"), EveryItem]),
    (Draft::D4, &[Key("oneOf"), EveryItem]),
    (Draft::D4, &[Key("properties"), EveryKey]),
    (Draft::D4, &[Key("additionalProperties")]),
    (Draft::D4, &[Key("patternProperties"), EveryKey]),
    (Draft::D4, &[Key("items")]),
    (Draft::D4, &[Key("items"), EveryItem]),
    (Draft::D4, &[Key("additionalItems")]),
    (Draft::D4, &[Key("dependencies"), EveryKey]),
    (Draft::D6, &[Key("propertyNames")]),
    (Draft::D6, &[Key("contains")]),
    (Draft::D7, &[Key("if")]),
    (Draft::D7, &[Key("then")]),
    (Draft::D7, &[Key("else")]),
    (Draft::D2019, &[Key("$defs"), EveryKey]),
    (Draft::D2019, &[Key("dependentSchemas"), EveryKey]),
    (Draft::D2019, &[Key("unevaluatedProperties")]),
    (Draft::D2019, &[Key("unevaluatedItems")]),
    (Draft::D2019, &[Key("contentSchema")]),
    (Draft::D2020, &[Key("prefixItems"), EveryItem]),
];

/// The published metaschemas without their prose, by what follows `json-schema.org/`.
const METASCHEMAS: &[(&str, &str)] = &[
    ("draft-04/schema", include_str!("meta/draft-04-schema.json")),
    ("draft-06/schema", include_str!("meta/draft-06-schema.json")),
    ("draft-07/schema", include_str!("meta/draft-07-schema.json")),
    ("draft/2019-09/schema", include_str!("meta/2019-09-schema.json")),
    ("draft/2019-09/meta/applicator", include_str!("meta/2019-09-meta-applicator.json")),
    ("draft/2019-09/meta/content", include_str!("meta/2019-09-meta-content.json")),
    ("draft/2019-09/meta/core", include_str!("meta/2019-09-meta-core.json")),
    ("draft/2019-09/meta/format", include_str!("meta/2019-09-meta-format.json")),
    ("draft/2019-09/meta/meta-data", include_str!("meta/2019-09-meta-meta-data.json")),
    ("draft/2019-09/meta/validation", include_str!("meta/2019-09-meta-validation.json")),
    ("draft/2020-12/schema", include_str!("meta/2020-12-schema.json")),
    ("draft/2020-12/meta/applicator", include_str!("meta/2020-12-meta-applicator.json")),
    ("draft/2020-12/meta/content", include_str!("meta/2020-12-meta-content.json")),
    ("draft/2020-12/meta/core", include_str!("meta/2020-12-meta-core.json")),
    ("draft/2020-12/meta/format-annotation", include_str!("meta/2020-12-meta-format-annotation.json")),
    ("draft/2020-12/meta/format-assertion", include_str!("meta/2020-12-meta-format-assertion.json")),
    ("draft/2020-12/meta/meta-data", include_str!("meta/2020-12-meta-meta-data.json")),
    ("draft/2020-12/meta/unevaluated", include_str!("meta/2020-12-meta-unevaluated.json")),
    ("draft/2020-12/meta/validation", include_str!("meta/2020-12-meta-validation.json")),
];

/// What follows the host in an address at json-schema.org.
pub(super) fn published(address: &str) -> Option<&str> {
    address
        .strip_prefix("http://json-schema.org/")
        .or_else(|| address.strip_prefix("https://json-schema.org/"))
}

/// Returns the published metaschema of that address.
pub(super) fn metaschema(address: &str) -> Option<Json> {
    let name = match published(address)? {
        "schema" => "draft/2020-12/schema",
        name => name,
    };
    let (_, text) = METASCHEMAS.iter().find(|(known, _)| *known == name)?;
    Some(Json::read(text.as_bytes()).expect("the metaschemas are JSON"))
}

impl Draft {
    /// The draft of a schema that names none.
    pub(super) const LATEST: Self = Self::D2020;

    /// Returns the draft that `$schema` names, if it is a published one.
    pub(super) fn named(address: &str) -> Option<Self> {
        let (address, fragment) = place::split(address);
        if !fragment.is_empty() {
            return None;
        }
        let name =
            address.strip_prefix("http://").or_else(|| address.strip_prefix("https://")).unwrap_or(address);
        match name {
            "json-schema.org/schema" => Some(Self::LATEST),
            "json-schema.org/draft/2020-12/schema" => Some(Self::D2020),
            "json-schema.org/draft/2019-09/schema" => Some(Self::D2019),
            "json-schema.org/draft-07/schema" => Some(Self::D7),
            "json-schema.org/draft-06/schema" => Some(Self::D6),
            "json-schema.org/draft-04/schema" => Some(Self::D4),
            _ => None,
        }
    }

    /// Returns the address of the draft's metaschema.
    pub(super) fn address(self) -> &'static str {
        match self {
            Self::D4 => "http://json-schema.org/draft-04/schema",
            Self::D6 => "http://json-schema.org/draft-06/schema",
            Self::D7 => "http://json-schema.org/draft-07/schema",
            Self::D2019 => "https://json-schema.org/draft/2019-09/schema",
            Self::D2020 => "https://json-schema.org/draft/2020-12/schema",
        }
    }

    /// The word under which a schema states its address.
    pub(super) fn id_word(self) -> &'static str {
        if self == Self::D4 { "id" } else { "$id" }
    }

    /// Returns the address that a schema states, without fragment.
    pub(super) fn id(self, schema: &JsonMap) -> Option<&str> {
        // Beside a reference nothing counts before 2019-09.
        if self < Self::D2019 && schema.contains_key("$ref") {
            return None;
        }
        match schema.get(self.id_word()) {
            Some(Json::String(id)) => Some(place::split(id).0).filter(|id| !id.is_empty()),
            _ => None,
        }
    }

    /// Returns the schemas directly inside a schema, with their pointers.
    pub(super) fn inner<'s>(self, schema: &'s Json, pointer: &str) -> BTreeMap<String, &'s Json> {
        let mut found = BTreeMap::new();
        for (_, steps) in INNER.iter().filter(|(since, _)| *since <= self) {
            follow(schema, pointer.to_owned(), steps, &mut found);
        }
        found
    }
}

fn follow<'s>(value: &'s Json, pointer: String, steps: &[Step], found: &mut BTreeMap<String, &'s Json>) {
    let Some((step, more)) = steps.split_first() else {
        found.insert(pointer, value);
        return;
    };
    match (step, value) {
        (Key(key), Json::Map(map)) => {
            if let Some(inner) = map.get(key) {
                follow(inner, format!("{pointer}/{key}"), more, found);
            }
        }
        (EveryKey, Json::Map(map)) => {
            for (key, inner) in map.iter() {
                follow(inner, format!("{pointer}/{}", place::escape(key)), more, found);
            }
        }
        (EveryItem, Json::List(items)) => {
            for (index, inner) in items.iter().enumerate() {
                follow(inner, format!("{pointer}/{index}"), more, found);
            }
        }
        _ => {}
    }
}

impl Dialect {
    /// Whether the words of a vocabulary count.
    pub(super) fn has(&self, vocabulary: &str) -> bool {
        if vocabulary == "core" || self.draft < Draft::D2019 {
            return true;
        }
        match &self.vocabularies {
            Some(names) => names.iter().any(|name| name == vocabulary),
            None if vocabulary == "unevaluated" => self.draft == Draft::D2020,
            None => matches!(vocabulary, "applicator" | "validation"),
        }
    }

    /// Whether `format` is held against values.
    pub(super) fn asserts_format(&self) -> bool {
        match self.draft {
            Draft::D2019 => self.has("format"),
            Draft::D2020 => self.has("format-assertion"),
            _ => true,
        }
    }
}
