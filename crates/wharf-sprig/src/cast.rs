//! Any value to a number, as the spf13/cast library does it; what is no number is zero.

use wharf_template::{Value, parse_float, parse_int};

/// Converts to `int64` (and to `int`, which is the same size).
pub(crate) fn to_int64(value: &Value) -> i64 {
    match value {
        Value::Int(_, number) => *number,
        #[expect(clippy::cast_possible_wrap, reason = "Go wraps too")]
        Value::Uint(_, number) => *number as i64,
        Value::Float(number) => float_to_int(*number),
        Value::Bool(flag) => i64::from(*flag),
        Value::Str(text) => parse_int(without_zero_decimals(&text.to_text()), 0).unwrap_or(0),
        _ => 0,
    }
}

/// Converts to `float64`.
pub(crate) fn to_float64(value: &Value) -> f64 {
    match value {
        #[expect(clippy::cast_precision_loss, reason = "Go converts the same way")]
        Value::Int(_, number) => *number as f64,
        #[expect(clippy::cast_precision_loss, reason = "Go converts the same way")]
        Value::Uint(_, number) => *number as f64,
        Value::Float(number) => *number,
        Value::Bool(flag) => f64::from(u8::from(*flag)),
        Value::Str(text) => parse_float(&text.to_text()).unwrap_or(0.0),
        _ => 0.0,
    }
}

/// Go on amd64 gives the smallest integer for what does not fit.
pub(crate) fn float_to_int(number: f64) -> i64 {
    /// 2^63
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    if number.is_nan() || !(-LIMIT..LIMIT).contains(&number) {
        return i64::MIN;
    }
    number as i64
}

/// `12.00` counts as `12`, but `12.5` stays, and then is no integer.
fn without_zero_decimals(text: &str) -> &str {
    let trimmed = text.trim_end_matches('0');
    match trimmed.strip_suffix('.') {
        Some(whole) if trimmed.len() < text.len() => whole,
        _ => text,
    }
}
