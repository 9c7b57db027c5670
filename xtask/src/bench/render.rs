//! `cargo xtask bench render [--quick] [CHART ..]`: `wharf helm template` beside `helm template`, whole processes.
//!
//! `docs/BENCHMARKING.md` says what is measured and how to read it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::Result;

use super::cost::{self, Cost};
use super::samples::{Samples, percentile};
use crate::charts;
use crate::peers::{self, Scope};
use crate::setup::{self, Retry};

const ROUNDS: usize = 15;
const QUICK_ROUNDS: usize = 3;

pub(crate) fn run(words: &[&str]) -> Result<()> {
    let rounds = if words.contains(&"--quick") { QUICK_ROUNDS } else { ROUNDS };
    let wanted: Vec<&str> = words.iter().copied().filter(|word| !word.starts_with("--")).collect();
    let folder = charts::folder();
    if !folder.is_dir() {
        println!("skipped: there are no charts in {}", folder.display());
        return Ok(());
    }
    setup::run(Scope::Tests, Retry::Nothing)?;
    let helm = match peers::program("helm") {
        Ok(helm) => helm,
        Err(absence) => {
            println!("skipped: helm: {absence}");
            return Ok(());
        }
    };
    let programs = [Program { path: helm, word: None }, {
        let path = crate::server::build("release")?;
        Program { path, word: Some("helm") }
    }];
    let mut refused = Vec::new();
    let mut subjects = Vec::new();
    for path in charts::all(&folder)? {
        let subject = Subject::of(&path);
        if !wanted.is_empty() && !wanted.contains(&subject.name.as_str()) {
            continue;
        }
        match subject.that_renders(&programs)? {
            Some(subject) => subjects.push(subject),
            None => refused.push(charts::name(&path, None)),
        }
    }
    for round in 1..=rounds {
        // A chart that fails in one round says nothing about the others.
        subjects.retain_mut(|subject| match subject.measure(&programs) {
            Ok(()) => true,
            Err(error) => {
                println!("{} is left out: {error:#}", subject.name);
                false
            }
        });
        println!("round {round} of {rounds} done");
    }
    println!("\n{}", table(&subjects));
    if !refused.is_empty() {
        println!("Not rendered by both without values of its own, so not measured: {}.", refused.join(", "));
    }
    Ok(())
}

struct Program {
    path: PathBuf,
    /// What stands before Helm's own words.
    word: Option<&'static str>,
}

impl Program {
    fn command(&self, chart: &Path, values: Option<&Path>) -> Command {
        let mut command = Command::new(&self.path);
        command.args(self.word).arg("template").arg(chart).stdin(Stdio::null());
        if let Some(values) = values {
            command.arg("--values").arg(values);
        }
        // Neither program shall look for a cluster's settings.
        command.env("HELM_NAMESPACE", "default");
        command
    }

    fn cost(&self, subject: &Subject) -> Result<Cost> {
        let mut command = self.command(&subject.path, subject.values.as_deref());
        cost::of(command.stdout(Stdio::null()).stderr(Stdio::null()))
    }
}

/// A chart with the values it is rendered with, and what that took: Helm's figures first, then Wharf's.
struct Subject {
    path: PathBuf,
    values: Option<PathBuf>,
    name: String,
    output_bytes: usize,
    wall: [Samples; 2],
    cpu: [Samples; 2],
    peak: [Samples; 2],
}

impl Subject {
    fn of(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            values: None,
            name: charts::name(path, None),
            output_bytes: 0,
            wall: Default::default(),
            cpu: Default::default(),
            peak: Default::default(),
        }
    }

    /// Finds values with which both programs render the chart: its defaults, or the first of its `ci/*-values.yaml`.
    fn that_renders(mut self, programs: &[Program; 2]) -> Result<Option<Self>> {
        'values: for values in charts::values(&self.path)? {
            for program in programs {
                let output = program.command(&self.path, values.as_deref()).output()?;
                if !output.status.success() {
                    continue 'values;
                }
                self.output_bytes = output.stdout.len();
            }
            self.name = charts::name(&self.path, values.as_deref());
            self.values = values;
            return Ok(Some(self));
        }
        Ok(None)
    }

    fn measure(&mut self, programs: &[Program; 2]) -> Result<()> {
        for (place, program) in programs.iter().enumerate() {
            let cost = program.cost(self)?;
            self.wall[place].0.push(cost.wall_ms);
            self.cpu[place].0.push(cost.cpu_ms);
            self.peak[place].0.push(cost.peak_mib);
        }
        Ok(())
    }
}

/// How many times less Wharf takes, of the medians.
fn ratio(samples: &[Samples; 2]) -> f64 {
    let [helm, wharf] = samples.each_ref().map(|samples| samples.median().unwrap_or(f64::NAN));
    helm / wharf
}

/// How many times less Wharf takes, round by round, as a text.
fn ratio_with_spread(samples: &[Samples; 2]) -> String {
    let [helm, wharf] = samples;
    let rounds = Samples(helm.0.iter().zip(&wharf.0).map(|(helm, wharf)| helm / wharf).collect());
    match (rounds.least(), rounds.most()) {
        (Some(least), Some(most)) => format!("{:.1} ({least:.1} - {most:.1})", ratio(samples)),
        _ => "-".to_owned(),
    }
}

fn table(subjects: &[Subject]) -> String {
    let mut out = String::from(
        "| chart | time: Helm, Wharf (ms) | times faster (per round) | processor: Helm, Wharf (ms) | times less | peak \
         memory: Helm, Wharf (MiB) | times less |\n|---|---:|---:|---:|---:|---:|---:|\n",
    );
    let pair = |samples: &[Samples; 2]| {
        let [helm, wharf] = samples.each_ref().map(|samples| samples.median().unwrap_or(f64::NAN));
        format!("{helm:.1}, {wharf:.1}")
    };
    for subject in subjects {
        out += &format!(
            "| {} | {} | {} | {} | {:.1} | {} | {:.1} |\n",
            subject.name,
            pair(&subject.wall),
            ratio_with_spread(&subject.wall),
            pair(&subject.cpu),
            ratio(&subject.cpu),
            pair(&subject.peak),
            ratio(&subject.peak),
        );
    }
    let median = |of: fn(&Subject) -> &[Samples; 2]| {
        let ratios: Vec<f64> = subjects.iter().map(|subject| ratio(of(subject))).collect();
        percentile(&ratios, 0.5).unwrap_or(f64::NAN)
    };
    out += &format!(
        "| **median of {} charts** | | **{:.1}** | | **{:.1}** | | **{:.1}** |\n",
        subjects.len(),
        median(|subject| &subject.wall),
        median(|subject| &subject.cpu),
        median(|subject| &subject.peak),
    );
    if let Some(largest) = subjects.iter().max_by_key(|subject| subject.output_bytes) {
        out += &format!(
            "| **largest: {}, {} KiB** | | **{:.1}** | | **{:.1}** | | **{:.1}** |\n",
            largest.name,
            largest.output_bytes / 1024,
            ratio(&largest.wall),
            ratio(&largest.cpu),
            ratio(&largest.peak),
        );
    }
    out
}
