//! `oras blob fetch`

use std::io::Write;

use anyhow::{Context, bail};
use futures_util::TryStreamExt;

use crate::cobra::Command;
use crate::cobra::flags::Kind::Text;
use crate::cobra::flags::{Given, short};
use crate::oras::fault::arguments;
use crate::oras::format::print_descriptor;
use crate::oras::place::Place;
use crate::oras::status::print_bytes;
use crate::oras::tables;
use crate::oras::target::Target;
use crate::waiting::block_on;

pub(crate) const COMMAND: Command = Command {
    path: &["oras", "blob", "fetch|get"],
    usage: "[flags] {--output <file> | --descriptor} <name>@<digest>",
    about: "Fetch a blob from a registry or an OCI image layout

Example - Into a file, to standard output, or its descriptor alone:
  oras blob fetch --output blob.tar.gz \\
    localhost:5000/hello@sha256:9a201d228ebd966211f7d1131be19f152be428bd373a92071c71d8deaf83b3e5
  oras blob fetch --output - \\
    localhost:5000/hello@sha256:9a201d228ebd966211f7d1131be19f152be428bd373a92071c71d8deaf83b3e5
  oras blob fetch --descriptor \\
    localhost:5000/hello@sha256:9a201d228ebd966211f7d1131be19f152be428bd373a92071c71d8deaf83b3e5

Example - From the OCI image layout in a folder or a tar:
  oras blob fetch --oci-layout --output - \\
    layout.tar@sha256:9a201d228ebd966211f7d1131be19f152be428bd373a92071c71d8deaf83b3e5",
    flags: &[
        tables::COMMON,
        tables::DESCRIPTOR,
        tables::PRETTY,
        tables::REMOTE,
        tables::STDIN,
        tables::LAYOUT,
        tables::TERMINAL,
        tables::VERBOSE_IN_VAIN,
        &[short('o', "output", Text, "output file `path`, use - for stdout")],
    ],
    run: |given, words, _| block_on(run(given, words)),
};

async fn run(given: &Given, words: &[String]) -> anyhow::Result<()> {
    arguments(&COMMAND, words, 1..=1, "the target blob to fetch")?;
    let (output, descriptor_wanted) = (given.text("output").unwrap_or_default(), given.is_on("descriptor"));
    if output.is_empty() && !descriptor_wanted {
        bail!("either `--output` or `--descriptor` must be provided");
    }
    if output == "-" && descriptor_wanted {
        bail!("`--output -` cannot be used with `--descriptor` at the same time");
    }
    let target = Target::parse(given, "", &words[0])?;
    let place = Place::open(&target).await?.cached().await?;
    target.need_reference(&COMMAND, false)?;
    let found = place.resolve_blob(&target.reference).await?;
    if !output.is_empty() {
        let bytes = place.read().fetch_blob(&found, 0).await.map_err(|error| place.told(&error))?;
        let mut bytes = wharf_content::verified(bytes, &found);
        let mut file = match output {
            "-" => None,
            path => Some(std::fs::File::create(path).with_context(|| format!("open {path}"))?),
        };
        while let Some(bytes) = bytes.try_next().await.map_err(|error| place.told(&error))? {
            match &mut file {
                Some(file) => file.write_all(&bytes).with_context(|| format!("write {output}"))?,
                None => print_bytes(&bytes),
            }
        }
    }
    if descriptor_wanted {
        print_descriptor(&found, given.is_on("pretty"))?;
    }
    Ok(())
}
