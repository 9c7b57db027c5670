//! Maps that are shared and changed in place, as Go's are.
//!
//! Helm's merging passes maps around by reference, and a map below `global` may end up in several charts at once. What
//! one chart adds there, another sees. To give the same values, the merging works on shared tables.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;
use std::sync::Arc;

use wharf_yaml::Value;

/// A value in which maps are shared.
#[derive(Debug, Clone)]
pub(super) enum Item {
    Table(Table),
    /// Anything but a map; lists are never looked into.
    Other(Value),
}

#[derive(Debug, Clone, Default)]
pub(super) struct Table(Rc<RefCell<BTreeMap<Arc<str>, Item>>>);

impl Item {
    pub(super) fn of(value: &Value) -> Self {
        match value {
            Value::Map(_) => Self::Table(Table::of(value)),
            // A list of its own, so that only what Helm shares has one address in the result.
            Value::List(items) => Self::Other(Value::List(Arc::new(items.to_vec()))),
            other => Self::Other(other.clone()),
        }
    }

    pub(super) fn is_null(&self) -> bool {
        matches!(self, Self::Other(Value::Null))
    }
}

impl Table {
    /// Copies a map deeply; anything else gives an empty table.
    pub(super) fn of(value: &Value) -> Self {
        let table = Self::default();
        if let Some(map) = value.as_map() {
            table.0.borrow_mut().extend(map.iter().map(|(key, value)| (key.clone(), Item::of(value))));
        }
        table
    }

    /// Returns the values; a table that stands in several places gives one map, shared by those places.
    pub(super) fn to_value(&self) -> Value {
        self.convert(&mut HashMap::new())
    }

    fn convert(&self, shared: &mut HashMap<*const RefCell<BTreeMap<Arc<str>, Item>>, Value>) -> Value {
        let place = Rc::as_ptr(&self.0);
        let is_shared = Rc::strong_count(&self.0) > 1;
        if is_shared && let Some(known) = shared.get(&place) {
            return known.clone();
        }
        let entries = self.0.borrow();
        let entries = entries.iter().map(|(key, item)| match item {
            Item::Table(table) => (key.clone(), table.convert(shared)),
            Item::Other(value) => (key.clone(), value.clone()),
        });
        let value = Value::from(entries.collect::<wharf_yaml::Map>());
        if is_shared {
            shared.insert(place, value.clone());
        }
        value
    }

    /// A table of its own with the same entries, whose own maps stay shared.
    pub(super) fn shallow_copy(&self) -> Self {
        Self(Rc::new(RefCell::new(self.0.borrow().clone())))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.borrow().is_empty()
    }

    pub(super) fn get(&self, key: &str) -> Option<Item> {
        self.0.borrow().get(key).cloned()
    }

    pub(super) fn insert(&self, key: impl Into<Arc<str>>, item: Item) {
        self.0.borrow_mut().insert(key.into(), item);
    }

    pub(super) fn remove(&self, key: &str) {
        self.0.borrow_mut().remove(key);
    }

    /// The entries as they are now; changes during a walk over them are not seen.
    pub(super) fn entries(&self) -> Vec<(Arc<str>, Item)> {
        self.0.borrow().iter().map(|(key, item)| (key.clone(), item.clone())).collect()
    }

    /// Returns the table at a path of keys with dots between.
    pub(super) fn table_at(&self, path: &str) -> Result<Self, String> {
        let mut table = self.clone();
        for part in path.split('.') {
            match table.get(part) {
                Some(Item::Table(next)) => table = next,
                _ => return Err(format!("{part:?} is not a table")),
            }
        }
        Ok(table)
    }

    /// Returns the value at a path of keys with dots between, if there is one and it is no table.
    pub(super) fn value_at(&self, path: &str) -> Option<Value> {
        let (table, key) = match path.rsplit_once('.') {
            Some((tables, key)) => (self.table_at(tables).ok()?, key),
            None => (self.clone(), path),
        };
        match table.get(key) {
            Some(Item::Other(value)) => Some(value),
            _ => None,
        }
    }

    /// Whether `other` is this table or one below it.
    pub(super) fn reaches(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
            || self.0.borrow().values().any(|item| matches!(item, Item::Table(table) if table.reaches(other)))
    }

    /// Removes nulls, here and below.
    pub(super) fn remove_nulls(&self) {
        for (key, item) in self.entries() {
            match item {
                Item::Table(table) => table.remove_nulls(),
                Item::Other(Value::Null) => self.remove(&key),
                Item::Other(_) => {}
            }
        }
    }
}
