//! The little language of `--set` and its relatives: `a.b[0].c=x,d={1,2}`.

use std::sync::Arc;

use wharf_yaml::{Json, Map, Value, from_json};

use crate::load::merge_maps;
use crate::quote::Quoted;
use crate::{Error, ErrorKind};

/// Highest list index; a single `a[2000000000]=1` must not fill the memory (CVE-2022-36055).
const MAX_INDEX: i64 = 65_536;
/// Deepest nesting of names (CVE-2022-23524).
const MAX_NAME_DEPTH: usize = 30;
/// Deepest nesting of lists, which Helm does not bound.
const MAX_LIST_DEPTH: usize = 100;

/// Applies a `--set` expression: `true`, `false`, `null` and integers get their types, everything else is text.
///
/// # Errors
/// Malformed expressions, in Helm's words; the values stay as they were.
pub fn set_values(values: &mut Value, expression: &str) -> Result<(), Error> {
    apply(values, expression, Kind::Typed)
}

/// Applies a `--set-string` expression: everything is text.
///
/// # Errors
/// As [`set_values`].
pub fn set_strings(values: &mut Value, expression: &str) -> Result<(), Error> {
    apply(values, expression, Kind::Text)
}

/// Applies a `--set-json` expression: `key=JSON` pairs, or one JSON object that is merged.
///
/// # Errors
/// As [`set_values`], and malformed JSON.
pub fn set_json(values: &mut Value, expression: &str) -> Result<(), Error> {
    if !expression.trim_start().starts_with('{') {
        return apply(values, expression, Kind::Json);
    }
    let object =
        from_json(expression.as_bytes()).map_err(|error| Error::new(ErrorKind::Misuse, error.to_string()))?;
    if values.is_null() {
        *values = Value::Map(Arc::default());
    }
    if let (Some(into), Some(from)) = (values.as_map_mut(), object.as_map()) {
        merge_maps(into, from);
    }
    Ok(())
}

/// Applies a `--set-file` expression: `read` turns each path into the text of the file.
///
/// # Errors
/// As [`set_values`], and whatever `read` reports.
pub fn set_files(
    values: &mut Value,
    expression: &str,
    mut read: impl FnMut(&str) -> Result<String, String>,
) -> Result<(), Error> {
    apply(values, expression, Kind::File(&mut read))
}

/// Applies a `--set-literal` expression: everything behind the first `=` is the text, as it is.
///
/// # Errors
/// As [`set_values`].
pub fn set_literal(values: &mut Value, expression: &str) -> Result<(), Error> {
    apply(values, expression, Kind::Literal)
}

fn apply(values: &mut Value, expression: &str, kind: Kind<'_>) -> Result<(), Error> {
    let mut map = values.as_map().cloned().unwrap_or_default();
    let mut parser = Parser { rest: expression, kind, open_lists: 0 };
    loop {
        parser.open_lists = 0;
        match parser.key(&mut map, 0) {
            Ok(()) => {}
            Err(Stop::End) => break,
            Err(Stop::Failed(text)) => return Err(Error::new(ErrorKind::Misuse, text)),
        }
    }
    *values = map.into();
    Ok(())
}

enum Kind<'r> {
    Typed,
    Text,
    Json,
    File(&'r mut dyn FnMut(&str) -> Result<String, String>),
    Literal,
}

/// Why parsing does not go on. The end of the expression ends some unfinished forms without an error, as in Helm.
enum Stop {
    End,
    Failed(String),
}

impl Stop {
    fn failed<T>(text: impl Into<String>) -> Result<T, Self> {
        Err(Self::Failed(text.into()))
    }
}

struct Parser<'a, 'r> {
    rest: &'a str,
    kind: Kind<'r>,
    /// Lists around what is being read.
    open_lists: usize,
}

impl Parser<'_, '_> {
    /// Reads one `key=value`, or the rest of one below `data`.
    fn key(&mut self, data: &mut Map, depth: usize) -> Result<(), Stop> {
        let literal = matches!(self.kind, Kind::Literal);
        let (name, last) = self.until(if literal { &['=', '[', '.'] } else { &['=', '[', ',', '.'] });
        match last {
            None if name.is_empty() => Err(Stop::End),
            None => Stop::failed(format!("key {} has no value", Quoted(&name))),
            Some('[') => {
                let index = self.index()?;
                let mut list = match data.get(name.as_str()) {
                    None => Vec::new(),
                    Some(Value::List(items)) => items.to_vec(),
                    Some(other) => return mismatch(other, "[]interface {}"),
                };
                let result = self.item(&mut list, index, depth);
                insert(data, &name, list.into());
                result
            }
            Some('.') => {
                if depth + 1 > MAX_NAME_DEPTH {
                    return Stop::failed(format!(
                        "value name nested level is greater than maximum supported nested level of {MAX_NAME_DEPTH}"
                    ));
                }
                let before = data.get(name.as_str());
                let existed = before.is_some();
                let mut inner = match before {
                    None => Map::new(),
                    Some(Value::Map(map)) => (**map).clone(),
                    Some(other) => return mismatch(other, "map[string]interface {}"),
                };
                let result = self.key(&mut inner, depth + 1);
                if result.is_ok() && inner.is_empty() {
                    return Stop::failed(format!("key map {} has no value", Quoted(&name)));
                }
                if existed || !inner.is_empty() {
                    insert(data, &name, inner.into());
                }
                result
            }
            Some(',') => Stop::failed(format!("key {} has no value (cannot end with ,)", Quoted(&name))),
            Some(_) => {
                let (value, end) = self.value()?;
                insert(data, &name, value);
                end
            }
        }
    }

    /// Reads what stands behind `[index]`.
    fn item(&mut self, list: &mut Vec<Value>, index: i64, depth: usize) -> Result<(), Stop> {
        if index < 0 {
            return Stop::failed(format!("negative {index} index not allowed"));
        }
        self.open_lists += 1;
        if self.open_lists > MAX_LIST_DEPTH {
            return Stop::failed(format!(
                "list index nested level is greater than maximum supported nested level of {MAX_LIST_DEPTH}"
            ));
        }
        let (name, last) = self.until(&['[', '.', '=']);
        if !name.is_empty() {
            // Helm shows the characters one by one.
            let shown: Vec<String> = name.chars().map(|c| format!("{c:?}")).collect();
            return Stop::failed(format!("unexpected data at end of array index: [{}]", shown.join(" ")));
        }
        let at = usize::try_from(index).ok();
        let before = at.and_then(|at| list.get(at)).cloned();
        match last {
            None => Err(Stop::End),
            Some('[') => {
                let next = self.index()?;
                let mut inner = match before {
                    None | Some(Value::Null) => Vec::new(),
                    Some(Value::List(items)) => items.to_vec(),
                    Some(other) => return mismatch(&other, "[]interface {}"),
                };
                self.item(&mut inner, next, depth)?;
                set_index(list, index, inner.into())
            }
            Some('.') => {
                let existed = before.is_some();
                let mut inner = match before {
                    Some(Value::Map(map)) => (*map).clone(),
                    _ => Map::new(),
                };
                let result = self.key(&mut inner, depth);
                if result.is_ok() || existed {
                    set_index(list, index, inner.into())?;
                }
                result
            }
            Some(_) => {
                let (value, _) = self.value()?;
                set_index(list, index, value)
            }
        }
    }

    /// Reads a value; the second part ends the expression where nothing stood behind the `=`.
    fn value(&mut self) -> Result<(Value, Result<(), Stop>), Stop> {
        match self.kind {
            Kind::Json => return Ok((self.json()?, Ok(()))),
            Kind::Literal => return Ok((std::mem::take(&mut self.rest).into(), Ok(()))),
            Kind::Typed | Kind::Text | Kind::File(_) => {}
        }
        if self.rest.is_empty() {
            return Ok(("".into(), Err(Stop::End)));
        }
        let Some(rest) = self.rest.strip_prefix('{') else {
            let (text, _) = self.until(&[',']);
            return Ok((self.convert(&text)?, Ok(())));
        };
        self.rest = rest;
        let mut items = Vec::new();
        loop {
            let (text, last) = self.until(&[',', '}']);
            match last {
                None => return Stop::failed("list must terminate with '}'"),
                Some(last) => {
                    items.push(self.convert(&text)?);
                    if last == '}' {
                        self.rest = self.rest.strip_prefix(',').unwrap_or(self.rest);
                        return Ok((items.into(), Ok(())));
                    }
                }
            }
        }
    }

    fn convert(&mut self, text: &str) -> Result<Value, Stop> {
        match &mut self.kind {
            Kind::Typed => Ok(typed(text)),
            Kind::File(read) => read(text).map(Value::from).map_err(Stop::Failed),
            Kind::Text | Kind::Json | Kind::Literal => Ok(text.into()),
        }
    }

    /// Reads one JSON value and the comma behind it; nothing means null.
    fn json(&mut self) -> Result<Value, Stop> {
        if self.skip_blank() {
            return Ok(Value::Null);
        }
        let (json, length) =
            Json::read_first(self.rest.as_bytes()).map_err(|error| Stop::Failed(error.to_string()))?;
        let (value, problem) = json.into_value();
        if let Some(problem) = problem {
            return Stop::failed(problem.to_string());
        }
        let rest = &self.rest[length..];
        self.rest = rest;
        self.skip_blank();
        Ok(value)
    }

    /// Skips white space and one comma, and says whether there was the comma or the end.
    fn skip_blank(&mut self) -> bool {
        let rest = self.rest.trim_start();
        self.rest = rest.strip_prefix(',').unwrap_or(rest);
        rest.is_empty() || rest.starts_with(',')
    }

    fn index(&mut self) -> Result<i64, Stop> {
        let (text, last) = self.until(&[']']);
        if last.is_none() {
            return Err(Stop::End);
        }
        number(&text).map_err(|why| {
            Stop::Failed(format!("error parsing index: strconv.Atoi: parsing {}: {why}", Quoted(&text)))
        })
    }

    /// Takes characters up to one of the stops, which is taken too; a backslash takes the next character as it is.
    fn until(&mut self, stops: &[char]) -> (String, Option<char>) {
        let escapes = !matches!(self.kind, Kind::Literal);
        let mut text = String::new();
        let mut chars = self.rest.chars();
        let last = loop {
            match chars.next() {
                None => break None,
                Some(c) if stops.contains(&c) => break Some(c),
                Some('\\') if escapes => match chars.next() {
                    None => break None,
                    Some(c) => text.push(c),
                },
                Some(c) => text.push(c),
            }
        };
        self.rest = chars.as_str();
        (text, last)
    }
}

/// An empty name is passed over silently.
fn insert(data: &mut Map, name: &str, value: Value) {
    if !name.is_empty() {
        data.insert(name.into(), value);
    }
}

fn set_index(list: &mut Vec<Value>, index: i64, value: Value) -> Result<(), Stop> {
    if index > MAX_INDEX {
        return Stop::failed(format!(
            "index of {index} is greater than maximum supported index of {MAX_INDEX}"
        ));
    }
    let at = usize::try_from(index).unwrap_or_default();
    if list.len() <= at {
        list.resize(at + 1, Value::Null);
    }
    list[at] = value;
    Ok(())
}

/// The text of Go's failed type assertion.
fn mismatch<T>(found: &Value, wanted: &str) -> Result<T, Stop> {
    let found = if found.is_null() { "nil" } else { found.go_type() };
    Stop::failed(format!(
        "unable to parse key: interface conversion: interface {{}} is {found}, not {wanted}"
    ))
}

fn typed(text: &str) -> Value {
    let is = |word: &str| text.eq_ignore_ascii_case(word);
    if is("true") || is("false") {
        return Value::Bool(is("true"));
    }
    if is("null") {
        return Value::Null;
    }
    match text.parse::<i64>() {
        Ok(number) if text == "0" || !text.starts_with('0') => Value::Int(number),
        _ => text.into(),
    }
}

/// Reads a number as `strconv.Atoi`: what overflows 64 bits is out of range even if something else follows.
fn number(text: &str) -> Result<i64, &'static str> {
    const OUT_OF_RANGE: &str = "value out of range";
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() {
        return Err("invalid syntax");
    }
    let mut size: u64 = 0;
    for c in digits.chars() {
        let digit = c.to_digit(10).ok_or("invalid syntax")?;
        size = size.checked_mul(10).and_then(|n| n.checked_add(digit.into())).ok_or(OUT_OF_RANGE)?;
    }
    let size = i128::from(size);
    i64::try_from(if text.starts_with('-') { -size } else { size }).map_err(|_| OUT_OF_RANGE)
}
