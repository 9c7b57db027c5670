//! Go's comparison functions: which kinds can be compared, and the errors for those that cannot.

use std::cmp::Ordering;

use crate::error::FuncError;
use crate::value::Value;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Basic {
    Invalid,
    Bool,
    Int,
    Uint,
    Float,
    String,
}

fn basic(value: &Value) -> Basic {
    match value {
        Value::Bool(_) => Basic::Bool,
        Value::Int(..) => Basic::Int,
        Value::Uint(..) => Basic::Uint,
        Value::Float(_) => Basic::Float,
        Value::Str(_) => Basic::String,
        _ => Basic::Invalid,
    }
}

pub(super) fn eq(args: &[Value]) -> Result<bool, FuncError> {
    let (first, rest) = args.split_first().ok_or("missing argument for comparison")?;
    if rest.is_empty() {
        return Err("missing argument for comparison".into());
    }
    for other in rest {
        if eq_pair(first, other)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn eq_pair(first: &Value, second: &Value) -> Result<bool, FuncError> {
    if basic(first) != basic(second) {
        return match (first, second) {
            (Value::Int(_, int), Value::Uint(_, uint)) | (Value::Uint(_, uint), Value::Int(_, int)) => {
                Ok(u64::try_from(*int) == Ok(*uint))
            }
            _ if first.is_nil() || second.is_nil() => Ok(false),
            _ => Err(incompatible(first, second)),
        };
    }
    match (first, second) {
        (Value::Bool(first), Value::Bool(second)) => Ok(first == second),
        (Value::Int(_, first), Value::Int(_, second)) => Ok(first == second),
        (Value::Uint(_, first), Value::Uint(_, second)) => Ok(first == second),
        (Value::Float(first), Value::Float(second)) => Ok(first == second),
        (Value::Str(first), Value::Str(second)) => Ok(first == second),
        _ => eq_other(first, second),
    }
}

fn eq_other(first: &Value, second: &Value) -> Result<bool, FuncError> {
    let (first_nil, second_nil) = (first.is_nil(), second.is_nil());
    if first_nil || second_nil {
        return Ok(first_nil == second_nil);
    }
    let text = |value: &Value| {
        String::from_utf8_lossy(&crate::printf::sprintf(b"%s", std::slice::from_ref(value))).into_owned()
    };
    if first.kind() != second.kind() {
        return Err(FuncError::Message(format!(
            "non-comparable types {}: {}, {}: {}",
            text(first),
            first.type_name(),
            second.type_name(),
            second
        )));
    }
    match (first, second) {
        (Value::Object(first), Value::Object(second)) => Ok(std::rc::Rc::ptr_eq(first, second)),
        _ => Err(FuncError::Message(format!("non-comparable type {}: {}", text(second), second.type_name()))),
    }
}

pub(super) fn lt(first: &Value, second: &Value) -> Result<bool, FuncError> {
    for value in [first, second] {
        if basic(value) == Basic::Invalid {
            return Err("invalid type for comparison".into());
        }
    }
    let ordering = match (first, second) {
        (Value::Int(_, first), Value::Int(_, second)) => first.cmp(second),
        (Value::Uint(_, first), Value::Uint(_, second)) => first.cmp(second),
        (Value::Int(_, int), Value::Uint(_, uint)) => i128::from(*int).cmp(&i128::from(*uint)),
        (Value::Uint(_, uint), Value::Int(_, int)) => i128::from(*uint).cmp(&i128::from(*int)),
        (Value::Float(first), Value::Float(second)) => return Ok(first < second),
        (Value::Str(first), Value::Str(second)) => first.cmp(second),
        (Value::Bool(_), Value::Bool(_)) => return Err("invalid type for comparison".into()),
        _ => return Err(incompatible(first, second)),
    };
    Ok(ordering == Ordering::Less)
}

pub(super) fn le(first: &Value, second: &Value) -> Result<bool, FuncError> {
    Ok(lt(first, second)? || eq_pair(first, second)?)
}

fn incompatible(first: &Value, second: &Value) -> FuncError {
    let (first, second) = (first.type_name(), second.type_name());
    FuncError::Message(format!("incompatible types for comparison: {first} and {second}"))
}
