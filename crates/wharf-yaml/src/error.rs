use std::fmt;

use crate::scan::Mark;

/// A text that could not be read, or a value that could not be written.
///
/// The displayed text is what go-yaml says (`yaml: line 3: did not find expected key`), because Helm's users search
/// for it. go-yaml counts lines from zero in some messages; [`line`](Self::line) and [`column`](Self::column) are exact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error(Box<Inner>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Inner {
    kind: ErrorKind,
    text: String,
    /// Zero-based, as the scanner counts.
    place: Option<(usize, usize)>,
}

/// What went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The text is not YAML or JSON.
    Syntax,
    /// The text is well formed but means nothing: unknown anchor, a tag that does not fit, a repeated key in strict mode.
    Content,
    /// A bound of [`Limits`](crate::Limits) or the alias rule was hit.
    Limit,
    /// The value has no form in the output, such as NaN in JSON.
    Unsupported,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, text: impl Into<String>, place: Option<(usize, usize)>) -> Self {
        Self(Box::new(Inner { kind, text: text.into(), place }))
    }

    /// An error met while finding tokens; go-yaml names the line of `here`, or that of `context` on the first line.
    pub(crate) fn scan(problem: &str, here: Mark, context: Mark) -> Self {
        let shown = if here.line > 0 { here.line + 1 } else { context.line };
        Self::at_line(problem, shown, here)
    }

    /// An error met while putting tokens together; go-yaml counts these lines from zero.
    pub(crate) fn parse(problem: &str, here: Mark, context: Option<Mark>) -> Self {
        let shown = if here.line > 0 { here.line } else { context.map_or(0, |context| context.line) };
        Self::at_line(problem, shown, here)
    }

    fn at_line(problem: &str, shown: usize, here: Mark) -> Self {
        let text = match shown {
            0 => format!("yaml: {problem}"),
            line => format!("yaml: line {line}: {problem}"),
        };
        Self::new(ErrorKind::Syntax, text, Some((here.line, here.column)))
    }

    /// Returns the text without the library's name and the line.
    #[must_use]
    pub fn problem(&self) -> &str {
        let text = self.0.text.strip_prefix("yaml: ").unwrap_or(&self.0.text);
        match text.strip_prefix("line ").and_then(|rest| rest.split_once(": ")) {
            Some((line, problem)) if line.bytes().all(|byte| byte.is_ascii_digit()) => problem,
            _ => text,
        }
    }

    /// Returns what went wrong.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Returns the line the error was met on, counted from 1.
    #[must_use]
    pub fn line(&self) -> Option<usize> {
        self.0.place.map(|(line, _)| line + 1)
    }

    /// Returns the column in characters the error was met on, counted from 1.
    #[must_use]
    pub fn column(&self) -> Option<usize> {
        self.0.place.map(|(_, column)| column + 1)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.text)
    }
}

impl std::error::Error for Error {}
