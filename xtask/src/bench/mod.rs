//! `cargo xtask bench registry [--quick] [WORKLOAD ..]`: Wharf, zot and Distribution, in one go on one machine.
//!
//! `docs/BENCHMARKING.md` says what is measured and how to read it.

mod connection;
mod copy;
mod cost;
mod lab;
mod load;
mod process;
mod render;
mod samples;
mod seed;
mod size;
mod subject;
mod table;
mod trust;
mod workloads;

use std::time::Instant;

use anyhow::{Result, bail};

use crate::peers::{self, Scope};
use crate::setup::{self, Retry};
use size::Size;
use subject::Kind;
use table::Table;

pub(crate) use copy::run as copy;
pub(crate) use render::run as render;
pub(crate) use trust::run as trust;

pub(crate) fn run(words: &[&str]) -> Result<()> {
    let quick = words.contains(&"--quick");
    let wanted: Vec<&str> = words.iter().copied().filter(|word| !word.starts_with("--")).collect();
    if let Some(unknown) =
        wanted.iter().find(|name| !workloads::ALL.iter().any(|workload| workload.name == **name))
    {
        let names: Vec<&str> = workloads::ALL.iter().map(|workload| workload.name).collect();
        bail!("no workload `{unknown}`; there are {}", names.join(", "));
    }
    setup::run(Scope::Bench, Retry::Nothing)?;
    let wharf = crate::server::build("release")?;
    let mut kinds = vec![Kind::Wharf(wharf)];
    for name in ["zot", "registry"] {
        match peers::program(name) {
            Ok(program) if name == "zot" => kinds.push(Kind::Zot(program)),
            Ok(program) => kinds.push(Kind::Distribution(program)),
            Err(reason) => println!("without {name}: {reason}"),
        }
    }
    let size = if quick { Size::quick() } else { Size::full() };
    let mut table = Table::of_registries(&kinds, quick);
    for workload in workloads::ALL {
        if !wanted.is_empty() && !wanted.contains(&workload.name) {
            continue;
        }
        println!("== {}", workload.name);
        let start = Instant::now();
        // One workload that cannot run must not take the figures of the others with it.
        if let Err(error) = (workload.run)(&kinds, &size, &mut table) {
            println!("{}: {error:#}", workload.name);
            table.note(format!("{} did not finish: {error:#}", workload.name));
        }
        println!("== {} took {} s", workload.name, start.elapsed().as_secs());
    }
    println!("\n{table}");
    Ok(())
}
