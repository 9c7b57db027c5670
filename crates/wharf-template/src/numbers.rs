//! Text to numbers by the rules of Go's `strconv`: bases by prefix, underscores, hexadecimal floats.

/// Why a text is not a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NumberError {
    /// The text is not written like a number.
    Syntax,
    /// The number does not fit the type.
    Range,
}

/// Parses a signed integer. Base 0 means: by prefix (`0x`, `0o`, `0b`, `0`), underscores allowed.
///
/// # Errors
/// Says whether the text is no number or one that does not fit.
pub fn parse_int(text: &str, base: u32) -> Result<i64, NumberError> {
    let (negative, digits) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        Some(_) => (false, text),
        None => return Err(NumberError::Syntax),
    };
    let value = parse_uint(digits, base)?;
    if negative {
        if value > 1 << 63 {
            return Err(NumberError::Range);
        }
        return Ok((value as i64).wrapping_neg());
    }
    i64::try_from(value).map_err(|_| NumberError::Range)
}

/// Parses an unsigned integer; see [`parse_int`].
///
/// # Errors
/// Says whether the text is no number or one that does not fit.
pub fn parse_uint(text: &str, base: u32) -> Result<u64, NumberError> {
    let mut base = base;
    let mut digits = text;
    let by_prefix = base == 0;
    if by_prefix {
        base = 10;
        if let Some(rest) = text.strip_prefix('0') {
            match rest.as_bytes().first().map(u8::to_ascii_lowercase) {
                Some(b'x') if rest.len() > 1 => (base, digits) = (16, &rest[1..]),
                Some(b'o') if rest.len() > 1 => (base, digits) = (8, &rest[1..]),
                Some(b'b') if rest.len() > 1 => (base, digits) = (2, &rest[1..]),
                Some(_) => (base, digits) = (8, rest),
                None => {}
            }
        }
    }
    if digits.is_empty() {
        return Err(NumberError::Syntax);
    }
    let mut underscores = false;
    let mut value: Result<u64, NumberError> = Ok(0);
    for byte in digits.bytes() {
        if byte == b'_' && by_prefix {
            underscores = true;
            continue;
        }
        let digit = char::from(byte).to_digit(base).ok_or(NumberError::Syntax)?;
        value = value.and_then(|value| {
            value
                .checked_mul(u64::from(base))
                .and_then(|value| value.checked_add(u64::from(digit)))
                .ok_or(NumberError::Range)
        });
    }
    if underscores && !underscores_separate_digits(text) {
        return Err(NumberError::Syntax);
    }
    value
}

/// Parses a float: decimal or hexadecimal, with underscores, `inf`, `infinity` and `nan` in any case.
///
/// # Errors
/// Says whether the text is no number or one that does not fit.
pub fn parse_float(text: &str) -> Result<f64, NumberError> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let negative = text.starts_with('-');
    let lower = unsigned.to_ascii_lowercase();
    match lower.as_str() {
        "inf" | "infinity" => return Ok(if negative { f64::NEG_INFINITY } else { f64::INFINITY }),
        "nan" => return if unsigned.len() == text.len() { Ok(f64::NAN) } else { Err(NumberError::Syntax) },
        _ => {}
    }
    let mut digits = lower;
    if digits.contains('_') {
        if !underscores_separate_digits(unsigned) {
            return Err(NumberError::Syntax);
        }
        digits.retain(|c| c != '_');
    }
    let magnitude = if let Some(hex) = digits.strip_prefix("0x") {
        parse_hex_float(hex)?
    } else {
        if !digits.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
            return Err(NumberError::Syntax);
        }
        digits.parse::<f64>().map_err(|_| NumberError::Syntax)?
    };
    if magnitude.is_infinite() {
        return Err(NumberError::Range);
    }
    Ok(if negative { -magnitude } else { magnitude })
}

/// Parses the part after `0x`; the exponent (`p`) is required.
fn parse_hex_float(text: &str) -> Result<f64, NumberError> {
    let (mantissa, exponent) = text.split_once('p').ok_or(NumberError::Syntax)?;
    let exponent: i32 = exponent.parse().map_err(|_| NumberError::Syntax)?;
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if whole.is_empty() && fraction.is_empty() {
        return Err(NumberError::Syntax);
    }
    let mut bits: u128 = 0;
    let mut shift: i32 = 0;
    for (index, c) in whole.chars().chain(fraction.chars()).enumerate() {
        let digit = c.to_digit(16).ok_or(NumberError::Syntax)?;
        if bits >> 120 == 0 {
            bits = (bits << 4) | u128::from(digit);
            if index >= whole.len() {
                shift -= 4;
            }
        } else {
            bits |= u128::from(digit != 0);
            if index < whole.len() {
                shift += 4;
            }
        }
    }
    #[expect(clippy::cast_precision_loss, reason = "rounds to nearest even, which is what is wanted")]
    let value = bits as f64;
    Ok(value * 2f64.powi(exponent.saturating_add(shift)))
}

/// Checks that every underscore stands between digits (or between the base prefix and a digit).
fn underscores_separate_digits(text: &str) -> bool {
    let mut body = text.strip_prefix(['+', '-']).unwrap_or(text).as_bytes();
    let mut previous = b'^';
    let mut hex = false;
    if body.len() >= 2 && body[0] == b'0' && matches!(body[1].to_ascii_lowercase(), b'b' | b'o' | b'x') {
        hex = body[1].eq_ignore_ascii_case(&b'x');
        previous = b'0';
        body = &body[2..];
    }
    for byte in body {
        if byte.is_ascii_digit() || (hex && byte.is_ascii_hexdigit()) {
            previous = b'0';
        } else if *byte == b'_' {
            if previous != b'0' {
                return false;
            }
            previous = b'_';
        } else {
            if previous == b'_' {
                return false;
            }
            previous = b'!';
        }
    }
    previous != b'_'
}
