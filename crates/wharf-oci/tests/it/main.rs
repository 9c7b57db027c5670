//! What every reader and writer of the wire types can rely on.
#![expect(clippy::unwrap_used, reason = "tests")]

mod outside_bytes;
mod round_trips;
