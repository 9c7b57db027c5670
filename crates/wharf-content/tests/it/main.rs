//! What targets and the copy between them promise.
#![expect(clippy::unwrap_used, reason = "tests")]

mod cached;
mod copy;
mod layout;
mod memory;
mod papers;
mod tar;
