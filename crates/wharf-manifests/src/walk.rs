//! Walking through values, with the path to each.

use std::fmt::Write as _;

use wharf_yaml::Value;

/// The way to a value: keys and positions, written as `spec.containers[0].image`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Path(String);

impl Path {
    pub(crate) fn key(&self, key: &str) -> Self {
        let mut path = self.0.clone();
        if key.contains(['.', '[', ' ']) || key.is_empty() {
            let _ = write!(path, "[{key:?}]");
        } else if path.is_empty() {
            path.push_str(key);
        } else {
            let _ = write!(path, ".{key}");
        }
        Self(path)
    }

    pub(crate) fn item(&self, label: impl std::fmt::Display) -> Self {
        Self(format!("{}[{label}]", self.0))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// Calls `visit` for every map and every scalar, with the path to it; parents first.
pub(crate) fn walk<'v>(value: &'v Value, path: &Path, visit: &mut dyn FnMut(&Path, &'v Value)) {
    visit(path, value);
    match value {
        Value::Map(map) => map.iter().for_each(|(key, value)| walk(value, &path.key(key), visit)),
        Value::List(items) => {
            items.iter().enumerate().for_each(|(at, value)| walk(value, &path.item(at), visit));
        }
        _ => {}
    }
}

/// Returns the value at the end of a path of keys.
pub(crate) fn at<'v>(value: &'v Value, keys: &[&str]) -> Option<&'v Value> {
    keys.iter().try_fold(value, |value, key| value.at(key))
}

/// Returns the non-empty text under a key.
pub(crate) fn text<'v>(value: &'v Value, key: &str) -> Option<&'v str> {
    value.at(key)?.as_str().filter(|text| !text.is_empty())
}
