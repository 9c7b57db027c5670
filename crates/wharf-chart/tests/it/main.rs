//! What users of the crate get, by topic.
#![expect(clippy::unwrap_used, reason = "tests")]
#![expect(clippy::disallowed_methods, reason = "tests read recorded cases and charts from disk")]
#![expect(clippy::print_stderr, reason = "tests say what they skipped")]

mod archive;
mod ignore;
mod index;
mod lint;
mod lock;
mod oci;
mod pack;
mod provenance;
mod real_charts;
mod schema;
mod semver;
mod set;
mod support;
mod values;
