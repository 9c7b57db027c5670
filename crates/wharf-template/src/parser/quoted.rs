//! Go's string and character literals.

use std::borrow::Cow;

/// Takes the quotes off a Go string literal: `"…"` with escapes or `` `…` `` without.
pub(crate) fn unquote(literal: &[u8]) -> Option<Cow<'_, [u8]>> {
    let [quote, body @ .., last] = literal else {
        return None;
    };
    if quote != last {
        return None;
    }
    match quote {
        b'`' if memchr::memchr(b'\r', body).is_none() => Some(Cow::Borrowed(body)),
        b'`' => Some(body.iter().copied().filter(|byte| *byte != b'\r').collect()),
        b'"' if body.is_ascii() && memchr::memchr3(b'\\', b'\n', b'"', body).is_none() => {
            Some(Cow::Borrowed(body))
        }
        b'"' => {
            let mut out = Vec::with_capacity(body.len());
            let mut rest = body;
            while let Some(first) = rest.first() {
                match first {
                    b'\n' | b'"' => return None,
                    b'\\' => {
                        let (unit, tail) = unquote_escape(rest, b'"')?;
                        unit.push_to(&mut out);
                        rest = tail;
                    }
                    other => {
                        out.push(*other);
                        rest = &rest[1..];
                    }
                }
            }
            // Bytes that are not UTF-8 come out of Go's loop over runes as U+FFFD.
            if std::str::from_utf8(body).is_err() {
                return Some(String::from_utf8_lossy(&out).into_owned().into_bytes().into());
            }
            Some(out.into())
        }
        _ => None,
    }
}

/// Takes one character off the front of a literal's body and returns it with the rest.
pub(crate) fn unquote_char(body: &[u8], quote: u8) -> Option<(u32, &[u8])> {
    match body.first()? {
        first if *first == quote => None,
        b'\\' => {
            let (unit, rest) = unquote_escape(body, quote)?;
            Some((unit.code(), rest))
        }
        _ => {
            let (r, width) = crate::lexer::decode_rune(body)?;
            Some((u32::from(r), &body[width..]))
        }
    }
}

enum Unit {
    Byte(u8),
    Rune(char),
}

impl Unit {
    fn code(&self) -> u32 {
        match self {
            Self::Byte(byte) => u32::from(*byte),
            Self::Rune(r) => u32::from(*r),
        }
    }

    fn push_to(&self, out: &mut Vec<u8>) {
        match self {
            Self::Byte(byte) => out.push(*byte),
            Self::Rune(r) => out.extend_from_slice(r.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
}

fn unquote_escape(body: &[u8], quote: u8) -> Option<(Unit, &[u8])> {
    let escape = *body.get(1)?;
    let rest = &body[2..];
    let simple = |byte: u8| Some((Unit::Byte(byte), rest));
    match escape {
        b'a' => simple(7),
        b'b' => simple(8),
        b'f' => simple(12),
        b'n' => simple(b'\n'),
        b'r' => simple(b'\r'),
        b't' => simple(b'\t'),
        b'v' => simple(11),
        b'\\' => simple(b'\\'),
        b'\'' | b'"' if escape == quote => simple(escape),
        b'x' => {
            let (code, rest) = digits(rest, 2, 16)?;
            Some((Unit::Byte(u8::try_from(code).ok()?), rest))
        }
        b'u' => rune(digits(rest, 4, 16)?),
        b'U' => rune(digits(rest, 8, 16)?),
        b'0'..=b'7' => {
            let (code, rest) = digits(&body[1..], 3, 8)?;
            Some((Unit::Byte(u8::try_from(code).ok()?), rest))
        }
        _ => None,
    }
}

fn rune((code, rest): (u32, &[u8])) -> Option<(Unit, &[u8])> {
    Some((Unit::Rune(char::from_u32(code)?), rest))
}

fn digits(body: &[u8], count: usize, radix: u32) -> Option<(u32, &[u8])> {
    let mut code: u32 = 0;
    for byte in body.get(..count)? {
        code = code.checked_mul(radix)?.checked_add(char::from(*byte).to_digit(radix)?)?;
    }
    Some((code, &body[count..]))
}
