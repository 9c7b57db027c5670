//! What a scalar without quotes means (go-yaml v2 `resolve`), in the YAML 1.1 manner.

use crate::number::{parse_float, parse_float_with_underscores, parse_int, parse_uint};

/// A scalar with its meaning found.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Scalar {
    Null,
    Bool(bool),
    Int(i64),
    Uint(u64),
    Float(f64),
    /// A date or time; values keep its text.
    Timestamp,
    /// Text, including anything under a tag of its own.
    Text,
    /// Base64 under `!!binary`.
    Binary,
}

impl Scalar {
    /// The tag as error texts name it.
    fn tag(&self) -> &'static str {
        match self {
            Self::Null => "!!null",
            Self::Bool(_) => "!!bool",
            Self::Int(_) | Self::Uint(_) => "!!int",
            Self::Float(_) => "!!float",
            Self::Timestamp => "!!timestamp",
            Self::Text => "!!str",
            Self::Binary => "!!binary",
        }
    }
}

const TAG_PREFIX: &str = "tag:yaml.org,2002:";

/// Resolves `text` under an explicit `tag` (long form), or by its looks without one.
///
/// # Errors
/// The text go-yaml gives when the looks contradict the tag, such as `!!int hello`.
pub(crate) fn resolve(tag: Option<&str>, text: &str) -> Result<Scalar, String> {
    let Some(tag) = tag.filter(|tag| !tag.is_empty()) else { return Ok(by_looks(text, true)) };
    let short = tag.strip_prefix(TAG_PREFIX).unwrap_or("");
    let found = match short {
        "str" => return Ok(Scalar::Text),
        "binary" => return Ok(Scalar::Binary),
        "bool" | "int" | "float" | "null" => by_looks(text, false),
        "timestamp" => by_looks(text, true),
        _ => return Ok(Scalar::Text),
    };
    match (short, found) {
        #[expect(clippy::cast_precision_loss, reason = "the conversion Go makes")]
        ("float", Scalar::Int(value)) => Ok(Scalar::Float(value as f64)),
        (_, found) if found.tag().strip_prefix("!!") == Some(short) => Ok(found),
        (_, found) => Err(format!("cannot decode {} `{text}` as a !!{short}", found.tag())),
    }
}

/// Whether a plain scalar with this text would be read back as text.
pub(crate) fn reads_as_text(text: &str) -> bool {
    by_looks(text, true) == Scalar::Text
}

fn by_looks(text: &str, timestamps: bool) -> Scalar {
    let Some(&first) = text.as_bytes().first() else { return Scalar::Null };
    match first {
        b'y' | b'Y' | b'n' | b'N' | b't' | b'T' | b'f' | b'F' | b'o' | b'O' | b'~' => word(text),
        b'.' => match word(text) {
            Scalar::Text => parse_float_with_underscores(text).map_or(Scalar::Text, Scalar::Float),
            found => found,
        },
        b'+' | b'-' | b'0'..=b'9' => match word(text) {
            Scalar::Text => number(text, timestamps),
            found => found,
        },
        _ => Scalar::Text,
    }
}

fn word(text: &str) -> Scalar {
    match text {
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            Scalar::Bool(true)
        }
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            Scalar::Bool(false)
        }
        "~" | "null" | "Null" | "NULL" => Scalar::Null,
        ".nan" | ".NaN" | ".NAN" => Scalar::Float(f64::NAN),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => Scalar::Float(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => Scalar::Float(f64::NEG_INFINITY),
        _ => Scalar::Text,
    }
}

fn number(text: &str, timestamps: bool) -> Scalar {
    if timestamps && is_timestamp(text) {
        return Scalar::Timestamp;
    }
    let plain = text.replace('_', "");
    if let Some(value) = parse_int(&plain) {
        return Scalar::Int(value);
    }
    if let Some(value) = parse_uint(&plain) {
        return Scalar::Uint(value);
    }
    if looks_like_float(&plain)
        && let Some(value) = parse_float(&plain)
    {
        return Scalar::Float(value);
    }
    // A sign behind the prefix is accepted for binary only: `0b-101`.
    if let Some(digits) = plain.strip_prefix("0b")
        && let Ok(value) = i64::from_str_radix(digits, 2)
    {
        return Scalar::Int(value);
    }
    Scalar::Text
}

/// `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`
fn looks_like_float(text: &str) -> bool {
    let rest = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (whole, rest) = digits(rest);
    let rest = match rest.strip_prefix('.') {
        Some(rest) => {
            let (fraction, rest) = digits(rest);
            if whole + fraction == 0 {
                return false;
            }
            rest
        }
        None if whole == 0 => return false,
        None => rest,
    };
    let Some(exponent) = rest.strip_prefix(['e', 'E']) else { return rest.is_empty() };
    let (count, rest) = digits(exponent.strip_prefix(['-', '+']).unwrap_or(exponent));
    count > 0 && rest.is_empty()
}

/// Splits off the leading digits.
fn digits(text: &str) -> (usize, &str) {
    let count = text.bytes().take_while(u8::is_ascii_digit).count();
    (count, &text[count..])
}

/// Whether go-yaml takes the text for a date or time: `2001-2-3`, `2001-2-3 4:5:6.7`, `2001-2-3T4:5:6.7Z` or with `+01:00`.
fn is_timestamp(text: &str) -> bool {
    let (count, rest) = digits(text);
    if count != 4 || !rest.starts_with('-') {
        return false;
    }
    let Some((month, rest)) = field(&rest[1..], 1, 12) else { return false };
    let Some(rest) = rest.strip_prefix('-') else { return false };
    let Some((day, rest)) = field(rest, 1, 31) else { return false };
    let year: u32 = text[..4].parse().unwrap_or(0);
    if day > days_in(year, month) {
        return false;
    }
    match rest.as_bytes().first() {
        None => true,
        Some(b'T' | b't') => clock(&rest[1..]).is_some_and(is_zone),
        // A layout space stands for one or more.
        Some(b' ') => clock(rest.trim_start_matches(' ')).is_some_and(str::is_empty),
        Some(_) => false,
    }
}

/// Reads one or two digits as a number between the bounds.
fn field(text: &str, low: u32, high: u32) -> Option<(u32, &str)> {
    let length = digits(text).0.min(2);
    let value = text.get(..length)?.parse().ok()?;
    (low..=high).contains(&value).then(|| (value, &text[length..]))
}

/// Reads `15:4:5` with an optional fraction and returns what follows.
fn clock(text: &str) -> Option<&str> {
    let (_, rest) = field(text, 0, 23)?;
    let (_, rest) = field(rest.strip_prefix(':')?, 0, 59)?;
    let (_, rest) = field(rest.strip_prefix(':')?, 0, 59)?;
    Some(match rest.strip_prefix(['.', ',']).map(digits) {
        Some((count, after)) if count > 0 => after,
        _ => rest,
    })
}

/// `Z` or `+01:00`.
fn is_zone(text: &str) -> bool {
    match text.as_bytes() {
        b"Z" => true,
        [b'+' | b'-', h1, h2, b':', m1, m2] => {
            [h1, h2, m1, m2].iter().all(|b| b.is_ascii_digit())
                && (h1 - b'0') * 10 + (h2 - b'0') <= 24
                && (m1 - b'0') * 10 + (m2 - b'0') <= 60
        }
        _ => false,
    }
}

fn days_in(year: u32, month: u32) -> u32 {
    match month {
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_told_from_numbers_and_text() {
        for text in [
            "2001-01-01",
            "2001-1-2",
            "2001-12-14t21:59:43.10-05:00",
            "2001-12-14   21:59:43",
            "2001-12-14T1:2:3Z",
        ] {
            assert_eq!(by_looks(text, true), Scalar::Timestamp, "{text}");
        }
        for text in [
            "2001-13-01",
            "2001-02-30",
            "2001-12-14 21:59:43.10 -5",
            "2001-1-1T1:2:3",
            "20010-1-1",
            "2001-001-1",
        ] {
            assert_eq!(by_looks(text, true), Scalar::Text, "{text}");
        }
    }

    #[test]
    fn a_tag_that_does_not_fit_is_named() {
        let error = resolve(Some("tag:yaml.org,2002:int"), "hello");
        assert_eq!(error, Err("cannot decode !!str `hello` as a !!int".to_owned()));
    }
}
