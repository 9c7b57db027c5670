//! Byte ranges: of downloads (RFC 9110) and of upload chunks, which write them without a unit.

use std::fmt;
use std::str::FromStr;

/// One range of a `Range: bytes=…` request header (RFC 9110, section 14.1.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ByteRange {
    /// `first-` or `first-last`, inclusive.
    From {
        /// The first byte.
        first: u64,
        /// The last byte, if bounded.
        last: Option<u64>,
    },
    /// `-length`: that many bytes at the end.
    Suffix {
        /// The number of bytes.
        length: u64,
    },
}

impl ByteRange {
    /// Reads the value of a `Range` header.
    ///
    /// # Errors
    /// [`RangeError::Unsupported`] for another unit or several ranges (a server may then answer the whole content);
    /// [`RangeError::Malformed`] for a bytes range that cannot be read or runs backwards (416).
    pub fn parse(header: &str) -> Result<Self, RangeError> {
        let Some((unit, spec)) = header.split_once('=') else { return Err(RangeError::Malformed) };
        if !unit.trim().eq_ignore_ascii_case("bytes") || spec.contains(',') {
            return Err(RangeError::Unsupported);
        }
        let (first, last) = spec.trim().split_once('-').ok_or(RangeError::Malformed)?;
        match (first, last) {
            ("", length) => Ok(Self::Suffix { length: number(length)? }),
            (first, "") => Ok(Self::From { first: number(first)?, last: None }),
            (first, last) => {
                let (first, last) = (number(first)?, number(last)?);
                if first > last {
                    return Err(RangeError::Malformed);
                }
                Ok(Self::From { first, last: Some(last) })
            }
        }
    }

    /// Returns the inclusive first and last byte within content of `size` bytes, or `None` when nothing of it is
    /// there (416).
    pub fn within(self, size: u64) -> Option<(u64, u64)> {
        let end = size.checked_sub(1)?;
        match self {
            Self::From { first, .. } if first > end => None,
            Self::From { first, last } => Some((first, last.map_or(end, |last| last.min(end)))),
            Self::Suffix { length: 0 } => None,
            Self::Suffix { length } => Some((size - length.min(size), end)),
        }
    }
}

/// The `Content-Range: first-last` header of an upload chunk: inclusive, without unit and total
/// (distribution-spec v1.1, "Pushing a blob in chunks").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChunkRange {
    /// The first byte.
    pub first: u64,
    /// The last byte.
    pub last: u64,
}

impl ChunkRange {
    /// Returns the number of bytes, at least one.
    pub const fn size_bytes(self) -> u64 {
        self.last - self.first + 1
    }
}

impl FromStr for ChunkRange {
    type Err = RangeError;

    fn from_str(text: &str) -> Result<Self, RangeError> {
        // Some clients write the RFC form, "bytes a-b/total"; the meaning is the same.
        let text = text.trim();
        let text = text.strip_prefix("bytes ").unwrap_or(text);
        let text = text.split_once('/').map_or(text, |(range, _)| range);
        let (first, last) = text.split_once('-').ok_or(RangeError::Malformed)?;
        let (first, last) = (number(first)?, number(last)?);
        if first > last || last == u64::MAX {
            return Err(RangeError::Malformed);
        }
        Ok(Self { first, last })
    }
}

impl fmt::Display for ChunkRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.first, self.last)
    }
}

/// Returns the `Range` header of an upload session that holds `received` bytes: `0-<last>`, and `0-0` for none, as
/// the specification leaves no form for an empty range.
pub fn received_range(received: u64) -> String {
    format!("0-{}", received.saturating_sub(1))
}

fn number(text: &str) -> Result<u64, RangeError> {
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
        return Err(RangeError::Malformed);
    }
    text.parse().map_err(|_| RangeError::Malformed)
}

/// Why a range header is not usable. The caller must act.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RangeError {
    /// The text is not a range, or it runs backwards.
    #[error("range is malformed")]
    Malformed,
    /// A unit other than bytes, or several ranges.
    #[error("range form is not supported")]
    Unsupported,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_clipped_to_the_content() {
        let within = |text: &str, size| ByteRange::parse(text).expect("readable").within(size);
        assert_eq!(within("bytes=0-4", 10), Some((0, 4)));
        assert_eq!(within("bytes=5-", 10), Some((5, 9)));
        assert_eq!(within("bytes=5-500", 10), Some((5, 9)));
        assert_eq!(within("bytes=-3", 10), Some((7, 9)));
        assert_eq!(within("bytes=-300", 10), Some((0, 9)));
        assert_eq!(within("bytes=10-", 10), None);
        assert_eq!(within("bytes=-0", 10), None);
        assert_eq!(within("bytes=0-0", 0), None);
    }

    #[test]
    fn ranges_that_cannot_be_read_are_told_from_those_not_served() {
        for bad in [
            "bytes=500-0",
            "bytes=",
            "bytes=-",
            "bytes=a-b",
            "bytes=+1-2",
            "5-9",
            "bytes=99999999999999999999-",
        ] {
            assert_eq!(ByteRange::parse(bad), Err(RangeError::Malformed), "{bad}");
        }
        assert_eq!(ByteRange::parse("bytes=0-1,3-4"), Err(RangeError::Unsupported));
        assert_eq!(ByteRange::parse("lines=0-1"), Err(RangeError::Unsupported));
    }

    #[test]
    fn chunk_ranges_are_read_in_both_forms() {
        let range = ChunkRange { first: 5, last: 9 };
        assert_eq!("5-9".parse(), Ok(range));
        assert_eq!("bytes 5-9/20".parse(), Ok(range));
        assert_eq!(range.size_bytes(), 5);
        assert!("9-5".parse::<ChunkRange>().is_err());
        assert!("0-18446744073709551615".parse::<ChunkRange>().is_err());
    }
}
