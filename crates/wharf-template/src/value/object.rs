use std::any::Any;
use std::fmt;

use super::{Kind, Value};
use crate::function::{Call, FuncError, Type};

/// A value with a Go type of its own: a struct, a pointer to one, a time, a version.
pub trait Object: Any + fmt::Debug {
    /// Returns Go's name of the type, e.g. `time.Time`.
    fn type_name(&self) -> &'static str;

    /// Returns this as `Any`, for functions that know the concrete type.
    fn as_any(&self) -> &dyn Any;

    /// Returns the Go kind of the value.
    fn kind(&self) -> Kind {
        Kind::Struct
    }

    /// Returns the value of an exported field.
    fn field(&self, name: &str) -> Option<Value> {
        let _ = name;
        None
    }

    /// Returns the fields in declaration order, for printing.
    fn fields(&self) -> Vec<(&'static str, Value)> {
        Vec::new()
    }

    /// Returns the methods that templates can call.
    fn methods(&self) -> &'static [Method] {
        &[]
    }

    /// Returns the text of Go's `String()` or `Error()` method, if the type has one.
    fn text(&self) -> Option<String> {
        None
    }

    /// Returns the text that an action shows that names the value by a field or variable, if it is another: where Go's
    /// `String()` method has a pointer for its receiver, it is found there only.
    fn text_in_place(&self) -> Option<String> {
        None
    }

    /// Reports whether the value counts as true. In Go, structs always do.
    fn is_true(&self) -> bool {
        true
    }

    /// Returns what Go's `encoding/json` would make of the value, as plain values.
    fn to_plain(&self) -> Value {
        match self.text() {
            Some(text) => Value::from(text),
            None => Value::Map(super::Map::of(self.fields())),
        }
    }
}

/// A method of an object, a list type or a map type.
pub struct Method {
    /// The name used in templates.
    pub name: &'static str,
    /// The types of the parameters.
    pub params: &'static [Type],
    /// Whether the last parameter may be given any number of times.
    pub variadic: bool,
    /// The code; the first value is the receiver.
    pub call: fn(&mut Call<'_>, &Value, &[Value]) -> Result<Value, FuncError>,
}

impl fmt::Debug for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Method").field("name", &self.name).finish_non_exhaustive()
    }
}
