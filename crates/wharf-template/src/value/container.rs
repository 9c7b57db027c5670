//! Lists and maps. Both know their Go type, because templates can see it: `typeOf`, `%T`, and
//! whether a missing key gives nil or an empty string depend on it.

use std::cell::{Ref, RefCell};
use std::collections::BTreeMap;
use std::fmt;
use std::rc::Rc;

use super::{Method, Str, Value};

/// The Go type of a [`List`].
#[derive(Debug)]
pub struct ListType {
    /// Go's name of the type, e.g. `[]interface {}`.
    pub name: &'static str,
    /// Go's name of the element type, e.g. `interface {}`.
    pub elem: &'static str,
    /// Methods that templates can call on a list of this type.
    pub methods: &'static [Method],
}

impl ListType {
    /// `[]interface {}`
    pub const ANY: &'static Self = &Self::plain("[]interface {}", "interface {}");
    /// `[]string`
    pub const STRING: &'static Self = &Self::plain("[]string", "string");
    /// `[]int`
    pub const INT: &'static Self = &Self::plain("[]int", "int");
    /// `[][]interface {}`
    pub const ANY_LISTS: &'static Self = &Self::plain("[][]interface {}", "[]interface {}");

    const fn plain(name: &'static str, elem: &'static str) -> Self {
        Self { name, elem, methods: &[] }
    }

    /// Reports whether elements are held as interfaces, so that nil is a possible element.
    pub fn holds_interfaces(&self) -> bool {
        self.elem == "interface {}"
    }
}

/// An immutable list, cheap to clone.
#[derive(Clone)]
pub struct List(Rc<ListData>);

struct ListData {
    ty: &'static ListType,
    is_nil: bool,
    items: Vec<Value>,
}

impl List {
    /// Makes a list of the given type.
    pub fn new(ty: &'static ListType, items: Vec<Value>) -> Self {
        Self(Rc::new(ListData { ty, is_nil: false, items }))
    }

    /// Makes Go's nil slice: an empty list that JSON and YAML write as `null`.
    pub fn nil(ty: &'static ListType) -> Self {
        Self(Rc::new(ListData { ty, is_nil: true, items: Vec::new() }))
    }

    /// Makes a list of anything.
    pub fn of(items: Vec<Value>) -> Self {
        Self::new(ListType::ANY, items)
    }

    /// Makes a list of strings.
    pub fn strings<S: Into<Str>>(items: impl IntoIterator<Item = S>) -> Self {
        let items = items.into_iter().map(|item| Value::Str(item.into())).collect();
        Self::new(ListType::STRING, items)
    }

    /// Returns the type.
    pub fn ty(&self) -> &'static ListType {
        self.0.ty
    }

    /// Reports whether this is Go's nil slice.
    pub fn is_nil(&self) -> bool {
        self.0.is_nil
    }

    /// Returns the elements.
    pub fn items(&self) -> &[Value] {
        &self.0.items
    }
}

impl Drop for ListData {
    fn drop(&mut self) {
        drop_deep(std::mem::take(&mut self.items));
    }
}

/// The Go type of a [`Map`]. Keys are always strings.
#[derive(Debug)]
pub struct MapType {
    /// Go's name of the type, e.g. `map[string]interface {}`.
    pub name: &'static str,
    /// What a missing key gives.
    pub elem: MapElem,
    /// Whether this is Go's nil map of the type, which JSON and YAML write as `null`.
    pub is_nil: bool,
    /// Methods that templates can call on a map of this type; they hide keys of the same name.
    pub methods: &'static [Method],
}

/// The Go type of a map's elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MapElem {
    /// `interface {}`
    Any,
    /// `string`
    String,
    /// `[]uint8`
    Bytes,
}

impl MapElem {
    /// Returns what a missing key gives.
    pub fn zero(self) -> Value {
        match self {
            Self::Any => Value::Nil,
            Self::String => Value::Str(Str::from("")),
            Self::Bytes => Value::Bytes(Str::from("")),
        }
    }
}

impl MapType {
    /// `map[string]interface {}`
    pub const ANY: &'static Self =
        &Self { name: "map[string]interface {}", elem: MapElem::Any, is_nil: false, methods: &[] };
    /// `map[string]string`
    pub const STRING: &'static Self =
        &Self { name: "map[string]string", elem: MapElem::String, is_nil: false, methods: &[] };
    /// `map[string]interface {}`, nil
    pub const NIL_ANY: &'static Self = &Self { is_nil: true, ..*Self::ANY };
    /// `map[string]string`, nil
    pub const NIL_STRING: &'static Self = &Self { is_nil: true, ..*Self::STRING };
}

/// A map with string keys in byte order.
///
/// A clone is the same map, as in Go: what one holder sets, all see. Functions such as `set` and
/// `merge` change maps in place.
#[derive(Clone)]
pub struct Map {
    ty: &'static MapType,
    data: Rc<MapData>,
}

#[derive(Default)]
struct MapData {
    entries: RefCell<BTreeMap<Str, Value>>,
}

impl Map {
    /// Makes an empty map of the given type.
    pub fn new(ty: &'static MapType) -> Self {
        Self::with_entries(ty, BTreeMap::new())
    }

    /// Makes a map of the given type and content.
    pub fn with_entries(ty: &'static MapType, entries: BTreeMap<Str, Value>) -> Self {
        Self { ty, data: Rc::new(MapData { entries: RefCell::new(entries) }) }
    }

    /// Makes a map from strings to anything.
    pub fn of<K: Into<Str>>(entries: impl IntoIterator<Item = (K, Value)>) -> Self {
        Self::with_entries(
            MapType::ANY,
            entries.into_iter().map(|(key, value)| (key.into(), value)).collect(),
        )
    }

    /// Stores a value under a key and returns what was there before.
    pub fn insert(&self, key: Str, value: Value) -> Option<Value> {
        self.data.entries.borrow_mut().insert(key, value)
    }

    /// Removes a key and returns what was there.
    pub fn remove(&self, key: &[u8]) -> Option<Value> {
        self.data.entries.borrow_mut().remove(key)
    }

    /// Returns the same map seen as another type.
    #[must_use]
    pub fn with_type(&self, ty: &'static MapType) -> Self {
        Self { ty, data: Rc::clone(&self.data) }
    }

    /// Returns the type.
    pub fn ty(&self) -> &'static MapType {
        self.ty
    }

    /// Returns the value under a key.
    pub fn get(&self, key: &[u8]) -> Option<Value> {
        self.data.entries.borrow().get(key).cloned()
    }

    /// Reports whether a key is present.
    pub fn contains_key(&self, key: &[u8]) -> bool {
        self.data.entries.borrow().contains_key(key)
    }

    /// Returns the number of entries.
    pub fn len(&self) -> usize {
        self.data.entries.borrow().len()
    }

    /// Reports whether there are no entries.
    pub fn is_empty(&self) -> bool {
        self.data.entries.borrow().is_empty()
    }

    /// Returns a snapshot of the entries in key order.
    pub fn entries(&self) -> Vec<(Str, Value)> {
        self.data.entries.borrow().iter().map(|(key, value)| (key.clone(), value.clone())).collect()
    }

    /// Borrows the entries for reading. Changing the map while the borrow lives is a
    /// programming error and panics, so the borrow must not outlive a call into other code.
    pub fn borrow(&self) -> Ref<'_, BTreeMap<Str, Value>> {
        self.data.entries.borrow()
    }

    /// Reports whether both are the same map, not just equal ones.
    pub fn is_same(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.data, &other.data)
    }
}

impl Drop for MapData {
    fn drop(&mut self) {
        drop_deep(std::mem::take(self.entries.get_mut()).into_values().collect());
    }
}

/// Drops values one level at a time: a template can nest values deeper than the stack is.
fn drop_deep(mut pending: Vec<Value>) {
    pending.retain(|value| matches!(value, Value::List(_) | Value::Map(_)));
    while let Some(value) = pending.pop() {
        match value {
            Value::List(list) => {
                if let Some(mut data) = Rc::into_inner(list.0) {
                    pending.append(&mut std::mem::take(&mut data.items));
                }
            }
            Value::Map(map) => {
                if let Some(mut data) = Rc::into_inner(map.data) {
                    pending.extend(std::mem::take(data.entries.get_mut()).into_values());
                }
            }
            _ => {}
        }
    }
}

impl fmt::Debug for List {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.items()).finish()
    }
}

impl fmt::Debug for Map {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.borrow().iter()).finish()
    }
}
