//! Rates of small reads: a manifest by `GET` and `HEAD`, a list of ten tags; at 1, 8 and 64 connections.

use anyhow::Result;

use crate::bench::load;
use crate::bench::samples::Better;
use crate::bench::seed::{manifest, push_parts, tag};
use crate::bench::size::Size;
use crate::bench::subject::{Kind, Subject};
use crate::bench::table::Table;

const REPOSITORY: &str = "load/rates";

pub(super) fn run(kinds: &[Kind], size: &Size, table: &mut Table) -> Result<()> {
    let subjects = kinds.iter().map(start).collect::<Result<Vec<_>>>()?;
    let paths = [
        ("manifest GET", "GET", format!("/v2/{REPOSITORY}/manifests/{}", tag(3))),
        ("manifest HEAD", "HEAD", format!("/v2/{REPOSITORY}/manifests/{}", tag(3))),
        ("tag list", "GET", format!("/v2/{REPOSITORY}/tags/list")),
    ];
    for (name, method, path) in &paths {
        for connections in [1, 8, 64] {
            for _ in 0..size.rounds {
                for (place, subject) in subjects.iter().enumerate() {
                    let per_second = load::rate(subject, connections, size.window, method, path)?;
                    let name = format!("{name}, {connections} connections");
                    table.add(&name, "requests/s", Better::More, place, per_second);
                }
            }
        }
    }
    Ok(())
}

/// Starts a registry with ten tags in one repository.
pub(super) fn start(kind: &Kind) -> Result<Subject> {
    let subject = kind.start()?;
    subject.prepare()?;
    let mut connection = subject.connect()?;
    push_parts(&mut connection, REPOSITORY)?;
    for number in 0..10 {
        connection.push_manifest(REPOSITORY, &tag(number), &manifest(number))?;
    }
    Ok(subject)
}
