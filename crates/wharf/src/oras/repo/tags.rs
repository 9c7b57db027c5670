//! `oras repo tags`

use serde::Serialize;

use crate::cobra::Command;
use crate::cobra::flags::Kind::{Switch, Text};
use crate::cobra::flags::{Given, flag};
use crate::oras::fault::arguments;
use crate::oras::format::{Format, USUAL};
use crate::oras::place::Place;
use crate::oras::status::line;
use crate::oras::target::{Kind, RemoteReference, Target, is_digest};
use crate::oras::{tables, wire};
use crate::waiting::block_on;

pub(crate) const COMMAND: Command = Command {
    path: &["oras", "repo|repository", "tags|show-tags"],
    usage: "[flags] <name>",
    about: "Show tags of the target repository

Example - All tags, without those that stand for digests, after a tag:
  oras repo tags localhost:5000/hello
  oras repo tags --exclude-digest-tags localhost:5000/hello
  oras repo tags --last \"last_tag\" localhost:5000/hello

Example - Of the OCI image layout in a folder or a tar:
  oras repo tags --oci-layout layout-dir
  oras repo tags --oci-layout layout.tar

Example - [Experimental] The tags that lead to the same manifest:
  oras repo tags localhost:5000/hello:latest

Example - [Experimental] For a script:
  oras repo tags localhost:5000/hello --format json
  oras repo tags localhost:5000/hello --format go-template --template '{{.tags}}'",
    flags: &[
        tables::COMMON,
        tables::REMOTE,
        tables::STDIN,
        tables::LAYOUT,
        tables::FORMAT,
        tables::VERBOSE_IN_VAIN,
        &[
            flag(
                "exclude-digest-tags",
                Switch,
                "[Preview] exclude all digest-like tags such as 'sha256-aaaa...'",
            ),
            flag("last", Text, "start after the tag specified by `last`"),
        ],
    ],
    run: |given, words, _| block_on(run(given, words)),
};

/// The result for programs.
#[derive(Serialize)]
struct Tags {
    tags: Vec<String>,
}

async fn run(given: &Given, words: &[String]) -> anyhow::Result<()> {
    arguments(&COMMAND, words, 1..=1, "the target repository to list tags from")?;
    let target = Target::parse(given, "", &words[0])?;
    let format = Format::parse(given, "format", USUAL)?;
    let place = Place::open(&target).await?;
    // In a layout with names of several repositories one of them may be asked for.
    let prefix = match (target.kind, RemoteReference::parse(&target.reference)) {
        (Kind::Layout, Ok(parsed)) if parsed.reference.is_empty() => {
            Some(format!("{}/{}:", parsed.registry, parsed.repository))
        }
        _ => None,
    };
    let reference = target.reference.as_str();
    let mut digest = None;
    if prefix.is_none() && !reference.is_empty() {
        let found = match is_digest(reference) {
            true => reference.to_owned(),
            false => place.resolve(reference).await?.digest.to_string(),
        };
        wire::log(
            "WARNING",
            &format!("[Experimental] querying tags associated to {found}, it may take a while...\n"),
        );
        digest = Some(found);
    }
    let last = given.text("last").unwrap_or_default();
    let mut tags = Vec::new();
    for name in place.names().await?.into_iter().filter(|name| last.is_empty() || name.as_str() > last) {
        let tag = match &prefix {
            None => name.as_str(),
            Some(prefix) => match name.strip_prefix(prefix) {
                Some(tag) => tag,
                None => continue,
            },
        };
        if given.is_on("exclude-digest-tags") && is_digest(&tag.replacen('-', ":", 1)) {
            continue;
        }
        if let Some(digest) = &digest
            && tag != reference
            && place.resolve(tag).await?.digest.as_str() != digest
        {
            continue;
        }
        tags.push(tag.to_owned());
    }
    if !format.is_text() {
        return format.write(&Tags { tags }).map(drop);
    }
    for tag in tags {
        line(tag);
    }
    Ok(())
}
