//! Storage through its public surface.
#![expect(clippy::unwrap_used, reason = "tests")]

mod collector;
mod crash;
mod disk;
mod disk_model;
mod doctor;
mod model;
mod removal;
mod scratch;
mod sqlite;
