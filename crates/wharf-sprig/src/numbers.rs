//! Arithmetic. Whole numbers are `int64` and wrap around; floats go through decimals, so that 0.1 + 0.2 is 0.3.

use wharf_template::{FunctionTable, List, ListType, Value, parse_int, sprint};

use crate::args::{Add, Result, T, int, text};
use crate::cast::{to_float64, to_int64};
use crate::decimal::Decimal;

/// How many numbers `until` and `seq` make at most.
const MAX_COUNT: u64 = 10_000_000;

pub(crate) fn add(table: &mut FunctionTable) {
    const A: &[T] = &[T::Any];
    const AA: &[T] = &[T::Any, T::Any];
    table.plain("int64", A, |args| Ok(Value::int64(to_int64(&args[0]))));
    table.plain("int", A, |args| Ok(Value::int(to_int64(&args[0]))));
    table.plain("float64", A, |args| Ok(to_float64(&args[0]).into()));
    table.plain("atoi", &[T::String], |args| {
        Ok(Value::int(match parse_int(&text(&args[0]), 10) {
            Ok(number) => number,
            Err(wharf_template::NumberError::Range) if text(&args[0]).starts_with('-') => i64::MIN,
            Err(wharf_template::NumberError::Range) => i64::MAX,
            Err(wharf_template::NumberError::Syntax) => 0,
        }))
    });
    table.plain("toDecimal", A, |args| {
        let digits = String::from_utf8_lossy(&sprint(args)).into_owned();
        Ok(Value::int64(parse_int(&digits, 8).unwrap_or(0)))
    });
    table.plain("add1", A, |args| Ok(Value::int64(to_int64(&args[0]).wrapping_add(1))));
    table.variadic("add", A, |args| Ok(Value::int64(args.iter().map(to_int64).fold(0, i64::wrapping_add))));
    table.plain("sub", AA, |args| Ok(Value::int64(to_int64(&args[0]).wrapping_sub(to_int64(&args[1])))));
    table.plain("div", AA, |args| divide(args, i64::wrapping_div));
    table.plain("mod", AA, |args| divide(args, i64::wrapping_rem));
    table.variadic("mul", AA, |args| Ok(Value::int64(args.iter().map(to_int64).fold(1, i64::wrapping_mul))));
    table.variadic("max", AA, |args| Ok(Value::int64(args.iter().map(to_int64).max().unwrap_or(0))));
    table.variadic("biggest", AA, |args| Ok(Value::int64(args.iter().map(to_int64).max().unwrap_or(0))));
    table.variadic("min", AA, |args| Ok(Value::int64(args.iter().map(to_int64).min().unwrap_or(0))));
    table.variadic("maxf", AA, |args| Ok(fold_float(args, |a, b| if a > b || a.is_nan() { a } else { b })));
    table.variadic("minf", AA, |args| Ok(fold_float(args, |a, b| if a < b || a.is_nan() { a } else { b })));
    table.plain("add1f", A, |args| Ok(Decimal::fold(to_float64(&args[0]), &[1.0], Decimal::add).into()));
    table.variadic("addf", A, |args| Ok(Decimal::fold(0.0, &floats(args), Decimal::add).into()));
    table.variadic("subf", AA, |args| {
        Ok(Decimal::fold(to_float64(&args[0]), &floats(&args[1..]), Decimal::sub).into())
    });
    table.variadic("mulf", AA, |args| {
        Ok(Decimal::fold(to_float64(&args[0]), &floats(&args[1..]), Decimal::mul).into())
    });
    table.variadic("divf", AA, |args| {
        let divisors = floats(&args[1..]);
        if divisors.contains(&0.0) {
            return Err("decimal division by 0".into());
        }
        Ok(Decimal::fold(to_float64(&args[0]), &divisors, Decimal::div).into())
    });
    table.plain("floor", A, |args| Ok(to_float64(&args[0]).floor().into()));
    table.plain("ceil", A, |args| Ok(to_float64(&args[0]).ceil().into()));
    table.variadic("round", &[T::Any, T::Int, T::Float64], round);
    table.plain("until", &[T::Int], |args| {
        let end = int(&args[0]);
        numbers(0, end, if end < 0 { -1 } else { 1 }).map(to_list)
    });
    table.plain("untilStep", &[T::Int, T::Int, T::Int], |args| {
        numbers(int(&args[0]), int(&args[1]), int(&args[2])).map(to_list)
    });
    table.variadic("seq", &[T::Int], seq);
}

fn divide(args: &[Value], operation: fn(i64, i64) -> i64) -> Result {
    match to_int64(&args[1]) {
        0 => Err("runtime error: integer divide by zero".into()),
        divisor => Ok(Value::int64(operation(to_int64(&args[0]), divisor))),
    }
}

fn floats(args: &[Value]) -> Vec<f64> {
    args.iter().map(to_float64).collect()
}

fn fold_float(args: &[Value], choose: fn(f64, f64) -> f64) -> Value {
    args.iter().map(to_float64).reduce(choose).unwrap_or(0.0).into()
}

fn round(args: &[Value]) -> Result {
    let limit = match args.get(2) {
        Some(Value::Float(limit)) => *limit,
        _ => 0.5,
    };
    let power = 10f64.powf(to_float64(&args[1]));
    let digits = power * to_float64(&args[0]);
    let rounded = if digits.fract() >= limit { digits.ceil() } else { digits.floor() };
    Ok((rounded / power).into())
}

fn numbers(start: i64, stop: i64, step: i64) -> Result<Vec<i64>> {
    if step == 0 || (stop < start) != (step < 0) {
        return Ok(Vec::new());
    }
    let count = start.abs_diff(stop).div_ceil(step.unsigned_abs());
    if count > MAX_COUNT {
        return Err(format!("{count} numbers are over the limit of {MAX_COUNT}").into());
    }
    let mut out = Vec::with_capacity(usize::try_from(count).unwrap_or(0));
    let mut at = start;
    for _ in 0..count {
        out.push(at);
        at = at.wrapping_add(step);
    }
    Ok(out)
}

fn to_list(numbers: Vec<i64>) -> Value {
    Value::List(List::new(ListType::INT, numbers.into_iter().map(Value::int).collect()))
}

/// Numbers from, (step,) to, with the end included.
fn seq(args: &[Value]) -> Result {
    let params: Vec<i64> = args.iter().map(int).collect();
    let (start, step, end) = match params[..] {
        [end] => (1, None, end),
        [start, end] => (start, None, end),
        [start, step, end] => (start, Some(step), end),
        _ => return Ok("".into()),
    };
    let down = end < start;
    if down && step.is_some_and(|step| step > 0) {
        return Ok("".into());
    }
    let increment = if down { -1 } else { 1 };
    let texts: Vec<String> = numbers(start, end.saturating_add(increment), step.unwrap_or(increment))?
        .iter()
        .map(i64::to_string)
        .collect();
    Ok(texts.join(" ").into())
}
