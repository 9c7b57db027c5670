//! The project's chores: set-up, tests, lints, benchmarks.

fn main() {}
