//! What users of the crate get, by topic.
#![expect(clippy::unwrap_used, reason = "tests")]

mod oci;
mod pack;
mod support;
