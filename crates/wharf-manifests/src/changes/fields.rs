//! Two values in, the fields that differ out.

use std::collections::BTreeSet;

use wharf_yaml::Value;

use crate::walk::{Path, text};

/// One field that is not the same.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldChange {
    /// Its path, such as `spec.template.spec.containers[app].image`.
    pub path: String,
    /// What was there; `None` where it is new.
    pub old: Option<Value>,
    /// What is there; `None` where it is gone.
    pub new: Option<Value>,
    /// Whether both are left out because they are secret.
    pub is_hidden: bool,
}

/// The keys of a Secret that hold what is secret.
const SECRET_KEYS: &[&str] = &["data", "stringData"];

pub(super) fn compare(old: &Value, new: &Value, hide_secrets: bool) -> Vec<FieldChange> {
    let mut comparison = Comparison { found: Vec::new(), hide: false };
    match (old, new) {
        (Value::Map(_), Value::Map(_)) if hide_secrets => {
            for key in keys(old, new) {
                comparison.hide = SECRET_KEYS.contains(&key);
                comparison.fields(&Path::default().key(key), old.at(key), new.at(key));
            }
        }
        _ => comparison.fields(&Path::default(), Some(old), Some(new)),
    }
    comparison.found
}

struct Comparison {
    found: Vec<FieldChange>,
    hide: bool,
}

impl Comparison {
    fn fields(&mut self, path: &Path, old: Option<&Value>, new: Option<&Value>) {
        if old == new {
            return;
        }
        match (old, new) {
            (Some(old @ Value::Map(_)), Some(new @ Value::Map(_))) => {
                for key in keys(old, new) {
                    self.fields(&path.key(key), old.at(key), new.at(key));
                }
            }
            (Some(Value::List(old)), Some(Value::List(new))) => match (names(old), names(new)) {
                (Some(old_names), Some(new_names)) => {
                    let all =
                        old_names.iter().chain(&new_names).copied().fold(Vec::new(), |mut all, name| {
                            if !all.contains(&name) {
                                all.push(name);
                            }
                            all
                        });
                    for name in all {
                        let of = |names: &[&str], items: &'_ [Value]| {
                            names.iter().position(|known| *known == name).map(|at| items[at].clone())
                        };
                        let (old, new) = (of(&old_names, old), of(&new_names, new));
                        self.fields(&path.item(name), old.as_ref(), new.as_ref());
                    }
                }
                _ => {
                    for at in 0..old.len().max(new.len()) {
                        self.fields(&path.item(at), old.get(at), new.get(at));
                    }
                }
            },
            (old, new) => {
                let shown = |value: Option<&Value>| {
                    value
                        .map(|value| if self.hide { Value::String("(secret)".into()) } else { value.clone() })
                };
                self.found.push(FieldChange {
                    path: path.as_str().to_owned(),
                    old: shown(old),
                    new: shown(new),
                    is_hidden: self.hide,
                });
            }
        }
    }
}

fn keys<'v>(old: &'v Value, new: &'v Value) -> BTreeSet<&'v str> {
    let of = |value: &'v Value| value.as_map().into_iter().flatten().map(|(key, _)| key.as_ref());
    of(old).chain(of(new)).collect()
}

/// Returns the names of the items of a list, if each has one and no two have the same.
fn names(items: &[Value]) -> Option<Vec<&str>> {
    let names: Vec<&str> = items.iter().map(|item| text(item, "name")).collect::<Option<_>>()?;
    let different: BTreeSet<&str> = names.iter().copied().collect();
    (!names.is_empty() && different.len() == names.len()).then_some(names)
}
