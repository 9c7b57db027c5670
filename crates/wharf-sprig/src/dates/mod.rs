//! Times. A time is an object of Go's type `time.Time`, with the methods that templates use.

mod duration;
mod layout;
mod time;

use std::rc::Rc;

use wharf_template::{FunctionTable, Value};

use crate::args::{Add, Result, T, text};
use crate::surroundings::Surroundings;
use duration::Duration;
use time::{Civil, Time};

const TIME: T = T::Object(time::TYPE_NAME);

pub(crate) fn add(table: &mut FunctionTable, surroundings: &Rc<dyn Surroundings>) {
    let source = Rc::clone(surroundings);
    table.with(
        "now",
        &[],
        move |_, _| Ok(Time::new(source.now_nanoseconds(), "Local", &source).into_value()),
    );
    let source = Rc::clone(surroundings);
    table.with("date", &[T::String, T::Any], move |_, args| {
        in_zone(&source, &text(&args[0]), &args[1], "Local")
    });
    for name in ["dateInZone", "date_in_zone"] {
        let source = Rc::clone(surroundings);
        table.with(name, &[T::String, T::Any, T::String], move |_, args| {
            in_zone(&source, &text(&args[0]), &args[1], &text(&args[2]))
        });
    }
    let source = Rc::clone(surroundings);
    table.with("htmlDate", &[T::Any], move |_, args| in_zone(&source, "2006-01-02", &args[0], "Local"));
    let source = Rc::clone(surroundings);
    table.with("htmlDateInZone", &[T::Any, T::String], move |_, args| {
        in_zone(&source, "2006-01-02", &args[0], &text(&args[1]))
    });
    for (name, must) in
        [("dateModify", false), ("date_modify", false), ("mustDateModify", true), ("must_date_modify", true)]
    {
        table.with(name, &[T::String, TIME], move |_, args| {
            let time = Time::of(&args[1]).cloned().unwrap_or_default();
            match Duration::parse(&text(&args[0])) {
                Ok(duration) => Ok(time.plus(duration).into_value()),
                Err(error) if must => Err(error.into()),
                Err(_) => Ok(args[1].clone()),
            }
        });
    }
    for (name, must) in [("toDate", false), ("mustToDate", true)] {
        let source = Rc::clone(surroundings);
        table.with(name, &[T::String, T::String], move |_, args| {
            match layout::parse(&text(&args[0]), &text(&args[1])) {
                Ok(read) => Ok(read.into_time(&source).into_value()),
                Err(error) if must => Err(error.into()),
                Err(_) => Ok(Time::default().into_value()),
            }
        });
    }
    let source = Rc::clone(surroundings);
    table.with("ago", &[T::Any], move |_, args| {
        let now = source.now_nanoseconds();
        let since = now - nanoseconds(&args[0]).unwrap_or(now);
        Ok(Duration::from_nanoseconds(since).rounded_to_seconds().to_string().into())
    });
    table.with("duration", &[T::Any], |_, args| {
        let seconds = match &args[0] {
            Value::Str(digits) => wharf_template::parse_int(&digits.to_text(), 10).unwrap_or(0),
            Value::Int(wharf_template::IntType::Int64, seconds) => *seconds,
            _ => 0,
        };
        Ok(Duration(seconds.wrapping_mul(1_000_000_000)).to_string().into())
    });
    let source = Rc::clone(surroundings);
    table.with("durationRound", &[T::Any], move |_, args| {
        let duration = match &args[0] {
            Value::Str(words) => Duration::parse(&words.to_text()).unwrap_or(Duration(0)),
            Value::Int(wharf_template::IntType::Int64, nanoseconds) => Duration(*nanoseconds),
            other => Time::of(other).map_or(Duration(0), |time| {
                Duration::from_nanoseconds(source.now_nanoseconds() - time.nanoseconds())
            }),
        };
        Ok(duration.in_largest_unit().into())
    });
    table.with("unixEpoch", &[TIME], |_, args| {
        Ok(Time::of(&args[0]).map_or(0, Time::unix_seconds).to_string().into())
    });
}

/// The moment that a value stands for: a time, or seconds since 1970.
fn nanoseconds(value: &Value) -> Option<i128> {
    match value {
        Value::Int(_, seconds) => Some(i128::from(*seconds) * 1_000_000_000),
        other => Time::of(other).map(Time::nanoseconds),
    }
}

fn in_zone(source: &Rc<dyn Surroundings>, layout: &str, value: &Value, zone: &str) -> Result {
    let moment = nanoseconds(value).unwrap_or_else(|| source.now_nanoseconds());
    let zone = if zone.is_empty() { "UTC" } else { zone };
    let time = Time::new(moment, zone, source);
    Ok(layout::format(layout, &Civil::of(&time), &time).into())
}
