//! Access to arguments whose types the template engine has checked, and registration of functions.

use std::borrow::Cow;

use wharf_template::{Call, FuncError, Function, FunctionTable, List, Map, Type, Value};

pub(crate) type Result<T = Value, E = FuncError> = std::result::Result<T, E>;

pub(crate) use wharf_template::Type as T;

/// What Go's runtime says when a function touches nil; templates see it as the function's error.
pub(crate) const NIL_DEREFERENCE: &str = "runtime error: invalid memory address or nil pointer dereference";

/// What Go's reflection says when a function looks at the type of nil.
pub(crate) const ZERO_VALUE: &str = "reflect: call of reflect.Value.Type on zero Value";

/// Adds functions that need nothing but their arguments.
pub(crate) trait Add {
    /// Adds one with exactly these parameters.
    fn plain(&mut self, name: &'static str, params: &'static [Type], code: fn(&[Value]) -> Result);
    /// Adds one whose last parameter may be given any number of times.
    fn variadic(&mut self, name: &'static str, params: &'static [Type], code: fn(&[Value]) -> Result);
    /// Adds one that works with the call or holds something.
    fn with(
        &mut self,
        name: &'static str,
        params: &'static [Type],
        code: impl Fn(&mut Call<'_>, &[Value]) -> Result + 'static,
    );
}

impl Add for FunctionTable {
    fn plain(&mut self, name: &'static str, params: &'static [Type], code: fn(&[Value]) -> Result) {
        self.add(Function::new(name, params, false, move |_, args| code(args)));
    }

    fn variadic(&mut self, name: &'static str, params: &'static [Type], code: fn(&[Value]) -> Result) {
        self.add(Function::new(name, params, true, move |_, args| code(args)));
    }

    fn with(
        &mut self,
        name: &'static str,
        params: &'static [Type],
        code: impl Fn(&mut Call<'_>, &[Value]) -> Result + 'static,
    ) {
        self.add(Function::new(name, params, false, code));
    }
}

/// The text of an argument of type `string`.
pub(crate) fn text(value: &Value) -> Cow<'_, str> {
    value.as_str().map_or(Cow::Borrowed(""), |text| text.to_text())
}

/// The bytes of an argument of type `string`.
pub(crate) fn bytes(value: &Value) -> &[u8] {
    value.as_str().map_or(&[], |text| text.as_bytes())
}

/// The number of an argument of type `int`.
pub(crate) fn int(value: &Value) -> i64 {
    match value {
        Value::Int(_, number) => *number,
        _ => 0,
    }
}

/// The map of an argument of type `map[string]interface {}`.
pub(crate) fn map(value: &Value) -> Cow<'_, Map> {
    value.as_map().map_or_else(|| Cow::Owned(Map::of::<&str>([])), Cow::Borrowed)
}

/// The elements of a slice, as interfaces; `None` if the value is no slice.
pub(crate) fn items(value: &Value) -> Option<Cow<'_, [Value]>> {
    match value {
        Value::List(list) => Some(Cow::Borrowed(list.items())),
        Value::Bytes(bytes) => Some(Cow::Owned(
            bytes.iter().map(|byte| Value::Uint(wharf_template::UintType::Uint8, u64::from(*byte))).collect(),
        )),
        _ => None,
    }
}

/// The text that Sprig makes of any value: strings as they are, the rest as `%v`.
pub(crate) fn strval(value: &Value) -> wharf_template::Str {
    match value {
        Value::Str(text) | Value::Bytes(text) => text.clone(),
        other => wharf_template::sprint(std::slice::from_ref(other)).into(),
    }
}

pub(crate) fn list(items: Vec<Value>) -> Result {
    Ok(Value::List(List::of(items)))
}
