//! Values on the command line: `--set a.b[0]=x,c={1,2}` and its relatives.

use std::sync::Arc;

use wharf_yaml::{Map, Value, from_json};

/// The largest list index accepted.
const MAX_INDEX: i64 = 65_536;
/// How many names may follow each other with dots.
const MAX_NESTED_NAMES: usize = 30;

/// The user's values, into which settings are written in the order in which they are given.
#[derive(Debug, Clone, Default)]
pub struct SetValues(Map);

type Reader<'r> = &'r mut dyn FnMut(&str) -> Result<Value, String>;

impl SetValues {
    /// Starts from values, which must be a map.
    pub fn new(values: &Value) -> Self {
        Self(values.as_map().cloned().unwrap_or_default())
    }

    /// Applies `--set`: numbers, booleans and null are recognised.
    ///
    /// # Errors
    /// Fails in Helm's words when the text is not well formed; what came before the fault stays set.
    pub fn set(&mut self, text: &str) -> Result<(), String> {
        self.parse(text, Mode::Text(&mut |text| Ok(typed(text))))
    }

    /// Applies `--set-string`: every value is text.
    ///
    /// # Errors
    /// As [`set`](Self::set).
    pub fn set_string(&mut self, text: &str) -> Result<(), String> {
        self.parse(text, Mode::Text(&mut |text| Ok(Value::String(text.into()))))
    }

    /// Applies `--set-file`: the values are what `read` gives for the texts.
    ///
    /// # Errors
    /// As [`set`](Self::set), and as `read` fails.
    pub fn set_file(&mut self, text: &str, read: Reader<'_>) -> Result<(), String> {
        self.parse(text, Mode::Text(read))
    }

    /// Applies `--set-json`: `key=JSON` pairs, or one object that is merged in.
    ///
    /// # Errors
    /// As [`set`](Self::set), and when a value is not JSON.
    pub fn set_json(&mut self, text: &str) -> Result<(), String> {
        if text.trim().starts_with('{') {
            let Ok(Value::Map(object)) = from_json(text.trim().as_bytes()) else {
                return Err(format!("failed parsing --set-json data JSON: {text}"));
            };
            wharf_chart::merge_maps(&mut self.0, &object);
            return Ok(());
        }
        self.parse(text, Mode::Json).map_err(|_| format!("failed parsing --set-json data {text}"))
    }

    /// Applies `--set-literal`: everything after the first `=` is the value, as it is.
    ///
    /// # Errors
    /// As [`set`](Self::set).
    pub fn set_literal(&mut self, text: &str) -> Result<(), String> {
        let mut parser = Parser::new(text, Mode::Literal);
        match parser.key(&mut self.0, 0) {
            Ok(()) | Err(Stop::End) => Ok(()),
            Err(Stop::Fault(text)) => Err(text),
        }
    }

    /// Returns the values.
    pub fn into_value(self) -> Value {
        Value::Map(Arc::new(self.0))
    }

    fn parse(&mut self, text: &str, mode: Mode<'_>) -> Result<(), String> {
        let mut parser = Parser::new(text, mode);
        loop {
            match parser.key(&mut self.0, 0) {
                Ok(()) => {}
                Err(Stop::End) => return Ok(()),
                Err(Stop::Fault(text)) => return Err(text),
            }
        }
    }
}

/// How values are read.
enum Mode<'r> {
    Text(Reader<'r>),
    Json,
    Literal,
}

/// Why reading stopped.
enum Stop {
    End,
    Fault(String),
}

fn fault<T>(text: impl Into<String>) -> Result<T, Stop> {
    Err(Stop::Fault(text.into()))
}

struct Parser<'t, 'r> {
    chars: std::iter::Peekable<std::str::CharIndices<'t>>,
    text: &'t str,
    mode: Mode<'r>,
}

impl<'t, 'r> Parser<'t, 'r> {
    fn new(text: &'t str, mode: Mode<'r>) -> Self {
        Self { chars: text.char_indices().peekable(), text, mode }
    }

    /// Reads up to one of the characters; a backslash takes the next one as it is, except in literals. `None` at the end of the text.
    fn until(&mut self, stops: &str) -> (String, Option<char>) {
        let mut out = String::new();
        while let Some((_, c)) = self.chars.next() {
            if stops.contains(c) {
                return (out, Some(c));
            }
            if c == '\\' && !matches!(self.mode, Mode::Literal) {
                match self.chars.next() {
                    Some((_, next)) => out.push(next),
                    None => return (out, None),
                }
            } else {
                out.push(c);
            }
        }
        (out, None)
    }

    fn key(&mut self, data: &mut Map, depth: usize) -> Result<(), Stop> {
        let stops = if matches!(self.mode, Mode::Literal) { "=[." } else { "=[,." };
        let (name, stop) = self.until(stops);
        let quoted = wharf_template::quote(name.as_bytes());
        match stop {
            None if name.is_empty() => Err(Stop::End),
            None => fault(format!("key {quoted} has no value")),
            Some('[') => {
                let index = self.index()?;
                let mut list = match data.get(&*name) {
                    None => Vec::new(),
                    Some(Value::List(list)) => list.to_vec(),
                    Some(other) => return fault(unexpected(other, "[]interface {}")),
                };
                let result = self.item(&mut list, index, depth);
                put(data, &name, Value::List(Arc::new(list)));
                result
            }
            Some('=') => {
                let (value, result) = self.value()?;
                put(data, &name, value);
                result
            }
            Some(',') => {
                put(data, &name, Value::String("".into()));
                fault(format!("key {quoted} has no value (cannot end with ,)"))
            }
            Some(_) => {
                if depth + 1 > MAX_NESTED_NAMES {
                    return fault(format!(
                        "value name nested level is greater than maximum supported nested level of {MAX_NESTED_NAMES}"
                    ));
                }
                let mut inner = match data.get(&*name) {
                    None => Map::new(),
                    Some(Value::Map(map)) => map.as_ref().clone(),
                    Some(other) => return fault(unexpected(other, "map[string]interface {}")),
                };
                let result = self.key(&mut inner, depth + 1);
                if result.is_ok() && inner.is_empty() {
                    return fault(format!("key map {quoted} has no value"));
                }
                if !inner.is_empty() {
                    put(data, &name, Value::Map(Arc::new(inner)));
                }
                result
            }
        }
    }

    fn index(&mut self) -> Result<i64, Stop> {
        let (digits, stop) = self.until("]");
        if stop.is_none() {
            // The end of the text inside an index is no error, as everywhere.
            return Err(Stop::End);
        }
        digits.parse().map_err(|_| {
            let quoted = wharf_template::quote(digits.as_bytes());
            Stop::Fault(format!("error parsing index: strconv.Atoi: parsing {quoted}: invalid syntax"))
        })
    }

    fn item(&mut self, list: &mut Vec<Value>, index: i64, depth: usize) -> Result<(), Stop> {
        if index < 0 {
            return fault(format!("negative {index} index not allowed"));
        }
        let (extra, stop) = self.until("[.=");
        if !extra.is_empty() {
            // Helm prints the characters as a list.
            let chars = extra.chars().map(|c| Value::Int(i64::from(u32::from(c)))).collect();
            let chars = wharf_sprig::from_plain(&Value::List(Arc::new(chars)));
            let quoted = wharf_template::sprintf(b"%q", &[chars]);
            return fault(format!(
                "unexpected data at end of array index: {}",
                String::from_utf8_lossy(&quoted)
            ));
        }
        let there = usize::try_from(index).ok().and_then(|index| list.get(index)).cloned();
        match stop {
            None => Err(Stop::End),
            Some('=') => {
                let (value, _) = self.value()?;
                put_at(list, index, value)
            }
            Some('[') => {
                let next = self.index()?;
                let mut inner = match there {
                    None | Some(Value::Null) => Vec::new(),
                    Some(Value::List(inner)) => inner.to_vec(),
                    Some(other) => return fault(unexpected(&other, "[]interface {}")),
                };
                self.item(&mut inner, next, depth)?;
                put_at(list, index, Value::List(Arc::new(inner)))
            }
            Some(_) => {
                let mut inner = match there {
                    Some(Value::Map(inner)) => inner.as_ref().clone(),
                    _ => Map::new(),
                };
                let result = self.key(&mut inner, depth);
                // What was set before a fault stays, if the list reached so far.
                let place = usize::try_from(index).ok().and_then(|index| list.get_mut(index));
                match (&result, place) {
                    (Ok(()), _) => put_at(list, index, Value::Map(Arc::new(inner)))?,
                    (Err(_), Some(place)) => *place = Value::Map(Arc::new(inner)),
                    (Err(_), None) => {}
                }
                result
            }
        }
    }

    /// Reads a value; the second result says whether the text ends with it.
    fn value(&mut self) -> Result<(Value, Result<(), Stop>), Stop> {
        match &mut self.mode {
            Mode::Json => self.json(),
            Mode::Literal => {
                let rest = self.rest().to_owned();
                while self.chars.next().is_some() {}
                Ok((Value::String(rest.into()), Ok(())))
            }
            Mode::Text(_) => self.text(),
        }
    }

    fn rest(&mut self) -> &'t str {
        match self.chars.peek() {
            Some((at, _)) => &self.text[*at..],
            None => "",
        }
    }

    fn read(&mut self, text: &str) -> Result<Value, Stop> {
        match &mut self.mode {
            Mode::Text(read) => read(text).map_err(Stop::Fault),
            _ => Ok(Value::String(text.into())),
        }
    }

    fn text(&mut self) -> Result<(Value, Result<(), Stop>), Stop> {
        match self.chars.peek() {
            None => return Ok((Value::String("".into()), Err(Stop::End))),
            Some((_, '{')) => {
                self.chars.next();
            }
            Some(_) => {
                let (text, _) = self.until(",");
                return Ok((self.read(&text)?, Ok(())));
            }
        }
        let mut items = Vec::new();
        loop {
            let (text, stop) = self.until(",}");
            match stop {
                None => return fault("list must terminate with '}'"),
                Some(',') => items.push(self.read(&text)?),
                Some(_) => {
                    if let Some((_, ',')) = self.chars.peek() {
                        self.chars.next();
                    }
                    items.push(self.read(&text)?);
                    return Ok((Value::List(Arc::new(items)), Ok(())));
                }
            }
        }
    }

    /// Takes spaces and a comma; true if nothing else was there.
    fn is_empty_value(&mut self) -> bool {
        loop {
            match self.chars.peek() {
                None => return true,
                Some((_, ',')) => {
                    self.chars.next();
                    return true;
                }
                Some((_, c)) if c.is_whitespace() => {
                    self.chars.next();
                }
                Some(_) => return false,
            }
        }
    }

    fn json(&mut self) -> Result<(Value, Result<(), Stop>), Stop> {
        if self.is_empty_value() {
            return Ok((Value::Null, Ok(())));
        }
        let rest = self.rest();
        // The shortest beginning that is a whole value and is followed by nothing that could continue it.
        let ends =
            rest.char_indices().filter(|(_, c)| matches!(c, ',' | ' ' | '\t' | '\n')).map(|(at, _)| at);
        for end in ends.chain([rest.len()]) {
            if let Ok(value) = from_json(&rest.as_bytes()[..end]) {
                for _ in rest[..end].chars() {
                    self.chars.next();
                }
                self.is_empty_value();
                return Ok((value, Ok(())));
            }
        }
        fault("invalid JSON")
    }
}

fn put(data: &mut Map, key: &str, value: Value) {
    if !key.is_empty() {
        data.insert(key.into(), value);
    }
}

fn put_at(list: &mut Vec<Value>, index: i64, value: Value) -> Result<(), Stop> {
    if index > MAX_INDEX {
        return fault(format!("index of {index} is greater than maximum supported index of {MAX_INDEX}"));
    }
    let index = usize::try_from(index).unwrap_or_default();
    if list.len() <= index {
        list.resize(index + 1, Value::Null);
    }
    list[index] = value;
    Ok(())
}

fn unexpected(found: &Value, wanted: &str) -> String {
    format!("unable to parse key: interface conversion: interface {{}} is {}, not {wanted}", found.go_type())
}

fn typed(text: &str) -> Value {
    if text.eq_ignore_ascii_case("true") {
        return Value::Bool(true);
    }
    if text.eq_ignore_ascii_case("false") {
        return Value::Bool(false);
    }
    if text.eq_ignore_ascii_case("null") {
        return Value::Null;
    }
    if text == "0" {
        return Value::Int(0);
    }
    if !text.starts_with('0')
        && let Ok(number) = wharf_template::parse_int(text, 10)
    {
        return Value::Int(number);
    }
    Value::String(text.into())
}
