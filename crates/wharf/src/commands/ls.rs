//! `wharf ls`

use wharf_content::{Cursor, all_tags};
use wharf_oci::{Reference, Tag};

use crate::api::Table;
use crate::carry::{TagArgs, names_a_digest};
use crate::cli::Output;
use crate::exit::{Status, Usage};
use crate::place::{FORMS, Place};
use crate::remote::{Connection, Identity, host};
use crate::terminal;

/// How many tags or repositories are listed at most.
const MAX: usize = 1_000_000;

/// List the repositories of a registry, or the tags of a place.
#[derive(Debug, clap::Args)]
#[command(after_help = format!("\
{FORMS}
A HOST alone is a registry.

Examples:
  wharf ls localhost:5000
  wharf ls localhost:5000/shop/web --tag-semver '^1.4'
  wharf ls tar:web.tar --digests --output json"))]
pub(crate) struct Args {
    /// The registry or the place.
    #[arg(value_name = "PLACE")]
    place: String,

    /// Show the digests as well; each tag is asked for.
    #[arg(long)]
    digests: bool,

    /// Show tags that name a digest as well: cosign's signatures, lists of referrers.
    #[arg(long)]
    papers: bool,

    #[command(flatten)]
    tags: TagArgs,

    /// How to write the result.
    #[arg(short, long, value_enum, default_value_t, value_name = "FORM")]
    output: Output,

    #[command(flatten)]
    connection: Connection,
}

pub(crate) async fn run(args: Args) -> anyhow::Result<Status> {
    let is_local = args.place.starts_with("layout:") || args.place.starts_with("tar:");
    if !is_local && let Ok(host) = host(&args.place) {
        return repositories(&args, &host).await;
    }
    let place: Place = args.place.parse()?;
    if place.reference().is_some() {
        return Err(Usage(format!("{place} names one artifact; wharf inspect shows it")).into());
    }
    let target = place.open(&args.connection, &Identity::default()).await?;
    let all = all_tags(&*target, MAX).await?;
    let tags: Vec<Tag> = match args.tags.patterns()? {
        Some(patterns) => patterns.choose(&all),
        None => all.into_iter().filter(|tag| args.papers || !names_a_digest(tag.as_str())).collect(),
    };
    let mut rows = Vec::new();
    for tag in tags {
        let found = match args.digests {
            true => Some(target.resolve(&Reference::Tag(tag.clone())).await?),
            false => None,
        };
        rows.push((tag, found));
    }
    match args.output {
        Output::Json => {
            let rows = rows.iter().map(|(tag, found)| match found {
                Some(found) => {
                    serde_json::json!({ "tag": tag, "digest": found.digest, "mediaType": found.media_type })
                }
                None => serde_json::json!({ "tag": tag }),
            });
            terminal::line(serde_json::to_string_pretty(&rows.collect::<Vec<_>>())?);
        }
        Output::Text if args.digests => {
            let mut table = Table::new(&["TAG", "DIGEST", "TYPE"]);
            for (tag, found) in rows.iter().filter_map(|(tag, found)| Some((tag, found.as_ref()?))) {
                table.row([tag.to_string(), found.digest.to_string(), found.media_type.clone()]);
            }
            table.print();
        }
        Output::Text => rows.iter().for_each(|(tag, _)| terminal::line(tag)),
    }
    Ok(Status::Done)
}

async fn repositories(args: &Args, host: &str) -> anyhow::Result<Status> {
    let registry = args.connection.registry(host, &Identity::default()).await?;
    let mut all: Vec<String> = Vec::new();
    let mut from: Option<Cursor> = None;
    loop {
        let (page, next) = registry.repositories(from.as_ref(), None).await?;
        let is_empty = page.is_empty();
        all.extend(page);
        match next {
            Some(next) if !is_empty && all.len() < MAX && Some(&next) != from.as_ref() => from = Some(next),
            _ => break,
        }
    }
    match args.output {
        Output::Json => terminal::line(serde_json::to_string_pretty(&all)?),
        Output::Text => all.iter().for_each(|name| {
            terminal::line(name.chars().filter(|c| !c.is_control()).collect::<String>());
        }),
    }
    Ok(Status::Done)
}
