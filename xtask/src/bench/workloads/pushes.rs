//! Many small pushes: each a new layer of one KiB and a tagged manifest, over 100 repositories, 8 at a time.

use anyhow::Result;
use serde_json::json;

use crate::bench::connection::Body;
use crate::bench::load;
use crate::bench::samples::Better;
use crate::bench::seed::{digest, push_parts, tag};
use crate::bench::size::Size;
use crate::bench::subject::Kind;
use crate::bench::table::Table;

const REPOSITORIES: usize = 100;

pub(super) fn run(kinds: &[Kind], size: &Size, table: &mut Table) -> Result<()> {
    for _ in 0..size.push_rounds {
        for (place, kind) in kinds.iter().enumerate() {
            let subject = kind.start()?;
            subject.prepare()?;
            let mut connection = subject.connect()?;
            for number in 0..REPOSITORIES.min(size.small_pushes) {
                push_parts(&mut connection, &repository(number))?;
            }
            let seconds = load::jobs(&subject, 8, size.small_pushes, |connection, number| {
                let layer = format!("{number:08}").repeat(128);
                let repository = repository(number);
                connection.push_blob(&repository, &digest(&layer), &Body::Bytes(layer.as_bytes()))?;
                let descriptor = |kind: &str, text: &str| json!({"mediaType": kind, "digest": digest(text), "size": text.len()});
                let manifest = json!({
                    "schemaVersion": 2,
                    "mediaType": "application/vnd.oci.image.manifest.v1+json",
                    "config": descriptor("application/vnd.oci.image.config.v1+json", "{}"),
                    "layers": [descriptor("application/vnd.oci.image.layer.v1.tar", &layer)],
                });
                connection.push_manifest(&repository, &tag(number), &manifest.to_string())
            })?;
            let name = format!("{} small pushes, 8 connections", size.small_pushes);
            #[expect(clippy::cast_precision_loss, reason = "a count far below 2^52")]
            table.add(&name, "pushes/s", Better::More, place, size.small_pushes as f64 / seconds);
        }
    }
    Ok(())
}

fn repository(number: usize) -> String {
    format!("load/small{:03}", number % REPOSITORIES)
}
