//! `oras manifest delete`

use anyhow::{Context, bail};
use wharf_oci::Reference;

use crate::cobra::flags::Given;
use crate::cobra::{Command, block_on};
use crate::oras::fault::{self, Fault, arguments};
use crate::oras::format::print_descriptor;
use crate::oras::place::Place;
use crate::oras::status::{line, print};
use crate::oras::tables;
use crate::oras::target::Target;

pub(crate) const COMMAND: Command = Command {
    path: &["oras", "manifest", "delete|remove|rm"],
    usage: "[flags] <name>{:<tag>|@<digest>}",
    about: "Delete a manifest from remote registry

The manifest goes with all its tags.

Example - What a tag leads to, asking first or not:
  oras manifest delete localhost:5000/hello:v1
  oras manifest delete --force localhost:5000/hello:v1

Example - With its descriptor as the result:
  oras manifest delete --descriptor --force localhost:5000/hello:v1",
    flags: &[
        tables::COMMON,
        tables::FORCE,
        tables::DESCRIPTOR,
        tables::PRETTY,
        tables::REMOTE,
        tables::STDIN,
        tables::LAYOUT,
        tables::DISTRIBUTION,
        tables::VERBOSE_IN_VAIN,
    ],
    run: |given, words, _| block_on(run(given, words)),
};

async fn run(given: &Given, words: &[String]) -> anyhow::Result<()> {
    arguments(&COMMAND, words, 1..=1, "the manifest to delete")?;
    let (descriptor_wanted, force) = (given.is_on("descriptor"), given.is_on("force"));
    if descriptor_wanted && !force {
        bail!("must apply --force to confirm the deletion if the descriptor is outputted");
    }
    let target = Target::parse(given, "", &words[0])?;
    let place = Place::create(&target).await?;
    target.need_reference(&COMMAND, true)?;
    let found = match place.resolve(&target.reference).await {
        Err(error) if fault::is_missing(&error) => {
            if force && !descriptor_wanted {
                line(format_args!("Missing {}", target.raw));
                return Ok(());
            }
            return Err(Fault::new(format!("{}: the specified manifest does not exist", target.raw)).into());
        }
        found => found?,
    };
    let question = format!(
        "Are you sure you want to delete the manifest {:?} and all tags associated with it?",
        found.digest.as_str()
    );
    if !force && !confirmed(&question)? {
        return Ok(());
    }
    let deleted = place.write().delete_manifest(&Reference::Digest(found.digest.clone())).await;
    deleted
        .map_err(|error| place.told(&error))
        .with_context(|| format!("failed to delete {}", target.raw))?;
    if descriptor_wanted {
        return print_descriptor(&found, given.is_on("pretty"));
    }
    line(format_args!("Deleted {}", target.display()));
    Ok(())
}

/// Asks a question; anything but yes is no.
pub(crate) fn confirmed(question: &str) -> anyhow::Result<bool> {
    print(&format!("{question} [y/N] "));
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    let yes = matches!(answer.trim_end_matches(['\r', '\n']).to_lowercase().as_str(), "y" | "yes");
    if !yes {
        line("Operation cancelled.");
    }
    Ok(yes)
}
