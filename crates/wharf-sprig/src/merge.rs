//! Merging dictionaries as the mergo library does it, its habits included.

use wharf_template::{FuncError, Map, Value};

use crate::values::is_empty;

/// How deep dictionaries are merged.
const MAX_DEPTH: u32 = 500;

/// Merges `source` into `target`, in place.
///
/// Without `overwrite`, the target keeps what is not empty (false, 0 and "" are). With it, every value of
/// the source wins, nil and empty ones too, except that two dictionaries merge. What goes over is shared, not copied.
pub(crate) fn merge(target: &Map, source: &Map, overwrite: bool) -> Result<(), FuncError> {
    merge_at(target, source, overwrite, 0)
}

fn merge_at(target: &Map, source: &Map, overwrite: bool, depth: u32) -> Result<(), FuncError> {
    if depth > MAX_DEPTH {
        return Err("dictionaries are nested too deeply to be merged".into());
    }
    if target.is_same(source) {
        return Ok(());
    }
    for (key, value) in source.entries() {
        let old = target.get(&key);
        match &value {
            Value::Nil | Value::Invalid => {
                if overwrite {
                    target.insert(key, Value::Nil);
                }
                continue;
            }
            Value::Map(inner) => {
                if let Some(Value::Map(old)) = &old {
                    merge_at(old, inner, overwrite, depth + 1)?;
                }
            }
            Value::List(_) | Value::Bytes(_) if overwrite || target.is_empty() => {
                target.insert(key.clone(), value.clone());
            }
            _ => {}
        }
        let old_counts = old.as_ref().is_some_and(|old| !is_empty(old));
        if old_counts {
            let is_list = matches!(value, Value::List(_) | Value::Bytes(_));
            let both_maps = matches!((&value, &old), (Value::Map(_), Some(Value::Map(_))));
            if is_list || both_maps {
                continue;
            }
        }
        if overwrite || !old_counts {
            target.insert(key, value);
        }
    }
    Ok(())
}
