//! `oras manifest index create`

use wharf_oci::media_type;

use super::{Index, Output, packed, short_digest};
use crate::cobra::Command;
use crate::cobra::flags::Kind::{Text, Texts};
use crate::cobra::flags::{Given, flag, short};
use crate::oras::fault::arguments;
use crate::oras::pack::{Annotations, check_media_type};
use crate::oras::place::Place;
use crate::oras::tables;
use crate::oras::target::{Target, with_more_tags};
use crate::waiting::block_on;

pub(crate) const COMMAND: Command = Command {
    path: &["oras", "manifest", "index", "create|pack"],
    usage: "[flags] <target>[:<tag[,<tag>][...]] <sources>[{<tag>|<digest>}...]",
    about: "[Experimental] Create and push an index from provided manifests

All manifests are in the same repository.

Example - Of two tags, pushed without a tag, with one, with several:
  oras manifest index create localhost:5000/hello linux-amd64 linux-arm64
  oras manifest index create localhost:5000/hello:v1 linux-amd64 linux-arm64
  oras manifest index create localhost:5000/hello:tag1,tag2,tag3 linux-amd64 linux-arm64

Example - With annotations and an artifact type:
  oras manifest index create localhost:5000/hello:v1 linux-amd64 --annotation \"key=val\"
  oras manifest index create --artifact-type=\"application/vnd.example+type\" localhost:5000/hello linux-amd64

Example - Into a file, without a push:
  oras manifest index create localhost:5000/hello linux-amd64 linux-arm64 --output index.json",
    flags: &[
        tables::COMMON,
        tables::PRETTY,
        tables::REMOTE,
        tables::STDIN,
        tables::LAYOUT,
        &[
            short('a', "annotation", Texts, "manifest annotations"),
            flag("artifact-type", Text, "artifact type for overall index"),
            short('o', "output", Text, "file `path` to write the created index to, use - for stdout"),
        ],
    ],
    run: |given, words, _| block_on(run(given, words)),
};

async fn run(given: &Given, words: &[String]) -> anyhow::Result<()> {
    arguments(&COMMAND, words, 1..=usize::MAX, "the destination index to create.")?;
    let (first, more_tags) = with_more_tags(&words[0]);
    let target = Target::parse(given, "", first)?;
    let annotations = Annotations::parse(given)?;
    let place = Place::create(&target).await?;
    let artifact_type = given.text("artifact-type").unwrap_or_default();
    if !artifact_type.is_empty() {
        check_media_type(artifact_type, "")?;
    }
    let output = Output { path: given.text("output").unwrap_or_default(), pretty: given.is_on("pretty") };
    let mut manifests = Vec::new();
    for source in &words[1..] {
        manifests.push(output.entry(&place, source).await?);
    }
    let index = Index {
        schema_version: 2,
        media_type: media_type::OCI_INDEX.to_owned(),
        artifact_type: artifact_type.to_owned(),
        manifests,
        subject: None,
        annotations: annotations.of_manifest(),
    };
    let raw = packed(&index)?;
    output.tell(format_args!("Packed    {} {}", short_digest(&raw), media_type::OCI_INDEX));
    output.finish(&place, &index, &target.reference, &more_tags, &target.display()).await.map(drop)
}
