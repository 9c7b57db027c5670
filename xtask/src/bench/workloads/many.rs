//! A registry that holds very much: the start, and pages and the whole of a very long list of tags.

use std::fs;
use std::time::Instant;

use anyhow::Result;

use crate::bench::connection::{Body, Connection};
use crate::bench::load;
use crate::bench::samples::Better;
use crate::bench::seed::{TAGGED, fill, tag};
use crate::bench::size::Size;
use crate::bench::subject::{Kind, Tuning};
use crate::bench::table::Table;

const PAGE: usize = 1000;

pub(super) fn run(kinds: &[Kind], size: &Size, table: &mut Table) -> Result<()> {
    let many = size.many;
    let mut folders = Vec::new();
    for kind in kinds {
        let start = Instant::now();
        folders.push(fill(kind, many)?);
        println!("  filled {} in {:.0} s", kind.name(), start.elapsed().as_secs_f64());
    }
    for _ in 0..size.many_rounds {
        for (place, kind) in kinds.iter().enumerate() {
            let start = Instant::now();
            let subject = kind.start_on(&folders[place], Tuning::Production)?;
            let seconds = start.elapsed().as_secs_f64();
            table.add(
                &format!("start-up with {many} manifests"),
                "ms",
                Better::Less,
                place,
                seconds * 1000.0,
            );

            let path = format!("/v2/{TAGGED}/tags/list?n=100&last={}", tag(many / 2));
            let per_second = load::rate(&subject, 1, size.window, "GET", &path)?;
            let name = format!("page of 100 from the middle of {many} tags");
            table.add(&name, "requests/s", Better::More, place, per_second);

            let mut connection = Connection::open(subject.address, None)?;
            let start = Instant::now();
            for page in 0..many.div_ceil(PAGE) {
                let last = if page == 0 { String::new() } else { format!("&last={}", tag(page * PAGE - 1)) };
                let path = format!("/v2/{TAGGED}/tags/list?n={PAGE}{last}");
                connection.expect(200, "GET", &path, "", &Body::Empty)?;
            }
            let name = format!("all {many} tags in pages of {PAGE}");
            table.add(&name, "ms", Better::Less, place, start.elapsed().as_secs_f64() * 1000.0);
            table.add(
                &format!("memory after that, {many} manifests"),
                "MiB",
                Better::Less,
                place,
                subject.memory()?.now,
            );
            subject.stop()?;
        }
    }
    for folder in folders {
        fs::remove_dir_all(folder)?;
    }
    Ok(())
}
