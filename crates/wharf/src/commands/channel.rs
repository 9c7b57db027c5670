//! `wharf channel`: tags that move, where they point and have pointed, and the way back.

use anyhow::Context;
use clap::Subcommand;
use reqwest::header::{HeaderName, HeaderValue};
use serde::Serialize;
use serde_json::Value;
use wharf_client::{Registry, RemoteRepository};
use wharf_content::{Error, ErrorKind, ReadTarget, all_tags};
use wharf_oci::{Digest, ImageReference, Reference, Tag};

use crate::api::{Api, Table, repository_path, text};
use crate::carry::{is_version, names_a_digest};
use crate::cli::Output;
use crate::exit::{Status, Usage};
use crate::publish::{move_tag, resolve};
use crate::remote::{Connection, Identity};
use crate::terminal;

/// Tells the registry, for its audit log, why a tag is given other content.
const FORCE_REASON: HeaderName = HeaderName::from_static("wharf-force-reason");
/// Tags that are read of a registry that is asked for each one.
const MAX_TAGS: usize = 10_000;

/// See where channels point and have pointed, and move them back.
///
/// A channel is a tag that moves, such as `stable`: one that is neither a version nor named after a digest. `wharf publish
/// --channel` and `wharf promote --channel` move channels; the registry keeps where each one pointed.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  wharf channel list registry.example.com/prod/storefront
  wharf channel history registry.example.com/prod/storefront:stable --output json
  wharf channel rollback registry.example.com/prod/storefront:stable --dry-run
  wharf channel rollback registry.example.com/prod/storefront:stable --to 1.4.0")]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List the channels of a repository: where they point, since when, and who set them.
    List {
        /// HOST/REPOSITORY.
        #[arg(value_name = "REPOSITORY")]
        name: String,
        #[command(flatten)]
        common: Common,
    },
    /// Show where a channel has pointed, newest first.
    History {
        /// HOST/REPOSITORY:CHANNEL.
        #[arg(value_name = "CHANNEL")]
        name: String,
        #[command(flatten)]
        common: Common,
    },
    /// Point a channel to where it pointed before.
    ///
    /// It moves only if it still points where it was seen, and never to content that is gone. The move stands in its history and
    /// in the audit log, as every other.
    Rollback {
        /// HOST/REPOSITORY:CHANNEL.
        #[arg(value_name = "CHANNEL")]
        name: String,
        /// Where it pointed once, as digest or version; by default where it pointed before its last move.
        #[arg(long, value_name = "DIGEST|VERSION")]
        to: Option<String>,
        /// Say what would be done, and move nothing.
        #[arg(long)]
        dry_run: bool,
        #[command(flatten)]
        common: Common,
    },
}

#[derive(Debug, clap::Args)]
struct Common {
    /// How to show the result.
    #[arg(short, long, value_enum, default_value_t)]
    output: Output,

    #[command(flatten)]
    connection: Connection,

    #[command(flatten)]
    identity: Identity,
}

/// A channel and where it points.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Channel {
    name: String,
    digest: String,
    /// The tags that are versions and point to the same.
    versions: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<String>,
}

/// Where a channel pointed from some time on.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Position {
    /// Absent where the channel was deleted.
    digest: Option<String>,
    versions: Vec<String>,
    since: String,
    by: String,
    /// Whether what it pointed to is still there.
    present: bool,
}

/// What a rollback did.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Rollback {
    outcome: &'static str,
    channel: String,
    from: Option<Digest>,
    to: Digest,
    versions: Vec<String>,
}

pub(crate) async fn run(args: Args) -> anyhow::Result<Status> {
    match args.command {
        Command::List { name, common } => {
            let place = Place::open(&name, &common).await?;
            if place.reference.tag.is_some() || place.reference.digest.is_some() {
                return Err(Usage(format!("{name} names more than a repository")).into());
            }
            let channels = place.channels().await?;
            show_list(&channels, common.output)?;
        }
        Command::History { name, common } => {
            let place = Place::open(&name, &common).await?;
            let history = place.history(&place.channel(&name)?).await?;
            show_history(&history, common.output)?;
        }
        Command::Rollback { name, to, dry_run, common } => {
            let place = Place::open(&name, &common).await?;
            let done = place.roll_back(&place.channel(&name)?, to.as_deref(), dry_run).await?;
            show_rollback(&done, common.output)?;
        }
    }
    Ok(Status::Done)
}

/// A repository, and the management API beside it.
struct Place {
    reference: ImageReference,
    repository: RemoteRepository,
    /// The API of a registry that keeps the history of tags.
    api: Option<Api>,
    /// Such as `localhost:5000`.
    host: String,
}

impl Place {
    async fn open(name: &str, common: &Common) -> anyhow::Result<Self> {
        let written = name.strip_prefix("oci://").unwrap_or(name);
        let reference: ImageReference = written.parse().map_err(|error| Usage(format!("{error}")))?;
        let at = format!("{}/{}", reference.host, reference.repository);
        let registry: Registry = common.connection.registry(&at, &common.identity).await?;
        let repository = registry.repository(reference.repository.clone());
        let host = reference.host.clone();
        let api = Api::of(registry);
        let api = api.is_wharf().await?.then_some(api);
        Ok(Self { reference, repository, api, host })
    }

    fn channel(&self, name: &str) -> anyhow::Result<Tag> {
        match (&self.reference.tag, &self.reference.digest) {
            (Some(tag), None) => Ok(tag.clone()),
            _ => Err(Usage(format!("{name} is not HOST/REPOSITORY:CHANNEL")).into()),
        }
    }

    fn path(&self) -> anyhow::Result<String> {
        repository_path(self.reference.repository.as_str())
    }

    async fn channels(&self) -> anyhow::Result<Vec<Channel>> {
        let Some(api) = &self.api else { return self.channels_by_tags().await };
        let tags = api.list(&format!("{}/tags", self.path()?), &[("page_size", "100")]).await?;
        let channels = tags.iter().filter(|tag| is_channel(&text(tag, "name"))).map(|tag| Channel {
            name: text(tag, "name"),
            digest: text(tag, "digest"),
            versions: versions_of(&tags, &text(tag, "digest")),
            since: Some(text(tag, "push_time")),
            by: Some(text(tag, "username")).filter(|name| !name.is_empty()),
        });
        Ok(channels.collect())
    }

    /// What can be told of a registry that keeps no history.
    async fn channels_by_tags(&self) -> anyhow::Result<Vec<Channel>> {
        terminal::note(format_args!(
            "{} is not a Wharf registry: it keeps no history of tags, so that only where they point is shown",
            self.host
        ));
        let mut channels = Vec::new();
        for tag in all_tags(&self.repository, MAX_TAGS).await? {
            if !is_channel(tag.as_str()) {
                continue;
            }
            let found = self.repository.resolve(&Reference::Tag(tag.clone())).await?;
            let digest = found.digest.to_string();
            channels.push(Channel {
                name: tag.to_string(),
                digest,
                versions: Vec::new(),
                since: None,
                by: None,
            });
        }
        Ok(channels)
    }

    async fn history(&self, channel: &Tag) -> anyhow::Result<Vec<Position>> {
        let Some(api) = &self.api else {
            let text = format!(
                "{} is not a Wharf registry and keeps no history of tags; `wharf tag` points {channel} to a digest that you know",
                self.host
            );
            return Err(Error::new(ErrorKind::Usage, text).into());
        };
        let path = self.path()?;
        let tags = api.list(&format!("{path}/tags"), &[("page_size", "100")]).await?;
        let history = api.get(&format!("{path}/tags/{channel}/history")).await?;
        let positions: Vec<Position> = history
            .as_array()
            .into_iter()
            .flatten()
            .map(|position| {
                let digest = position["digest"].as_str().map(str::to_owned);
                Position {
                    versions: digest.as_deref().map(|digest| versions_of(&tags, digest)).unwrap_or_default(),
                    digest,
                    since: text(position, "time"),
                    by: text(position, "username"),
                    present: position["present"] == true,
                }
            })
            .collect();
        if positions.is_empty() {
            let text = format!("{}/{} never had a tag {channel}", self.host, self.reference.repository);
            return Err(Error::new(ErrorKind::NotFound, text).into());
        }
        Ok(positions)
    }

    async fn roll_back(&self, channel: &Tag, to: Option<&str>, dry_run: bool) -> anyhow::Result<Rollback> {
        let history = self.history(channel).await?;
        let from = resolve(&self.repository, channel).await?.map(|found| found.digest);
        let target = match to {
            Some(wanted) => self.wanted(wanted, channel, &history).await?,
            None => previous(&history, from.as_ref()).ok_or_else(|| {
                let text = format!("{channel} has pointed nowhere else; there is nothing to go back to");
                Error::new(ErrorKind::NotFound, text)
            })?,
        };
        let position = history.iter().find(|position| position.digest.as_deref() == Some(target.as_str()));
        if position.is_none_or(|position| !position.present) {
            let text = format!("{channel} pointed to {target}, which is gone; choose another with --to");
            return Err(Error::new(ErrorKind::NotFound, text).into());
        }
        let mut done = Rollback {
            outcome: "already-there",
            channel: channel.to_string(),
            versions: position.map(|position| position.versions.clone()).unwrap_or_default(),
            to: target,
            from,
        };
        if done.from.as_ref() == Some(&done.to) {
            return Ok(done);
        }
        done.outcome = "would-roll-back";
        if !dry_run {
            let reason = HeaderValue::from_static("channel rollback");
            let repository = self.repository.clone().with_push_header(FORCE_REASON, reason);
            move_tag(&repository, channel, done.from.as_ref(), &done.to)
                .await
                .with_context(|| format!("channel {channel} was not moved"))?;
            done.outcome = "rolled-back";
        }
        Ok(done)
    }

    /// Returns the digest that is meant: one that the channel pointed to.
    async fn wanted(&self, wanted: &str, channel: &Tag, history: &[Position]) -> anyhow::Result<Digest> {
        let reference: Reference =
            wanted.parse().map_err(|error| Usage(format!("--to {wanted}: {error}")))?;
        let digest = match reference {
            Reference::Digest(digest) => digest,
            Reference::Tag(tag) => match resolve(&self.repository, &tag).await? {
                Some(found) => found.digest,
                None => {
                    let text = format!("{}/{} has no tag {tag}", self.host, self.reference.repository);
                    return Err(Error::new(ErrorKind::NotFound, text).into());
                }
            },
        };
        if history.iter().all(|position| position.digest.as_deref() != Some(digest.as_str())) {
            let text = format!(
                "{channel} never pointed to {digest}; `wharf tag {}/{}@{digest} {channel}` moves it there",
                self.host, self.reference.repository
            );
            return Err(Usage(text).into());
        }
        Ok(digest)
    }
}

/// Whether a tag moves: it is neither a version nor named after a digest.
fn is_channel(tag: &str) -> bool {
    !is_version(tag) && !names_a_digest(tag)
}

/// Returns the versions that point to a digest.
fn versions_of(tags: &[Value], digest: &str) -> Vec<String> {
    let same = tags.iter().filter(|tag| tag["digest"] == digest).map(|tag| text(tag, "name"));
    same.filter(|name| is_version(name)).collect()
}

/// Returns where it pointed before it came to where it is.
fn previous(history: &[Position], current: Option<&Digest>) -> Option<Digest> {
    let current = current.map(Digest::as_str);
    let mut digests = history.iter().filter_map(|position| position.digest.as_deref());
    digests.find(|digest| Some(*digest) != current)?.parse().ok()
}

fn show_list(channels: &[Channel], output: Output) -> anyhow::Result<()> {
    if output == Output::Json {
        terminal::line(serde_json::to_string_pretty(channels)?);
        return Ok(());
    }
    let mut table = Table::new(&["CHANNEL", "VERSION", "DIGEST", "SINCE", "BY"]);
    for channel in channels {
        table.row([
            channel.name.clone(),
            channel.versions.join(","),
            channel.digest.clone(),
            channel.since.clone().unwrap_or_default(),
            channel.by.clone().unwrap_or_default(),
        ]);
    }
    table.print();
    Ok(())
}

fn show_history(history: &[Position], output: Output) -> anyhow::Result<()> {
    if output == Output::Json {
        terminal::line(serde_json::to_string_pretty(history)?);
        return Ok(());
    }
    let mut table = Table::new(&["SINCE", "VERSION", "DIGEST", "BY"]);
    for position in history {
        let digest = match &position.digest {
            Some(digest) if position.present => digest.clone(),
            Some(digest) => format!("{digest} (gone)"),
            None => "deleted".to_owned(),
        };
        table.row([position.since.clone(), position.versions.join(","), digest, position.by.clone()]);
    }
    table.print();
    Ok(())
}

fn show_rollback(done: &Rollback, output: Output) -> anyhow::Result<()> {
    if output == Output::Json {
        terminal::line(serde_json::to_string_pretty(done)?);
        return Ok(());
    }
    let verb = match done.outcome {
        "rolled-back" => "Moved back",
        "would-roll-back" => "Would move",
        _ => "There already",
    };
    terminal::step(verb, &done.channel);
    if let Some(from) = &done.from {
        terminal::more(format_args!("from {from}"));
    }
    let versions =
        if done.versions.is_empty() { String::new() } else { format!(" ({})", done.versions.join(", ")) };
    terminal::more(format_args!("to   {}{versions}", done.to));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn position(digest: Option<&Digest>) -> Position {
        Position {
            digest: digest.map(Digest::to_string),
            versions: Vec::new(),
            since: String::new(),
            by: String::new(),
            present: true,
        }
    }

    #[test]
    fn the_way_back_is_to_where_it_pointed_before_the_last_move() {
        let [a, b] = ["a", "b"].map(|text| wharf_oci::Algorithm::Sha256.digest(text.as_bytes()));
        let history =
            |digests: &[Option<&Digest>]| digests.iter().map(|each| position(*each)).collect::<Vec<_>>();
        assert_eq!(previous(&history(&[Some(&b), Some(&a)]), Some(&b)), Some(a.clone()));
        // Back again.
        assert_eq!(previous(&history(&[Some(&a), Some(&b), Some(&a)]), Some(&a)), Some(b.clone()));
        // It was deleted, and set anew.
        assert_eq!(previous(&history(&[Some(&b), None, Some(&a)]), Some(&b)), Some(a.clone()));
        assert_eq!(previous(&history(&[None, Some(&b), Some(&a)]), None), Some(b));
        assert_eq!(previous(&history(&[Some(&a)]), Some(&a)), None);
    }

    #[test]
    fn versions_and_papers_are_no_channels() {
        let paper = format!("sha256-{}.sig", "a".repeat(64));
        for (tag, expected) in [
            ("stable", true),
            ("latest", true),
            ("1.4.0", false),
            ("v2.0.0-rc.1", false),
            (paper.as_str(), false),
        ] {
            assert_eq!(is_channel(tag), expected, "{tag}");
        }
    }
}
