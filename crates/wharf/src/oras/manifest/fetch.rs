//! `oras manifest fetch`

use anyhow::{Context, bail};
use serde::Serialize;

use crate::cobra::Command;
use crate::cobra::flags::Kind::{List, Text};
use crate::cobra::flags::{Given, flag, short};
use crate::oras::fault::arguments;
use crate::oras::format::{Format, Named, USUAL, print_descriptor, print_json};
use crate::oras::place::Place;
use crate::oras::target::{Target, exclusive};
use crate::oras::{platform, tables};
use crate::waiting::block_on;

pub(crate) const COMMAND: Command = Command {
    path: &["oras", "manifest", "fetch|get|show"],
    usage: "[flags] <name>{:<tag>|@<digest>}",
    about: "Fetch manifest of the target artifact

Example - The manifest as it is stored, set over several lines, or its descriptor alone:
  oras manifest fetch localhost:5000/hello:v1
  oras manifest fetch --pretty localhost:5000/hello:v1
  oras manifest fetch --descriptor localhost:5000/hello:v1

Example - [Experimental] For a script:
  oras manifest fetch --format go-template --template '{{ .digest }}' localhost:5000/hello:v1

Example - For one platform:
  oras manifest fetch --platform 'linux/arm/v5' localhost:5000/hello:v1

Example - From the OCI image layout in a folder or a tar:
  oras manifest fetch --oci-layout layout-dir:v1
  oras manifest fetch --oci-layout layout.tar:v1",
    flags: &[
        tables::COMMON,
        tables::DESCRIPTOR,
        tables::PRETTY,
        tables::PLATFORM,
        tables::REMOTE,
        tables::STDIN,
        tables::LAYOUT,
        tables::FORMAT,
        tables::VERBOSE_IN_VAIN,
        &[
            flag("media-type", List, "accepted media types"),
            short('o', "output", Text, "file `path` to write the fetched manifest to, use - for stdout"),
        ],
    ],
    run: |given, words, _| block_on(run(given, words)),
};

/// The result for programs.
#[derive(Serialize)]
struct Fetched {
    #[serde(flatten)]
    named: Named,
    content: serde_json::Value,
}

async fn run(given: &Given, words: &[String]) -> anyhow::Result<()> {
    arguments(&COMMAND, words, 1..=1, "the manifest to fetch")?;
    let (output, descriptor_wanted) = (given.text("output").unwrap_or_default(), given.is_on("descriptor"));
    if output == "-" && given.text("format") != Some("text") {
        let template = given.text("template").unwrap_or_default();
        bail!("`--output -` cannot be used with `--format {template}` at the same time");
    }
    if output == "-" && descriptor_wanted {
        bail!("`--descriptor` cannot be used with `--output -` at the same time");
    }
    exclusive(given, &["format", "pretty"])?;
    exclusive(given, &["format", "descriptor"])?;
    let wanted = platform::flag(given, "platform")?;
    let target = Target::parse(given, "", &words[0])?;
    let format = Format::parse(given, "format", USUAL)?;
    let place = Place::open(&target).await?.cached().await?;
    target.need_reference(&COMMAND, true)?;
    let media_types = given.texts("media-type");
    if place.repository().is_none() && !media_types.is_empty() {
        bail!("`--media-type` cannot be used with `--oci-layout` at the same time");
    }
    let over_lines = given.is_on("pretty");
    if descriptor_wanted && output.is_empty() {
        let found = platform::resolve(&place, &target.reference, wanted.as_ref()).await;
        let found = found.with_context(|| format!("failed to find {:?}", target.raw))?;
        return print_descriptor(&found, over_lines);
    }
    let fetched = async {
        match &wanted {
            None => place.fetch(&target.reference).await,
            Some(_) => {
                let found = platform::resolve(&place, &target.reference, wanted.as_ref()).await?;
                let raw = place.manifest(&found).await?;
                Ok((found, raw))
            }
        }
    };
    let (found, raw) =
        fetched.await.with_context(|| format!("failed to fetch the content of {:?}", target.raw))?;
    if !output.is_empty() && output != "-" {
        std::fs::write(output, &raw.bytes).with_context(|| format!("failed to open {output:?}"))?;
    } else if format.is_text() {
        print_json(&raw.bytes, over_lines)?;
    }
    if descriptor_wanted {
        return print_descriptor(&found, over_lines);
    }
    let content = serde_json::from_slice(&raw.bytes).unwrap_or(serde_json::Value::Null);
    format.write(&Fetched { named: Named::new(&target.path, &found), content }).map(drop)
}
