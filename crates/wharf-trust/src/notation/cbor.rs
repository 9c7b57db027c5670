//! Concise binary object representation (RFC 8949): the few shapes that an envelope needs.
//!
//! Strings are slices of the input. Lengths that are not given, maps with the same key twice, and nesting beyond
//! [`MAX_DEPTH`] are refused.

use crate::error::{Error, Result};

/// How deep values are nested at most; an envelope needs four levels.
const MAX_DEPTH: usize = 8;
/// How many entries an array or a map has at most.
const MAX_ENTRIES: usize = 64;

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value<'a> {
    Integer(i64),
    Bytes(&'a [u8]),
    Text(&'a str),
    Array(Vec<Self>),
    Map(Vec<(Self, Self)>),
    Tag(u64, Box<Self>),
    /// A floating-point number, or a simple value such as true and null: nothing here asks which.
    Other,
}

impl<'a> Value<'a> {
    /// Reads the one value that the bytes are.
    pub(super) fn read(bytes: &'a [u8]) -> Result<Self> {
        let mut reader = Reader { rest: bytes };
        let value = reader.value(0)?;
        if reader.rest.is_empty() { Ok(value) } else { Err(bad("bytes after the end")) }
    }

    /// Returns what a map holds under that key.
    pub(super) fn get(&self, key: &Value<'_>) -> Option<&Self> {
        let Self::Map(entries) = self else { return None };
        entries.iter().find(|(found, _)| found == key).map(|(_, value)| value)
    }

    pub(super) fn text(&self) -> Option<&'a str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    pub(super) fn bytes(&self) -> Option<&'a [u8]> {
        if let Self::Bytes(bytes) = self { Some(bytes) } else { None }
    }
}

struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn value(&mut self, depth: usize) -> Result<Value<'a>> {
        if depth > MAX_DEPTH {
            return Err(bad("nested too deep"));
        }
        let first = self.take(1)?[0];
        let (major, information) = (first >> 5, first & 0x1f);
        let argument = match information {
            0..=23 => u64::from(information),
            24..=27 => {
                let bytes = self.take(1 << (information - 24))?;
                bytes.iter().fold(0, |sum, byte| (sum << 8) | u64::from(*byte))
            }
            _ => return Err(bad("a length that is not given")),
        };
        let integer = || i64::try_from(argument).map_err(|_| bad("an integer beyond 63 bits"));
        Ok(match major {
            0 => Value::Integer(integer()?),
            1 => Value::Integer(-1 - integer()?),
            2 => Value::Bytes(self.string(argument)?),
            3 => {
                let text = std::str::from_utf8(self.string(argument)?);
                Value::Text(text.map_err(|_| bad("text that is not UTF-8"))?)
            }
            // No room is made for what is only announced: each item is read before the next has a place.
            4 if argument > MAX_ENTRIES as u64 => return Err(bad("an array that is too long")),
            4 => {
                let mut items = Vec::new();
                for _ in 0..argument {
                    items.push(self.value(depth + 1)?);
                }
                Value::Array(items)
            }
            5 => {
                let mut entries: Vec<(Value<'_>, Value<'_>)> = Vec::new();
                for _ in 0..argument {
                    let key = self.value(depth + 1)?;
                    if entries.len() == MAX_ENTRIES || entries.iter().any(|(known, _)| *known == key) {
                        return Err(bad("a key that comes twice, or too many"));
                    }
                    entries.push((key, self.value(depth + 1)?));
                }
                Value::Map(entries)
            }
            6 => Value::Tag(argument, Box::new(self.value(depth + 1)?)),
            _ => Value::Other,
        })
    }

    fn string(&mut self, length: u64) -> Result<&'a [u8]> {
        self.take(usize::try_from(length).map_err(|_| bad("ends early"))?)
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or_else(|| bad("ends early"))?;
        self.rest = rest;
        Ok(taken)
    }
}

/// Writes a byte string.
pub(super) fn write_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    let length = (bytes.len() as u64).to_be_bytes();
    match bytes.len() {
        0..=23 => out.push(0x40 | length[7]),
        24..=0xff => out.extend([0x58, length[7]]),
        0x100..=0xffff => out.extend([0x59, length[6], length[7]]),
        _ => {
            out.push(0x5b);
            out.extend(length);
        }
    }
    out.extend_from_slice(bytes);
}

fn bad(what: &str) -> Error {
    Error::malformed(format!("CBOR: {what}"))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    /// Examples of RFC 8949, appendix A.
    #[test]
    fn values_are_read() {
        for (bytes, value) in [
            (&[0x18, 0x64][..], Value::Integer(100)),
            (&[0x1a, 0x00, 0x0f, 0x42, 0x40], Value::Integer(1_000_000)),
            (&[0x38, 0x63], Value::Integer(-100)),
            (&[0x44, 1, 2, 3, 4], Value::Bytes(&[1, 2, 3, 4])),
            (&[0x64, b'I', b'E', b'T', b'F'], Value::Text("IETF")),
            (
                &[0xa1, 0x61, b'a', 0x82, 1, 0xf6],
                Value::Map(vec![(Value::Text("a"), Value::Array(vec![Value::Integer(1), Value::Other]))]),
            ),
            (&[0xc1, 0x1a, 0, 0, 0, 1], Value::Tag(1, Box::new(Value::Integer(1)))),
            (&[0xfb, 0, 0, 0, 0, 0, 0, 0, 0], Value::Other),
        ] {
            assert_eq!(Value::read(bytes).unwrap(), value, "{bytes:x?}");
        }
    }

    #[test]
    fn what_is_cut_off_nested_or_ambiguous_is_refused() {
        for bytes in [
            &[][..],
            &[0x18],
            &[0x44, 1],
            &[0x5b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
            &[0x9b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1],
            &[0x5f, 0x41, 1, 0xff],
            &[0x1b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
            &[0x61, 0xff],
            &[0xa2, 1, 1, 1, 2],
            &[1, 1],
            &[0x81; 12],
        ] {
            assert!(Value::read(bytes).is_err(), "{bytes:x?}");
        }
    }

    #[test]
    fn byte_strings_are_read_back() {
        for length in [0, 23, 24, 255, 256, 65_535, 65_536] {
            let (mut out, bytes) = (Vec::new(), vec![7; length]);
            write_bytes(&mut out, &bytes);
            assert_eq!(Value::read(&out).unwrap(), Value::Bytes(&bytes));
        }
    }
}
