//! Functions on values of any type: defaults, choices, types.

use wharf_template::{FunctionTable, Object, Value};

use crate::args::{Add, T, bytes};
use crate::equal::deep_equal;

pub(crate) fn add(table: &mut FunctionTable) {
    const A: &[T] = &[T::Any];
    const AA: &[T] = &[T::Any, T::Any];
    const SA: &[T] = &[T::String, T::Any];
    table.variadic("default", AA, |args| {
        Ok(match args.get(1) {
            Some(given) if !is_empty(given) => given.clone(),
            _ => args[0].clone(),
        })
    });
    table.plain("empty", A, |args| Ok(is_empty(&args[0]).into()));
    table.variadic("coalesce", A, |args| {
        Ok(args.iter().find(|arg| !is_empty(arg)).cloned().unwrap_or(Value::Nil))
    });
    table.variadic("all", A, |args| Ok((!args.iter().any(is_empty)).into()));
    table.variadic("any", A, |args| Ok((!args.iter().all(is_empty)).into()));
    table.plain("ternary", &[T::Any, T::Any, T::Bool], |args| {
        Ok(if args[2].is_true() { args[0].clone() } else { args[1].clone() })
    });
    table.plain("typeOf", A, |args| Ok(args[0].type_name().into()));
    table.plain("typeIs", SA, |args| Ok((bytes(&args[0]) == args[1].type_name().as_bytes()).into()));
    table.plain("typeIsLike", SA, |args| {
        let (wanted, name) = (bytes(&args[0]), args[1].type_name().as_bytes());
        Ok((wanted == name || name.strip_prefix(b"*") == Some(wanted)).into())
    });
    table.plain("kindOf", A, |args| Ok(args[0].kind().name().into()));
    table.plain("kindIs", SA, |args| Ok((bytes(&args[0]) == args[1].kind().name().as_bytes()).into()));
    table.plain("deepEqual", AA, |args| Ok(deep_equal(&args[0], &args[1]).into()));
}

/// What Sprig calls empty: nil, false, zero, and texts, lists and dictionaries without content. Never a struct.
pub(crate) fn is_empty(value: &Value) -> bool {
    match value {
        Value::Object(object) => !Object::is_true(&**object),
        other => !other.is_true(),
    }
}
