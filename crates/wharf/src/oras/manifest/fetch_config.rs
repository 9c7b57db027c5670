//! `oras manifest fetch-config`

use anyhow::{Context, bail};
use wharf_oci::ManifestKind;

use crate::cobra::Command;
use crate::cobra::flags::Kind::Text;
use crate::cobra::flags::{Given, short};
use crate::oras::fault::arguments;
use crate::oras::format::{print_descriptor, print_json};
use crate::oras::place::Place;
use crate::oras::target::Target;
use crate::oras::{platform, tables};
use crate::waiting::block_on;

pub(crate) const COMMAND: Command = Command {
    path: &["oras", "manifest", "fetch-config|get-config"],
    usage: "[flags] <name>{:<tag>|@<digest>}",
    about: "Fetch the config of a manifest from a registry or an OCI image layout

Example - The config as it is stored, set over several lines, into a file, or its descriptor alone:
  oras manifest fetch-config localhost:5000/hello:v1
  oras manifest fetch-config --pretty localhost:5000/hello:v1
  oras manifest fetch-config --output config.json localhost:5000/hello:v1
  oras manifest fetch-config --descriptor localhost:5000/hello:v1

Example - For one platform:
  oras manifest fetch-config --platform 'linux/arm/v5' localhost:5000/hello:v1",
    flags: &[
        tables::COMMON,
        tables::DESCRIPTOR,
        tables::PRETTY,
        tables::PLATFORM,
        tables::REMOTE,
        tables::STDIN,
        tables::LAYOUT,
        tables::VERBOSE_IN_VAIN,
        &[short('o', "output", Text, "file `path` to write the fetched config to, use - for stdout")],
    ],
    run: |given, words, _| block_on(run(given, words)),
};

async fn run(given: &Given, words: &[String]) -> anyhow::Result<()> {
    arguments(&COMMAND, words, 1..=1, "the manifest config to fetch")?;
    let (output, descriptor_wanted) = (given.text("output").unwrap_or_default(), given.is_on("descriptor"));
    if output == "-" && descriptor_wanted {
        bail!("`--output -` cannot be used with `--descriptor` at the same time");
    }
    let wanted = platform::flag(given, "platform")?;
    let target = Target::parse(given, "", &words[0])?;
    let place = Place::open(&target).await?.cached().await?;
    target.need_reference(&COMMAND, true)?;
    let raw = match &wanted {
        None => place.fetch(&target.reference).await?.1,
        Some(_) => {
            let found = platform::resolve(&place, &target.reference, wanted.as_ref()).await?;
            place.manifest(&found).await?
        }
    };
    let parsed = raw.parse()?;
    let config = parsed.config.filter(|_| parsed.kind == ManifestKind::Image).with_context(|| {
        format!("{:?} is not an image manifest and does not have a config", raw.digest.as_str())
    })?;
    let over_lines = given.is_on("pretty");
    if !descriptor_wanted || !output.is_empty() {
        let bytes = place.blob(&config).await?;
        if output.is_empty() || output == "-" {
            return print_json(&bytes, over_lines);
        }
        std::fs::write(output, &bytes).with_context(|| format!("open {output}"))?;
    }
    if descriptor_wanted {
        print_descriptor(&config, over_lines)?;
    }
    Ok(())
}
