use std::fmt;

use crate::Spot;

/// A chart, archive, version or rule file that cannot be used as it is.
///
/// The displayed text is Helm's where Helm has one (`validation: chart.metadata.name is required`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error(Box<Inner>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Inner {
    kind: ErrorKind,
    text: String,
    spot: Option<Spot>,
    warnings: Vec<String>,
}

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
        Self(Box::new(Inner { kind, text: text.into(), spot: None, warnings: Vec::new() }))
    }

    pub(crate) fn malformed(text: impl Into<String>) -> Self {
        Self::new(ErrorKind::Malformed, text)
    }

    /// A text that is no YAML.
    pub(crate) fn yaml(text: &[u8], error: &wharf_yaml::Error) -> Self {
        let (line, column) = (error.line().unwrap_or(1), error.column().unwrap_or(1));
        let spot = Spot::at("", text, line, column).noted(error.problem());
        Self::malformed(format!("error converting YAML to JSON: {error}")).pointing(Some(spot))
    }

    pub(crate) fn invalid(text: impl fmt::Display) -> Self {
        Self::new(ErrorKind::Invalid, format!("validation: {text}"))
    }

    /// Puts words in front, keeping the kind.
    pub(crate) fn within(mut self, outer: impl fmt::Display) -> Self {
        self.0.text = format!("{outer}: {self}");
        self
    }

    /// Tells what was passed over before, ahead of what is told already.
    pub(crate) fn after(mut self, mut warnings: Vec<String>) -> Self {
        warnings.append(&mut self.0.warnings);
        self.0.warnings = warnings;
        self
    }

    /// Returns what was passed over while values were merged, before this ended it.
    #[must_use]
    pub fn warnings(&self) -> &[String] {
        &self.0.warnings
    }

    /// Points at a place.
    pub(crate) fn pointing(mut self, spot: Option<Spot>) -> Self {
        self.0.spot = spot;
        self
    }

    /// Names the text that the error points into, or puts a folder before the name it has.
    #[must_use]
    pub fn in_source(mut self, source: &str) -> Self {
        if let Some(spot) = &mut self.0.spot {
            spot.source = match spot.source.as_str() {
                "" => source.to_owned(),
                inner => format!("{source}/{inner}"),
            };
        }
        self
    }

    /// Returns the place that the error points at.
    #[must_use]
    pub fn spot(&self) -> Option<&Spot> {
        self.0.spot.as_ref()
    }

    /// Returns what is wrong.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.text)
    }
}

impl std::error::Error for Error {}
