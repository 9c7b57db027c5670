//! `wharf sync`

use std::collections::{BTreeMap, BTreeSet};
use std::num::{NonZeroU32, NonZeroUsize};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use serde::Deserialize;
use tokio::time::Instant;
use wharf_client::Limits;
use wharf_content::{CopyOptions, PaperOptions, Progress};

use crate::carry::{Artifact, Carriage, Report, TagArgs};
use crate::cli::Output;
use crate::exit::{Status, Usage};
use crate::place::Place;
use crate::remote::{Connection, Identity};
use crate::{progress, terminal};

/// How many entries run at the same time.
const ENTRIES_AT_ONCE: usize = 4;

/// Copy many repositories, as a file says.
///
/// Each entry is a copy with papers, as by wharf cp; what is there already costs a question and no transfer. An entry
/// that fails does not hold up the others, and fails the run in the end. Entries run side by side, except where one
/// writes what another reads or writes: those keep their order. An entry with bounds on requests has its registries
/// for itself.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The file is TOML, with one table for each repository:

  [[sync]]
  source = \"registry.example.com/shop/web\"
  destination = \"localhost:5000/mirror/web\"
  semver = [\"^1.4\"]              # or glob, regex, or all = true; without any, the source names a tag
  last = 5                        # of those, the newest five
  platforms = [\"linux/amd64\"]    # all, unless named
  papers = true                   # true, unless said otherwise
  requests_per_minute = 100       # at each registry; as fast as it goes, unless said otherwise
  requests_at_once = 4            # at each registry
  every = \"6h\"                   # for --watch: s, m, h or d

Examples:
  wharf sync mirror.toml
  wharf sync mirror.toml --dry-run --output json
  wharf sync mirror.toml --watch")]
pub(crate) struct Args {
    /// What to copy.
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// Go on for ever: each entry again after its time.
    #[arg(long, conflicts_with = "dry_run")]
    watch: bool,

    /// Ask both sides, and write nothing.
    #[arg(long)]
    dry_run: bool,

    /// How to write the result; with --watch, one JSON document a line for each entry that was done.
    #[arg(short, long, value_enum, default_value_t, value_name = "FORM")]
    output: Output,

    #[command(flatten)]
    connection: Connection,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    sync: Vec<Written>,
}

/// An entry as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    source: String,
    destination: String,
    #[serde(default)]
    all: bool,
    #[serde(default)]
    glob: Vec<String>,
    #[serde(default)]
    regex: Vec<String>,
    #[serde(default)]
    semver: Vec<String>,
    last: Option<usize>,
    #[serde(default)]
    platforms: Vec<String>,
    papers: Option<bool>,
    requests_per_minute: Option<NonZeroU32>,
    requests_at_once: Option<NonZeroUsize>,
    every: Option<String>,
}

/// An entry, read.
struct Entry {
    source: Place,
    destination: Place,
    tags: TagArgs,
    options: CopyOptions,
    limits: Limits,
    every: Option<Duration>,
}

pub(crate) async fn run(args: Args) -> anyhow::Result<Status> {
    let text = std::fs::read_to_string(&args.file)
        .with_context(|| format!("cannot read {}", args.file.display()))?;
    let file: File =
        toml::from_str(&text).map_err(|error| Usage(format!("{}: {error}", args.file.display())))?;
    let progress = progress::for_transfers();
    // All of it is read before any of it is done.
    let entries = file.sync.into_iter().enumerate().map(|(at, written)| {
        Entry::read(written, args.dry_run, &progress)
            .with_context(|| format!("entry {} of {}", at + 1, args.file.display()))
    });
    let entries = entries.collect::<anyhow::Result<Vec<Entry>>>()?;
    if args.watch && entries.iter().any(|entry| entry.every.is_none()) {
        return Err(
            Usage("with --watch every entry says when it is done again: every = \"6h\"".to_owned()).into()
        );
    }
    if args.watch {
        carry_all(&args, &entries, |_, report, error| {
            match args.output {
                Output::Json => terminal::line(serde_json::to_string(&report)?),
                Output::Text => report.print(),
            }
            if let Some(error) = error {
                tracing::warn!("{error:#}");
            }
            Ok(())
        })
        .await?;
        return Ok(Status::Done);
    }
    // Told in the order of the file, whatever was done first.
    let (mut done, mut told): (BTreeMap<usize, Report>, usize) = (BTreeMap::new(), 0);
    let mut errors = BTreeMap::new();
    carry_all(&args, &entries, |at, report, error| {
        done.insert(at, report);
        errors.extend(error.map(|error| (at, error)));
        while let Some(report) = done.get(&told).filter(|_| args.output == Output::Text) {
            report.print();
            told += 1;
        }
        Ok(())
    })
    .await?;
    if args.output == Output::Json {
        terminal::line(serde_json::to_string_pretty(&done.into_values().collect::<Vec<_>>())?);
    }
    match errors.into_values().next() {
        Some(error) => Err(error.context("not everything was copied; the first that failed")),
        None => Ok(Status::Done),
    }
}

/// Carries every entry when it is due, several side by side, and tells what came of each: once, or with `--watch` again and
/// again until it is interrupted.
async fn carry_all(
    args: &Args,
    entries: &[Entry],
    mut tell: impl FnMut(usize, Report, Option<anyhow::Error>) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let now = Instant::now();
    let mut queue: Vec<(Instant, usize)> = (0..entries.len()).map(|at| (now, at)).collect();
    let mut running = FuturesUnordered::new();
    let mut busy: BTreeSet<usize> = BTreeSet::new();
    loop {
        // One moment for all that is asked: what is not due in it is waited for.
        let now = Instant::now();
        while busy.len() < ENTRIES_AT_ONCE
            && let Some(place) = next(&queue, now, &busy, entries)
        {
            let (_, at) = queue.remove(place);
            busy.insert(at);
            running.push(async move { (at, entries[at].carry(args).await) });
        }
        let due = queue.iter().map(|(due, _)| *due).find(|due| *due > now);
        tokio::select! {
            Some((at, (report, error))) = running.next() => {
                busy.remove(&at);
                if let Some(every) = entries[at].every.filter(|_| args.watch) {
                    queue.push((Instant::now() + every, at));
                    queue.sort();
                }
                tell(at, report, error)?;
            }
            () = tokio::time::sleep_until(due.unwrap_or(now)), if due.is_some() => {}
            _ = tokio::signal::ctrl_c(), if args.watch => return Ok(()),
            else => return Ok(()),
        }
    }
}

/// Returns the place in the queue of the first entry that is due and that none which runs or is due before it hinders.
fn next(
    queue: &[(Instant, usize)],
    now: Instant,
    busy: &BTreeSet<usize>,
    entries: &[Entry],
) -> Option<usize> {
    let is_due = |(due, _): &&(Instant, usize)| *due <= now;
    queue.iter().take_while(is_due).enumerate().find_map(|(place, (_, at))| {
        let mut before = busy.iter().chain(queue[..place].iter().map(|(_, at)| at));
        before.all(|other| !entries[*at].is_hindered_by(&entries[*other])).then_some(place)
    })
}

impl Entry {
    fn read(written: Written, dry_run: bool, progress: &Arc<dyn Progress>) -> anyhow::Result<Self> {
        let tags = TagArgs {
            all_tags: written.all,
            globs: written.glob,
            regexes: written.regex,
            ranges: written.semver,
            last: written.last,
        };
        let (source, destination): (Place, Place) = (written.source.parse()?, written.destination.parse()?);
        match (tags.patterns()?.is_some(), source.reference().is_some()) {
            (true, true) => {
                Err(Usage(format!("{source} names one artifact, and tags are chosen beside it")))?
            }
            (false, false) => Err(Usage(format!("{source} names no tag, and none are chosen")))?,
            _ => {}
        }
        let platforms = written.platforms.iter().map(|text| text.parse()).collect::<Result<_, _>>()?;
        let papers = if written.papers == Some(false) { PaperOptions::NONE } else { PaperOptions::ALL };
        let progress = Arc::clone(progress);
        let options = CopyOptions { platforms, papers, dry_run, progress, ..CopyOptions::default() };
        let every = written.every.as_deref().map(duration).transpose()?;
        Ok(Self {
            source,
            destination,
            tags,
            options,
            limits: Limits {
                requests_per_minute: written.requests_per_minute,
                requests_at_once: written.requests_at_once,
            },
            every,
        })
    }

    /// Returns whether one of the two must wait for the other: it writes what the other reads or writes, or there are
    /// bounds on the requests to a registry that both use.
    fn is_hindered_by(&self, other: &Self) -> bool {
        fn places(entry: &Entry) -> impl Iterator<Item = &Place> {
            [&entry.source, &entry.destination].into_iter()
        }
        let writes_for = |one: &Self, two| places(two).any(|place| one.destination.is_beside(place));
        let is_bounded = self.limits != Limits::default() || other.limits != Limits::default();
        let meet = || {
            let mut hosts = places(self).filter_map(Place::host);
            hosts.any(|host| places(other).filter_map(Place::host).any(|other| other == host))
        };
        writes_for(self, other) || writes_for(other, self) || (is_bounded && meet())
    }

    /// Copies it. What came of it is told even where it failed.
    async fn carry(&self, args: &Args) -> (Report, Option<anyhow::Error>) {
        match self.try_carry(args).await {
            Ok((report, error)) => (report, error.map(Into::into)),
            Err(error) => {
                let mut report = Report::new(&self.source, &self.destination, args.dry_run);
                report.artifacts.push(Artifact::failed(&self.source, format!("{error:#}")));
                (report, Some(error))
            }
        }
    }

    async fn try_carry(&self, args: &Args) -> anyhow::Result<(Report, Option<wharf_content::Error>)> {
        let connection = Connection { limits: self.limits, ..args.connection.clone() };
        let identity = Identity::default();
        let source = self.source.open(&connection, &identity).await?;
        let destination = match args.dry_run {
            true => self.destination.create_dry(&connection, &identity).await?,
            false => self.destination.create(&connection, &identity).await?,
        };
        let carriage = Carriage {
            source: &*source,
            destination: &*destination,
            from: &self.source,
            to: &self.destination,
        };
        let done = match self.tags.patterns()? {
            Some(patterns) => carriage.many(&patterns, &self.options).await?,
            None => {
                let mut report = Report::new(&self.source, &self.destination, args.dry_run);
                let options = CopyOptions {
                    tags: Some(crate::carry::destination_tags(&self.source, &self.destination)),
                    ..self.options.clone()
                };
                report.artifacts.push(carriage.one(&self.source.named()?, &options).await?);
                (report, None)
            }
        };
        if !args.dry_run {
            destination.commit().await?;
        }
        Ok(done)
    }
}

/// Reads a time such as `90s`, `30m`, `6h` or `1d`.
fn duration(text: &str) -> anyhow::Result<Duration> {
    let malformed = || Usage(format!("{text:?} is no time such as \"90s\", \"30m\", \"6h\" or \"1d\""));
    let (number, unit) = text.split_at_checked(text.len().saturating_sub(1)).ok_or_else(malformed)?;
    let seconds: u64 = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 60 * 60,
        "d" => 24 * 60 * 60,
        _ => return Err(malformed().into()),
    };
    let number: u64 =
        number.parse().ok().filter(|number| (1..=10_000).contains(number)).ok_or_else(malformed)?;
    Ok(Duration::from_secs(seconds * number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_a_unit() {
        for (text, seconds) in [("90s", Some(90)), ("6h", Some(21_600)), ("1d", Some(86_400))] {
            assert_eq!(duration(text).ok().map(|time| time.as_secs()), seconds, "{text}");
        }
        for bad in ["", "h", "6", "0s", "-1h", "6 h", "6ü"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }
}
