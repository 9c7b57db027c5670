//! Large blobs: push and pull, one stream and eight at a time. What was pulled is not written anywhere.

use std::time::Instant;

use anyhow::{Result, ensure};

use crate::bench::connection::{Blob, Body, Connection};
use crate::bench::load;
use crate::bench::samples::Better;
use crate::bench::size::Size;
use crate::bench::subject::Kind;
use crate::bench::table::Table;

pub(super) fn run(kinds: &[Kind], size: &Size, table: &mut Table) -> Result<()> {
    let mut seed = 0;
    for streams in [1, 8] {
        for _ in 0..size.blob_rounds {
            // Every registry gets the same blobs; they are new to each, as it starts empty.
            seed += streams as u64;
            let blobs: Vec<Blob> = (0..streams)
                .map(|number| Blob { bytes: size.blob_bytes, seed: seed + number as u64 })
                .collect();
            let digests = load::each(streams, |number| Ok(blobs[number].digest()))?;
            for (place, kind) in kinds.iter().enumerate() {
                let subject = kind.start()?;
                subject.prepare()?;
                #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
                let mebibytes = (size.blob_bytes * streams as u64) as f64 / 1048576.0;
                let what = format!("{} MiB blobs, {streams} streams", size.blob_bytes >> 20);

                let busy = subject.processor_seconds()?;
                let start = Instant::now();
                load::each(streams, |number| {
                    subject.connect()?.push_blob("load/blobs", &digests[number], &Body::Blob(&blobs[number]))
                })?;
                let seconds = start.elapsed().as_secs_f64();
                table.add(&format!("push, {what}"), "MiB/s", Better::More, place, mebibytes / seconds);
                let busy = subject.processor_seconds()? - busy;
                table.add(
                    &format!("processor time, push, {what}"),
                    "ms/GiB",
                    Better::Less,
                    place,
                    busy * 1024e3 / mebibytes,
                );

                let busy = subject.processor_seconds()?;
                let start = Instant::now();
                load::each(streams, |number| {
                    let path = format!("/v2/load/blobs/blobs/{}", digests[number]);
                    let mut connection = Connection::open(subject.address, None)?;
                    let answer = connection.expect(200, "GET", &path, "", &Body::Empty)?;
                    ensure!(
                        answer.body_bytes == size.blob_bytes,
                        "{} bytes of the blob came",
                        answer.body_bytes
                    );
                    Ok(())
                })?;
                let seconds = start.elapsed().as_secs_f64();
                table.add(&format!("pull, {what}"), "MiB/s", Better::More, place, mebibytes / seconds);
                let busy = subject.processor_seconds()? - busy;
                table.add(
                    &format!("processor time, pull, {what}"),
                    "ms/GiB",
                    Better::Less,
                    place,
                    busy * 1024e3 / mebibytes,
                );
                table.add(
                    &format!("memory, peak, {what}"),
                    "MiB",
                    Better::Less,
                    place,
                    subject.memory()?.peak,
                );
            }
        }
    }
    Ok(())
}
