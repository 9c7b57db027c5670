//! Storage through its public surface.

mod disk;
mod model;
mod sqlite;
