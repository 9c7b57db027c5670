//! `oras manifest index update`

use anyhow::{bail, ensure};

use super::{Index, Output, packed};
use crate::cobra::Command;
use crate::cobra::flags::Kind::{Text, Texts};
use crate::cobra::flags::{Given, flag, short};
use crate::oras::fault::arguments;
use crate::oras::pack::check_media_type;
use crate::oras::place::Place;
use crate::oras::status::line;
use crate::oras::tables;
use crate::oras::target::{Target, exclusive, is_digest};
use crate::waiting::block_on;

pub(crate) const COMMAND: Command = Command {
    path: &["oras", "manifest", "index", "update"],
    usage: "<index>{:<tag>|@<digest>} [{--add|--merge|--remove} <manifest>{<tag>|<digest>}] [...]",
    about: "[Experimental] Update and push an image index

All manifests are in the same repository. A tag leads to the new index afterwards.

Example - Manifests in and out:
  oras manifest index update localhost:5000/hello:v1 --add linux-amd64 \\
    --remove sha256:99e4703fbf30916f549cd6bfa9cdbab614b5392fbe64fdee971359a77073cdf9

Example - The manifests of another index:
  oras manifest index update localhost:5000/hello:v2 --merge v2-windows

Example - Under further tags:
  oras manifest index update localhost:5000/hello:v2 --add linux-amd64 --tag \"v2.1.0\" --tag \"v2\"

Example - Into a file, without a push:
  oras manifest index update localhost:5000/hello:v2 --add v2-linux-amd64 --output index.json",
    flags: &[
        tables::COMMON,
        tables::PRETTY,
        tables::REMOTE,
        tables::STDIN,
        tables::LAYOUT,
        &[
            flag("add", Texts, "manifests to add to the index"),
            flag("artifact-type", Text, "new artifact type for overall index"),
            flag("merge", Texts, "indexes to be merged into the index"),
            short('o', "output", Text, "file `path` to write the created index to, use - for stdout"),
            flag("remove", Texts, "manifests to remove from the index, must be digests"),
            flag("tag", Texts, "extra tags for the updated index"),
        ],
    ],
    run: |given, words, _| block_on(run(given, words)),
};

async fn run(given: &Given, words: &[String]) -> anyhow::Result<()> {
    arguments(&COMMAND, words, 1..=1, "the target index to update")?;
    exclusive(given, &["tag", "output"])?;
    let removed = given.texts("remove");
    for digest in removed {
        ensure!(is_digest(digest), "remove: {digest} is not a digest");
    }
    let target = Target::parse(given, "", &words[0])?;
    if !["add", "remove", "merge", "artifact-type"].iter().any(|name| given.is_given(name)) {
        line("Nothing to update as no change is requested");
        return Ok(());
    }
    let place = Place::create(&target).await?;
    target.need_reference(&COMMAND, true)?;
    let artifact_type = given.text("artifact-type");
    if let Some(artifact_type) = artifact_type.filter(|text| !text.is_empty()) {
        check_media_type(artifact_type, "")?;
    }
    let output = Output { path: given.text("output").unwrap_or_default(), pretty: given.is_on("pretty") };
    let (_, raw) = output.fetch(&place, &target.reference, "index").await?;
    let mut index: Index = serde_json::from_slice(&raw.bytes)?;
    if let Some(artifact_type) = artifact_type {
        artifact_type.clone_into(&mut index.artifact_type);
    }
    for digest in removed {
        let before = index.manifests.len();
        index.manifests.retain(|entry| entry.digest.as_str() != digest);
        if index.manifests.len() == before {
            bail!("{digest} does not exist in the index {}", target.reference);
        }
        output.tell(format_args!("Removed   {digest}"));
    }
    for reference in given.texts("add") {
        let entry = output.entry(&place, reference).await?;
        output.tell_of("Added    ", reference, &entry);
        index.manifests.push(entry);
    }
    for reference in given.texts("merge") {
        let (descriptor, raw) = output.fetch(&place, reference, "index").await?;
        let merged: Index = serde_json::from_slice(&raw.bytes)?;
        index.manifests.extend(merged.manifests);
        output.tell_of("Merged   ", reference, &descriptor);
    }
    output.tell(format_args!("Updated   {}", packed(&index)?.digest));
    let shown = match is_digest(&target.reference) {
        true => format!("[{}] {}", target.kind.name(), target.path),
        false => target.display(),
    };
    output.finish(&place, &index, &target.reference, given.texts("tag"), &shown).await.map(drop)
}
