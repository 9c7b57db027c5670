//! Regular expressions. The syntax is Go's.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use regex::Regex;
use wharf_template::{FuncError, FunctionTable, List, ListType, Str, Value};

use crate::args::{Add, Result, T, bytes, int, text};

/// Compiled expressions are kept up to this many, because templates use the same ones in loops.
const MAX_KEPT: usize = 512;

#[derive(Clone, Default)]
struct Cache(Rc<RefCell<HashMap<String, Regex>>>);

impl Cache {
    fn get(&self, pattern: &str) -> Result<Regex, String> {
        if let Some(regex) = self.0.borrow().get(pattern) {
            return Ok(regex.clone());
        }
        let regex = wharf_regexp::compile(pattern).map_err(|error| error.to_string())?;
        let mut kept = self.0.borrow_mut();
        if kept.len() >= MAX_KEPT {
            kept.clear();
        }
        kept.insert(pattern.to_owned(), regex.clone());
        Ok(regex)
    }

    /// As `get`, with the error of Go's `MustCompile` for functions that panic.
    fn must(&self, pattern: &str) -> Result<Regex> {
        self.get(pattern).map_err(|error| {
            let quoted = if pattern.contains('`') {
                wharf_template::quote(pattern.as_bytes())
            } else {
                format!("`{pattern}`")
            };
            FuncError::new(format!("regexp: Compile({quoted}): {error}"))
        })
    }
}

pub(crate) fn add(table: &mut FunctionTable) {
    const SS: &[T] = &[T::String, T::String];
    const SSI: &[T] = &[T::String, T::String, T::Int];
    const SSS: &[T] = &[T::String, T::String, T::String];
    let cache = Cache::default();
    let matches = cache.clone();
    table.with("regexMatch", SS, move |_, args| {
        Ok(matches.get(&text(&args[0])).is_ok_and(|regex| regex.is_match(&text(&args[1]))).into())
    });
    let with = |cache: &Cache, must: bool| {
        let cache = cache.clone();
        move |pattern: &Value| {
            let pattern = text(pattern);
            if must { cache.get(&pattern).map_err(FuncError::Message) } else { cache.must(&pattern) }
        }
    };
    let compile = with(&cache, true);
    table.with("mustRegexMatch", SS, move |_, args| Ok(compile(&args[0])?.is_match(&text(&args[1])).into()));
    for (name, must) in [("regexFindAll", false), ("mustRegexFindAll", true)] {
        let compile = with(&cache, must);
        table.with(name, SSI, move |_, args| {
            let regex = compile(&args[0])?;
            let limit = usize::try_from(int(&args[2])).unwrap_or(usize::MAX);
            let found: Vec<Str> =
                regex.find_iter(&text(&args[1])).take(limit).map(|found| Str::from(found.as_str())).collect();
            if found.is_empty() {
                return Ok(Value::List(List::nil(ListType::STRING)));
            }
            Ok(Value::List(List::strings(found)))
        });
    }
    for (name, must) in [("regexFind", false), ("mustRegexFind", true)] {
        let compile = with(&cache, must);
        table.with(name, SS, move |_, args| {
            let regex = compile(&args[0])?;
            Ok(regex.find(&text(&args[1])).map_or("", |found| found.as_str()).into())
        });
    }
    for (name, must) in [("regexReplaceAll", false), ("mustRegexReplaceAll", true)] {
        let compile = with(&cache, must);
        table.with(name, SSS, move |_, args| {
            let regex = compile(&args[0])?;
            Ok(regex.replace_all(&text(&args[1]), &*text(&args[2])).into_owned().into())
        });
    }
    for (name, must) in [("regexReplaceAllLiteral", false), ("mustRegexReplaceAllLiteral", true)] {
        let compile = with(&cache, must);
        table.with(name, SSS, move |_, args| {
            let regex = compile(&args[0])?;
            let literal = text(&args[2]);
            Ok(regex.replace_all(&text(&args[1]), regex::NoExpand(&literal)).into_owned().into())
        });
    }
    for (name, must) in [("regexSplit", false), ("mustRegexSplit", true)] {
        let compile = with(&cache, must);
        table.with(name, SSI, move |_, args| {
            let pattern_is_empty = bytes(&args[0]).is_empty();
            Ok(split(&compile(&args[0])?, &text(&args[1]), int(&args[2]), pattern_is_empty))
        });
    }
    table.plain("regexQuoteMeta", &[T::String], |args| {
        let mut out = Vec::new();
        for byte in bytes(&args[0]) {
            if br"\.+*?()|[]{}^$".contains(byte) {
                out.push(b'\\');
            }
            out.push(*byte);
        }
        Ok(Value::str(out))
    });
}

/// Splits between matches. An empty match at the very start splits nothing off.
fn split(regex: &Regex, subject: &str, limit: i64, pattern_is_empty: bool) -> Value {
    if limit == 0 {
        return Value::List(List::nil(ListType::STRING));
    }
    if !pattern_is_empty && subject.is_empty() {
        return Value::List(List::strings([""]));
    }
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let mut parts: Vec<Str> = Vec::new();
    let (mut begin, mut end) = (0, 0);
    for found in regex.find_iter(subject) {
        if parts.len() + 1 == limit {
            break;
        }
        end = found.start();
        if found.end() != 0 {
            parts.push(Str::from(&subject[begin..end]));
        }
        begin = found.end();
    }
    if end != subject.len() {
        parts.push(Str::from(&subject[begin..]));
    }
    Value::List(List::strings(parts))
}
