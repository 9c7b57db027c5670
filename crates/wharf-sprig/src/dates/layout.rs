//! Go's reference layouts: the time of Mon Jan 2 15:04:05 MST 2006 shows how to write another.

use std::rc::Rc;

use super::time::{Civil, Time, days_of};
use crate::surroundings::Surroundings;

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const WEEKDAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

pub(super) fn month_name(month: u32) -> &'static str {
    MONTHS[(month as usize + 11) % 12]
}

pub(super) fn weekday_name(weekday: u32) -> &'static str {
    WEEKDAYS[weekday as usize % 7]
}

/// One part of a layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    LongMonth,
    Month,
    NumMonth,
    ZeroMonth,
    LongWeekday,
    Weekday,
    Day,
    SpaceDay,
    ZeroDay,
    SpaceYearDay,
    ZeroYearDay,
    Hour,
    Hour12,
    ZeroHour12,
    Minute,
    ZeroMinute,
    Second,
    ZeroSecond,
    LongYear,
    Year,
    UpperPm,
    LowerPm,
    Zone,
    /// An offset, with `Z` for UTC or not, of so many digits, with colons or not.
    Offset {
        z: bool,
        colon: bool,
        digits: u8,
    },
    /// Digits of the second after a point or comma; nines are cut where zero.
    Fraction {
        separator: char,
        digits: usize,
        trim: bool,
    },
}

/// The longest texts first, where one begins another.
const PARTS: &[(&str, Part)] = &[
    ("January", Part::LongMonth),
    ("Jan", Part::Month),
    ("Monday", Part::LongWeekday),
    ("Mon", Part::Weekday),
    ("MST", Part::Zone),
    ("002", Part::ZeroYearDay),
    ("01", Part::ZeroMonth),
    ("02", Part::ZeroDay),
    ("03", Part::ZeroHour12),
    ("04", Part::ZeroMinute),
    ("05", Part::ZeroSecond),
    ("06", Part::Year),
    ("15", Part::Hour),
    ("1", Part::NumMonth),
    ("2006", Part::LongYear),
    ("2", Part::Day),
    ("__2", Part::SpaceYearDay),
    ("_2", Part::SpaceDay),
    ("3", Part::Hour12),
    ("4", Part::Minute),
    ("5", Part::Second),
    ("PM", Part::UpperPm),
    ("pm", Part::LowerPm),
    ("-07:00:00", Part::Offset { z: false, colon: true, digits: 6 }),
    ("-07:00", Part::Offset { z: false, colon: true, digits: 4 }),
    ("-070000", Part::Offset { z: false, colon: false, digits: 6 }),
    ("-0700", Part::Offset { z: false, colon: false, digits: 4 }),
    ("-07", Part::Offset { z: false, colon: false, digits: 2 }),
    ("Z07:00:00", Part::Offset { z: true, colon: true, digits: 6 }),
    ("Z07:00", Part::Offset { z: true, colon: true, digits: 4 }),
    ("Z070000", Part::Offset { z: true, colon: false, digits: 6 }),
    ("Z0700", Part::Offset { z: true, colon: false, digits: 4 }),
    ("Z07", Part::Offset { z: true, colon: false, digits: 2 }),
];

/// Splits a layout at its first part: the text before, the part, the rest.
fn next_part(layout: &str) -> (&str, Option<Part>, &str) {
    for (at, c) in layout.char_indices() {
        let rest = &layout[at..];
        if c == '.' || c == ',' {
            let body = &rest[1..];
            let same = |digit: char| body.chars().take_while(|c| *c == digit).count();
            let (zeros, nines) = (same('0'), same('9'));
            let digits = zeros.max(nines);
            if digits > 0 && !body[digits..].starts_with(|c: char| c.is_ascii_digit()) {
                let part = Part::Fraction { separator: c, digits, trim: nines > 0 };
                return (&layout[..at], Some(part), &body[digits..]);
            }
            continue;
        }
        // "_2006" is an underscore before a year.
        if let Some(tail) = rest.strip_prefix("_2006") {
            return (&layout[..=at], Some(Part::LongYear), tail);
        }
        for (text, part) in PARTS {
            let Some(tail) = rest.strip_prefix(text) else {
                continue;
            };
            // "Janx" is no month, but a month must not be followed by a small letter only when short.
            if *part == Part::Month && tail.starts_with(|c: char| c.is_ascii_lowercase()) {
                continue;
            }
            if *part == Part::Weekday && tail.starts_with(|c: char| c.is_ascii_lowercase()) {
                continue;
            }
            return (&layout[..at], Some(*part), tail);
        }
    }
    (layout, None, "")
}

/// Writes a time by a layout.
pub(super) fn format(layout: &str, civil: &Civil, time: &Time) -> String {
    let mut out = String::with_capacity(layout.len() + 8);
    let mut rest = layout;
    loop {
        let (before, part, tail) = next_part(rest);
        out.push_str(before);
        let Some(part) = part else {
            return out;
        };
        rest = tail;
        let hour12 = if civil.hour.is_multiple_of(12) { 12 } else { civil.hour % 12 };
        let pm = civil.hour >= 12;
        match part {
            Part::LongMonth => out.push_str(month_name(civil.month)),
            Part::Month => out.push_str(&month_name(civil.month)[..3]),
            Part::NumMonth => out.push_str(&civil.month.to_string()),
            Part::ZeroMonth => out.push_str(&format!("{:02}", civil.month)),
            Part::LongWeekday => out.push_str(weekday_name(civil.weekday)),
            Part::Weekday => out.push_str(&weekday_name(civil.weekday)[..3]),
            Part::Day => out.push_str(&civil.day.to_string()),
            Part::SpaceDay => out.push_str(&format!("{:2}", civil.day)),
            Part::ZeroDay => out.push_str(&format!("{:02}", civil.day)),
            Part::SpaceYearDay => out.push_str(&format!("{:3}", civil.day_of_year)),
            Part::ZeroYearDay => out.push_str(&format!("{:03}", civil.day_of_year)),
            Part::Hour => out.push_str(&format!("{:02}", civil.hour)),
            Part::Hour12 => out.push_str(&hour12.to_string()),
            Part::ZeroHour12 => out.push_str(&format!("{hour12:02}")),
            Part::Minute => out.push_str(&civil.minute.to_string()),
            Part::ZeroMinute => out.push_str(&format!("{:02}", civil.minute)),
            Part::Second => out.push_str(&civil.second.to_string()),
            Part::ZeroSecond => out.push_str(&format!("{:02}", civil.second)),
            Part::LongYear => out.push_str(&format!("{:04}", civil.year)),
            Part::Year => out.push_str(&format!("{:02}", civil.year.rem_euclid(100))),
            Part::UpperPm => out.push_str(if pm { "PM" } else { "AM" }),
            Part::LowerPm => out.push_str(if pm { "pm" } else { "am" }),
            // Where no abbreviation is known, the offset stands for it.
            Part::Zone if time.zone().is_empty() => {
                push_offset(&mut out, time.offset_seconds(), false, false, 4)
            }
            Part::Zone => out.push_str(time.zone()),
            Part::Offset { z, colon, digits } => {
                push_offset(&mut out, time.offset_seconds(), z, colon, digits)
            }
            Part::Fraction { separator, digits, trim } => {
                let all = format!("{:09}", civil.nanosecond);
                let kept = &all[..digits.min(9)];
                let kept = if trim { kept.trim_end_matches('0') } else { kept };
                if !kept.is_empty() {
                    out.push(separator);
                    out.push_str(kept);
                }
            }
        }
    }
}

fn push_offset(out: &mut String, offset: i32, z: bool, colon: bool, digits: u8) {
    if z && offset == 0 {
        out.push('Z');
        return;
    }
    let size = offset.unsigned_abs();
    out.push(if offset < 0 { '-' } else { '+' });
    out.push_str(&format!("{:02}", size / 3600));
    let separator = if colon { ":" } else { "" };
    if digits >= 4 {
        out.push_str(&format!("{separator}{:02}", size / 60 % 60));
    }
    if digits >= 6 {
        out.push_str(&format!("{separator}{:02}", size % 60));
    }
}

/// What a layout found in a text.
#[derive(Debug)]
pub(super) struct Read {
    civil_seconds: i64,
    nanosecond: u32,
    offset: Option<i32>,
    zone: Option<String>,
}

impl Read {
    /// Makes a time of it, in the local zone if the text names none.
    pub(super) fn into_time(self, source: &Rc<dyn Surroundings>) -> Time {
        let moment = |seconds: i64| i128::from(seconds) * 1_000_000_000 + i128::from(self.nanosecond);
        if let Some(offset) = self.offset {
            let utc = moment(self.civil_seconds - i64::from(offset));
            let zone = self.zone.clone().unwrap_or_default();
            return Time::fixed(
                utc,
                offset,
                if offset == 0 && zone.is_empty() { "UTC".to_owned() } else { zone },
            );
        }
        if let Some(zone) = self.zone.clone() {
            return Time::fixed(moment(self.civil_seconds), 0, zone);
        }
        let local = Time::new(moment(self.civil_seconds), "Local", source);
        let shifted = moment(self.civil_seconds - i64::from(local.offset_seconds()));
        Time::new(shifted, "Local", source)
    }
}

/// Reads a text by a layout.
pub(super) fn parse(layout: &str, text: &str) -> Result<Read, String> {
    let quote = |part: &str| wharf_template::quote(part.as_bytes());
    let mut rest = text;
    let mut remaining = layout;
    let (mut year, mut month, mut day, mut day_of_year) = (0_i64, 1_u32, 1_u32, None);
    let (mut hour, mut minute, mut second, mut nanosecond) = (0_u32, 0_u32, 0_u32, 0_u32);
    let (mut pm, mut am, mut offset, mut zone) = (false, false, None, None);
    loop {
        let (before, part, tail) = next_part(remaining);
        let element = &remaining[before.len()..remaining.len() - tail.len()];
        let fail = |rest: &str, element: &str| {
            format!(
                "parsing time {} as {}: cannot parse {} as {}",
                quote(text),
                quote(layout),
                quote(rest),
                quote(element)
            )
        };
        rest = rest.strip_prefix(before).ok_or_else(|| fail(rest, before))?;
        let Some(part) = part else {
            if !rest.is_empty() {
                return Err(format!("parsing time {}: extra text: {}", quote(text), quote(rest)));
            }
            break;
        };
        remaining = tail;
        let at = rest;
        let mut number = |least: usize, most: usize| {
            let digits = rest.chars().take(most).take_while(char::is_ascii_digit).count();
            if digits < least {
                return Err(fail(at, element));
            }
            let (digits, tail) = rest.split_at(digits);
            rest = tail;
            digits.parse::<u32>().map_err(|_| fail(at, element))
        };
        match part {
            Part::LongYear => year = i64::from(number(4, 4)?),
            Part::Year => {
                let short = i64::from(number(2, 2)?);
                year = if short >= 69 { 1900 + short } else { 2000 + short };
            }
            Part::NumMonth => month = number(1, 2)?,
            Part::ZeroMonth => month = number(2, 2)?,
            Part::Day => day = number(1, 2)?,
            Part::ZeroDay => day = number(2, 2)?,
            Part::SpaceDay => {
                rest = rest.strip_prefix(' ').unwrap_or(rest);
                let digits = rest.chars().take(2).take_while(char::is_ascii_digit).count();
                day = rest[..digits].parse().map_err(|_| fail(at, element))?;
                rest = &rest[digits..];
            }
            Part::ZeroYearDay => day_of_year = Some(number(3, 3)?),
            Part::SpaceYearDay => {
                rest = rest.trim_start_matches(' ');
                let digits = rest.chars().take(3).take_while(char::is_ascii_digit).count();
                day_of_year = Some(rest[..digits].parse().map_err(|_| fail(at, element))?);
                rest = &rest[digits..];
            }
            Part::Hour => hour = number(2, 2)?,
            Part::Hour12 => hour = number(1, 2)?,
            Part::ZeroHour12 => hour = number(2, 2)?,
            Part::Minute => minute = number(1, 2)?,
            Part::ZeroMinute => minute = number(2, 2)?,
            Part::Second | Part::ZeroSecond => {
                second = number(if part == Part::Second { 1 } else { 2 }, 2)?;
                // A fraction may follow even where the layout has none.
                if let Some(body) = rest.strip_prefix(['.', ','])
                    && !matches!(next_part(remaining), ("", Some(Part::Fraction { .. }), _))
                {
                    let digits = body.chars().take_while(char::is_ascii_digit).count();
                    if digits > 0 {
                        nanosecond = fraction(&body[..digits]);
                        rest = &body[digits..];
                    }
                }
            }
            Part::LongMonth | Part::Month => {
                let found = MONTHS.iter().position(|name| {
                    let name = if part == Part::Month { &name[..3] } else { name };
                    rest.get(..name.len()).is_some_and(|head| head.eq_ignore_ascii_case(name))
                });
                let index = found.ok_or_else(|| fail(at, element))?;
                month = u32::try_from(index).unwrap_or_default() + 1;
                rest = &rest[if part == Part::Month { 3 } else { MONTHS[index].len() }..];
            }
            Part::LongWeekday | Part::Weekday => {
                let found = WEEKDAYS.iter().find(|name| {
                    let name = if part == Part::Weekday { &name[..3] } else { name };
                    rest.get(..name.len()).is_some_and(|head| head.eq_ignore_ascii_case(name))
                });
                let name = found.ok_or_else(|| fail(at, element))?;
                rest = &rest[if part == Part::Weekday { 3 } else { name.len() }..];
            }
            Part::UpperPm | Part::LowerPm => {
                let names = if part == Part::UpperPm { ["PM", "AM"] } else { ["pm", "am"] };
                let head = rest.get(..2).unwrap_or_default();
                pm = head == names[0];
                am = head == names[1];
                if !pm && !am {
                    return Err(fail(at, element));
                }
                rest = &rest[2..];
            }
            Part::Zone => {
                let letters = rest.chars().take_while(char::is_ascii_uppercase).count();
                if letters < 3 {
                    return Err(fail(at, element));
                }
                if &rest[..letters] == "UTC" {
                    offset = Some(0);
                }
                zone = Some(rest[..letters].to_owned());
                rest = &rest[letters..];
            }
            Part::Offset { z, colon, digits } => {
                if z && let Some(tail) = rest.strip_prefix('Z') {
                    offset = Some(0);
                    rest = tail;
                    continue;
                }
                let length = usize::from(digits) + 1 + if colon { usize::from(digits) / 2 - 1 } else { 0 };
                let head = rest.get(..length).ok_or_else(|| fail(at, element))?;
                let sign = match head.as_bytes()[0] {
                    b'+' => 1,
                    b'-' => -1,
                    _ => return Err(fail(at, element)),
                };
                let numbers: String = head[1..].chars().filter(|c| *c != ':').collect();
                let pair = |at: usize| numbers.get(at..at + 2).map_or(Ok(0), str::parse::<i32>);
                let parse = || Ok::<_, std::num::ParseIntError>((pair(0)?, pair(2)?, pair(4)?));
                let (hours, minutes, seconds) = parse().map_err(|_| fail(at, element))?;
                offset = Some(sign * (hours * 3600 + minutes * 60 + seconds));
                rest = &rest[length..];
            }
            Part::Fraction { digits, trim, .. } => {
                let Some(body) = rest.strip_prefix(['.', ',']) else {
                    if trim {
                        continue;
                    }
                    return Err(fail(at, element));
                };
                let found = body.chars().take_while(char::is_ascii_digit).count();
                if !trim && found < digits {
                    return Err(fail(at, element));
                }
                let kept = if trim { found } else { digits };
                nanosecond = fraction(&body[..kept]);
                rest = &body[kept..];
            }
        }
    }
    let out_of_range = |what: &str| Err(format!("parsing time {}: {what} out of range", quote(text)));
    if pm && hour < 12 {
        hour += 12;
    } else if am && hour == 12 {
        hour = 0;
    }
    for (value, limit, what) in [(hour, 23, "hour"), (minute, 59, "minute"), (second, 59, "second")] {
        if value > limit {
            return out_of_range(what);
        }
    }
    if !(1..=12).contains(&month) {
        return out_of_range("month");
    }
    let days = match day_of_year {
        Some(day) => days_of(year, 1, 1) + i64::from(day) - 1,
        None => {
            let next_month = if month == 12 { days_of(year + 1, 1, 1) } else { days_of(year, month + 1, 1) };
            if day == 0 || i64::from(day) > next_month - days_of(year, month, 1) {
                return out_of_range("day");
            }
            days_of(year, month, day)
        }
    };
    let civil_seconds = days * 86_400 + i64::from(hour) * 3600 + i64::from(minute) * 60 + i64::from(second);
    Ok(Read { civil_seconds, nanosecond, offset, zone })
}

fn fraction(digits: &str) -> u32 {
    format!("{digits:0<9}")[..9].parse().unwrap_or_default()
}
