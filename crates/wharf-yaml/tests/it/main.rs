//! What users of the crate get, by topic.
#![expect(clippy::unwrap_used, reason = "tests")]
#![expect(clippy::disallowed_methods, reason = "tests read recorded cases and charts from disk")]
#![expect(clippy::print_stdout, reason = "tests say what they compared or skipped")]

mod arbitrary;
mod limits;
mod oracle;
mod values;
