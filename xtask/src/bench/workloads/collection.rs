//! Pull latency while garbage is collected: pushes that are deleted at once keep the collector busy, and one
//! connection pulls a manifest and a blob all the while.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::bench::connection::{Body, Connection};
use crate::bench::load;
use crate::bench::samples::{Better, percentile};
use crate::bench::seed::{digest, manifest, push_parts, tag};
use crate::bench::size::Size;
use crate::bench::subject::{Kind, Subject, Tuning};
use crate::bench::table::Table;

const PULLED: &str = "load/pulled";
const GARBAGE: &str = "load/garbage";

pub(super) fn run(kinds: &[Kind], size: &Size, table: &mut Table) -> Result<()> {
    for _ in 0..size.rounds.min(3) {
        for (place, kind) in kinds.iter().enumerate() {
            if matches!(kind, Kind::Distribution(_)) {
                continue;
            }
            let folder = kind.new_folder()?;
            let subject = kind.start_on(&folder, Tuning::Collecting)?;
            subject.prepare()?;
            let mut connection = subject.connect()?;
            push_parts(&mut connection, PULLED)?;
            connection.push_manifest(PULLED, "stable", &manifest(0))?;
            let latencies = while_collecting(&subject, size)?;
            for share in [0.5, 0.99] {
                let figure = percentile(&latencies, share).context("nothing was pulled")?;
                let name = format!("pull during collection, p{:.0}", share * 100.0);
                table.add(&name, "ms", Better::Less, place, figure);
            }
        }
    }
    table.note("Distribution cannot collect while it serves, so it has no row for collection".to_owned());
    Ok(())
}

/// Returns the milliseconds that each pull (manifest and layer) took.
fn while_collecting(subject: &Subject, size: &Size) -> Result<Vec<f64>> {
    let window = size.window.max(Duration::from_secs(2)) * 3;
    let end = Instant::now() + window;
    let layer = digest("a layer");
    let pull = || -> Result<Vec<f64>> {
        let mut connection = Connection::open(subject.address, None)?;
        let mut latencies = Vec::new();
        while Instant::now() < end {
            let start = Instant::now();
            connection.expect(200, "GET", &format!("/v2/{PULLED}/manifests/stable"), "", &Body::Empty)?;
            connection.expect(200, "GET", &format!("/v2/{PULLED}/blobs/{layer}"), "", &Body::Empty)?;
            latencies.push(start.elapsed().as_secs_f64() * 1000.0);
        }
        Ok(latencies)
    };
    let litter = || -> Result<Vec<f64>> {
        let mut connection = subject.connect()?;
        for number in 0.. {
            if Instant::now() >= end {
                break;
            }
            let layer = format!("{number:064}").repeat(64);
            connection.push_blob(GARBAGE, &digest(&layer), &Body::Bytes(layer.as_bytes()))?;
            push_parts(&mut connection, GARBAGE)?;
            let text = manifest(number);
            connection.push_manifest(GARBAGE, &tag(number), &text)?;
            connection.send(
                "DELETE",
                &format!("/v2/{GARBAGE}/manifests/{}", digest(&text)),
                "",
                &Body::Empty,
            )?;
        }
        Ok(Vec::new())
    };
    let outcomes = load::each(2, |number| if number == 0 { pull() } else { litter() })?;
    Ok(outcomes.into_iter().flatten().collect())
}
