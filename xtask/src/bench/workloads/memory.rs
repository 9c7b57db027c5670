//! Resident memory: right after the start, and at its peak under reads at 64 connections and pushes at 16.

use anyhow::Result;

use super::rates;
use crate::bench::connection::{Blob, Body};
use crate::bench::load;
use crate::bench::samples::Better;
use crate::bench::seed::tag;
use crate::bench::size::Size;
use crate::bench::subject::Kind;
use crate::bench::table::Table;

const BLOB_BYTES: u64 = 16 << 20;

pub(super) fn run(kinds: &[Kind], size: &Size, table: &mut Table) -> Result<()> {
    for _ in 0..size.rounds.min(3) {
        for (place, kind) in kinds.iter().enumerate() {
            let subject = kind.start()?;
            table.add("memory, idle", "MiB", Better::Less, place, subject.memory()?.now);
            drop(subject);

            let subject = rates::start(kind)?;
            load::rate(&subject, 64, size.window, "GET", &format!("/v2/load/rates/manifests/{}", tag(1)))?;
            load::jobs(&subject, 16, 32, |connection, number| {
                let blob = Blob { bytes: BLOB_BYTES, seed: number as u64 };
                connection.push_blob("load/rates", &blob.digest(), &Body::Blob(&blob))
            })?;
            table.add("memory, peak under load", "MiB", Better::Less, place, subject.memory()?.peak);
        }
    }
    Ok(())
}
