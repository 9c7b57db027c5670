//! `cargo xtask bench copy [--quick] [image] [small] [index]`: the same content pulled, pushed and copied by Wharf, oras, crane,
//! skopeo and regctl, as whole processes between the same two registries.
//!
//! `docs/BENCHMARKING.md` says what is measured and how to read it.

mod fixture;
mod tools;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use self::fixture::Fixture;
use self::tools::{Job, Name, Tool, Way, What};
use super::cost;
use super::lab::Lab;
use super::samples::Better;
use super::table::Table;
use crate::peers::Scope;
use crate::setup::{self, Retry};

/// Past this no further round begins.
const LIMIT: Duration = Duration::from_secs(10 * 60);

/// Writes a layout of small artifacts; returns their tags and digests.
pub(super) fn small(root: PathBuf, count: usize) -> Result<Vec<(String, String)>> {
    Ok(fixture::small(root, count)?.tags)
}

/// How much is copied, and how often.
struct Size {
    layer_bytes: u64,
    small: usize,
    rounds: usize,
}

const FULL: Size = Size { layer_bytes: 128 << 20, small: 500, rounds: 3 };
const QUICK: Size = Size { layer_bytes: 8 << 20, small: 40, rounds: 2 };

/// The workloads by the names under which they are asked for.
const WORKLOADS: [(&str, &[What]); 3] =
    [("image", &[What::Image]), ("index", &[What::Index, What::IndexAlone]), ("small", &[What::Small])];

pub(crate) fn run(words: &[&str]) -> Result<()> {
    let quick = words.contains(&"--quick");
    let wanted: Vec<&str> = words.iter().copied().filter(|word| !word.starts_with("--")).collect();
    if let Some(unknown) = wanted.iter().find(|name| !WORKLOADS.iter().any(|(known, _)| known == *name)) {
        bail!("no workload `{unknown}`; there are image, index, small");
    }
    setup::run(Scope::Tests, Retry::Nothing)?;
    let wharf = crate::server::build("release")?;
    let tools = Tool::all(wharf.clone());
    let size = if quick { QUICK } else { FULL };
    let mut table = Table::new(tools.iter().map(Tool::title).collect(), quick);
    let begin = Instant::now();
    for (name, whats) in WORKLOADS {
        if !wanted.is_empty() && !wanted.contains(&name) {
            continue;
        }
        println!("== {name}");
        // Fresh registries for each, so that no workload finds what another left.
        let bench = Bench { lab: Lab::start(&wharf, 2)?, tools: &tools, size: &size, begin };
        for what in whats {
            if let Err(error) = bench.workload(*what, &wharf, &mut table) {
                println!("{name}: {error:#}");
                table.note(format!("{name} did not finish: {error:#}"));
            }
        }
        println!("== {name} done after {} s", begin.elapsed().as_secs());
    }
    table.note("all clients with their defaults, logged in, over plain HTTP on loopback; the registries are two of `wharf serve`".to_owned());
    table.note("requests: of one run, counted by the registries; memory: of the largest process".to_owned());
    table.note("† carries less: crane and skopeo leave referrers behind, so they are not compared in rows with papers".to_owned());
    table.note("many artifacts: oras has `backup` and `restore`, crane `pull` and `copy --all-tags`, skopeo `sync` for them; for all else the client runs once for each, as many at once as there are processors, one at a time where they write to one folder".to_owned());
    println!("\n{table}");
    Ok(())
}

struct Bench<'a> {
    lab: Lab,
    tools: &'a [Tool],
    size: &'a Size,
    begin: Instant,
}

impl Bench<'_> {
    fn workload(&self, what: What, wharf: &Path, table: &mut Table) -> Result<()> {
        let root = self.lab.folder().join(format!("{what:?}").to_lowercase());
        let (title, fixture) = match what {
            What::Image => {
                let mib = self.size.layer_bytes >> 20;
                (
                    format!("image, 8 layers of {mib} MiB"),
                    fixture::image(root.clone(), 8, self.size.layer_bytes)?,
                )
            }
            What::Small => {
                let count = self.size.small;
                (format!("{count} small artifacts"), fixture::small(root.clone(), count)?)
            }
            What::Index => {
                ("index, 6 platforms, 3 papers each".to_owned(), fixture::index(root.clone(), 6, 3)?)
            }
            What::IndexAlone => {
                ("the same index without papers".to_owned(), fixture::index(root.clone(), 6, 0)?)
            }
        };
        // The last part stays the same, as skopeo takes it over.
        let source = format!("load/source-{what:?}/part").to_lowercase();
        let words = match what {
            What::Small => vec![
                "cp".to_owned(),
                format!("layout:{}", root.display()),
                format!("{}/{source}", self.lab.host(0)),
                "--all-tags".to_owned(),
            ],
            _ => vec![
                "cp".to_owned(),
                format!("layout:{}:{}", root.display(), fixture::TAG),
                format!("{}/{source}:{}", self.lab.host(0), fixture::TAG),
            ],
        };
        self.lab.run(wharf, &words.iter().map(String::as_str).collect::<Vec<_>>())?;
        fixture.is_at(&self.lab, 0, &source, true)?;
        for round in 0..self.size.rounds {
            if round > 0 && self.begin.elapsed() > LIMIT {
                table.note(format!("{title}: only {round} rounds, there was no time for more"));
                break;
            }
            for place in 0..self.tools.len() {
                if let Err(error) = self.turn(what, &title, &source, &fixture, place, round, table) {
                    println!("{title}: {}: {error:#}", self.tools[place].title());
                    if round == 0 {
                        table.note(format!("{title}: {}: {error:#}", self.tools[place].title()));
                    }
                }
            }
        }
        fs::remove_dir_all(&root)?;
        Ok(())
    }

    /// One client pulls, pushes what it pulled, and copies.
    #[expect(clippy::too_many_arguments, reason = "all of them differ from call to call")]
    fn turn(
        &self,
        what: What,
        title: &str,
        source: &str,
        fixture: &Fixture,
        place: usize,
        round: usize,
        table: &mut Table,
    ) -> Result<()> {
        let tool = &self.tools[place];
        let folder = Scratch(self.lab.folder().join(format!("pulled-{what:?}-{place}-{round}")));
        let papers = what == What::Index && tool.knows_papers();
        for way in [Way::Pull, Way::Push, Way::Copy] {
            let destination = format!("load/{way:?}-{what:?}-{place}-{round}/part").to_lowercase();
            let job = Job { what, way, source, destination: &destination, folder: &folder.0, fixture };
            tool.prepare(&job)?;
            let before = self.lab.requests()?;
            let mut command = tool.command(&self.lab, &job)?;
            let cost =
                cost::of(command.stderr(Stdio::null())).with_context(|| format!("{way:?}").to_lowercase())?;
            let requests = self.lab.requests()? - before;
            match way {
                // skopeo's folder of many is no layout.
                Way::Pull if (tool.name, what) == (Name::Skopeo, What::Small) => {}
                Way::Pull => fixture.is_in(&folder.0, papers)?,
                Way::Push => fixture.is_at(&self.lab, 0, &destination, papers)?,
                Way::Copy => fixture.is_at(&self.lab, 1, &destination, papers)?,
            }
            let way = format!("{way:?}").to_lowercase();
            #[expect(clippy::cast_precision_loss, reason = "no client sends 2^52 requests")]
            for (figure, unit, value) in [
                ("time", "ms", cost.wall_ms),
                ("processor", "ms", cost.cpu_ms),
                ("memory", "MiB", cost.peak_mib),
                ("requests", "", requests as f64),
            ] {
                let row = format!("{way}, {title}: {figure}");
                table.add(&row, unit, Better::Less, place, value);
                if what == What::Index && !tool.knows_papers() {
                    table.does_less(&row, place);
                }
            }
        }
        Ok(())
    }
}

/// What a client pulled, and what was made beside it; removed when it is dropped.
struct Scratch(PathBuf);

impl Drop for Scratch {
    fn drop(&mut self) {
        // They fail where a client made nothing.
        let _ = fs::remove_dir_all(&self.0);
        let _ = fs::remove_dir_all(format!("{}.one", self.0.display()));
        let _ = fs::remove_file(self.0.with_extension("tags"));
    }
}
