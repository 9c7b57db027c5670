use std::any::Any;
use std::rc::Rc;

use wharf_template::{Call, FuncError, Method, Object, Type, Value};

use super::duration::Duration;
use super::layout;
use crate::surroundings::Surroundings;

pub(super) const TYPE_NAME: &str = "time.Time";
const SECOND: i128 = 1_000_000_000;
/// Seconds from year 1, where Go's zero time is, to 1970.
const ZERO_TIME: i128 = -62_135_596_800 * SECOND;

/// A moment in a zone.
#[derive(Clone, Debug)]
pub(super) struct Time {
    nanoseconds: i128,
    offset_seconds: i32,
    zone: String,
}

impl Default for Time {
    /// Returns Go's zero time.
    fn default() -> Self {
        Self { nanoseconds: ZERO_TIME, offset_seconds: 0, zone: "UTC".to_owned() }
    }
}

impl Time {
    /// Puts a moment into a zone; an unknown zone counts as UTC.
    pub(super) fn new(nanoseconds: i128, zone: &str, source: &Rc<dyn Surroundings>) -> Self {
        let seconds = i64::try_from(nanoseconds.div_euclid(SECOND)).unwrap_or_default();
        let (offset_seconds, zone) = source.zone(zone, seconds).unwrap_or_else(|| (0, "UTC".to_owned()));
        Self { nanoseconds, offset_seconds, zone }
    }

    pub(super) fn fixed(nanoseconds: i128, offset_seconds: i32, zone: String) -> Self {
        Self { nanoseconds, offset_seconds, zone }
    }

    pub(super) fn of(value: &Value) -> Option<&Self> {
        match value {
            Value::Object(object) => object.as_any().downcast_ref(),
            _ => None,
        }
    }

    pub(super) fn into_value(self) -> Value {
        Value::Object(Rc::new(self))
    }

    pub(super) fn plus(&self, duration: Duration) -> Self {
        Self { nanoseconds: self.nanoseconds + i128::from(duration.0), ..self.clone() }
    }

    pub(super) fn nanoseconds(&self) -> i128 {
        self.nanoseconds
    }

    pub(super) fn unix_seconds(&self) -> i64 {
        i64::try_from(self.nanoseconds.div_euclid(SECOND)).unwrap_or_default()
    }

    pub(super) fn offset_seconds(&self) -> i32 {
        self.offset_seconds
    }

    pub(super) fn zone(&self) -> &str {
        &self.zone
    }

    fn format(&self, layout: &str) -> String {
        layout::format(layout, &Civil::of(self), self)
    }
}

/// A time as calendars and clocks show it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Civil {
    pub(super) year: i64,
    pub(super) month: u32,
    pub(super) day: u32,
    pub(super) hour: u32,
    pub(super) minute: u32,
    pub(super) second: u32,
    pub(super) nanosecond: u32,
    /// Sunday is zero.
    pub(super) weekday: u32,
    pub(super) day_of_year: u32,
}

impl Civil {
    pub(super) fn of(time: &Time) -> Self {
        let local = time.nanoseconds + i128::from(time.offset_seconds) * SECOND;
        let seconds = i64::try_from(local.div_euclid(SECOND)).unwrap_or_default();
        let nanosecond = u32::try_from(local.rem_euclid(SECOND)).unwrap_or_default();
        let (days, rest) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
        let (year, month, day) = from_days(days);
        let small = |number: i64| u32::try_from(number).unwrap_or_default();
        Self {
            year,
            month,
            day,
            hour: small(rest / 3600),
            minute: small(rest / 60 % 60),
            second: small(rest % 60),
            nanosecond,
            weekday: small((days + 4).rem_euclid(7)),
            day_of_year: small(days - days_of(year, 1, 1) + 1),
        }
    }
}

/// Returns the days from 1970 to a date of the Gregorian calendar.
pub(super) fn days_of(year: i64, month: u32, day: u32) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let shifted = (i64::from(month) + 9) % 12;
    let day_of_year = (153 * shifted + 2) / 5 + i64::from(day) - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

fn from_days(days: i64) -> (i64, u32, u32) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, u32::try_from(month).unwrap_or_default(), u32::try_from(day).unwrap_or_default())
}

impl Object for Time {
    fn type_name(&self) -> &'static str {
        TYPE_NAME
    }

    fn as_any(&self) -> &dyn Any {
        self
    }

    fn methods(&self) -> &'static [Method] {
        METHODS
    }

    fn text(&self) -> Option<String> {
        Some(self.format("2006-01-02 15:04:05.999999999 -0700 MST"))
    }

    fn to_plain(&self) -> Value {
        self.format("2006-01-02T15:04:05.999999999Z07:00").into()
    }
}

type Code = fn(&mut Call<'_>, &Value, &[Value]) -> Result<Value, FuncError>;

const fn method(name: &'static str, params: &'static [Type], call: Code) -> Method {
    Method { name, params, variadic: false, call }
}

fn with(value: &Value, use_time: impl FnOnce(&Time) -> Value) -> Result<Value, FuncError> {
    Ok(Time::of(value).map_or(Value::Nil, use_time))
}

fn civil(value: &Value, pick: impl FnOnce(Civil) -> i64) -> Result<Value, FuncError> {
    with(value, |time| Value::int(pick(Civil::of(time))))
}

static METHODS: &[Method] = &[
    method("Format", &[Type::String], |_, time, args| {
        let layout = crate::args::text(&args[0]).into_owned();
        with(time, |time| time.format(&layout).into())
    }),
    method("Unix", &[], |_, time, _| with(time, |time| Value::int64(time.unix_seconds()))),
    method("UnixMilli", &[], |_, time, _| {
        with(time, |time| {
            Value::int64(i64::try_from(time.nanoseconds.div_euclid(1_000_000)).unwrap_or_default())
        })
    }),
    method("UnixNano", &[], |_, time, _| {
        with(time, |time| Value::int64(i64::try_from(time.nanoseconds).unwrap_or_default()))
    }),
    method("UTC", &[], |_, time, _| {
        with(time, |time| Time::fixed(time.nanoseconds, 0, "UTC".to_owned()).into_value())
    }),
    method("Year", &[], |_, time, _| civil(time, |civil| civil.year)),
    method("Day", &[], |_, time, _| civil(time, |civil| i64::from(civil.day))),
    method("Hour", &[], |_, time, _| civil(time, |civil| i64::from(civil.hour))),
    method("Minute", &[], |_, time, _| civil(time, |civil| i64::from(civil.minute))),
    method("Second", &[], |_, time, _| civil(time, |civil| i64::from(civil.second))),
    method("Nanosecond", &[], |_, time, _| civil(time, |civil| i64::from(civil.nanosecond))),
    method("YearDay", &[], |_, time, _| civil(time, |civil| i64::from(civil.day_of_year))),
    method("Month", &[], |_, time, _| {
        with(time, |time| {
            Value::Object(Rc::new(Named {
                type_name: "time.Month",
                name: layout::month_name(Civil::of(time).month),
            }))
        })
    }),
    method("Weekday", &[], |_, time, _| {
        with(time, |time| {
            Value::Object(Rc::new(Named {
                type_name: "time.Weekday",
                name: layout::weekday_name(Civil::of(time).weekday),
            }))
        })
    }),
    method("AddDate", &[Type::Int, Type::Int, Type::Int], |_, time, args| {
        let add: Vec<i64> = args.iter().map(crate::args::int).collect();
        with(time, |time| {
            let civil = Civil::of(time);
            let months = i64::from(civil.month) - 1 + add[1];
            let year = civil.year + add[0] + months.div_euclid(12);
            let month = u32::try_from(months.rem_euclid(12)).unwrap_or_default() + 1;
            let before = days_of(civil.year, civil.month, civil.day);
            let after = days_of(year, month, 1) + i64::from(civil.day) - 1 + add[2];
            let moved = time.nanoseconds + i128::from(after - before) * 86_400 * SECOND;
            Time::fixed(moved, time.offset_seconds, time.zone.clone()).into_value()
        })
    }),
    method("Before", &[Type::Object(TYPE_NAME)], |_, time, args| compare(time, &args[0], |a, b| a < b)),
    method("After", &[Type::Object(TYPE_NAME)], |_, time, args| compare(time, &args[0], |a, b| a > b)),
    method("Equal", &[Type::Object(TYPE_NAME)], |_, time, args| compare(time, &args[0], |a, b| a == b)),
    method("IsZero", &[], |_, time, _| with(time, |time| (time.nanoseconds == ZERO_TIME).into())),
    method("String", &[], |_, time, _| with(time, |time| time.text().unwrap_or_default().into())),
];

fn compare(time: &Value, other: &Value, holds: fn(i128, i128) -> bool) -> Result<Value, FuncError> {
    let other = Time::of(other).map_or(ZERO_TIME, |other| other.nanoseconds);
    with(time, |time| holds(time.nanoseconds, other).into())
}

/// A month or weekday, which prints as its name.
#[derive(Debug)]
struct Named {
    type_name: &'static str,
    name: &'static str,
}

impl Object for Named {
    fn type_name(&self) -> &'static str {
        self.type_name
    }

    fn as_any(&self) -> &dyn Any {
        self
    }

    fn kind(&self) -> wharf_template::Kind {
        wharf_template::Kind::Int
    }

    fn text(&self) -> Option<String> {
        Some(self.name.to_owned())
    }
}
