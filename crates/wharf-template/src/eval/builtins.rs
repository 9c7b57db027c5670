//! The functions that every Go template has.

use super::{compare, escape};
use crate::error::FuncError;
use crate::function::{Body, Function, Type};
use crate::printf::{sprint, sprintf, sprintln};
use crate::value::{List, UintType, Value};

const ANY: &[Type] = &[Type::Any];
const REFLECT: &[Type] = &[Type::Reflect];
const REFLECTS: &[Type] = &[Type::Reflect, Type::Reflect];

/// Returns Go's built-in functions.
pub(crate) fn builtins() -> Vec<Function> {
    let plain = |name, params, variadic, code: fn(&[Value]) -> Result<Value, FuncError>| {
        Function::new(name, params, variadic, move |_, args| code(args))
    };
    let lazy = |name, body| Function { name, params: REFLECTS, variadic: true, body };
    vec![
        lazy("and", Body::And),
        lazy("or", Body::Or),
        plain("call", REFLECTS, true, |_| Ok(Value::Invalid)),
        plain("html", ANY, true, |args| Ok(Value::str(escape::html(&text(args))))),
        plain("index", REFLECTS, true, index),
        plain("slice", REFLECTS, true, slice),
        plain("js", ANY, true, |args| Ok(Value::str(escape::js(&text(args))))),
        plain("len", REFLECT, false, len),
        plain("not", REFLECT, false, |args| Ok(Value::Bool(!args[0].is_true()))),
        plain("print", ANY, true, |args| Ok(Value::str(sprint(args)))),
        plain("printf", &[Type::String, Type::Any], true, |args| {
            let format = args[0].as_str().ok_or("the format is not a string")?;
            Ok(Value::str(sprintf(format, &args[1..])))
        }),
        plain("println", ANY, true, |args| Ok(Value::str(sprintln(args)))),
        plain("urlquery", ANY, true, |args| Ok(Value::str(escape::url_query(&text(args))))),
        plain("eq", REFLECTS, true, |args| compare::eq(args).map(Value::Bool)),
        plain("ne", REFLECTS, false, |args| compare::eq(args).map(|equal| Value::Bool(!equal))),
        plain("lt", REFLECTS, false, |args| compare::lt(&args[0], &args[1]).map(Value::Bool)),
        plain("le", REFLECTS, false, |args| compare::le(&args[0], &args[1]).map(Value::Bool)),
        plain("gt", REFLECTS, false, |args| compare::le(&args[0], &args[1]).map(|le| Value::Bool(!le))),
        plain("ge", REFLECTS, false, |args| compare::lt(&args[0], &args[1]).map(|lt| Value::Bool(!lt))),
    ]
}

/// The text that the escaping functions work on.
fn text(args: &[Value]) -> Vec<u8> {
    if let [Value::Str(text)] = args {
        return text.to_vec();
    }
    // Go replaces what is not valid by this before it prints.
    let args: Vec<Value> =
        args.iter().map(|arg| if arg.is_nil() { Value::from("<no value>") } else { arg.clone() }).collect();
    sprint(&args)
}

fn index(args: &[Value]) -> Result<Value, FuncError> {
    let mut item = args[0].clone();
    if item.is_nil() {
        return Err("index of untyped nil".into());
    }
    for key in &args[1..] {
        item = match &item {
            Value::Nil | Value::Invalid => return Err("index of nil pointer".into()),
            Value::List(list) => {
                let at = position(key, list.items().len())?;
                list.items().get(at).cloned().ok_or_else(|| out_of_range("slice", at))?
            }
            Value::Str(text) => byte(text, position(key, text.len())?, "string")?,
            Value::Bytes(bytes) => byte(bytes, position(key, bytes.len())?, "slice")?,
            Value::Map(map) => {
                let key = match key {
                    Value::Str(key) => key,
                    Value::Invalid | Value::Nil => {
                        return Err("value is nil; should be of type string".into());
                    }
                    other => {
                        return Err(format!("value has type {}; should be string", other.type_name()).into());
                    }
                };
                map.get(key).unwrap_or_else(|| map.ty().elem.zero())
            }
            other => return Err(format!("can't index item of type {}", other.type_name()).into()),
        };
    }
    Ok(item)
}

fn byte(bytes: &[u8], at: usize, what: &str) -> Result<Value, FuncError> {
    let byte = bytes.get(at).ok_or_else(|| out_of_range(what, at))?;
    Ok(Value::Uint(UintType::Uint8, u64::from(*byte)))
}

/// What Go's reflection says when an index is the length itself, which its check lets pass.
fn out_of_range(what: &str, _at: usize) -> FuncError {
    FuncError::Message(format!("reflect: {what} index out of range"))
}

fn position(index: &Value, limit: usize) -> Result<usize, FuncError> {
    let at = match index {
        Value::Int(_, at) => *at,
        #[expect(clippy::cast_possible_wrap, reason = "Go converts the same way")]
        Value::Uint(_, at) => *at as i64,
        Value::Nil | Value::Invalid => return Err("cannot index slice/array with nil".into()),
        other => return Err(format!("cannot index slice/array with type {}", other.type_name()).into()),
    };
    usize::try_from(at)
        .ok()
        .filter(|at| *at <= limit)
        .ok_or_else(|| format!("index out of range: {at}").into())
}

fn slice(args: &[Value]) -> Result<Value, FuncError> {
    let (item, indexes) = args.split_first().ok_or("slice of untyped nil")?;
    let is_string = matches!(item, Value::Str(_));
    let length = match item {
        Value::Invalid | Value::Nil => return Err("slice of untyped nil".into()),
        _ if indexes.len() > 3 => return Err(format!("too many slice indexes: {}", indexes.len()).into()),
        Value::Str(_) if indexes.len() == 3 => return Err("cannot 3-index slice a string".into()),
        Value::Str(text) | Value::Bytes(text) => text.len(),
        Value::List(list) => list.items().len(),
        other => return Err(format!("can't slice item of type {}", other.type_name()).into()),
    };
    let mut bounds = [0, length, length];
    for (bound, index) in bounds.iter_mut().zip(indexes) {
        *bound = position(index, length)?;
    }
    let [from, to, cap] = bounds;
    if from > to {
        return Err(format!("invalid slice index: {from} > {to}").into());
    }
    if indexes.len() == 3 && to > cap {
        return Err(format!("invalid slice index: {to} > {cap}").into());
    }
    Ok(match item {
        Value::List(list) => Value::List(List::new(list.ty(), list.items()[from..to].to_vec())),
        Value::Str(bytes) | Value::Bytes(bytes) => {
            let part = bytes[from..to].into();
            if is_string { Value::Str(part) } else { Value::Bytes(part) }
        }
        other => other.clone(),
    })
}

fn len(args: &[Value]) -> Result<Value, FuncError> {
    let length = match &args[0] {
        Value::Nil => return Err("len of nil pointer".into()),
        Value::Invalid => return Err("reflect: call of reflect.Value.Type on zero Value".into()),
        Value::Str(text) | Value::Bytes(text) => text.len(),
        Value::List(list) => list.items().len(),
        Value::Map(map) => map.len(),
        other => return Err(format!("len of type {}", other.type_name()).into()),
    };
    Ok(Value::int(length as i64))
}
