//! Storage through its public surface.

mod disk;
