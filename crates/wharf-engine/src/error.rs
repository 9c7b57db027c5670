use wharf_template::{ExecError, ParseError};

/// Why a chart could not be rendered.
///
/// The displayed text is Helm's, which people search for; [`template_error`](Self::template_error) gives the places.
#[derive(Debug, thiserror::Error)]
#[error("{}", self.0.text)]
pub struct Error(Box<Inner>);

#[derive(Debug)]
struct Inner {
    kind: ErrorKind,
    text: String,
    template: Option<ExecError>,
    parse: Option<ParseError>,
}

/// What went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The values given do not fit the chart or each other, or cannot be read.
    Values,
    /// The values do not fit the chart's `values.schema.json`, or that is no schema.
    Schema,
    /// The chart does not run on this version of Kubernetes.
    KubeVersion,
    /// A template does not parse.
    Parse,
    /// A template failed, or said that it must.
    Execution,
    /// What a template made is not YAML.
    Manifest,
    /// The render could not be started.
    Surroundings,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, text: impl Into<String>) -> Self {
        Self(Box::new(Inner { kind, text: text.into(), template: None, parse: None }))
    }

    pub(crate) fn values(text: impl Into<String>) -> Self {
        Self::new(ErrorKind::Values, text)
    }

    pub(crate) fn parse(text: String, error: ParseError) -> Self {
        Self(Box::new(Inner { kind: ErrorKind::Parse, text, template: None, parse: Some(error) }))
    }

    pub(crate) fn execution(text: String, error: ExecError) -> Self {
        Self(Box::new(Inner { kind: ErrorKind::Execution, text, template: Some(error), parse: None }))
    }

    /// Returns what went wrong.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Returns the failed template's error, with the place in the file and the errors of the templates it includes.
    pub fn template_error(&self) -> Option<&ExecError> {
        self.0.template.as_ref()
    }

    /// Returns the error of a template that does not parse.
    pub fn parse_error(&self) -> Option<&ParseError> {
        self.0.parse.as_ref()
    }
}
