//! Values of a chart and its subcharts put together, as Helm 4.2 does it.

mod coalesce;
mod dependencies;
mod set;
mod table;

pub use coalesce::{coalesce_tables, coalesce_values, merge_tables, merge_values};
pub use dependencies::process_dependencies;
pub use set::{set_files, set_json, set_literal, set_strings, set_values};
