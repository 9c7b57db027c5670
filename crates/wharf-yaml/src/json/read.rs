//! Reading JSON, with the errors of Go's scanner.

use std::collections::HashSet;
use std::sync::Arc;

use super::JsonMap;
use crate::{Error, ErrorKind, Limits, Map, Value, format_float_g};

/// JSON as it was written: numbers keep their text, which Go calls `json.Number`.
///
/// Of repeated keys the last counts. Bytes that are no UTF-8, and halves of surrogate pairs, become U+FFFD.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Json {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number as written, such as `1.0` or `-2e3`.
    Number(Arc<str>),
    /// Text.
    String(Arc<str>),
    /// A list.
    List(Vec<Self>),
    /// A map.
    Map(JsonMap),
}

impl Json {
    /// Reads exactly one value, as `json.Unmarshal`.
    ///
    /// # Errors
    /// Text that is not one JSON value, in Go's words, and nesting beyond [`Limits::max_depth`].
    pub fn read(text: &[u8]) -> Result<Self, Error> {
        let mut scanner = Scanner::new(text, AT_END);
        scanner.blanks();
        let value = scanner.value(0)?;
        scanner.blanks();
        match scanner.peek() {
            None => Ok(value),
            Some(_) => Err(scanner.unexpected("after top-level value")),
        }
    }

    /// Reads the first value and returns how many bytes it took, as `json.Decoder`.
    ///
    /// # Errors
    /// As [`read`](Self::read), except that anything may follow; `EOF` if there is nothing at all.
    pub fn read_first(text: &[u8]) -> Result<(Self, usize), Error> {
        let mut scanner = Scanner::new(text, "unexpected EOF");
        scanner.blanks();
        if scanner.peek().is_none() {
            scanner.at_end = "EOF";
        }
        let value = scanner.value(0)?;
        Ok((value, scanner.at))
    }

    /// Returns the value with floats for numbers.
    ///
    /// # Errors
    /// A number beyond a float's range; Go goes on with null in its place, and so does the value beside the error.
    pub fn into_value(self) -> (Value, Option<Error>) {
        let mut first = None;
        let value = self.convert(&mut first);
        (value, first)
    }

    fn convert(self, first: &mut Option<Error>) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Bool(value) => Value::Bool(value),
            Self::Number(text) => match text.parse::<f64>() {
                Ok(number) if number.is_finite() => Value::Float(number),
                _ => {
                    first.get_or_insert_with(|| {
                        let words =
                            format!("json: cannot unmarshal number {text} into Go value of type float64");
                        Error::new(ErrorKind::Content, words, None)
                    });
                    Value::Null
                }
            },
            Self::String(text) => Value::String(text),
            Self::List(items) => items.into_iter().map(|item| item.convert(first)).collect(),
            Self::Map(entries) => {
                let entries = entries.into_iter().map(|(key, value)| (key, value.convert(first)));
                Value::from(entries.collect::<Map>())
            }
        }
    }
}

/// Numbers are written as Go's `%v` writes them, so `1e+06` for the float 1000000.
impl From<&Value> for Json {
    fn from(value: &Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(value) => Self::Bool(*value),
            Value::Int(number) => Self::Number(number.to_string().into()),
            Value::Uint(number) => Self::Number(number.to_string().into()),
            Value::Float(number) => Self::Number(format_float_g(*number).into()),
            Value::String(text) => Self::String(Arc::clone(text)),
            Value::List(items) => Self::List(items.iter().map(Self::from).collect()),
            Value::Map(map) => {
                let entries = map.iter().map(|(key, value)| (Arc::clone(key), value.into()));
                Self::Map(entries.collect::<Vec<_>>().into())
            }
        }
    }
}

/// Reads JSON as `json.Unmarshal` into an empty interface: every number is a float, the last of repeated keys counts.
///
/// # Errors
/// As [`Json::read`], and numbers beyond a float's range.
pub fn from_json(text: &[u8]) -> Result<Value, Error> {
    match Json::read(text)?.into_value() {
        (value, None) => Ok(value),
        (_, Some(error)) => Err(error),
    }
}

const AT_END: &str = "unexpected end of JSON input";
/// Keys that are longer, or come after so many, are not kept to be shared.
const MAX_SHARED_BYTES: usize = 64;
const MAX_SHARED_KEYS: usize = 4096;
const IN_STRING: &str = "in string literal";

struct Scanner<'t> {
    text: &'t [u8],
    at: usize,
    /// What is said when the text ends too early.
    at_end: &'static str,
    /// Keys met before: the same few words come again and again.
    keys: HashSet<Arc<str>>,
}

type Read<T> = Result<T, Error>;

impl<'t> Scanner<'t> {
    fn new(text: &'t [u8], at_end: &'static str) -> Self {
        Self { text, at: 0, at_end, keys: HashSet::new() }
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
    }

    /// Says that the next byte, or the end, cannot stand here.
    fn unexpected(&self, context: &str) -> Error {
        let text = match self.peek() {
            // Go's check of a whole text goes one blank beyond its end, and names it where a blank cannot stand.
            None if self.at_end == AT_END && context.starts_with("in ") && context != IN_STRING
                || self.at_end == AT_END && context.starts_with("after decimal point") =>
            {
                format!("invalid character ' ' {context}")
            }
            None => self.at_end.to_owned(),
            Some(byte) => format!("invalid character {} {context}", quoted(byte)),
        };
        let before = &self.text[..self.at];
        let line = before.iter().filter(|byte| **byte == b'\n').count();
        let column = before.iter().rev().take_while(|byte| **byte != b'\n').count();
        Error::new(ErrorKind::Syntax, text, Some((line, column)))
    }

    fn value(&mut self, depth: usize) -> Read<Json> {
        if depth > Limits::default().max_depth {
            return Err(Error::new(ErrorKind::Limit, "exceeded max depth", None));
        }
        match self.peek() {
            Some(b'{') => self.map(depth),
            Some(b'[') => self.list(depth),
            Some(b'"') => Ok(Json::String(self.string()?)),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.word("true", Json::Bool(true)),
            Some(b'f') => self.word("false", Json::Bool(false)),
            Some(b'n') => self.word("null", Json::Null),
            _ => Err(self.unexpected("looking for beginning of value")),
        }
    }

    fn map(&mut self, depth: usize) -> Read<Json> {
        self.at += 1;
        let mut entries = Vec::new();
        self.blanks();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(Json::Map(entries.into()));
        }
        loop {
            self.blanks();
            if self.peek() != Some(b'"') {
                return Err(self.unexpected("looking for beginning of object key string"));
            }
            let key = self.key()?;
            self.blanks();
            if self.peek() != Some(b':') {
                return Err(self.unexpected("after object key"));
            }
            self.at += 1;
            self.blanks();
            let value = self.value(depth + 1)?;
            entries.push((key, value));
            self.blanks();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => {
                    self.at += 1;
                    return Ok(Json::Map(entries.into()));
                }
                _ => return Err(self.unexpected("after object key:value pair")),
            }
        }
    }

    fn list(&mut self, depth: usize) -> Read<Json> {
        self.at += 1;
        let mut items = Vec::new();
        self.blanks();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(Json::List(items));
        }
        loop {
            self.blanks();
            items.push(self.value(depth + 1)?);
            self.blanks();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => {
                    self.at += 1;
                    return Ok(Json::List(items));
                }
                _ => return Err(self.unexpected("after array element")),
            }
        }
    }

    fn word(&mut self, word: &str, value: Json) -> Read<Json> {
        for expected in word.bytes() {
            if self.peek() != Some(expected) {
                let context = format!("in literal {word} (expecting '{}')", char::from(expected));
                return Err(self.unexpected(&context));
            }
            self.at += 1;
        }
        Ok(value)
    }

    fn number(&mut self) -> Read<Json> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        match self.peek() {
            Some(b'0') => self.at += 1,
            Some(b'1'..=b'9') => self.digits(),
            _ => return Err(self.unexpected("in numeric literal")),
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.some_digits("after decimal point in numeric literal")?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.some_digits("in exponent of numeric literal")?;
        }
        let text = String::from_utf8_lossy(&self.text[start..self.at]);
        Ok(Json::Number(text.into()))
    }

    fn some_digits(&mut self, context: &str) -> Read<()> {
        if !self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            return Err(self.unexpected(context));
        }
        self.digits();
        Ok(())
    }

    fn digits(&mut self) {
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
    }

    fn key(&mut self) -> Read<Arc<str>> {
        let start = self.at + 1;
        let length = self.text[start..].iter().take(MAX_SHARED_BYTES).position(|byte| !is_plain(*byte));
        if let Some(end) = length.map(|length| start + length)
            && self.text[end] == b'"'
            && let Ok(text) = std::str::from_utf8(&self.text[start..end])
        {
            self.at = end + 1;
            if let Some(known) = self.keys.get(text) {
                return Ok(Arc::clone(known));
            }
            let key: Arc<str> = text.into();
            if self.keys.len() < MAX_SHARED_KEYS {
                self.keys.insert(Arc::clone(&key));
            }
            return Ok(key);
        }
        self.string()
    }

    fn string(&mut self) -> Read<Arc<str>> {
        self.at += 1;
        let start = self.at;
        let plain = self.text[start..].iter().position(|byte| !is_plain(*byte));
        self.at = plain.map_or(self.text.len(), |length| start + length);
        if self.peek() == Some(b'"') {
            let text = String::from_utf8_lossy(&self.text[start..self.at]);
            self.at += 1;
            return Ok(text.into());
        }
        let mut out = self.text[start..self.at].to_vec();
        loop {
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(String::from_utf8_lossy(&out).into());
                }
                Some(b'\\') => {
                    self.at += 1;
                    self.escape(&mut out)?;
                }
                None | Some(..0x20) => return Err(self.unexpected(IN_STRING)),
                Some(byte) => {
                    out.push(byte);
                    self.at += 1;
                }
            }
        }
    }

    fn escape(&mut self, out: &mut Vec<u8>) -> Read<()> {
        let byte = match self.peek() {
            Some(byte @ (b'"' | b'\\' | b'/')) => byte,
            Some(b'b') => 8,
            Some(b'f') => 12,
            Some(b'n') => b'\n',
            Some(b'r') => b'\r',
            Some(b't') => b'\t',
            Some(b'u') => {
                self.at += 1;
                let mut unit = self.unit()?;
                // Go looks for the other half only where it follows at once, and reads it anew if it is none.
                if (0xd800..0xdc00).contains(&unit) && self.text[self.at..].starts_with(b"\\u") {
                    let before = self.at;
                    self.at += 2;
                    match self.unit()? {
                        low @ 0xdc00..0xe000 => unit = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00),
                        _ => self.at = before,
                    }
                }
                let char = char::from_u32(unit).unwrap_or(char::REPLACEMENT_CHARACTER);
                out.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes());
                return Ok(());
            }
            _ => return Err(self.unexpected("in string escape code")),
        };
        out.push(byte);
        self.at += 1;
        Ok(())
    }

    /// Reads four hexadecimal digits.
    fn unit(&mut self) -> Read<u32> {
        let mut unit = 0;
        for _ in 0..4 {
            let digit = self.peek().and_then(|byte| char::from(byte).to_digit(16));
            let Some(digit) = digit else {
                return Err(self.unexpected("in \\u hexadecimal character escape"));
            };
            unit = unit * 16 + digit;
            self.at += 1;
        }
        Ok(unit)
    }
}

/// Whether a byte stands for itself in a string.
fn is_plain(byte: u8) -> bool {
    !matches!(byte, b'"' | b'\\' | ..0x20)
}

/// Shows a byte as Go's scanner does: as the character of that number, in single quotes.
fn quoted(byte: u8) -> String {
    match byte {
        b'\'' => "'\\''".to_owned(),
        b'"' => "'\"'".to_owned(),
        b'\\' => "'\\\\'".to_owned(),
        7 => "'\\a'".to_owned(),
        8 => "'\\b'".to_owned(),
        b'\t' => "'\\t'".to_owned(),
        b'\n' => "'\\n'".to_owned(),
        11 => "'\\v'".to_owned(),
        12 => "'\\f'".to_owned(),
        b'\r' => "'\\r'".to_owned(),
        ..0x20 | 0x7f => format!("'\\x{byte:02x}'"),
        0x80..=0xa0 | 0xad => format!("'\\u{byte:04x}'"),
        _ => format!("'{}'", char::from(byte)),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn errors_are_those_of_go() {
        let cases: &[(&[u8], &str)] = &[
            (b"", "unexpected end of JSON input"),
            (b"{", "unexpected end of JSON input"),
            (b"[1,]", "invalid character ']' looking for beginning of value"),
            (b"{\"a\":1,}", "invalid character '}' looking for beginning of object key string"),
            (b"{a:1}", "invalid character 'a' looking for beginning of object key string"),
            (b"{\"a\" 1}", "invalid character '1' after object key"),
            (b"{\"a\":1 \"b\"}", "invalid character '\"' after object key:value pair"),
            (b"[1 2]", "invalid character '2' after array element"),
            (b"1 2", "invalid character '2' after top-level value"),
            (b"01", "invalid character '1' after top-level value"),
            (b"-a", "invalid character 'a' in numeric literal"),
            (b"1.x", "invalid character 'x' after decimal point in numeric literal"),
            (b"1e", "invalid character ' ' in exponent of numeric literal"),
            (b"tru", "invalid character ' ' in literal true (expecting 'e')"),
            (b"\"a", "unexpected end of JSON input"),
            (b"\"\\", "invalid character ' ' in string escape code"),
            (b"1e+x", "invalid character 'x' in exponent of numeric literal"),
            (b"trie", "invalid character 'i' in literal true (expecting 'u')"),
            (b"\"a\nb\"", "invalid character '\\n' in string literal"),
            (b"\"\\x\"", "invalid character 'x' in string escape code"),
            (b"\"\\u12g4\"", "invalid character 'g' in \\u hexadecimal character escape"),
            (b"\xc3\xa9", "invalid character '\u{c3}' looking for beginning of value"),
            (b"'a'", "invalid character '\\'' looking for beginning of value"),
            (b"[1e999]", "json: cannot unmarshal number 1e999 into Go value of type float64"),
        ];
        for (text, expected) in cases {
            let error = from_json(text).unwrap_err();
            assert_eq!(error.to_string(), *expected, "{}", String::from_utf8_lossy(text));
        }
    }

    #[test]
    fn the_decoder_stops_after_the_first_value() {
        assert_eq!(Json::read_first(b" 12abc").unwrap(), (Json::Number("12".into()), 3));
        assert_eq!(Json::read_first(b"{} x").unwrap().1, 2);
        assert_eq!(Json::read_first(b"  ").unwrap_err().to_string(), "EOF");
        assert_eq!(Json::read_first(b"[1,").unwrap_err().to_string(), "unexpected EOF");
    }

    #[test]
    fn escapes_are_read_as_go_reads_them() {
        let text = br#""\ud83d\ude00\ud800x\ud800A\/\b""#;
        assert_eq!(Json::read(text).unwrap(), Json::String("\u{1f600}\u{fffd}x\u{fffd}A/\u{8}".into()));
        assert_eq!(Json::read(b"\"\xff\"").unwrap(), Json::String("\u{fffd}".into()));
    }
}
