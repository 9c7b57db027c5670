//! String functions.

use wharf_template::{FuncError, FunctionTable, List, Map, MapType, Str, Value, quote};

use crate::args::{Add, Result, T, bytes, int, items, strval, text};
use crate::cases;

const S: &[T] = &[T::String];
const SS: &[T] = &[T::String, T::String];
const IS: &[T] = &[T::Int, T::String];

pub(crate) fn add(table: &mut FunctionTable) {
    table.plain("hello", &[], |_| Ok("Hello!".into()));
    table.plain("abbrev", IS, |args| Ok(abbreviate(bytes(&args[1]), 0, int(&args[0]))));
    table.plain("abbrevboth", &[T::Int, T::Int, T::String], |args| {
        let (left, right) = (int(&args[0]), int(&args[1]));
        if right < 4 || (left > 0 && right < 7) {
            return Ok(args[2].clone());
        }
        Ok(abbreviate(bytes(&args[2]), left, right))
    });
    table.plain("trunc", IS, |args| Ok(truncate(int(&args[0]), bytes(&args[1]))));
    table.plain("trim", S, |args| Ok(text(&args[0]).trim_matches(is_space).into()));
    table.plain("upper", S, |args| Ok(text(&args[0]).chars().map(cases::upper).collect::<String>().into()));
    table.plain("lower", S, |args| Ok(text(&args[0]).chars().map(cases::lower).collect::<String>().into()));
    table.plain("title", S, |args| Ok(cases::title(&text(&args[0])).into()));
    table.plain("untitle", S, |args| Ok(cases::untitle(&text(&args[0])).into()));
    table.plain("swapcase", S, |args| Ok(cases::swap(&text(&args[0])).into()));
    table.plain("snakecase", S, |args| Ok(cases::connect(&text(&args[0]), '_').into()));
    table.plain("kebabcase", S, |args| Ok(cases::connect(&text(&args[0]), '-').into()));
    table.plain("camelcase", S, |args| Ok(cases::pascal(&text(&args[0])).into()));
    table.plain("substr", &[T::Int, T::Int, T::String], |args| {
        substring(int(&args[0]), int(&args[1]), bytes(&args[2]))
    });
    table.with("repeat", IS, |call, args| {
        let (count, part) = (int(&args[0]), bytes(&args[1]));
        let count = usize::try_from(count).map_err(|_| "strings: negative Repeat count")?;
        call.check_size(count.saturating_mul(part.len()))?;
        Ok(Value::str(part.repeat(count)))
    });
    for name in ["trimall", "trimAll"] {
        table.plain(name, SS, |args| {
            let cut = text(&args[0]);
            Ok(text(&args[1]).trim_matches(|c| cut.contains(c)).into())
        });
    }
    table.plain("trimSuffix", SS, |args| {
        Ok(Value::str(bytes(&args[1]).strip_suffix(bytes(&args[0])).unwrap_or_else(|| bytes(&args[1]))))
    });
    table.plain("trimPrefix", SS, |args| {
        Ok(Value::str(bytes(&args[1]).strip_prefix(bytes(&args[0])).unwrap_or_else(|| bytes(&args[1]))))
    });
    table.plain("nospace", S, |args| Ok(without_spaces(&args[0])));
    table.plain("initials", S, |args| Ok(initials(bytes(&args[0])).into()));
    table.plain("wrap", IS, |args| Ok(Value::str(wrap(bytes(&args[1]), int(&args[0]), b"", false))));
    table.plain("wrapWith", &[T::Int, T::String, T::String], |args| {
        Ok(Value::str(wrap(bytes(&args[2]), int(&args[0]), bytes(&args[1]), true)))
    });
    table.plain("contains", SS, |args| Ok(find(bytes(&args[1]), bytes(&args[0])).is_some().into()));
    table.plain("hasPrefix", SS, |args| Ok(bytes(&args[1]).starts_with(bytes(&args[0])).into()));
    table.plain("hasSuffix", SS, |args| Ok(bytes(&args[1]).ends_with(bytes(&args[0])).into()));
    table.variadic("quote", &[T::Any], |args| Ok(join_present(args, |arg| quote(&strval(arg)).into_bytes())));
    table.variadic("squote", &[T::Any], |args| {
        Ok(join_present(args, |arg| {
            [b"'", &*wharf_template::sprint(std::slice::from_ref(arg)), b"'"].concat()
        }))
    });
    table.variadic("cat", &[T::Any], |args| {
        Ok(join_present(args, |arg| wharf_template::sprint(std::slice::from_ref(arg))))
    });
    table.with("indent", IS, |call, args| indent(call, &args[0], &args[1], b""));
    table.with("nindent", IS, |call, args| indent(call, &args[0], &args[1], b"\n"));
    table.plain("replace", &[T::String, T::String, T::String], |args| {
        Ok(Value::str(replace(bytes(&args[2]), bytes(&args[0]), bytes(&args[1]))))
    });
    table.plain("plural", &[T::String, T::String, T::Int], |args| {
        Ok(if int(&args[2]) == 1 { args[0].clone() } else { args[1].clone() })
    });
    table.plain("toString", &[T::Any], |args| Ok(Value::Str(strval(&args[0]))));
    table.plain("toStrings", &[T::Any], |args| Ok(Value::List(List::strings(strings(&args[0])))));
    table.plain("join", &[T::String, T::Any], |args| Ok(Value::str(strings(&args[1]).join(bytes(&args[0])))));
    table.plain("split", SS, |args| Ok(numbered(split(bytes(&args[1]), bytes(&args[0]), -1))));
    table.plain("splitn", &[T::String, T::Int, T::String], |args| {
        Ok(numbered(split(bytes(&args[2]), bytes(&args[0]), int(&args[1]))))
    });
    table.plain("splitList", SS, |args| {
        Ok(Value::List(List::strings(split(bytes(&args[1]), bytes(&args[0]), -1))))
    });
}

fn is_space(c: char) -> bool {
    c.is_whitespace()
}

/// The elements of any list as strings, without nils; another value is a list of one.
pub(crate) fn strings(value: &Value) -> Vec<Str> {
    match items(value) {
        Some(items) => items.iter().filter(|item| !item.is_nil()).map(strval).collect(),
        None if value.is_nil() => Vec::new(),
        None => vec![strval(value)],
    }
}

fn join_present(args: &[Value], text: impl Fn(&Value) -> Vec<u8>) -> Value {
    let parts: Vec<Vec<u8>> = args.iter().filter(|arg| !arg.is_nil()).map(text).collect();
    Value::str(parts.join(&b' '))
}

fn indent(call: &wharf_template::Call<'_>, spaces: &Value, text: &Value, before: &[u8]) -> Result {
    let spaces = usize::try_from(int(spaces)).map_err(|_| "strings: negative Repeat count")?;
    let text = bytes(text);
    let lines = text.iter().filter(|byte| **byte == b'\n').count();
    let size = spaces.saturating_mul(lines + 1).saturating_add(text.len() + before.len());
    call.check_size(size)?;
    let mut out = Vec::with_capacity(size);
    out.extend_from_slice(before);
    for (index, line) in text.split(|byte| *byte == b'\n').enumerate() {
        if index > 0 {
            out.push(b'\n');
        }
        out.resize(out.len() + spaces, b' ');
        out.extend_from_slice(line);
    }
    Ok(Value::str(out))
}

fn truncate(count: i64, text: &[u8]) -> Value {
    let length = text.len() as i64;
    let part = if count < 0 && length + count > 0 {
        &text[(length + count) as usize..]
    } else if count >= 0 && length > count {
        &text[..count as usize]
    } else {
        text
    };
    Value::str(part)
}

fn substring(start: i64, end: i64, text: &[u8]) -> Result {
    let length = text.len() as i64;
    let out_of_range =
        |range: String| FuncError::new(format!("runtime error: slice bounds out of range {range}"));
    if start < 0 {
        return match usize::try_from(end) {
            Ok(at) if at <= text.len() => Ok(Value::str(&text[..at])),
            Ok(_) => Err(out_of_range(format!("[:{end}] with length {length}"))),
            Err(_) => Err(out_of_range(format!("[:{end}]"))),
        };
    }
    let end = if end < 0 || end > length { length } else { end };
    if start > end {
        return Err(out_of_range(format!("[{start}:{end}]")));
    }
    Ok(Value::str(&text[start as usize..end as usize]))
}

fn abbreviate(text: &[u8], offset: i64, width: i64) -> Value {
    if width < 4 {
        return Value::str(text);
    }
    Value::str(abbreviated(text, offset, width).unwrap_or_default())
}

/// Shortens a text to a width in bytes, with dots where something is missing.
fn abbreviated(text: &[u8], mut offset: i64, width: i64) -> Option<Vec<u8>> {
    let length = text.len() as i64;
    if text.is_empty() || width < 4 {
        return None;
    }
    if length <= width {
        return Some(text.to_vec());
    }
    offset = offset.min(length);
    if length - offset < width - 3 {
        offset = length - (width - 3);
    }
    if offset <= 4 {
        return Some([&text[..(width - 3) as usize], b"..."].concat());
    }
    if width < 7 {
        return None;
    }
    if offset + width - 3 < length {
        let rest = abbreviated(&text[offset as usize..], 0, width - 3).unwrap_or_default();
        return Some([b"...", &*rest].concat());
    }
    Some([b"...", &text[(length - (width - 3)) as usize..]].concat())
}

/// Bytes are looked at one by one, as if each were a character.
fn without_spaces(value: &Value) -> Value {
    let text = bytes(value);
    if !text.iter().any(|byte| is_space(char::from(*byte))) {
        return value.clone();
    }
    text.iter().map(|byte| char::from(*byte)).filter(|c| !is_space(*c)).collect::<String>().into()
}

fn initials(text: &[u8]) -> String {
    let mut out = String::new();
    let mut after_gap = true;
    for byte in text {
        let c = char::from(*byte);
        if is_space(c) {
            after_gap = true;
        } else if after_gap {
            out.push(c);
            after_gap = false;
        }
    }
    out
}

/// Breaks a text into lines of a width in bytes, at spaces if there are any.
fn wrap(text: &[u8], width: i64, new_line: &[u8], break_words: bool) -> Vec<u8> {
    let new_line = if new_line.is_empty() { b"\n" } else { new_line };
    let width = usize::try_from(width).unwrap_or(1).max(1);
    let mut out = Vec::with_capacity(text.len() + 16);
    let mut offset = 0;
    while text.len() - offset > width {
        if text[offset] == b' ' {
            offset += 1;
            continue;
        }
        let window = &text[offset..=offset + width];
        if let Some(space) = window.iter().rposition(|byte| *byte == b' ') {
            out.extend_from_slice(&text[offset..offset + space]);
            out.extend_from_slice(new_line);
            offset += space + 1;
        } else if break_words {
            out.extend_from_slice(&text[offset..offset + width]);
            out.extend_from_slice(new_line);
            offset += width;
        } else {
            match text[offset + width..].iter().position(|byte| *byte == b' ') {
                None => {
                    out.extend_from_slice(&text[offset..]);
                    offset = text.len();
                }
                Some(space) => {
                    out.extend_from_slice(&text[offset..offset + width + space]);
                    out.extend_from_slice(new_line);
                    offset += width + space + 1;
                }
            }
        }
    }
    out.extend_from_slice(&text[offset..]);
    out
}

pub(crate) fn find(text: &[u8], part: &[u8]) -> Option<usize> {
    let Some(first) = part.first() else {
        return Some(0);
    };
    let mut from = 0;
    while let Some(at) = text[from..].iter().position(|byte| byte == first) {
        if text[from + at..].starts_with(part) {
            return Some(from + at);
        }
        from += at + 1;
    }
    None
}

pub(crate) fn replace(text: &[u8], old: &[u8], new: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    if old.is_empty() {
        // Between all characters, and at both ends.
        out.extend_from_slice(new);
        for part in split(text, b"", -1) {
            out.extend_from_slice(&part);
            out.extend_from_slice(new);
        }
        return out;
    }
    while let Some(at) = find(rest, old) {
        out.extend_from_slice(&rest[..at]);
        out.extend_from_slice(new);
        rest = &rest[at + old.len()..];
    }
    out.extend_from_slice(rest);
    out
}

/// Splits at a separator into at most `limit` parts; all if negative. An empty separator splits characters.
pub(crate) fn split(text: &[u8], separator: &[u8], limit: i64) -> Vec<Str> {
    let mut limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let mut out = Vec::new();
    if limit == 0 {
        return out;
    }
    let mut rest = text;
    if separator.is_empty() {
        while !rest.is_empty() && limit > 1 {
            let width = match std::str::from_utf8(&rest[..rest.len().min(4)]) {
                Ok(head) => head.chars().next().map_or(1, char::len_utf8),
                Err(error) => match std::str::from_utf8(&rest[..error.valid_up_to()]) {
                    Ok(head) => head.chars().next().map_or(1, char::len_utf8),
                    Err(_) => 1,
                },
            };
            out.push(Str::from(&rest[..width]));
            rest = &rest[width..];
            limit -= 1;
        }
        if !rest.is_empty() {
            out.push(Str::from(rest));
        }
        return out;
    }
    while limit > 1 {
        let Some(at) = find(rest, separator) else {
            break;
        };
        out.push(Str::from(&rest[..at]));
        rest = &rest[at + separator.len()..];
        limit -= 1;
    }
    out.push(Str::from(rest));
    out
}

/// `_0`, `_1` and so on.
fn numbered(parts: Vec<Str>) -> Value {
    let entries = parts
        .into_iter()
        .enumerate()
        .map(|(index, part)| (format!("_{index}").into(), Value::Str(part)))
        .collect();
    Value::Map(Map::with_entries(MapType::STRING, entries))
}
