//! What changes between two renders, by resource and field.

mod fields;

use std::collections::BTreeMap;
use std::fmt;

use wharf_engine::{Manifest, Rendered};
use wharf_yaml::{Value, from_yaml};

pub use fields::FieldChange;

use crate::walk::{at, text};

/// What tells resources apart: group, kind, namespace, name. The version is not part of it, so that a resource which moves
/// to another version of its group is changed and not replaced.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Resource {
    /// The kind.
    pub kind: String,
    /// The namespace, if the manifest names one.
    pub namespace: Option<String>,
    /// The name.
    pub name: String,
    /// The group of the API version, empty for the core group.
    pub group: String,
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.kind)?;
        if let Some(namespace) = &self.namespace {
            write!(f, "{namespace}/")?;
        }
        f.write_str(&self.name)
    }
}

/// What happens to one resource.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// Only the new render has it.
    Added,
    /// Only the old render has it.
    Removed,
    /// Both have it, with other fields.
    Changed(Vec<FieldChange>),
}

/// Returns what changes from `old` to `new`: each resource that is not the same, in the order of kind, namespace, name.
///
/// Lists whose items have names are compared by name, so that an item put in front changes nothing else. The contents of
/// Secrets are replaced by a word unless `show_secrets`.
#[must_use]
pub fn changes(old: &Rendered, new: &Rendered, show_secrets: bool) -> Vec<(Resource, Change)> {
    let (mut old, new) = (resources(old), resources(new));
    let mut found = BTreeMap::new();
    for (resource, value) in new {
        match old.remove(&resource) {
            None => {
                found.insert(resource, Change::Added);
            }
            Some(before) => {
                let fields = fields::compare(&before, &value, resource.kind == "Secret" && !show_secrets);
                if !fields.is_empty() {
                    found.insert(resource, Change::Changed(fields));
                }
            }
        }
    }
    found.extend(old.into_keys().map(|resource| (resource, Change::Removed)));
    found.into_iter().collect()
}

fn resources(rendered: &Rendered) -> BTreeMap<Resource, Value> {
    let hooks = rendered.hooks.iter().map(|hook| &hook.manifest);
    let all: Vec<&Manifest> = rendered.manifests.iter().chain(hooks).collect();
    let mut resources = BTreeMap::new();
    for manifest in all {
        let Ok(value) = from_yaml(manifest.content.as_bytes()) else { continue };
        if value.is_null() {
            continue;
        }
        let mut resource = identity(&value);
        // Two of the same name are a mistake of the chart; the second is still shown.
        let name = resource.name.clone();
        for number in 2.. {
            if !resources.contains_key(&resource) {
                break;
            }
            resource.name = format!("{name} (number {number})");
        }
        resources.insert(resource, value);
    }
    resources
}

fn identity(value: &Value) -> Resource {
    let metadata = |key| at(value, &["metadata", key]).and_then(Value::as_str).map(str::to_owned);
    let api_version = text(value, "apiVersion").unwrap_or_default();
    Resource {
        kind: text(value, "kind").unwrap_or("?").to_owned(),
        namespace: metadata("namespace"),
        name: metadata("name").or_else(|| metadata("generateName")).unwrap_or_else(|| "?".to_owned()),
        group: api_version.rsplit_once('/').map(|(group, _)| group.to_owned()).unwrap_or_default(),
    }
}
