//! The workloads of `zb`, zot's own benchmark, at a concurrency of 10.

use std::fs;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::bench::samples::Better;
use crate::bench::size::Size;
use crate::bench::subject::{Kind, Subject};
use crate::bench::table::Table;
use crate::peers;
use crate::server::{PASSWORD, USER};
use crate::shell::{self, root};

/// Names of zb's workloads: those of small and middle blobs, and those that move 100 MB at a time.
const SMALL: &str = "^(Get Catalog|.* (1MB|10MB))$";
const LARGE: &str = "( 100MB$|^Pull Mixed|^Push .* Mixed)";
const CONCURRENCY: &str = "10";

pub(super) fn run(kinds: &[Kind], size: &Size, table: &mut Table) -> Result<()> {
    let zb = peers::program("zb").map_err(anyhow::Error::msg).context("zb is missing")?;
    for (names, requests) in [SMALL, LARGE].into_iter().zip(size.zb_requests) {
        if requests == 0 {
            table.note("a quick run leaves out zb's workloads with 100 MB".to_owned());
            continue;
        }
        for _ in 0..size.zb_rounds {
            for (place, kind) in kinds.iter().enumerate() {
                if matches!(kind, Kind::Distribution(_)) {
                    continue;
                }
                let subject = kind.start()?;
                subject.prepare()?;
                for (name, per_second) in one(&zb, &subject, names, requests)? {
                    table.add(&format!("zb: {name}"), "requests/s", Better::More, place, per_second);
                }
            }
        }
    }
    table.note(
        "zb drops the query of an upload's Location, which Distribution needs: no row for it".to_owned(),
    );
    Ok(())
}

fn one(zb: &std::path::Path, subject: &Subject, names: &str, requests: usize) -> Result<Vec<(String, f64)>> {
    let folder = root().join("target").join("xtask").join(format!("zb-{}", std::process::id()));
    fs::create_dir_all(&folder)?;
    let mut command = Command::new(zb);
    command
        .args(["-c", CONCURRENCY, "-n", &requests.to_string(), "-r", "load/zb", "-t", names, "-d"])
        .arg(&folder);
    if subject.credentials().is_some() {
        command.args(["-A", &format!("{USER}:{PASSWORD}")]);
    }
    let output = shell::capture(command.arg(format!("http://{}", subject.address)));
    // zb removes its folder itself, unless it fails.
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    let output = output?;
    let mut found = Vec::new();
    let mut name = "";
    for line in output.lines() {
        let Some((key, value)) = line.split_once(':') else { continue };
        match key {
            "Test name" => name = value.trim(),
            "Requests per second" => {
                found.push((name.to_owned(), value.trim().parse().context("zb's rate")?))
            }
            "Failed requests" => ensure!(value.trim() == "0", "zb: {name}: {} requests failed", value.trim()),
            _ => {}
        }
    }
    ensure!(!found.is_empty(), "zb reported no workload:\n{output}");
    Ok(found)
}
