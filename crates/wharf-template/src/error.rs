use std::fmt;
use std::sync::Arc;

/// A template that does not parse.
///
/// Prints as Go does: `template: NAME:LINE: MESSAGE`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("template: {name}:{line}: {message}")]
pub struct ParseError {
    name: Arc<str>,
    line: u32,
    message: String,
    text: Arc<[u8]>,
    offset: usize,
}

impl ParseError {
    pub(crate) fn new(name: Arc<str>, line: u32, message: String) -> Self {
        Self { name, line, message, text: Arc::default(), offset: 0 }
    }

    /// Tells the text that does not parse, and the byte at which that was noticed.
    pub(crate) fn at(mut self, text: &[u8], offset: usize) -> Self {
        self.text = text.into();
        self.offset = offset;
        self
    }

    /// Returns the text that does not parse.
    pub fn text(&self) -> &[u8] {
        &self.text
    }

    /// Returns the byte of the text at which it was noticed; on the line that [`line`](Self::line) tells.
    pub fn offset(&self) -> usize {
        self.offset
    }

    /// Returns the name of the template file.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the line, counted from one.
    pub fn line(&self) -> u32 {
        self.line
    }

    /// Returns the message without the place.
    pub fn message(&self) -> &str {
        &self.message
    }
}

/// Where in a template file something is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The name of the template file.
    pub file: Arc<str>,
    /// The text of the file, or that given to `tpl`.
    pub text: Arc<[u8]>,
    /// The line, counted from one.
    pub line: u32,
    /// The column in bytes, counted from zero, as Go reports it.
    pub column: u32,
    /// The bytes of the file that the error is about.
    pub span: std::ops::Range<usize>,
    /// The template that was executing, and the expression as Go prints it.
    pub template: String,
    /// The expression as Go prints it.
    pub expression: String,
}

/// A template that failed while it was executed.
///
/// Prints as Go does: `template: NAME:LINE:COL: executing "TEMPLATE" at <EXPRESSION>: MESSAGE`, where
/// the message of a failed `include` holds the whole text of the inner error.
#[derive(Debug, Clone)]
pub struct ExecError(Box<Inner>);

#[derive(Debug, Clone)]
struct Inner {
    place: Option<Place>,
    message: String,
    cause: Option<FuncError>,
}

impl ExecError {
    pub(crate) fn new(place: Option<Place>, message: String, cause: Option<FuncError>) -> Self {
        Self(Box::new(Inner { place, message, cause }))
    }

    /// Returns where the error is, unless it has no place, e.g. because the template does not exist.
    pub fn place(&self) -> Option<&Place> {
        self.0.place.as_ref()
    }

    /// Returns the message without the place and without the error inside.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// Returns the error of the function whose call failed.
    pub fn cause(&self) -> Option<&FuncError> {
        self.0.cause.as_ref()
    }
}

impl fmt::Display for ExecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = &self.0.place {
            let quoted = crate::printf::quote(place.template.as_bytes());
            let Place { file, line, column, expression, .. } = place;
            write!(f, "template: {file}:{line}:{column}: executing {quoted} at <{expression}>: ")?;
        }
        f.write_str(&self.0.message)?;
        match &self.0.cause {
            Some(cause) => write!(f, "{cause}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for ExecError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.cause.as_ref().map(|cause| cause as _)
    }
}

/// Why a function failed.
#[derive(Debug, Clone)]
pub enum FuncError {
    /// The function says so.
    Message(String),
    /// A template that the function executed failed.
    Exec(ExecError),
    /// A template that the function parsed does not parse.
    Parse(ParseError),
    /// One of these with words before it.
    Wrapped {
        /// The words before the inner error.
        prefix: String,
        /// The inner error.
        inner: Box<Self>,
    },
}

impl FuncError {
    /// Makes an error from a message.
    pub fn new(message: impl Into<String>) -> Self {
        Self::Message(message.into())
    }

    /// Puts words before an error.
    #[must_use]
    pub fn wrapped(self, prefix: impl Into<String>) -> Self {
        Self::Wrapped { prefix: prefix.into(), inner: Box::new(self) }
    }
}

impl fmt::Display for FuncError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Message(message) => f.write_str(message),
            Self::Exec(error) => error.fmt(f),
            Self::Parse(error) => error.fmt(f),
            Self::Wrapped { prefix, inner } => write!(f, "{prefix}{inner}"),
        }
    }
}

impl std::error::Error for FuncError {}

impl From<String> for FuncError {
    fn from(message: String) -> Self {
        Self::Message(message)
    }
}

impl From<&str> for FuncError {
    fn from(message: &str) -> Self {
        Self::Message(message.to_owned())
    }
}

impl From<ExecError> for FuncError {
    fn from(error: ExecError) -> Self {
        Self::Exec(error)
    }
}
