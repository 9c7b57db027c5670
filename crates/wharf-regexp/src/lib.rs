//! Regular expressions in Go's syntax in, those of the `regex` crate out.
//!
//! Both are RE2's, matched in linear time, but they differ in what `\d`, `{` and `[` mean and in what they refuse. What
//! Go's `regexp.Compile` refuses is refused here, in its words.
//!
//! ```
//! assert!(wharf_regexp::compile(r"^\d{2}$")?.is_match("42"));
//! let error = wharf_regexp::compile("a**").unwrap_err();
//! assert_eq!(error.to_string(), "error parsing regexp: invalid nested repetition operator: `**`");
//! # Ok::<(), wharf_regexp::Error>(())
//! ```

mod check;
mod translate;

use regex::{Regex, RegexBuilder};

/// The most memory a compiled expression may take, in bytes.
const MAX_BYTES: usize = 32 << 20;

/// Why a text is no regular expression, in the words of Go's `regexp/syntax`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("error parsing regexp: {0}")]
pub struct Error(String);

/// Compiles an expression as `regexp.Compile`.
///
/// # Errors
/// What Go refuses, and what takes more than 32 MiB.
pub fn compile(pattern: &str) -> Result<Regex, Error> {
    check::check(pattern).map_err(Error)?;
    RegexBuilder::new(&translate::translate(pattern)).size_limit(MAX_BYTES).build().map_err(|error| {
        let words = match error {
            regex::Error::CompiledTooBig(_) => "expression too large",
            _ => "invalid expression",
        };
        Error(format!("{words}: `{pattern}`"))
    })
}
