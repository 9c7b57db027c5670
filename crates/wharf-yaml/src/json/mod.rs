//! JSON as Go's `encoding/json` reads and writes it.

mod map;
mod read;
mod write;

pub use map::JsonMap;
pub use read::{Json, from_json};
pub use write::{to_json, to_json_pretty, to_json_raw, write_json_string};
