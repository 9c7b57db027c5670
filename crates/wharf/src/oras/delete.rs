//! What `oras blob delete` and `oras manifest delete` have in common: nearly everything.

use anyhow::{Context, bail};
use wharf_oci::Reference;

use super::fault::{self, Fault, arguments};
use super::format::print_descriptor;
use super::place::Place;
use super::status::{line, print};
use super::target::Target;
use crate::cobra::Command;
use crate::cobra::flags::Given;

/// What is deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    Blob,
    Manifest,
}

/// Deletes what the one argument names, once somebody has said yes.
pub(super) async fn delete(
    command: &Command,
    what: What,
    given: &Given,
    words: &[String],
) -> anyhow::Result<()> {
    let (name, wanted, tag_would_do) = match what {
        What::Blob => ("blob", "the target blob to delete", false),
        What::Manifest => ("manifest", "the manifest to delete", true),
    };
    arguments(command, words, 1..=1, wanted)?;
    let (descriptor_wanted, force) = (given.is_on("descriptor"), given.is_on("force"));
    if descriptor_wanted && !force {
        bail!("must apply --force to confirm the deletion if the descriptor is outputted");
    }
    let target = Target::parse(given, "", &words[0])?;
    let place = Place::create(&target).await?;
    target.need_reference(command, tag_would_do)?;
    let found = match what {
        What::Blob => place.resolve_blob(&target.reference).await,
        What::Manifest => place.resolve(&target.reference).await,
    };
    let found = match found {
        Err(error) if fault::is_missing(&error) => {
            if force && !descriptor_wanted {
                line(format_args!("Missing {}", target.raw));
                return Ok(());
            }
            return Err(Fault::new(format!("{}: the specified {name} does not exist", target.raw)).into());
        }
        found => found?,
    };
    let with_tags = if what == What::Manifest { " and all tags associated with it" } else { "" };
    let question =
        format!("Are you sure you want to delete the {name} {:?}{with_tags}?", found.digest.as_str());
    if !force && !confirmed(&question)? {
        return Ok(());
    }
    let deleted = match what {
        What::Blob => place.write().delete_blob(&found.digest).await,
        What::Manifest => place.write().delete_manifest(&Reference::Digest(found.digest.clone())).await,
    };
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
fn confirmed(question: &str) -> anyhow::Result<bool> {
    print(&format!("{question} [y/N] "));
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    let yes = matches!(answer.trim_end_matches(['\r', '\n']).to_lowercase().as_str(), "y" | "yes");
    if !yes {
        line("Operation cancelled.");
    }
    Ok(yes)
}
