//! `wharf sync`

use std::num::{NonZeroU32, NonZeroUsize};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use serde::Deserialize;
use tokio::time::Instant;
use wharf_client::Limits;
use wharf_content::{CopyOptions, PaperOptions};

use crate::carry::{Artifact, Carriage, Report, TagArgs};
use crate::cli::Output;
use crate::exit::{Status, Usage};
use crate::place::Place;
use crate::remote::{Connection, Identity};
use crate::{progress, terminal};

/// Copy many repositories, as a file says.
///
/// Each entry is a copy with papers, as by wharf cp; what is there already costs a question and no transfer. An entry
/// that fails does not hold up the others, and fails the run in the end.
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
    // All of it is read before any of it is done.
    let entries = file.sync.into_iter().enumerate().map(|(at, written)| {
        Entry::read(written, args.dry_run)
            .with_context(|| format!("entry {} of {}", at + 1, args.file.display()))
    });
    let entries = entries.collect::<anyhow::Result<Vec<Entry>>>()?;
    if args.watch {
        return watch(&args, &entries).await;
    }
    let (mut reports, mut first_error) = (Vec::new(), None);
    for entry in &entries {
        let (report, error) = entry.carry(&args).await;
        if args.output == Output::Text {
            report.print();
        }
        reports.push(report);
        first_error = first_error.or(error);
    }
    if args.output == Output::Json {
        terminal::line(serde_json::to_string_pretty(&reports)?);
    }
    match first_error {
        Some(error) => Err(error.context("not everything was copied; the first that failed")),
        None => Ok(Status::Done),
    }
}

async fn watch(args: &Args, entries: &[Entry]) -> anyhow::Result<Status> {
    if entries.iter().any(|entry| entry.every.is_none()) {
        return Err(
            Usage("with --watch every entry says when it is done again: every = \"6h\"".to_owned()).into()
        );
    }
    let mut due: Vec<Instant> = entries.iter().map(|_| Instant::now()).collect();
    loop {
        let Some((at, next)) = due.iter().copied().enumerate().min_by_key(|(_, next)| *next) else {
            return Ok(Status::Done);
        };
        tokio::select! {
            () = tokio::time::sleep_until(next) => {}
            _ = tokio::signal::ctrl_c() => return Ok(Status::Done),
        }
        let (report, error) = entries[at].carry(args).await;
        match args.output {
            Output::Json => terminal::line(serde_json::to_string(&report)?),
            Output::Text => report.print(),
        }
        if let Some(error) = error {
            tracing::warn!("{error:#}");
        }
        due[at] = Instant::now() + entries[at].every.unwrap_or_default();
    }
}

impl Entry {
    fn read(written: Written, dry_run: bool) -> anyhow::Result<Self> {
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
        let progress = progress::for_transfers();
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
