//! List functions. Those that take a list accept every slice, so the type is checked here and
//! named in the error.

use wharf_template::{FuncError, FunctionTable, List, ListType, Value};

use crate::args::{Add, NIL_DEREFERENCE, Result, T, int, items, list, strval};
use crate::cast;
use crate::equal::deep_equal;
use crate::strings::strings;
use crate::values::is_empty;

pub(crate) fn add(table: &mut FunctionTable) {
    const A: &[T] = &[T::Any];
    const AA: &[T] = &[T::Any, T::Any];
    for name in ["list", "tuple"] {
        table.variadic(name, A, |args| list(args.to_vec()));
    }
    for name in ["append", "push", "mustAppend", "mustPush"] {
        table.plain(name, AA, |args| {
            let mut items = elements(&args[0], "push on")?;
            items.push(args[1].clone());
            list(items)
        });
    }
    for name in ["prepend", "mustPrepend"] {
        table.plain(name, AA, |args| {
            let mut items = elements(&args[0], "prepend on")?;
            items.insert(0, args[1].clone());
            list(items)
        });
    }
    for name in ["first", "mustFirst"] {
        table.plain(name, A, |args| {
            Ok(elements(&args[0], "find first on")?.into_iter().next().unwrap_or(Value::Nil))
        });
    }
    for name in ["last", "mustLast"] {
        table.plain(name, A, |args| Ok(elements(&args[0], "find last on")?.pop().unwrap_or(Value::Nil)));
    }
    for name in ["rest", "mustRest"] {
        table.plain(name, A, |args| {
            let mut items = elements(&args[0], "find rest on")?;
            if items.is_empty() {
                return Ok(Value::List(List::nil(ListType::ANY)));
            }
            items.remove(0);
            list(items)
        });
    }
    for name in ["initial", "mustInitial"] {
        table.plain(name, A, |args| {
            let mut items = elements(&args[0], "find initial on")?;
            if items.pop().is_none() {
                return Ok(Value::List(List::nil(ListType::ANY)));
            }
            list(items)
        });
    }
    for name in ["reverse", "mustReverse"] {
        table.plain(name, A, |args| {
            let mut items = elements(&args[0], "find reverse on")?;
            items.reverse();
            list(items)
        });
    }
    for name in ["compact", "mustCompact"] {
        table.plain(name, A, |args| {
            list(elements(&args[0], "compact on")?.into_iter().filter(|item| !is_empty(item)).collect())
        });
    }
    for name in ["uniq", "mustUniq"] {
        table.plain(name, A, |args| {
            let mut kept: Vec<Value> = Vec::new();
            for item in elements(&args[0], "find uniq on")? {
                if !kept.iter().any(|other| deep_equal(&item, other)) {
                    kept.push(item);
                }
            }
            list(kept)
        });
    }
    for name in ["without", "mustWithout"] {
        table.variadic(name, AA, |args| {
            let omitted = &args[1..];
            let items = elements(&args[0], "find without on")?;
            list(
                items
                    .into_iter()
                    .filter(|item| !omitted.iter().any(|other| deep_equal(item, other)))
                    .collect(),
            )
        });
    }
    for name in ["has", "mustHas"] {
        table.plain(name, AA, |args| {
            if args[1].is_nil() {
                return Ok(false.into());
            }
            let items = elements(&args[1], "find has on")?;
            Ok(items.iter().any(|item| deep_equal(&args[0], item)).into())
        });
    }
    for name in ["slice", "mustSlice"] {
        table.variadic(name, AA, slice);
    }
    for name in ["chunk", "mustChunk"] {
        table.plain(name, &[T::Int, T::Any], chunk);
    }
    table.variadic("concat", A, |args| {
        let mut all = Vec::new();
        for arg in args {
            match items(arg) {
                Some(items) => all.extend_from_slice(&items),
                None if arg.is_nil() => return Err(NIL_DEREFERENCE.into()),
                None => return Err(format!("Cannot concat type {} as list", arg.kind().name()).into()),
            }
        }
        if all.is_empty() {
            return Ok(Value::List(List::nil(ListType::ANY)));
        }
        list(all)
    });
    table.plain("sortAlpha", A, |args| {
        if items(&args[0]).is_none() {
            return Ok(Value::List(List::strings([strval(&args[0])])));
        }
        let mut texts = strings(&args[0]);
        texts.sort();
        Ok(Value::List(List::strings(texts)))
    });
}

/// Copies the elements of a list; the error names what was to be done and the kind given.
fn elements(value: &Value, action: &str) -> Result<Vec<Value>> {
    match items(value) {
        Some(items) => Ok(items.into_owned()),
        None if value.is_nil() => Err(NIL_DEREFERENCE.into()),
        None => Err(format!("Cannot {action} type {}", value.kind().name()).into()),
    }
}

fn slice(args: &[Value]) -> Result {
    let value = &args[0];
    let Some(items) = items(value) else {
        if value.is_nil() {
            return Err(NIL_DEREFERENCE.into());
        }
        return Err(format!("list should be type of slice or array but {}", value.kind().name()).into());
    };
    if items.is_empty() {
        return Ok(Value::Nil);
    }
    let start = args.get(1).map_or(0, cast::to_int64);
    let end = args.get(2).map_or(items.len() as i64, cast::to_int64);
    let part = usize::try_from(start)
        .ok()
        .zip(usize::try_from(end).ok())
        .and_then(|(start, end)| items.get(start..end));
    let Some(part) = part else {
        return Err("reflect.Value.Slice: slice index out of bounds".into());
    };
    Ok(match value {
        Value::List(list) => Value::List(List::new(list.ty(), part.to_vec())),
        Value::Bytes(bytes) => Value::Bytes(bytes[start as usize..end as usize].into()),
        _ => Value::Nil,
    })
}

fn chunk(args: &[Value]) -> Result {
    let size = int(&args[0]);
    let Some(items) = items(&args[1]) else {
        if args[1].is_nil() {
            return Err(NIL_DEREFERENCE.into());
        }
        return Err(format!("Cannot chunk type {}", args[1].kind().name()).into());
    };
    let Some(size) = usize::try_from(size).ok().filter(|size| *size > 0) else {
        return Err(FuncError::new("runtime error: makeslice: len out of range"));
    };
    let chunks = items.chunks(size).map(|chunk| Value::list(chunk.to_vec())).collect();
    Ok(Value::List(List::new(ListType::ANY_LISTS, chunks)))
}
