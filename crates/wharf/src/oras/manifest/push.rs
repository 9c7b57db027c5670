//! `oras manifest push`

use std::io::Read;

use anyhow::{Context, bail, ensure};
use bytes::Bytes;
use wharf_content::RawManifest;

use crate::cobra::Command;
use crate::cobra::flags::Kind::{Number, Text};
use crate::cobra::flags::{Given, flag};
use crate::oras::blob::push::go_reason;
use crate::oras::fault::{self, Fault, arguments};
use crate::oras::format::print_descriptor;
use crate::oras::place::Place;
use crate::oras::status::{Detail, line};
use crate::oras::tables;
use crate::oras::target::{Target, with_more_tags};
use crate::waiting::block_on;

pub(crate) const COMMAND: Command = Command {
    path: &["oras", "manifest", "push"],
    usage: "[flags] <name>[:<tag>[,<tag>][...]|@<digest>] <file>",
    about: "Push a manifest to a registry or an OCI image layout

Example - From a file, from standard input, under several tags:
  oras manifest push localhost:5000/hello:v1 manifest.json
  oras manifest push localhost:5000/hello:v1 -
  oras manifest push localhost:5000/hello:tag1,tag2,tag3 manifest.json

Example - With the descriptor as the result:
  oras manifest push --descriptor localhost:5000/hello:v1 manifest.json

Example - Under a media type that the manifest does not tell:
  oras manifest push --media-type application/vnd.oci.image.manifest.v1+json localhost:5000/hello:v1 manifest.json

Example - Into the OCI image layout in folder layout-dir:
  oras manifest push --oci-layout layout-dir:v1 manifest.json",
    flags: &[
        tables::COMMON,
        tables::DESCRIPTOR,
        tables::PRETTY,
        tables::REMOTE,
        tables::STDIN,
        tables::LAYOUT,
        tables::DISTRIBUTION,
        tables::VERBOSE,
        &[
            flag("concurrency", Number(5), "concurrency level"),
            flag("media-type", Text, "media type of manifest"),
        ],
    ],
    run: |given, words, _| block_on(run(given, words)),
};

async fn run(given: &Given, words: &[String]) -> anyhow::Result<()> {
    let meaning = "the destination to push to and the file to read manifest content from";
    arguments(&COMMAND, words, 2..=2, meaning)?;
    let file = &words[1];
    if file == "-" {
        no_secret_from_stdin(given)?;
    }
    let (first, more_tags) = with_more_tags(&words[0]);
    let target = Target::parse(given, "", first)?;
    let place = Place::create(&target).await?;
    let bytes = content(file)?;
    let media_type = match given.text("media-type").filter(|media_type| !media_type.is_empty()) {
        Some(media_type) => media_type.to_owned(),
        None => own_media_type(&bytes, file)?,
    };
    let raw = RawManifest::new(media_type, bytes);
    if target.reference.contains(':') && target.reference != raw.digest.as_str() {
        bail!("failed to push: digest of {file} is {}, the reference says {}", raw.digest, target.reference);
    }
    let descriptor_wanted = given.is_on("descriptor");
    let detail = match (descriptor_wanted, given.is_on("verbose")) {
        (true, _) => Detail::Nothing,
        (false, true) => Detail::All,
        (false, false) => Detail::Names,
    };
    let reference = match target.reference.as_str() {
        "" => raw.digest.as_str(),
        reference => reference,
    };
    let there = match place.resolve(reference).await {
        Ok(found) => found.digest == raw.digest,
        Err(error) if fault::is_missing(&error) => false,
        Err(error) => return Err(error),
    };
    let shown = raw.descriptor();
    if there {
        detail.tell("Exists   ", &shown);
    } else {
        detail.tell("Uploading", &shown);
        place.push(&raw, &target.reference).await?;
        detail.tell("Uploaded ", &shown);
    }
    if !descriptor_wanted {
        line(format_args!("Pushed: {}", target.display()));
    }
    for tag in &more_tags {
        place.push(&raw, tag).await?;
        if !descriptor_wanted {
            line(format_args!("Tagged {tag}"));
        }
    }
    if descriptor_wanted {
        return print_descriptor(&shown, given.is_on("pretty"));
    }
    line(format_args!("Digest: {}", raw.digest));
    Ok(())
}

fn content(file: &str) -> anyhow::Result<Bytes> {
    ensure!(!file.is_empty(), "missing file name");
    if file == "-" {
        let mut bytes = Vec::new();
        std::io::stdin().read_to_end(&mut bytes).context("failed to read -")?;
        return Ok(Bytes::from(bytes));
    }
    let bytes = std::fs::read(file)
        .map_err(|error| anyhow::anyhow!("failed to read {file}: {}", go_reason("open", file, &error)))?;
    Ok(Bytes::from(bytes))
}

fn own_media_type(bytes: &[u8], file: &str) -> anyhow::Result<String> {
    let Ok(document) = serde_json::from_slice::<serde_json::Value>(bytes) else {
        bail!("not a valid json file");
    };
    match document.get("mediaType").and_then(serde_json::Value::as_str) {
        Some(media_type) if !media_type.is_empty() => Ok(media_type.to_owned()),
        _ => Err(Fault::new(format!(
            "media type is not specified via the flag \"--media-type\" nor in {file:?}"
        ))
        .usage(&COMMAND)
        .advice("Please specify a valid media type in the manifest JSON or via the \"--media-type\" flag")
        .into()),
    }
}

/// Standard input cannot hold content and a secret.
pub(crate) fn no_secret_from_stdin(given: &Given) -> anyhow::Result<()> {
    if given.is_given("password-stdin") {
        bail!("`-` read file from input and `--password-stdin` read password from input cannot be both used");
    }
    if given.is_given("identity-token-stdin") {
        bail!(
            "`-` read file from input and `--identity-token-stdin` read identity token from input cannot be both used"
        );
    }
    Ok(())
}
