/// Digits after the point that a division keeps.
const DIVISION_DIGITS: i32 = 16;

/// A decimal number: `coefficient × 10^exponent`.
///
/// Enough for what templates calculate; what does not fit 128 bits is calculated with floats.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Decimal {
    coefficient: i128,
    exponent: i32,
}

impl Decimal {
    /// Goes from left to right through the numbers with one operation.
    pub(crate) fn fold(first: f64, rest: &[f64], operation: fn(Self, Self) -> Option<Self>) -> f64 {
        rest.iter().fold(first, |left, right| {
            // Each step gives the decimal exactly, and a float keeps the 17 digits that a template can print.
            match Self::from_float(left)
                .zip(Self::from_float(*right))
                .and_then(|(left, right)| operation(left, right))
            {
                Some(result) => result.to_float(),
                None => left,
            }
        })
    }

    /// Takes the shortest decimal that reads back as the float.
    fn from_float(number: f64) -> Option<Self> {
        if !number.is_finite() {
            return None;
        }
        let text = format!("{number:e}");
        let (mantissa, exponent) = text.split_once('e')?;
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let coefficient = format!("{whole}{fraction}").parse().ok()?;
        let exponent = exponent.parse::<i32>().ok()? - i32::try_from(fraction.len()).ok()?;
        Some(Self { coefficient, exponent })
    }

    fn to_float(self) -> f64 {
        format!("{}e{}", self.coefficient, self.exponent).parse().unwrap_or(0.0)
    }

    /// Brings both to the smaller exponent.
    fn aligned(self, other: Self) -> Option<(i128, i128, i32)> {
        let exponent = self.exponent.min(other.exponent);
        let scale = |number: Self| {
            let power = u32::try_from(number.exponent - exponent).ok()?;
            number.coefficient.checked_mul(10i128.checked_pow(power)?)
        };
        Some((scale(self)?, scale(other)?, exponent))
    }

    pub(crate) fn add(self, other: Self) -> Option<Self> {
        let (left, right, exponent) = self.aligned(other)?;
        Some(Self { coefficient: left.checked_add(right)?, exponent })
    }

    pub(crate) fn sub(self, other: Self) -> Option<Self> {
        let (left, right, exponent) = self.aligned(other)?;
        Some(Self { coefficient: left.checked_sub(right)?, exponent })
    }

    pub(crate) fn mul(self, other: Self) -> Option<Self> {
        let coefficient = self.coefficient.checked_mul(other.coefficient)?;
        Some(Self { coefficient, exponent: self.exponent + other.exponent })
    }

    /// Divides to 16 digits after the point, half away from zero.
    pub(crate) fn div(self, other: Self) -> Option<Self> {
        let (left, right, _) = self.aligned(other)?;
        let scaled = left.checked_mul(10i128.checked_pow(DIVISION_DIGITS.unsigned_abs())?)?;
        let quotient = scaled.checked_div(right)?;
        let remainder = scaled.checked_rem(right)?;
        let away = i128::from(remainder.unsigned_abs() * 2 >= right.unsigned_abs());
        let sign = if (left < 0) == (right < 0) { 1 } else { -1 };
        Some(Self { coefficient: quotient + away * sign, exponent: -DIVISION_DIGITS })
    }
}
