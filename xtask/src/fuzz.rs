//! `cargo xtask fuzz [TARGET] [SECONDS]`: runs one fuzz target, or each in turn, for a bounded time.
//!
//! It needs `cargo-fuzz` and a nightly compiler, which nothing else here does; so it is not part of `test`.

use std::fs;
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use crate::shell::{on_path, root, succeeds};
use crate::tally::Tally;

const DEFAULT_SECONDS: u64 = 60;

pub(crate) fn run(words: &[&str]) -> Result<Tally> {
    ensure!(on_path("cargo-fuzz").is_some(), "cargo-fuzz is not installed: `cargo install cargo-fuzz`");
    let seconds = match words.iter().find(|word| word.parse::<u64>().is_ok()) {
        Some(word) => word.parse()?,
        None => DEFAULT_SECONDS,
    };
    let wanted = words.iter().copied().find(|word| word.parse::<u64>().is_err());
    let known = targets()?;
    if let Some(name) = wanted.filter(|name| !known.iter().any(|target| target == name)) {
        bail!("no fuzz target `{name}`; there are {}", known.join(", "));
    }
    let mut tally = Tally::default();
    for target in known.iter().filter(|target| wanted.is_none_or(|name| *target == name)) {
        let mut command = Command::new("cargo");
        // Cargo's environment of this run would choose the stable compiler again.
        command.env_remove("RUSTUP_TOOLCHAIN").env_remove("CARGO").current_dir(root());
        // What is looked for is panics, time and memory: the crates have no unsafe code for a sanitizer to watch.
        command.args(["+nightly", "fuzz", "run", "--sanitizer", "none", target, "--"]);
        command.arg(format!("-max_total_time={seconds}"));
        tally += Tally::one(succeeds(&mut command)?);
    }
    Ok(tally)
}

fn targets() -> Result<Vec<String>> {
    let folder = root().join("fuzz").join("fuzz_targets");
    let mut names = Vec::new();
    for entry in fs::read_dir(&folder).with_context(|| format!("reading {}", folder.display()))? {
        let path = entry?.path();
        if path.extension().is_some_and(|ending| ending == "rs") {
            names.extend(path.file_stem().map(|stem| stem.to_string_lossy().into_owned()));
        }
    }
    names.sort();
    Ok(names)
}
