//! Policies of other tools, put into the words of this one.
//!
//! What cannot be said is told, never dropped in silence: each item says what became of it. One that would make the result
//! demand less than the original is [`Fate::Unsaid`]; who writes the result in spite of that decides so.

mod cluster;
mod containers;

use serde::Serialize;
use serde_json::Value;

use crate::error::{Error, ErrorKind, Result};

pub use cluster::import_cluster_image_policies;
pub use containers::import_containers_policy;

/// What became of an import.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Imported {
    /// The policy, as [`super::Policy::from_json`] reads it.
    pub policy: Value,
    /// What became of each part of the original.
    pub items: Vec<Item>,
}

/// A part of the original.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Item {
    /// Where it stands there.
    pub path: String,
    /// What became of it.
    pub fate: Fate,
    /// The same in words.
    pub text: String,
}

/// What became of a part of the original.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Fate {
    /// It says the same here.
    Taken,
    /// It is about something else than artifacts in registries.
    Apart,
    /// The result demands more than the original.
    Stricter,
    /// It cannot be said, and without it the result demands less.
    Unsaid,
}

impl Imported {
    /// Whether the result demands less than the original anywhere.
    #[must_use]
    pub fn is_weaker(&self) -> bool {
        self.items.iter().any(|item| item.fate == Fate::Unsaid)
    }
}

/// The items so far.
#[derive(Debug, Default)]
struct Log(Vec<Item>);

impl Log {
    fn note(&mut self, fate: Fate, path: impl Into<String>, text: impl Into<String>) {
        self.0.push(Item { path: path.into(), fate, text: text.into() });
    }

    /// Notes every member that is not among those that are known.
    fn unknown(&mut self, value: &Value, path: &str, known: &[&str]) {
        for name in value.as_object().into_iter().flatten().map(|(name, _)| name) {
            if !known.contains(&name.as_str()) {
                self.note(Fate::Unsaid, format!("{path}.{name}"), "is not known here");
            }
        }
    }
}

fn text<'v>(value: &'v Value, name: &str) -> Option<&'v str> {
    value.get(name).and_then(Value::as_str).filter(|text| !text.is_empty())
}

fn list<'v>(value: &'v Value, name: &str) -> &'v [Value] {
    value.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn malformed(text: impl Into<String>) -> Error {
    Error::new(ErrorKind::Malformed, text.into())
}
