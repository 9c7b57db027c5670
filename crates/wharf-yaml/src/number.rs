//! Numbers as Go's `strconv` and `encoding/json` read and write them.

use std::fmt::Write as _;

/// Formats a float as `strconv.FormatFloat(f, 'g', -1, 64)`: shortest digits, an exponent below 1e-04 and from 1e+06.
///
/// So `1234567.5` is `1.2345675e+06`.
#[must_use]
pub fn format_float_g(value: f64) -> String {
    go_g(value, &format!("{value:e}"))
}

/// Formats a float as `strconv.FormatFloat(f, 'g', -1, 32)`: the shortest digits that give the same 32-bit float.
#[must_use]
pub fn format_float_g32(value: f64) -> String {
    #[expect(clippy::cast_possible_truncation, reason = "rounding to 32 bits is what Go does here")]
    let narrow = value as f32;
    go_g(f64::from(narrow), &format!("{narrow:e}"))
}

/// Formats a finite float as `encoding/json` does: plain digits from 1e-6 up to below 1e21, else an exponent.
#[must_use]
pub fn format_float_json(value: f64) -> String {
    let size = value.abs();
    if size != 0.0 && !(1e-6..1e21).contains(&size) {
        let text = format!("{value:e}");
        return match text.split_once('e') {
            Some((mantissa, exponent)) if !exponent.starts_with('-') => format!("{mantissa}e+{exponent}"),
            _ => text,
        };
    }
    format!("{value}")
}

/// `scientific` is Rust's shortest form of the same number, such as `1.5e7`.
fn go_g(value: f64, scientific: &str) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..6).contains(&exponent) {
        return plain(mantissa, exponent);
    }
    let mut out = mantissa.to_owned();
    let sign = if exponent < 0 { '-' } else { '+' };
    let _ = write!(out, "e{sign}{:02}", exponent.unsigned_abs());
    out
}

/// Writes mantissa × 10^exponent without an exponent.
fn plain(mantissa: &str, exponent: i32) -> String {
    let (sign, digits) = match mantissa.strip_prefix('-') {
        Some(rest) => ("-", rest.replace('.', "")),
        None => ("", mantissa.replace('.', "")),
    };
    if exponent < 0 {
        let zeros = "0".repeat(exponent.unsigned_abs() as usize - 1);
        return format!("{sign}0.{zeros}{digits}");
    }
    let whole = exponent.unsigned_abs() as usize + 1;
    if digits.len() <= whole {
        return format!("{sign}{digits}{}", "0".repeat(whole - digits.len()));
    }
    format!("{sign}{}.{}", &digits[..whole], &digits[whole..])
}

/// Reads what `strconv.ParseInt(text, 0, 64)` reads, for text without underscores.
pub(crate) fn parse_int(text: &str) -> Option<i64> {
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let size = parse_uint(digits)?;
    if negative { 0i64.checked_sub_unsigned(size) } else { i64::try_from(size).ok() }
}

/// Reads what `strconv.ParseUint(text, 0, 64)` reads, for text without underscores.
pub(crate) fn parse_uint(text: &str) -> Option<u64> {
    let (radix, digits) = match text.as_bytes() {
        [b'0', b'x' | b'X', ..] => (16, &text[2..]),
        [b'0', b'b' | b'B', ..] => (2, &text[2..]),
        [b'0', b'o' | b'O', ..] => (8, &text[2..]),
        [b'0', _, ..] => (8, &text[1..]),
        _ => (10, text),
    };
    // Rust allows a leading plus here, Go does not.
    if digits.starts_with('+') {
        return None;
    }
    u64::from_str_radix(digits, radix).ok()
}

/// Reads what `strconv.ParseFloat` reads of decimal floats; out of range is an error there, not infinity.
pub(crate) fn parse_float(text: &str) -> Option<f64> {
    if !text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'E' | b'+' | b'-')) {
        return None;
    }
    text.parse::<f64>().ok().filter(|f| f.is_finite())
}

/// As [`parse_float`], but single underscores may stand between digits.
pub(crate) fn parse_float_with_underscores(text: &str) -> Option<f64> {
    let bytes = text.as_bytes();
    let digit = |at: Option<usize>| at.and_then(|at| bytes.get(at)).is_some_and(u8::is_ascii_digit);
    let misplaced =
        |(at, byte): (usize, &u8)| *byte == b'_' && !(digit(at.checked_sub(1)) && digit(Some(at + 1)));
    if bytes.iter().enumerate().any(misplaced) { None } else { parse_float(&text.replace('_', "")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_print_as_go_prints_them() {
        let cases = [
            (0.0, "0", "0"),
            (-0.0, "-0", "-0"),
            (1.5, "1.5", "1.5"),
            (100_000.0, "100000", "100000"),
            (1_000_000.0, "1e+06", "1000000"),
            (1_234_567.5, "1.2345675e+06", "1234567.5"),
            (0.0001, "0.0001", "0.0001"),
            (0.00001, "1e-05", "0.00001"),
            (1e-7, "1e-07", "1e-7"),
            (1e21, "1e+21", "1e+21"),
            (1e100, "1e+100", "1e+100"),
            (123_456.789, "123456.789", "123456.789"),
            (-2.5e-9, "-2.5e-09", "-2.5e-9"),
        ];
        for (value, g, json) in cases {
            assert_eq!(format_float_g(value), g);
            assert_eq!(format_float_json(value), json);
        }
        assert_eq!(format_float_g32(1.1), "1.1");
        assert_eq!(format_float_g32(1.234_567_89), "1.2345679");
    }

    #[test]
    fn integers_follow_go_prefixes() {
        assert_eq!(parse_int("0777"), Some(511));
        assert_eq!(parse_int("0o17"), Some(15));
        assert_eq!(parse_int("-0x10"), Some(-16));
        assert_eq!(parse_int("08"), None);
        assert_eq!(parse_int("-9223372036854775808"), Some(i64::MIN));
        assert_eq!(parse_int("9223372036854775808"), None);
        assert_eq!(parse_uint("18446744073709551615"), Some(u64::MAX));
        assert_eq!(parse_int("0x+1"), None);
        assert_eq!(parse_int("+-1"), None);
    }
}
