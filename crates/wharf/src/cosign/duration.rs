//! Durations as Go writes them: `90s`, `1h30m`, `1.5h`.

use std::time::Duration;

use anyhow::{Context as _, bail, ensure};

/// Reads a duration that is not negative.
pub(super) fn read(text: &str) -> anyhow::Result<Duration> {
    let invalid = || format!("time: invalid duration {text:?}");
    let mut rest = text.strip_prefix('+').unwrap_or(text);
    if rest == "0" {
        return Ok(Duration::ZERO);
    }
    ensure!(!rest.is_empty(), invalid());
    let mut seconds = 0.0;
    while !rest.is_empty() {
        let end = rest
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .with_context(|| format!("time: missing unit in duration {text:?}"))?;
        let (number, after) = rest.split_at(end);
        let number: f64 = number.parse().ok().with_context(invalid)?;
        let end = after.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(after.len());
        let (unit, after) = after.split_at(end);
        seconds += number
            * match unit {
                "h" => 3600.0,
                "m" => 60.0,
                "s" => 1.0,
                "ms" => 1e-3,
                "us" | "µs" | "μs" => 1e-6,
                "ns" => 1e-9,
                _ => bail!("time: unknown unit {unit:?} in duration {text:?}"),
            };
        rest = after;
    }
    Duration::try_from_secs_f64(seconds).ok().with_context(invalid)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn durations_are_those_of_go() {
        for (text, millis) in
            [("3m0s", 180_000), ("1h30m", 5_400_000), ("1.5s", 1500), (".5s", 500), ("0", 0), ("20ms", 20)]
        {
            assert_eq!(read(text).unwrap().as_millis(), millis, "{text}");
        }
        for text in ["", "5", "5x", "s", "-1s", "1..s", "1s1"] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
