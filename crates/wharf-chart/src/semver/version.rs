use std::cmp::Ordering;
use std::fmt;

/// Longest version text, in bytes.
const MAX_BYTES: usize = 256;

/// A semantic version.
///
/// Comparison follows semver.org, except that a numeric pre-release part beyond 64 bits counts as text. Build metadata
/// is ignored by comparison, so two versions may be equal and still print differently.
#[derive(Debug, Clone)]
pub struct Version {
    /// First number.
    pub major: u64,
    /// Second number.
    pub minor: u64,
    /// Third number.
    pub patch: u64,
    pre: String,
    metadata: String,
    original: String,
}

/// Why a text is no version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VersionError {
    /// The text does not have the form of a version.
    #[error("invalid semantic version")]
    Invalid,
    /// The text is empty.
    #[error("version string empty")]
    Empty,
    /// The text is longer than 256 bytes.
    #[error("version string is too long (max {MAX_BYTES} bytes)")]
    TooLong,
    /// A number has other characters than digits.
    #[error("invalid characters in version")]
    Characters,
    /// A number or numeric pre-release part begins with a superfluous zero.
    #[error("version segment starts with 0")]
    LeadingZero,
    /// The part behind `-` is malformed.
    #[error("invalid prerelease string")]
    Prerelease,
    /// The part behind `+` is malformed.
    #[error("invalid metadata string")]
    Metadata,
    /// A number is missing or does not fit 64 bits; the text is Go's.
    #[error("{0}")]
    Number(String),
}

impl Version {
    /// Reads a version as semver.org has it: three numbers, no `v`.
    ///
    /// # Errors
    /// Anything else.
    pub fn parse_strict(text: &str) -> Result<Self, VersionError> {
        if text.is_empty() {
            return Err(VersionError::Empty);
        }
        if text.len() > MAX_BYTES {
            return Err(VersionError::TooLong);
        }
        let mut parts = text.splitn(3, '.');
        let (Some(major), Some(minor), Some(rest)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(VersionError::Invalid);
        };
        let (rest, metadata) = split_off(rest, '+');
        if let Some(metadata) = metadata {
            check_metadata(metadata)?;
        }
        let (patch, pre) = split_off(rest, '-');
        if let Some(pre) = pre {
            check_prerelease(pre)?;
        }
        for number in [major, minor, patch] {
            if !number.bytes().all(|b| b.is_ascii_digit()) {
                return Err(VersionError::Characters);
            }
            if number.len() > 1 && number.starts_with('0') {
                return Err(VersionError::LeadingZero);
            }
        }
        Ok(Self {
            major: number(major)?,
            minor: number(minor)?,
            patch: number(patch)?,
            pre: pre.unwrap_or_default().to_owned(),
            metadata: metadata.unwrap_or_default().to_owned(),
            original: text.to_owned(),
        })
    }

    /// Reads a version generously: a leading `v`, missing numbers and leading zeros are accepted.
    ///
    /// # Errors
    /// Texts that are still no version, such as `1.2.3.4` or `1.x`.
    pub fn parse(text: &str) -> Result<Self, VersionError> {
        if text.len() > MAX_BYTES {
            return Err(VersionError::TooLong);
        }
        let (front, metadata) = split_off(text.strip_prefix('v').unwrap_or(text), '+');
        let (numbers, pre) = split_off(front, '-');
        let numbers: Vec<&str> = numbers.split('.').collect();
        let digits = |n: &&str| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit());
        let parts = |text: Option<&str>| {
            text.is_none_or(|t| {
                t.split('.')
                    .all(|p| !p.is_empty() && p.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-'))
            })
        };
        if numbers.len() > 3 || !numbers.iter().all(digits) || !parts(pre) || !parts(metadata) {
            return Err(VersionError::Invalid);
        }
        let within = |error| match error {
            VersionError::Number(text) => {
                VersionError::Number(format!("error parsing version segment: {text}"))
            }
            other => other,
        };
        let at = |index: usize| numbers.get(index).map_or(Ok(0), |text| number(text).map_err(within));
        let (major, minor, patch) = (at(0)?, at(1)?, at(2)?);
        if let Some(pre) = pre {
            check_prerelease(pre)?;
        }
        Ok(Self {
            major,
            minor,
            patch,
            pre: pre.unwrap_or_default().to_owned(),
            metadata: metadata.unwrap_or_default().to_owned(),
            original: text.to_owned(),
        })
    }

    /// Returns the part behind `-`, or an empty text.
    #[must_use]
    pub fn prerelease(&self) -> &str {
        &self.pre
    }

    /// Returns the part behind `+`, or an empty text.
    #[must_use]
    pub fn metadata(&self) -> &str {
        &self.metadata
    }

    /// Returns the text the version was read from.
    #[must_use]
    pub fn original(&self) -> &str {
        &self.original
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)?;
        if !self.pre.is_empty() {
            write!(f, "-{}", self.pre)?;
        }
        if !self.metadata.is_empty() {
            write!(f, "+{}", self.metadata)?;
        }
        Ok(())
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        let numbers = |v: &Self| (v.major, v.minor, v.patch);
        numbers(self).cmp(&numbers(other)).then_with(|| match (self.pre.is_empty(), other.pre.is_empty()) {
            (true, true) => Ordering::Equal,
            (true, false) => Ordering::Greater,
            (false, true) => Ordering::Less,
            (false, false) => compare_prereleases(&self.pre, &other.pre),
        })
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Version {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Version {}

/// Compares part by part: numbers by value and before text, fewer parts first.
pub(super) fn compare_prereleases(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a.split('.'), b.split('.'));
    loop {
        let (x, y) = match (a.next(), b.next()) {
            (None, None) => return Ordering::Equal,
            (x, y) => (x.unwrap_or_default(), y.unwrap_or_default()),
        };
        let order = match (x == y, x.is_empty(), y.is_empty()) {
            (true, ..) => Ordering::Equal,
            (_, true, _) => Ordering::Less,
            (_, _, true) => Ordering::Greater,
            _ => match (x.parse::<u64>(), y.parse::<u64>()) {
                (Ok(m), Ok(n)) => m.cmp(&n).then(Ordering::Less),
                (Ok(_), Err(_)) => Ordering::Less,
                (Err(_), Ok(_)) => Ordering::Greater,
                (Err(_), Err(_)) => x.cmp(y),
            },
        };
        if order != Ordering::Equal {
            return order;
        }
    }
}

fn split_off(text: &str, mark: char) -> (&str, Option<&str>) {
    text.split_once(mark).map_or((text, None), |(front, back)| (front, Some(back)))
}

fn number(text: &str) -> Result<u64, VersionError> {
    text.parse().map_err(|_| {
        let why = if text.is_empty() { "invalid syntax" } else { "value out of range" };
        VersionError::Number(format!("strconv.ParseUint: parsing \"{text}\": {why}"))
    })
}

fn check_prerelease(text: &str) -> Result<(), VersionError> {
    for part in text.split('.') {
        if part.is_empty() || !part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
            return Err(VersionError::Prerelease);
        }
        if part.len() > 1 && part.starts_with('0') && part.bytes().all(|b| b.is_ascii_digit()) {
            return Err(VersionError::LeadingZero);
        }
    }
    Ok(())
}

fn check_metadata(text: &str) -> Result<(), VersionError> {
    let good = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    if text.split('.').all(good) { Ok(()) } else { Err(VersionError::Metadata) }
}
