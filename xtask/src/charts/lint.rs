//! `cargo xtask interop lint [CHART ..]`: what `helm lint` and `wharf helm lint` say about real charts.

use std::process::{Command, Output, Stdio};

use anyhow::{Context, Result};

use super::{Programs, all, by_lines, error_text, folder, name, values};
use crate::tally::Tally;

/// How every chart is looked at, with its defaults and each of its `ci/*-values.yaml`.
const WAYS: &[&[&str]] = &[
    &[],
    &["--strict"],
    &["--quiet"],
    &["--with-subcharts"],
    &["--kube-version", "1.22.0", "--skip-schema-validation"],
];

pub(super) fn run(programs: &Programs, names: &[&str]) -> Result<Tally> {
    let mut tally = Tally::default();
    for chart in all(&folder())? {
        if !names.is_empty() && !names.contains(&name(&chart, None).as_str()) {
            continue;
        }
        for values in values(&chart)? {
            let ways = if values.is_none() { WAYS } else { &WAYS[..1] };
            for way in ways {
                let lint = |mut command: Command| -> Result<Output> {
                    command.arg("lint").arg(&chart).args(*way).stdin(Stdio::null());
                    if let Some(values) = &values {
                        command.arg("--values").arg(values);
                    }
                    command.env("HELM_NAMESPACE", "default").output().context("the program does not start")
                };
                let theirs = lint(Command::new(&programs.helm))?;
                let mut ours = Command::new(&programs.wharf);
                ours.arg("helm");
                let ours = lint(ours)?;
                let is_good = told(&theirs) == told(&ours);
                if !is_good {
                    let (theirs, ours) = (told(&theirs), told(&ours));
                    println!(
                        "DIFFERENT   {:?} {way:?}\n  helm:  {theirs:?}\n  wharf: {ours:?}",
                        name(&chart, values.as_deref())
                    );
                }
                tally += Tally::one(is_good);
            }
        }
    }
    println!("{tally}");
    Ok(tally)
}

/// Status, output, and the log in any order: values are gone through in a random one. Without what the network said.
fn told(output: &Output) -> (Option<i32>, Vec<String>, Vec<String>) {
    let lines = |bytes: &[u8]| -> Vec<String> {
        let text = error_text(bytes, |_| true);
        by_lines(&text).into_iter().map(|words| words.join(" ")).collect()
    };
    let mut log = lines(&output.stderr);
    log = log.iter().flat_map(|text| text.lines().map(str::to_owned)).collect();
    log.sort();
    (output.status.code(), lines(&output.stdout), log)
}
