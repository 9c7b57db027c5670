//! Floats to text as Go's `strconv.FormatFloat` writes them.

/// Formats a `float64`. The verb is one of `e E f g G b x X`; no precision means the shortest text
/// that reads back as the same number.
pub fn format_float(value: f64, verb: char, precision: Option<usize>) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    let sign = if value.is_sign_negative() { "-" } else { "" };
    let value = value.abs();
    let body = match verb {
        'b' => binary(value),
        'x' | 'X' => {
            let text = hexadecimal(value, precision);
            if verb == 'X' { text.to_uppercase() } else { text }
        }
        'f' => match precision {
            Some(precision) => format!("{value:.precision$}"),
            None => format!("{value}"),
        },
        'e' | 'E' => {
            let digits = match precision {
                Some(precision) => format!("{value:.precision$e}"),
                None => format!("{value:e}"),
            };
            exponent_form(&digits, verb)
        }
        _ => general(value, verb, precision),
    };
    format!("{sign}{body}")
}

/// `%e` for large and small exponents, `%f` between.
fn general(value: f64, verb: char, precision: Option<usize>) -> String {
    let shortest = precision.is_none();
    let scientific = match precision {
        None => format!("{value:e}"),
        Some(precision) => {
            let digits = precision.max(1) - 1;
            format!("{value:.digits$e}")
        }
    };
    let (mantissa, exponent) = split_exponent(&scientific);
    let mut digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    if !shortest {
        // Trailing zeros are not significant for %g.
        let kept = digits.trim_end_matches('0').len().max(1);
        digits.truncate(kept);
    }
    let is_zero = digits == "0";
    let point = if is_zero { 0 } else { exponent + 1 };
    let count = i32::try_from(digits.len()).unwrap_or(i32::MAX);
    // The exponent from which on %e is used: the precision, or 6 for the shortest text.
    let mut limit = precision.map_or(6, |precision| i32::try_from(precision.max(1)).unwrap_or(i32::MAX));
    if !shortest && limit > count && count >= point {
        limit = count;
    }
    let exponent = if is_zero { 0 } else { exponent };
    if exponent < -4 || exponent >= limit {
        let letter = if verb == 'G' { 'E' } else { 'e' };
        let mut text = digits[..1].to_owned();
        if digits.len() > 1 {
            text.push('.');
            text.push_str(&digits[1..]);
        }
        return format!("{text}{}", exponent_text(exponent, letter));
    }
    positional(&digits, point)
}

/// Writes digits with a decimal point after the first `point` of them.
fn positional(digits: &str, point: i32) -> String {
    if digits == "0" {
        return "0".to_owned();
    }
    let Ok(whole) = usize::try_from(point) else {
        let zeros = point.unsigned_abs() as usize;
        return format!("0.{}{digits}", "0".repeat(zeros));
    };
    if whole == 0 {
        return format!("0.{digits}");
    }
    if whole >= digits.len() {
        return format!("{digits}{}", "0".repeat(whole - digits.len()));
    }
    format!("{}.{}", &digits[..whole], &digits[whole..])
}

fn split_exponent(text: &str) -> (&str, i32) {
    let (mantissa, exponent) = text.split_once('e').unwrap_or((text, "0"));
    (mantissa, exponent.parse().unwrap_or_default())
}

/// Rewrites Rust's `1.5e7` to Go's `1.5e+07`.
fn exponent_form(text: &str, letter: char) -> String {
    let (mantissa, exponent) = split_exponent(text);
    format!("{mantissa}{}", exponent_text(exponent, letter))
}

fn exponent_text(exponent: i32, letter: char) -> String {
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{letter}{sign}{:02}", exponent.unsigned_abs())
}

fn parts(value: f64) -> (u64, i32) {
    let bits = value.to_bits();
    let exponent = i32::try_from((bits >> 52) & 0x7ff).unwrap_or_default();
    let fraction = bits & ((1 << 52) - 1);
    if exponent == 0 { (fraction, -1074) } else { (fraction | 1 << 52, exponent - 1075) }
}

/// `4503599627370496p-52`
fn binary(value: f64) -> String {
    let (mantissa, exponent) = parts(value);
    let sign = if exponent < 0 { "" } else { "+" };
    format!("{mantissa}p{sign}{exponent}")
}

/// `0x1.8p+01`
fn hexadecimal(value: f64, precision: Option<usize>) -> String {
    let (mut mantissa, mut exponent) = parts(value);
    if mantissa == 0 {
        exponent = 0;
    } else {
        // The leading one goes to bit 60, so that 15 hexadecimal digits follow it.
        let shift = mantissa.leading_zeros() - 3;
        mantissa <<= shift;
        exponent += 60 - i32::try_from(shift).unwrap_or_default();
    }
    if let Some(precision) = precision.filter(|precision| *precision < 15) {
        let shift = 60 - precision * 4;
        let extra = mantissa & ((1 << shift) - 1);
        mantissa >>= shift;
        let half = 1 << (shift - 1);
        if extra > half || (extra == half && mantissa & 1 == 1) {
            mantissa += 1;
        }
        mantissa <<= shift;
        if mantissa >> 61 != 0 {
            mantissa >>= 1;
            exponent += 1;
        }
    }
    let lead = mantissa >> 60;
    let digits = format!("{:015x}", mantissa & ((1 << 60) - 1));
    let digits = match precision {
        None => digits.trim_end_matches('0').to_owned(),
        Some(precision) => format!("{digits:0<precision$}")[..precision].to_owned(),
    };
    let point = if digits.is_empty() { "" } else { "." };
    format!("0x{lead}{point}{digits}{}", exponent_text(exponent, 'p'))
}
