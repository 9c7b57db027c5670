//! The values that templates see, with the kinds that Go's `reflect` would report.

mod container;
mod object;
mod string;

use std::fmt;
use std::rc::Rc;

pub use container::{List, ListType, Map, MapElem, MapType};
pub use object::{Method, Object};
pub use string::Str;

/// One value in a template.
///
/// Cloning is cheap; maps and objects are shared. Values stay on one thread: a render builds
/// them, uses them and drops them.
#[derive(Clone, Debug)]
pub enum Value {
    /// No value at all, which prints as `<no value>`: the result of a pipeline that found nothing.
    Invalid,
    /// A nil interface, such as a map's missing key or a YAML null.
    Nil,
    /// A boolean.
    Bool(bool),
    /// A signed integer of the given Go type.
    Int(IntType, i64),
    /// An unsigned integer of the given Go type.
    Uint(UintType, u64),
    /// A `float64`.
    Float(f64),
    /// A `string`.
    Str(Str),
    /// A `[]uint8`.
    Bytes(Str),
    /// A slice.
    List(List),
    /// A map with string keys.
    Map(Map),
    /// Anything with fields or methods of its own.
    Object(Rc<dyn Object>),
}

/// The Go type of a signed integer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IntType {
    /// `int`
    Int,
    /// `int32`
    Int32,
    /// `int64`
    Int64,
}

/// The Go type of an unsigned integer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UintType {
    /// `uint`
    Uint,
    /// `uint8`
    Uint8,
    /// `uint32`
    Uint32,
    /// `uint64`
    Uint64,
}

/// What Go's `reflect` calls the kind of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are Go's kinds")]
pub enum Kind {
    Invalid,
    Bool,
    Int,
    Int32,
    Int64,
    Uint,
    Uint8,
    Uint32,
    Uint64,
    Float64,
    String,
    Slice,
    Map,
    Struct,
    Ptr,
    Func,
}

impl Kind {
    /// Returns Go's name of the kind, as `kindOf` prints it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Invalid => "invalid",
            Self::Bool => "bool",
            Self::Int => "int",
            Self::Int32 => "int32",
            Self::Int64 => "int64",
            Self::Uint => "uint",
            Self::Uint8 => "uint8",
            Self::Uint32 => "uint32",
            Self::Uint64 => "uint64",
            Self::Float64 => "float64",
            Self::String => "string",
            Self::Slice => "slice",
            Self::Map => "map",
            Self::Struct => "struct",
            Self::Ptr => "ptr",
            Self::Func => "func",
        }
    }
}

impl Value {
    /// Makes an `int`.
    pub fn int(value: i64) -> Self {
        Self::Int(IntType::Int, value)
    }

    /// Makes an `int64`.
    pub fn int64(value: i64) -> Self {
        Self::Int(IntType::Int64, value)
    }

    /// Makes a `string`.
    pub fn str(text: impl Into<Str>) -> Self {
        Self::Str(text.into())
    }

    /// Makes a list of anything.
    pub fn list(items: Vec<Self>) -> Self {
        Self::List(List::of(items))
    }

    /// Returns the kind. Nil counts as invalid, as in `kindOf nil`.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Invalid | Self::Nil => Kind::Invalid,
            Self::Bool(_) => Kind::Bool,
            Self::Int(IntType::Int, _) => Kind::Int,
            Self::Int(IntType::Int32, _) => Kind::Int32,
            Self::Int(IntType::Int64, _) => Kind::Int64,
            Self::Uint(UintType::Uint, _) => Kind::Uint,
            Self::Uint(UintType::Uint8, _) => Kind::Uint8,
            Self::Uint(UintType::Uint32, _) => Kind::Uint32,
            Self::Uint(UintType::Uint64, _) => Kind::Uint64,
            Self::Float(_) => Kind::Float64,
            Self::Str(_) => Kind::String,
            Self::Bytes(_) | Self::List(_) => Kind::Slice,
            Self::Map(_) => Kind::Map,
            Self::Object(object) => object.kind(),
        }
    }

    /// Returns Go's name of the type, as `%T` prints it; `<nil>` for nil.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Invalid | Self::Nil => "<nil>",
            Self::Bytes(_) => "[]uint8",
            Self::List(list) => list.ty().name,
            Self::Map(map) => map.ty().name,
            Self::Object(object) => object.type_name(),
            other => other.kind().name(),
        }
    }

    /// Reports whether the value counts as true in `if`, `and`, `or` and `not`.
    pub fn is_true(&self) -> bool {
        match self {
            Self::Invalid | Self::Nil => false,
            Self::Bool(value) => *value,
            Self::Int(_, value) => *value != 0,
            Self::Uint(_, value) => *value != 0,
            Self::Float(value) => *value != 0.0,
            Self::Str(value) | Self::Bytes(value) => !value.is_empty(),
            Self::List(list) => !list.items().is_empty(),
            Self::Map(map) => !map.is_empty(),
            Self::Object(object) => object.is_true(),
        }
    }

    /// Reports whether the value is nil or no value.
    pub fn is_nil(&self) -> bool {
        matches!(self, Self::Invalid | Self::Nil)
    }

    /// Returns the string, if the value is one.
    pub fn as_str(&self) -> Option<&Str> {
        match self {
            Self::Str(text) => Some(text),
            _ => None,
        }
    }

    /// Returns the map, if the value is one.
    pub fn as_map(&self) -> Option<&Map> {
        match self {
            Self::Map(map) => Some(map),
            _ => None,
        }
    }

    /// Returns the list, if the value is one.
    pub fn as_list(&self) -> Option<&List> {
        match self {
            Self::List(list) => Some(list),
            _ => None,
        }
    }

    pub(crate) fn methods(&self) -> &'static [Method] {
        match self {
            Self::List(list) => list.ty().methods,
            Self::Map(map) => map.ty().methods,
            Self::Object(object) => object.methods(),
            _ => &[],
        }
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<f64> for Value {
    fn from(value: f64) -> Self {
        Self::Float(value)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Str(text.into())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Str(text.into())
    }
}

impl From<Str> for Value {
    fn from(text: Str) -> Self {
        Self::Str(text)
    }
}

impl From<List> for Value {
    fn from(list: List) -> Self {
        Self::List(list)
    }
}

impl From<Map> for Value {
    fn from(map: Map) -> Self {
        Self::Map(map)
    }
}

/// Prints the value as Go's `%v` would.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&crate::printf::sprint_one(self)))
    }
}
