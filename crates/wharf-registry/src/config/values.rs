//! The texts of values: durations, sizes, switches.

use std::path::Path;
use std::time::Duration;

pub(super) fn text(value: &str) -> Result<&str, String> {
    if value.is_empty() { Err("it is empty".to_owned()) } else { Ok(value) }
}

pub(super) fn boolean(value: &str) -> Result<bool, String> {
    match value {
        "true" | "1" | "yes" | "on" => Ok(true),
        "false" | "0" | "no" | "off" => Ok(false),
        _ => Err("expected true or false".to_owned()),
    }
}

/// Reads how many there may be of something.
pub(super) fn count(value: &str) -> Result<usize, String> {
    match value.parse() {
        Ok(count @ 1..=1_000_000) => Ok(count),
        _ => Err("expected a number from 1 to 1000000".to_owned()),
    }
}

/// Reads `90s`, `15m`, `24h`, `7d`; a bare number counts seconds.
pub(super) fn duration(value: &str) -> Result<Duration, String> {
    const FORM: &str = "expected a duration such as 90s, 15m, 24h or 7d";
    let digits = value.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let count: u64 = digits.parse().map_err(|_| FORM.to_owned())?;
    let unit = match &value[digits.len()..] {
        "" | "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => return Err(FORM.to_owned()),
    };
    let seconds = count.checked_mul(unit).filter(|&seconds| seconds <= 100 * 366 * 86_400);
    seconds.map(Duration::from_secs).ok_or_else(|| "it is longer than 100 years".to_owned())
}

/// Reads `4194304`, `4096KiB`, `4MiB`, `10GiB`, `1TiB`.
pub(super) fn bytes(value: &str) -> Result<u64, String> {
    const FORM: &str = "expected a size such as 4194304, 512KiB, 4MiB or 10GiB";
    let digits = value.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let count: u64 = digits.trim_end().parse().map_err(|_| FORM.to_owned())?;
    let shift = UNITS.iter().find(|(unit, _)| *unit == &value[digits.len()..]).map(|&(_, shift)| shift);
    let shift = shift.ok_or_else(|| FORM.to_owned())?;
    count.checked_mul(1 << shift).ok_or_else(|| "it is larger than 16 EiB".to_owned())
}

const UNITS: &[(&str, u32)] =
    &[("", 0), ("B", 0), ("KiB", 10), ("MiB", 20), ("GiB", 30), ("TiB", 40), ("PiB", 50)];

pub(super) fn show_duration(value: Duration) -> String {
    let seconds = value.as_secs();
    match seconds {
        0 => "0s".to_owned(),
        _ if seconds.is_multiple_of(86_400) => format!("{}d", seconds / 86_400),
        _ if seconds.is_multiple_of(3600) => format!("{}h", seconds / 3600),
        _ if seconds.is_multiple_of(60) => format!("{}m", seconds / 60),
        _ => format!("{seconds}s"),
    }
}

pub(super) fn show_bytes(value: u64) -> String {
    let largest = UNITS.iter().rev().find(|&&(_, shift)| value > 0 && value.trailing_zeros() >= shift);
    match largest {
        Some(&(unit, shift)) if shift > 0 => format!("{}{unit}", value >> shift),
        _ => value.to_string(),
    }
}

pub(super) fn show_path(path: Option<&Path>) -> String {
    show_optional(path.map(|path| path.display().to_string()))
}

pub(super) fn show_optional(value: Option<String>) -> String {
    value.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_read_back_as_shown() {
        for text in ["0s", "90s", "15m", "24h", "7d"] {
            let read = duration(text).map(|value| duration(&show_duration(value)));
            assert_eq!(read, Ok(duration(text)), "{text}");
        }
        for text in ["0", "1", "1000", "512KiB", "4MiB", "10GiB"] {
            assert_eq!(bytes(text).map(show_bytes).as_deref(), Ok(text));
        }
    }

    #[test]
    fn what_is_no_value_is_refused() {
        for bad in ["", "h", "-1s", "1w", "1.5h", "99999999999999d"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
        for bad in ["", "MiB", "4MB", "99999999PiB", "-1"] {
            assert!(bytes(bad).is_err(), "{bad}");
        }
        assert!(boolean("maybe").is_err());
    }
}
