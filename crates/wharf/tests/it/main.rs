//! The commands as a user runs them, against a registry of this build.
#![expect(clippy::unwrap_used, reason = "tests")]

mod completion;
mod demo;
mod login;
mod publish;
mod support;
