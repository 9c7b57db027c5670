//! Numbers compared exactly, as they were written.

use std::cmp::Ordering;

/// `digits × 10^exponent`, with neither leading nor trailing zeros; zero has no digits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Decimal {
    negative: bool,
    digits: Vec<u8>,
    exponent: i64,
}

/// Exponents beyond this are not worked with; no float comes near.
const MAX_EXPONENT: i64 = 100_000;

impl Decimal {
    /// Reads JSON's form of a number and the form in which Go prints floats.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (negative, body) = match text.strip_prefix('-') {
            Some(body) => (true, body),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let (mantissa, exponent) = match body.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent.parse::<i64>().ok()?),
            None => (body, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let mut digits: Vec<u8> =
            whole.bytes().chain(fraction.bytes()).skip_while(|digit| *digit == b'0').collect();
        let mut exponent = exponent.checked_sub(i64::try_from(fraction.len()).ok()?)?;
        if exponent.abs() > MAX_EXPONENT || !digits.iter().all(u8::is_ascii_digit) {
            return None;
        }
        while digits.last() == Some(&b'0') {
            digits.pop();
            exponent += 1;
        }
        if digits.is_empty() {
            return Some(Self { negative: false, digits, exponent: 0 });
        }
        Some(Self { negative, digits, exponent })
    }

    pub(super) fn is_integer(&self) -> bool {
        self.exponent >= 0
    }

    /// Returns the number if it is whole and not negative; what is too large is the largest.
    pub(super) fn count(&self) -> Option<i64> {
        if !self.is_integer() {
            return None;
        }
        let mut value: i64 = 0;
        for digit in self.digits.iter().copied().chain((0..self.exponent.min(20)).map(|_| b'0')) {
            value = value
                .checked_mul(10)
                .and_then(|v| v.checked_add(i64::from(digit - b'0')))
                .unwrap_or(i64::MAX);
        }
        Some(if self.negative { -value } else { value })
    }

    /// Whether this is a whole multiple of `other`.
    pub(super) fn is_multiple_of(&self, other: &Self) -> bool {
        if self.digits.is_empty() {
            return true;
        }
        let shift = self.exponent - other.exponent;
        let mut divisor: u128 = 0;
        let zeros = usize::try_from(-shift.min(0)).unwrap_or(usize::MAX);
        if other.digits.is_empty() || other.digits.len().saturating_add(zeros) > 36 {
            // What has more digits than this number does not divide it.
            return *other == *self;
        }
        for digit in other.digits.iter().copied().chain(std::iter::repeat_n(b'0', zeros)) {
            divisor = divisor * 10 + u128::from(digit - b'0');
        }
        let mut rest: u128 = 0;
        let more = usize::try_from(shift.max(0)).unwrap_or_default();
        for digit in self.digits.iter().copied().chain(std::iter::repeat_n(b'0', more)) {
            rest = (rest * 10 + u128::from(digit - b'0')) % divisor;
        }
        rest == 0
    }

    /// Where the first digit stands.
    fn magnitude(&self) -> i64 {
        self.exponent + i64::try_from(self.digits.len()).unwrap_or(i64::MAX)
    }

    fn cmp_size(&self, other: &Self) -> Ordering {
        self.magnitude().cmp(&other.magnitude()).then_with(|| self.digits.cmp(&other.digits))
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Decimal {
    fn cmp(&self, other: &Self) -> Ordering {
        let sign = |number: &Self| match (number.digits.is_empty(), number.negative) {
            (true, _) => 0,
            (_, true) => -1,
            (_, false) => 1,
        };
        sign(self).cmp(&sign(other)).then_with(|| match sign(self) {
            0 => Ordering::Equal,
            1 => self.cmp_size(other),
            _ => other.cmp_size(self),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> Decimal {
        Decimal::parse(text).expect("a number")
    }

    #[test]
    fn numbers_compare_by_value() {
        assert_eq!(number("1e+06"), number("1000000.0"));
        assert_eq!(number("-0.0"), number("0e5"));
        assert!(
            number("-2") < number("-1.5") && number("-1.5") < number("0") && number("0") < number("1e-9")
        );
        assert!(number("99") < number("100") && number("0.099") < number("0.1"));
        assert!(number("1.0").is_integer() && !number("1.5").is_integer());
    }

    #[test]
    fn multiples_are_exact() {
        for (value, step, fits) in [
            ("0.3", "0.1", true),
            ("4.5", "1.5", true),
            ("7", "2", false),
            ("0.0075", "0.0001", true),
            ("0.00751", "0.0001", false),
            ("1e308", "0.5", true),
            ("100", "1e3", false),
            ("5000", "1e3", true),
        ] {
            assert_eq!(number(value).is_multiple_of(&number(step)), fits, "{value} {step}");
        }
    }
}
