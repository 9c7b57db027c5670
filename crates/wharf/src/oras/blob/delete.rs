//! `oras blob delete`

use anyhow::{Context, bail};

use crate::cobra::flags::Given;
use crate::cobra::{Command, block_on};
use crate::oras::fault::{self, Fault, arguments};
use crate::oras::format::print_descriptor;
use crate::oras::manifest::delete::confirmed;
use crate::oras::place::Place;
use crate::oras::status::line;
use crate::oras::tables;
use crate::oras::target::Target;

pub(crate) const COMMAND: Command = Command {
    path: &["oras", "blob", "delete|remove|rm"],
    usage: "[flags] <name>@<digest>",
    about: "Delete a blob from a remote registry

Example - A blob, asking first or not:
  oras blob delete localhost:5000/hello@sha256:9a201d228ebd966211f7d1131be19f152be428bd373a92071c71d8deaf83b3e5
  oras blob delete --force localhost:5000/hello@sha256:9a201d228ebd966211f7d1131be19f152be428bd373a92071c71d8deaf83b3e5

Example - With its descriptor as the result:
  oras blob delete --descriptor --force \\
    localhost:5000/hello@sha256:9a201d228ebd966211f7d1131be19f152be428bd373a92071c71d8deaf83b3e5",
    flags: &[
        tables::COMMON,
        tables::FORCE,
        tables::DESCRIPTOR,
        tables::PRETTY,
        tables::REMOTE,
        tables::STDIN,
        tables::LAYOUT,
        tables::VERBOSE_IN_VAIN,
    ],
    run: |given, words, _| block_on(run(given, words)),
};

async fn run(given: &Given, words: &[String]) -> anyhow::Result<()> {
    arguments(&COMMAND, words, 1..=1, "the target blob to delete")?;
    let (descriptor_wanted, force) = (given.is_on("descriptor"), given.is_on("force"));
    if descriptor_wanted && !force {
        bail!("must apply --force to confirm the deletion if the descriptor is outputted");
    }
    let target = Target::parse(given, "", &words[0])?;
    let place = Place::create(&target).await?;
    target.need_reference(&COMMAND, false)?;
    let found = match place.resolve_blob(&target.reference).await {
        Err(error) if fault::is_missing(&error) => {
            if force && !descriptor_wanted {
                line(format_args!("Missing {}", target.raw));
                return Ok(());
            }
            return Err(Fault::new(format!("{}: the specified blob does not exist", target.raw)).into());
        }
        found => found?,
    };
    let question = format!("Are you sure you want to delete the blob {:?}?", found.digest.as_str());
    if !force && !confirmed(&question)? {
        return Ok(());
    }
    let deleted = place.write().delete_blob(&found.digest).await;
    deleted
        .map_err(|error| place.told(&error))
        .with_context(|| format!("failed to delete {}", target.raw))?;
    if descriptor_wanted {
        return print_descriptor(&found, given.is_on("pretty"));
    }
    line(format_args!("Deleted {}", target.display()));
    Ok(())
}
