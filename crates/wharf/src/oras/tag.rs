//! `oras tag`

use super::fault::{Fault, arguments};
use super::place::Place;
use super::status::line;
use super::tables;
use super::target::Target;
use crate::cobra::Command;
use crate::cobra::flags::Kind::Number;
use crate::cobra::flags::{Given, flag};
use crate::waiting::block_on;

pub(super) const COMMAND: Command = Command {
    path: &["oras", "tag"],
    usage: "[flags] <name>{:<tag>|@<digest>} <new_tag> [...]",
    about: "Tag a manifest in a registry or an OCI image layout

Example - A tag for what another tag or a digest leads to:
  oras tag localhost:5000/hello:v1.0.1 v1.0.2
  oras tag localhost:5000/hello@sha256:9463e0d192846bc994279417b50114606712d516aab45f4d8b31cbc6e46aad71 v1.0.2

Example - Several tags:
  oras tag localhost:5000/hello:v1.0.1 v1.0.2 latest

Example - In the OCI image layout in folder layout-dir:
  oras tag --oci-layout layout-dir:v1.0.1 v1.0.2",
    flags: &[
        tables::COMMON,
        tables::REMOTE,
        tables::STDIN,
        tables::LAYOUT,
        tables::VERBOSE_IN_VAIN,
        &[flag("concurrency", Number(5), "concurrency level")],
    ],
    run: |given, words, _| block_on(run(given, words)),
};

async fn run(given: &Given, words: &[String]) -> anyhow::Result<()> {
    if words.first().is_some_and(|word| matches!(word.as_str(), "list" | "ls")) {
        let container = if given.is_on("oci-layout") { "an OCI image layout" } else { "a repository" };
        return Err(Fault::new("there is no \"list\" sub-command for \"oras tag\" command")
            .usage(&COMMAND)
            .advice(format!("If you want to list available tags in {container}, use \"oras repo tags\""))
            .into());
    }
    arguments(&COMMAND, words, 1..=usize::MAX, "the artifact to be retagged and the tags to be added")?;
    let mut target =
        Target::parse(given, "", &words[0]).map_err(|error| match error.downcast::<Fault>() {
            Ok(fault) if fault.is_reference => {
                let text = format!("unable to add tag for '{}': {}", words[0], fault.text);
                Fault { text, ..fault }.into()
            }
            Ok(fault) => fault.into(),
            Err(error) => error,
        })?;
    target.remote.without_fallback_tag();
    let place = Place::create(&target).await?;
    target.need_reference(&COMMAND, true)?;
    let (found, raw) = place.fetch(&target.reference).await?;
    let tags = &words[1..];
    for tag in tags {
        if place.repository().is_some() && !super::target::is_digest(tag) {
            super::target::check_tag(tag)?;
        }
    }
    if !tags.is_empty() {
        line(format_args!("Tagging [{}] {}@{}", target.kind.name(), target.path, raw.digest));
    }
    for tag in tags {
        match place.repository() {
            Some(_) => place.push(&raw, tag).await?,
            None => place.name(&found, tag).await?,
        }
        line(format_args!("Tagged {tag}"));
    }
    Ok(())
}
