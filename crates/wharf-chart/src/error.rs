use std::fmt;

/// A chart, archive, version or rule file that cannot be used as it is.
///
/// The displayed text is Helm's where Helm has one (`validation: chart.metadata.name is required`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error(Box<(ErrorKind, String)>);

/// What is wrong, and so who must act.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A file of the chart cannot be read as what it must be.
    Malformed,
    /// The chart can be read but breaks a rule, such as a missing name.
    Invalid,
    /// A size, count or depth is beyond its bound.
    TooLarge,
    /// A path would lead outside the chart.
    UnsafePath,
    /// The caller asked for something impossible, such as packing with a version that is none.
    Misuse,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, text: impl Into<String>) -> Self {
        Self(Box::new((kind, text.into())))
    }

    pub(crate) fn malformed(text: impl Into<String>) -> Self {
        Self::new(ErrorKind::Malformed, text)
    }

    pub(crate) fn invalid(text: impl fmt::Display) -> Self {
        Self::new(ErrorKind::Invalid, format!("validation: {text}"))
    }

    /// Puts words in front, keeping the kind.
    pub(crate) fn within(self, outer: impl fmt::Display) -> Self {
        Self::new(self.kind(), format!("{outer}: {self}"))
    }

    /// Returns what is wrong.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.0
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.1)
    }
}

impl std::error::Error for Error {}
