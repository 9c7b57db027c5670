use wharf_chart::{Spot, ValueFault};
use wharf_template::{ExecError, ParseError};

use crate::pointing;

/// Why a chart could not be rendered.
///
/// The displayed text is Helm's, which people search for; [`spots`](Self::spots) gives the places.
#[derive(Debug, thiserror::Error)]
#[error("{}", self.0.text)]
pub struct Error(Box<Inner>);

#[derive(Debug)]
struct Inner {
    kind: ErrorKind,
    text: String,
    template: Option<ExecError>,
    parse: Option<ParseError>,
    spots: Vec<Spot>,
    faults: Vec<ValueFault>,
    warnings: Vec<String>,
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
        Self(Box::new(Inner {
            kind,
            text: text.into(),
            template: None,
            parse: None,
            spots: Vec::new(),
            faults: Vec::new(),
            warnings: Vec::new(),
        }))
    }

    pub(crate) fn values(text: impl Into<String>) -> Self {
        Self::new(ErrorKind::Values, text)
    }

    pub(crate) fn schema(text: String, faults: Vec<ValueFault>) -> Self {
        let mut error = Self::new(ErrorKind::Schema, text);
        error.0.faults = faults;
        error
    }

    pub(crate) fn parse(text: String, parse: ParseError) -> Self {
        let mut error = Self::new(ErrorKind::Parse, text).pointing(vec![pointing::of_parse(&parse)]);
        error.0.parse = Some(parse);
        error
    }

    pub(crate) fn execution(text: String, template: ExecError) -> Self {
        let mut error = Self::new(ErrorKind::Execution, text).pointing(pointing::of_execution(&template));
        error.0.template = Some(template);
        error
    }

    pub(crate) fn pointing(mut self, spots: Vec<Spot>) -> Self {
        self.0.spots = spots;
        self
    }

    /// Tells what was passed over before the render failed.
    pub(crate) fn after(mut self, warnings: &[String]) -> Self {
        self.0.warnings.extend_from_slice(warnings);
        self
    }

    pub(crate) fn spots_mut(&mut self) -> &mut Vec<Spot> {
        &mut self.0.spots
    }

    /// Returns what went wrong.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Returns the failed template's error, with the place in the file and the errors of the templates it includes.
    pub fn template_error(&self) -> Option<&ExecError> {
        self.0.template.as_ref()
    }

    /// Returns the places the error points at: where it happened, then where that was called, and so on outwards.
    pub fn spots(&self) -> &[Spot] {
        &self.0.spots
    }

    /// Returns what was passed over before the render failed, as [`Rendered::warnings`](crate::Rendered::warnings).
    pub fn warnings(&self) -> &[String] {
        &self.0.warnings
    }

    /// Returns what the charts' schemas do not allow in the values, one by one.
    pub fn value_faults(&self) -> &[ValueFault] {
        &self.0.faults
    }

    /// Returns the error of a template that does not parse.
    pub fn parse_error(&self) -> Option<&ParseError> {
        self.0.parse.as_ref()
    }
}
