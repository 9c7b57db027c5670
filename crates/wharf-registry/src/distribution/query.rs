//! Query parameters. Unknown ones, such as the `ns` that mirrors are asked with, are ignored.

use std::borrow::Cow;

use http::Uri;

/// The query of a request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Query<'a>(&'a str);

impl<'a> Query<'a> {
    pub(super) fn of(uri: &'a Uri) -> Self {
        Self(uri.query().unwrap_or_default())
    }

    /// Returns the first value of a parameter; one without a value counts as empty.
    pub(super) fn first(self, name: &'static str) -> Option<Cow<'a, str>> {
        self.all(name).next()
    }

    /// Iterates over all values of a parameter.
    pub(super) fn all(self, name: &'static str) -> impl Iterator<Item = Cow<'a, str>> {
        url::form_urlencoded::parse(self.0.as_bytes())
            .filter(move |(found, _)| found == name)
            .map(|(_, value)| value)
    }
}
