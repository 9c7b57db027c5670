//! Values of a chart and its subcharts put together, as Helm 4.2 does it.

mod coalesce;
mod dependencies;
mod table;

pub use coalesce::{coalesce_tables, coalesce_values, merge_tables, merge_values};
pub use dependencies::process_dependencies;
