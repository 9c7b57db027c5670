//! Rendering compared with Go's, and what happens at the limits.
#![expect(clippy::unwrap_used, reason = "tests")]

mod go_template;
mod limits;
