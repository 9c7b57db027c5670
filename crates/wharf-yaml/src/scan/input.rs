//! From bytes to characters YAML allows.

use std::borrow::Cow;

use crate::{Error, ErrorKind};

/// Returns the text without its byte order mark; UTF-16 is recognised by its mark.
pub(crate) fn decode(bytes: &[u8]) -> Result<Cow<'_, str>, Error> {
    let text = match bytes {
        [0xff, 0xfe, rest @ ..] => Cow::Owned(utf16(rest, u16::from_le_bytes)?),
        [0xfe, 0xff, rest @ ..] => Cow::Owned(utf16(rest, u16::from_be_bytes)?),
        [0xef, 0xbb, 0xbf, rest @ ..] => Cow::Borrowed(utf8(rest)?),
        _ => Cow::Borrowed(utf8(bytes)?),
    };
    // A fold without an early end is several bytes at a time.
    let is_common =
        |bytes: &[u8]| bytes.iter().fold(true, |common, byte| common & matches!(byte, b' '..=b'~' | b'\n'));
    if text.as_bytes().chunks(64).all(is_common) {
        return Ok(text);
    }
    let allowed = |c: char| matches!(c, '\t' | '\n' | '\r' | ' '..='~' | '\u{85}' | '\u{a0}'..='\u{fffd}' | '\u{10000}'..);
    match text.char_indices().find(|(_, c)| !allowed(*c)) {
        Some((at, _)) => Err(failed("control characters are not allowed", &text[..at])),
        None => Ok(text),
    }
}

fn utf8(bytes: &[u8]) -> Result<&str, Error> {
    std::str::from_utf8(bytes).map_err(|error| {
        let (good, bad) = bytes.split_at(error.valid_up_to());
        let width = match bad {
            [0xf0..=0xff, ..] => 4,
            [0xe0..=0xef, ..] => 3,
            _ => 2,
        };
        let problem = match bad {
            [0x80..=0xbf | 0xf8.., ..] => "invalid leading UTF-8 octet",
            // Counted before the octets are looked at.
            _ if bad.len() < width => "incomplete UTF-8 octet sequence",
            [0xc0 | 0xc1, 0x80..=0xbf, ..] | [0xe0, 0x80..=0x9f, 0x80..=0xbf, ..] => {
                "invalid length of a UTF-8 sequence"
            }
            [0xed, 0xa0..=0xbf, 0x80..=0xbf, ..] => "invalid Unicode character",
            _ => "invalid trailing UTF-8 octet",
        };
        failed(problem, std::str::from_utf8(good).unwrap_or_default())
    })
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Result<String, Error> {
    let (pairs, rest) = bytes.as_chunks::<2>();
    let mut text = String::new();
    for c in char::decode_utf16(pairs.iter().map(|pair| unit(*pair))) {
        text.push(c.map_err(|_| failed("unexpected low surrogate area", &text))?);
    }
    if rest.is_empty() { Ok(text) } else { Err(failed("incomplete UTF-16 character", &text)) }
}

/// go-yaml gives no line for these; the place is behind the good text.
fn failed(problem: &str, good: &str) -> Error {
    let line = good.matches('\n').count();
    let column = good.rsplit('\n').next().unwrap_or_default().chars().count();
    Error::new(ErrorKind::Syntax, format!("yaml: {problem}"), Some((line, column)))
}
