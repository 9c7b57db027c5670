//! The texts of sizes and times.

use crate::terminal;

/// Reads `10GiB`, `512MiB` or a number of bytes; `none` is -1, as the API has it.
pub(crate) fn quota(text: &str) -> Result<i64, String> {
    if text == "none" {
        return Ok(-1);
    }
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let shift = match &text[digits.len()..] {
        "" | "B" => 0,
        "KiB" => 10,
        "MiB" => 20,
        "GiB" => 30,
        "TiB" => 40,
        _ => return Err("expected a size such as 512MiB or 10GiB, or none".to_owned()),
    };
    let count: i64 =
        digits.parse().map_err(|_| "expected a size such as 512MiB or 10GiB, or none".to_owned())?;
    count.checked_mul(1 << shift).filter(|size| *size > 0).ok_or_else(|| "out of range".to_owned())
}

/// Reads `90s`, `30m`, `24h` or `7d` as seconds.
pub(crate) fn duration(text: &str) -> Result<i64, String> {
    const FORM: &str = "expected a duration such as 30m, 24h or 7d";
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match &text[digits.len()..] {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => return Err(FORM.to_owned()),
    };
    let count: u32 = digits.parse().map_err(|_| FORM.to_owned())?;
    Ok(i64::from(count) * unit)
}

/// Returns a size for people; -1 is no limit.
pub(crate) fn shown(bytes: i64) -> String {
    u64::try_from(bytes).map_or_else(|_| "none".to_owned(), terminal::size)
}

/// Returns Unix seconds as a time; -1 is never.
pub(crate) fn time(seconds: i64) -> String {
    match seconds {
        -1 => "never".to_owned(),
        seconds => jiff::Timestamp::from_second(seconds).map(|time| time.to_string()).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_durations_are_read() {
        assert_eq!((quota("10GiB"), quota("7"), quota("none")), (Ok(10 << 30), Ok(7), Ok(-1)));
        assert_eq!((duration("24h"), duration("7d")), (Ok(86_400), Ok(604_800)));
        for bad in ["", "GiB", "-1", "1GB", "0", "99999999999TiB"] {
            assert!(quota(bad).is_err(), "{bad}");
        }
        for bad in ["", "h", "5", "5w", "-5h"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
        assert_eq!((time(-1), shown(-1)), ("never".to_owned(), "none".to_owned()));
    }
}
