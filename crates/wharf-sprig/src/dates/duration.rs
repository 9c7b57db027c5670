use std::fmt;

/// A length of time in nanoseconds, as Go counts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Duration(pub(super) i64);

const UNITS: &[(&str, i64)] = &[
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000),
    ("μs", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

impl Duration {
    pub(super) fn from_nanoseconds(nanoseconds: i128) -> Self {
        Self(i64::try_from(nanoseconds).unwrap_or(if nanoseconds < 0 { i64::MIN } else { i64::MAX }))
    }

    /// Reads `1h30m`, `-1.5h`, `300ms`.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let invalid = || format!("time: invalid duration {}", wharf_template::quote(text.as_bytes()));
        let negative = text.starts_with('-');
        let mut rest = text.strip_prefix(['-', '+']).unwrap_or(text);
        if rest == "0" {
            return Ok(Self(0));
        }
        if rest.is_empty() {
            return Err(invalid());
        }
        let mut total: i128 = 0;
        while !rest.is_empty() {
            let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
            let (number, tail) = rest.split_at(end);
            let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
            if whole.is_empty() && fraction.is_empty() || fraction.contains('.') {
                return Err(invalid());
            }
            let end = tail.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(tail.len());
            let (unit, tail) = tail.split_at(end);
            if unit.is_empty() {
                let text = wharf_template::quote(text.as_bytes());
                return Err(format!("time: missing unit in duration {text}"));
            }
            let Some((_, size)) = UNITS.iter().find(|(name, _)| *name == unit) else {
                let (unit, text) =
                    (wharf_template::quote(unit.as_bytes()), wharf_template::quote(text.as_bytes()));
                return Err(format!("time: unknown unit {unit} in duration {text}"));
            };
            let whole: i128 = if whole.is_empty() { 0 } else { whole.parse().map_err(|_| invalid())? };
            total = total
                .checked_add(whole.checked_mul(i128::from(*size)).ok_or_else(invalid)?)
                .ok_or_else(invalid)?;
            let mut scale = i128::from(*size);
            for digit in fraction.chars().filter_map(|c| c.to_digit(10)) {
                total += i128::from(digit) * scale / 10;
                scale /= 10;
            }
            rest = tail;
        }
        let total = if negative { -total } else { total };
        i64::try_from(total).map(Self).map_err(|_| invalid())
    }

    pub(super) fn rounded_to_seconds(self) -> Self {
        const SECOND: i64 = 1_000_000_000;
        let rest = self.0 % SECOND;
        let down = self.0 - rest;
        if rest.abs() * 2 < SECOND {
            return Self(down);
        }
        Self(down.saturating_add(SECOND * rest.signum()))
    }

    /// `2mo`, `3d`, `4h`: the largest unit that is exceeded, nothing smaller.
    pub(super) fn in_largest_unit(self) -> String {
        const SECOND: u64 = 1_000_000_000;
        const HOUR: u64 = 3600 * SECOND;
        let size = self.0.unsigned_abs();
        let units = [
            (365 * 24 * HOUR, "y"),
            (30 * 24 * HOUR, "mo"),
            (24 * HOUR, "d"),
            (HOUR, "h"),
            (60 * SECOND, "m"),
            (SECOND, "s"),
        ];
        units
            .iter()
            .find(|(unit, _)| size > *unit)
            .map_or_else(|| "0s".to_owned(), |(unit, name)| format!("{}{name}", size / unit))
    }
}

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SECOND: u64 = 1_000_000_000;
        let size = self.0.unsigned_abs();
        if self.0 < 0 {
            f.write_str("-")?;
        }
        let decimals = |size: u64, unit: u64| {
            let fraction = format!("{:0width$}", size % unit, width = unit.ilog10() as usize);
            let fraction = fraction.trim_end_matches('0');
            let point = if fraction.is_empty() || unit == 1 { "" } else { "." };
            let fraction = if unit == 1 { "" } else { fraction };
            format!("{}{point}{fraction}", size / unit)
        };
        match size {
            0 => f.write_str("0s"),
            1..1_000 => write!(f, "{size}ns"),
            1_000..1_000_000 => write!(f, "{}µs", decimals(size, 1_000)),
            1_000_000..SECOND => write!(f, "{}ms", decimals(size, 1_000_000)),
            _ => {
                let minutes = size / SECOND / 60;
                if minutes >= 60 {
                    write!(f, "{}h", minutes / 60)?;
                }
                if minutes > 0 {
                    write!(f, "{}m", minutes % 60)?;
                }
                write!(f, "{}s", decimals(size % (60 * SECOND), SECOND))
            }
        }
    }
}
