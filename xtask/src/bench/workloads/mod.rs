//! The workloads, one per file.

mod blobs;
mod collection;
mod many;
mod memory;
mod pushes;
mod rates;
mod zb;

use anyhow::Result;

use super::size::Size;
use super::subject::Kind;
use super::table::Table;

/// One workload; it starts its own registries and adds its rows to the table.
pub(super) struct Workload {
    pub(super) name: &'static str,
    pub(super) run: fn(&[Kind], &Size, &mut Table) -> Result<()>,
}

/// In the order in which they run.
pub(super) const ALL: &[Workload] = &[
    Workload { name: "rates", run: rates::run },
    Workload { name: "memory", run: memory::run },
    Workload { name: "pushes", run: pushes::run },
    Workload { name: "blobs", run: blobs::run },
    Workload { name: "many", run: many::run },
    Workload { name: "collection", run: collection::run },
    Workload { name: "zb", run: zb::run },
];
