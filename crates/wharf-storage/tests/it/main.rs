//! Storage through its public surface.
#![expect(clippy::unwrap_used, reason = "tests")]

mod crash;
mod disk;
mod doctor;
mod disk_model;
mod model;
mod scratch;
mod sqlite;
