//! Functions that templates can call, with the parameter types that Go would check.

use std::collections::HashMap;
use std::fmt;
use std::hash::{BuildHasherDefault, Hasher};
use std::rc::Rc;
use std::sync::Arc;

pub(crate) use crate::error::FuncError;
pub(crate) use crate::eval::Call;
use crate::value::{IntType, ListType, MapElem, Value};

/// The Go type of a parameter, checked before a function is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// `interface {}`: anything; nil and no value arrive as [`Value::Nil`].
    Any,
    /// `reflect.Value`: anything, with nil and no value kept apart. Used by the built-in functions.
    Reflect,
    /// `string`
    String,
    /// `int`
    Int,
    /// `int64`
    Int64,
    /// `float64`
    Float64,
    /// `bool`
    Bool,
    /// `[]interface {}`
    AnyList,
    /// `[]string`
    StringList,
    /// `map[string]interface {}`; a nil map arrives as an empty one
    AnyMap,
    /// `time.Time`, or another object of the Go type named here
    Object(&'static str),
}

impl Type {
    /// Returns Go's name of the type.
    pub fn name(self) -> &'static str {
        match self {
            Self::Any => "interface {}",
            Self::Reflect => "reflect.Value",
            Self::String => "string",
            Self::Int => "int",
            Self::Int64 => "int64",
            Self::Float64 => "float64",
            Self::Bool => "bool",
            Self::AnyList => "[]interface {}",
            Self::StringList => "[]string",
            Self::AnyMap => "map[string]interface {}",
            Self::Object(name) => name,
        }
    }

    pub(crate) fn can_be_nil(self) -> bool {
        matches!(self, Self::Any | Self::Reflect | Self::AnyList | Self::StringList | Self::AnyMap)
    }

    /// Returns what a parameter of this type gets for nil.
    pub(crate) fn zero(self) -> Value {
        match self {
            Self::Reflect => Value::Invalid,
            Self::AnyList => Value::List(crate::value::List::of(Vec::new())),
            Self::StringList => Value::List(crate::value::List::new(ListType::STRING, Vec::new())),
            Self::AnyMap => Value::Map(crate::value::Map::new(crate::value::MapType::ANY)),
            _ => Value::Nil,
        }
    }

    /// Reports whether a value can be passed as it is.
    pub(crate) fn accepts(self, value: &Value) -> bool {
        match (self, value) {
            (Self::Any | Self::Reflect, _)
            | (Self::String, Value::Str(_))
            | (Self::Int, Value::Int(IntType::Int, _))
            | (Self::Int64, Value::Int(IntType::Int64, _))
            | (Self::Float64, Value::Float(_))
            | (Self::Bool, Value::Bool(_)) => true,
            // A named slice or map type may be passed where the plain one is wanted.
            (Self::AnyList, Value::List(list)) => list.ty().holds_interfaces(),
            (Self::StringList, Value::List(list)) => list.ty().elem == "string",
            (Self::AnyMap, Value::Map(map)) => map.ty().elem == MapElem::Any,
            (Self::Object(name), Value::Object(object)) => object.type_name() == name,
            _ => false,
        }
    }
}

/// The code of a function.
type Code = Rc<dyn Fn(&mut Call<'_>, &[Value]) -> Result<Value, FuncError>>;

/// A function that templates can call.
#[derive(Clone)]
pub struct Function {
    pub(crate) name: &'static str,
    pub(crate) params: &'static [Type],
    pub(crate) variadic: bool,
    pub(crate) body: Body,
}

#[derive(Clone)]
pub(crate) enum Body {
    Code(Code),
    /// Evaluated argument by argument, as far as needed.
    And,
    Or,
}

impl Function {
    /// Makes a function. If `variadic`, the last parameter may be given any number of times.
    pub fn new(
        name: &'static str,
        params: &'static [Type],
        variadic: bool,
        code: impl Fn(&mut Call<'_>, &[Value]) -> Result<Value, FuncError> + 'static,
    ) -> Self {
        Self { name, params, variadic, body: Body::Code(Rc::new(code)) }
    }
}

impl fmt::Debug for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Function")
            .field("name", &self.name)
            .field("params", &self.params)
            .finish_non_exhaustive()
    }
}

/// A function's place in the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FuncId(pub(crate) u32);

/// The functions that a set of templates can call: Go's built-in ones and those added.
#[derive(Clone, Debug)]
pub struct FunctionTable {
    functions: Vec<Function>,
    names: FunctionNames,
}

/// The names of the functions of a table, which is all that parsing needs; goes to other threads.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FunctionNames(Arc<HashMap<&'static [u8], FuncId, BuildHasherDefault<NameHasher>>>);

/// FNV-1a: the keys are the program's own and short, so a hash that nobody can foresee would be wasted on them.
#[derive(Debug, Clone, Default)]
struct NameHasher(u64);

impl Hasher for NameHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3);
        }
    }

    fn write_usize(&mut self, length: usize) {
        self.0 ^= length as u64;
    }
}

impl FunctionNames {
    pub(crate) fn find(&self, name: &[u8]) -> Option<FuncId> {
        self.0.get(name).copied()
    }
}

impl Default for FunctionTable {
    /// Returns the table of Go's built-in functions.
    fn default() -> Self {
        let mut table = Self { functions: Vec::new(), names: FunctionNames::default() };
        for function in crate::eval::builtins() {
            table.add(function);
        }
        table
    }
}

impl FunctionTable {
    /// Adds a function; one of the same name is replaced.
    pub fn add(&mut self, function: Function) {
        if let Some(id) = self.names.find(function.name.as_bytes()) {
            let index = id.0 as usize;
            self.functions[index] = function;
            return;
        }
        let id = FuncId(u32::try_from(self.functions.len()).expect("far fewer functions than that"));
        Arc::make_mut(&mut self.names.0).insert(function.name.as_bytes(), id);
        self.functions.push(function);
    }

    /// Returns the names of all functions, in no particular order.
    pub fn names(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.functions.iter().map(|function| function.name)
    }

    /// Returns the names, for parsing.
    pub fn function_names(&self) -> FunctionNames {
        self.names.clone()
    }

    pub(crate) fn function(&self, id: FuncId) -> &Function {
        &self.functions[id.0 as usize]
    }
}
