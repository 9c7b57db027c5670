//! Distinguished encoding rules (X.690): the few shapes that certificates, keys and timestamps need.
//!
//! A reader hands out slices of the input, so that a signature is always checked over the bytes that came and never over
//! a re-encoding. Indefinite lengths, lengths that are longer than needed and tags above 30 are refused.

use jiff::Timestamp;

use crate::error::{Error, Result};

pub(crate) const BOOLEAN: u8 = 0x01;
pub(crate) const INTEGER: u8 = 0x02;
pub(crate) const BIT_STRING: u8 = 0x03;
pub(crate) const OCTET_STRING: u8 = 0x04;
pub(crate) const NULL: u8 = 0x05;
pub(crate) const OID: u8 = 0x06;
pub(crate) const UTF8_STRING: u8 = 0x0c;
pub(crate) const UTC_TIME: u8 = 0x17;
pub(crate) const GENERALIZED_TIME: u8 = 0x18;
pub(crate) const SEQUENCE: u8 = 0x30;
pub(crate) const SET: u8 = 0x31;

/// The tag `[n]`, constructed: an explicit wrapper, or an implicit sequence or set.
pub(crate) const fn context(n: u8) -> u8 {
    0xa0 | n
}

/// The tag `[n]`, primitive: an implicit string.
pub(crate) const fn primitive(n: u8) -> u8 {
    0x80 | n
}

/// One element: its tag, its contents, and all of its bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Element<'a> {
    pub(crate) tag: u8,
    pub(crate) contents: &'a [u8],
    pub(crate) whole: &'a [u8],
}

/// Reads elements one after another.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) fn new(input: &'a [u8]) -> Self {
        Self { rest: input }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// Fails unless everything has been read.
    pub(crate) fn finish(&self) -> Result<()> {
        if self.is_empty() { Ok(()) } else { Err(bad("bytes after the end")) }
    }

    pub(crate) fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    pub(crate) fn any(&mut self) -> Result<Element<'a>> {
        let input = self.rest;
        let (&tag, after) = input.split_first().ok_or_else(|| bad("ends early"))?;
        if tag & 0x1f == 0x1f {
            return Err(bad("tag above 30"));
        }
        let (&first, after) = after.split_first().ok_or_else(|| bad("ends before the length"))?;
        let (length, after) = if first < 0x80 {
            (usize::from(first), after)
        } else {
            let count = usize::from(first & 0x7f);
            if count == 0 || count > 4 {
                return Err(bad("length is indefinite or too large"));
            }
            let (bytes, after) =
                after.split_at_checked(count).ok_or_else(|| bad("ends inside the length"))?;
            let length = bytes.iter().fold(0_usize, |sum, byte| (sum << 8) | usize::from(*byte));
            if bytes[0] == 0 || length < 0x80 {
                return Err(bad("length is longer than needed"));
            }
            (length, after)
        };
        let (contents, rest) = after.split_at_checked(length).ok_or_else(|| bad("ends inside a value"))?;
        self.rest = rest;
        Ok(Element { tag, contents, whole: &input[..input.len() - rest.len()] })
    }

    pub(crate) fn element(&mut self, tag: u8) -> Result<Element<'a>> {
        match self.peek() {
            Some(found) if found == tag => self.any(),
            Some(found) => Err(bad(&format!("tag {found:#04x} where {tag:#04x} belongs"))),
            None => Err(bad(&format!("ends where tag {tag:#04x} belongs"))),
        }
    }

    pub(crate) fn contents(&mut self, tag: u8) -> Result<&'a [u8]> {
        self.element(tag).map(|element| element.contents)
    }

    /// Reads the element when it is next, which is how optional fields are written.
    pub(crate) fn optional(&mut self, tag: u8) -> Result<Option<&'a [u8]>> {
        if self.peek() == Some(tag) { self.contents(tag).map(Some) } else { Ok(None) }
    }

    pub(crate) fn nested(&mut self, tag: u8) -> Result<Self> {
        self.contents(tag).map(Self::new)
    }

    pub(crate) fn sequence(&mut self) -> Result<Self> {
        self.nested(SEQUENCE)
    }

    /// Reads a bit string without unused bits.
    pub(crate) fn bit_string(&mut self) -> Result<&'a [u8]> {
        match self.contents(BIT_STRING)?.split_first() {
            Some((0, bytes)) => Ok(bytes),
            _ => Err(bad("bit string with unused bits")),
        }
    }

    /// Reads an algorithm identifier: its object identifier, and its parameters if any.
    pub(crate) fn algorithm(&mut self) -> Result<(&'a [u8], Option<Element<'a>>)> {
        let mut inner = self.sequence()?;
        let oid = inner.contents(OID)?;
        let parameters = if inner.is_empty() { None } else { Some(inner.any()?) };
        inner.finish()?;
        Ok((oid, parameters))
    }
}

/// Reads the one element that the bytes are.
pub(crate) fn only<'a>(input: &'a [u8], tag: u8) -> Result<Reader<'a>> {
    let mut reader = Reader::new(input);
    let inner = reader.nested(tag)?;
    reader.finish()?;
    Ok(inner)
}

/// Writes one element.
pub(crate) fn write(tag: u8, contents: &[u8]) -> Vec<u8> {
    wrap(tag, &[contents])
}

/// Writes the parts one after another inside one element. No other copy is made, so a caller can wipe what it gets.
pub(crate) fn wrap(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    let mut out = Vec::with_capacity(length + 6);
    out.push(tag);
    match u8::try_from(length) {
        Ok(short) if short < 0x80 => out.push(short),
        _ => {
            let bytes = length.to_be_bytes();
            let used = &bytes[bytes.iter().take_while(|byte| **byte == 0).count()..];
            out.push(0x80 | u8::try_from(used.len()).expect("at most eight"));
            out.extend_from_slice(used);
        }
    }
    for part in parts {
        out.extend_from_slice(part);
    }
    out
}

/// Reads `UTCTime` and `GeneralizedTime` as RFC 5280 writes them (section 4.1.2.5), to the second.
///
/// Fractions of a second, which RFC 3161 permits, are dropped.
pub(crate) fn time(element: Element<'_>) -> Result<Timestamp> {
    let text = std::str::from_utf8(element.contents).map_err(|_| bad("time that is not text"))?;
    let wrong = || bad(&format!("time `{}` is not one", text.escape_default()));
    let text = text.strip_suffix('Z').ok_or_else(wrong)?;
    let digits = match element.tag {
        UTC_TIME => {
            let year: u8 = text.get(..2).and_then(|two| two.parse().ok()).ok_or_else(wrong)?;
            format!("{}{text}", if year < 50 { "20" } else { "19" })
        }
        GENERALIZED_TIME => text.split('.').next().unwrap_or_default().to_owned(),
        _ => return Err(wrong()),
    };
    if digits.len() != 14 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(wrong());
    }
    let part = |range: std::ops::Range<usize>| digits[range].parse::<i16>().expect("digits only");
    let small = |range| i8::try_from(part(range)).expect("two digits");
    let date = jiff::civil::DateTime::new(
        part(0..4),
        small(4..6),
        small(6..8),
        small(8..10),
        small(10..12),
        small(12..14),
        0,
    );
    let stamp = date.and_then(|date| date.to_zoned(jiff::tz::TimeZone::UTC)).map_err(|_| wrong())?;
    Ok(stamp.timestamp())
}

fn bad(what: &str) -> Error {
    Error::malformed(format!("encoding rules (DER): {what}"))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        for length in [0, 1, 127, 128, 255, 256, 70_000] {
            let body = vec![7; length];
            let written = write(OCTET_STRING, &body);
            let mut reader = Reader::new(&written);
            assert_eq!(reader.contents(OCTET_STRING).unwrap(), body);
            reader.finish().unwrap();
        }
    }

    #[test]
    fn lengths_that_are_not_the_shortest_are_refused() {
        for bytes in [
            &[4, 0x81, 1, 0][..],
            &[4, 0x80, 0, 0],
            &[4, 0x82, 0, 1, 0],
            &[4, 2, 0],
            &[4],
            &[],
            &[0x1f, 1, 0],
        ] {
            assert!(Reader::new(bytes).any().is_err(), "{bytes:?}");
        }
    }

    #[test]
    fn both_kinds_of_time_are_read() {
        let element = |tag, text: &'static str| Element { tag, contents: text.as_bytes(), whole: &[] };
        assert_eq!(time(element(UTC_TIME, "230712155636Z")).unwrap().as_second(), 1_689_177_396);
        assert_eq!(time(element(GENERALIZED_TIME, "20230712155636.5Z")).unwrap().as_second(), 1_689_177_396);
        for text in ["20231312155636Z", "2023071215563Z", "20230712155636", "2023071215563\u{e9}Z"] {
            assert!(time(element(GENERALIZED_TIME, text)).is_err(), "{text}");
        }
    }
}
