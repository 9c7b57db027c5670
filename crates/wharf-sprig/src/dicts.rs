//! Dictionary functions. `set`, `unset` and the merges change the dictionary given; the others make new ones.

use wharf_template::{FuncError, FunctionTable, List, Map, MapType, Value};

use crate::args::{Add, Result, T, ZERO_VALUE, bytes, list, map, strval};
use crate::merge;

/// How deep values are copied.
const MAX_DEPTH: u32 = 500;

pub(crate) fn add(table: &mut FunctionTable) {
    const MS: &[T] = &[T::AnyMap, T::String];
    const MM: &[T] = &[T::AnyMap, T::AnyMap];
    table.variadic("dict", &[T::Any], |args| {
        let entries =
            args.chunks(2).map(|pair| (strval(&pair[0]), pair.get(1).cloned().unwrap_or_else(|| "".into())));
        Ok(Value::Map(Map::of(entries)))
    });
    table.plain("get", MS, |args| Ok(map(&args[0]).get(bytes(&args[1])).unwrap_or_else(|| "".into())));
    table.plain("set", &[T::AnyMap, T::String, T::Any], |args| {
        map(&args[0]).insert(bytes(&args[1]).into(), args[2].clone());
        Ok(args[0].clone())
    });
    table.plain("unset", MS, |args| {
        map(&args[0]).remove(bytes(&args[1]));
        Ok(args[0].clone())
    });
    table.plain("hasKey", MS, |args| Ok(map(&args[0]).contains_key(bytes(&args[1])).into()));
    table.variadic("pluck", &[T::String, T::AnyMap], |args| {
        list(args[1..].iter().filter_map(|dict| map(dict).get(bytes(&args[0]))).collect())
    });
    table.variadic("keys", &[T::AnyMap], |args| {
        let keys = args.iter().flat_map(|dict| map(dict).entries().into_iter().map(|(key, _)| key));
        Ok(Value::List(List::strings(keys)))
    });
    table.plain("values", &[T::AnyMap], |args| {
        list(map(&args[0]).entries().into_iter().map(|(_, value)| value).collect())
    });
    table.variadic("pick", MS, |args| {
        let dict = map(&args[0]);
        let wanted = args[1..].iter().filter_map(|key| Some((bytes(key), dict.get(bytes(key))?)));
        Ok(Value::Map(Map::of(wanted)))
    });
    table.variadic("omit", MS, |args| {
        let kept = map(&args[0])
            .entries()
            .into_iter()
            .filter(|(key, _)| !args[1..].iter().any(|omit| bytes(omit) == &**key));
        Ok(Value::Map(Map::of(kept)))
    });
    for (name, overwrite) in
        [("merge", false), ("mustMerge", false), ("mergeOverwrite", true), ("mustMergeOverwrite", true)]
    {
        table.variadic(
            name,
            MM,
            if overwrite { |args| merge_all(args, true) } else { |args| merge_all(args, false) },
        );
    }
    for name in ["deepCopy", "mustDeepCopy"] {
        table.plain(name, &[T::Any], |args| {
            if args[0].is_nil() {
                return Err(ZERO_VALUE.into());
            }
            deep_copy(&args[0], 0)
        });
    }
    table.variadic("dig", &[T::Any], dig);
}

fn merge_all(args: &[Value], overwrite: bool) -> Result {
    let target = map(&args[0]);
    for source in &args[1..] {
        merge::merge(&target, &map(source), overwrite)?;
    }
    Ok(args[0].clone())
}

fn deep_copy(value: &Value, depth: u32) -> Result {
    if depth > MAX_DEPTH {
        return Err("value is nested too deeply to be copied".into());
    }
    Ok(match value {
        Value::List(list) => {
            let items = list.items().iter().map(|item| deep_copy(item, depth + 1)).collect::<Result<_>>()?;
            Value::List(List::new(list.ty(), items))
        }
        Value::Map(map) => {
            let entries =
                map.entries().into_iter().map(|(key, item)| Ok((key, deep_copy(&item, depth + 1)?)));
            Value::Map(Map::with_entries(map.ty(), entries.collect::<Result<_>>()?))
        }
        other => other.clone(),
    })
}

fn dig(args: &[Value]) -> Result {
    let [keys @ .., default, dict] = args else {
        return Err("dig needs at least three arguments".into());
    };
    if keys.is_empty() {
        return Err("dig needs at least three arguments".into());
    }
    let mut current = as_dict(dict)?;
    let keys = keys
        .iter()
        .map(|key| key.as_str().ok_or_else(|| conversion(key, "string")))
        .collect::<Result<Vec<_>>>()?;
    for (index, key) in keys.iter().enumerate() {
        let Some(next) = current.get(key) else {
            return Ok(default.clone());
        };
        if index + 1 == keys.len() {
            return Ok(next);
        }
        current = as_dict(&next)?;
    }
    Ok(default.clone())
}

/// A type assertion: a named map type is not the plain one.
fn as_dict(value: &Value) -> Result<Map> {
    match value {
        Value::Map(map) if map.ty().name == MapType::ANY.name => Ok(map.clone()),
        other => Err(conversion(other, "map[string]interface {}")),
    }
}

fn conversion(value: &Value, wanted: &str) -> FuncError {
    let got = if value.is_nil() { "nil" } else { value.type_name() };
    FuncError::new(format!("interface conversion: interface {{}} is {got}, not {wanted}"))
}
