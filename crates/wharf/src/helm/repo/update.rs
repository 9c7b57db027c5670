//! `helm repo update`

use std::io::Write;

use anyhow::bail;

use crate::cobra::Command;
use crate::cobra::flags::Kind::Ignored;
use crate::cobra::flags::{Given, flag};
use crate::helm::places::Places;
use crate::helm::repositories::{self, Update};
use crate::waiting::block_on;

pub(in crate::helm) const COMMAND: Command = Command {
    path: &["helm", "repo", "update|up"],
    usage: "[REPO1 [REPO2 ...]] [flags]",
    about: "fetch the indexes of chart repositories anew",
    flags: &[&[flag("timeout", Ignored, "without effect: a server may be silent for two minutes")]],
    run,
};

fn run(given: &Given, arguments: &[String], out: &mut dyn Write) -> anyhow::Result<()> {
    let places = Places::of(given);
    let mut entries = repositories::read(&places)?.repositories;
    if entries.is_empty() {
        bail!("no repositories found. You must add one before updating");
    }
    if let Some(name) = arguments.iter().find(|name| !entries.iter().any(|entry| entry.name == **name)) {
        bail!("no repositories found matching '{name}'.  Nothing will be updated");
    }
    entries.retain(|entry| arguments.is_empty() || arguments.contains(&entry.name));
    for entry in &entries {
        repositories::site(entry)?;
    }
    writeln!(out, "Hang tight while we grab the latest from your chart repositories...")?;
    out.flush()?;
    let updates = block_on(async { Ok(repositories::update_all(&places.repository_cache, entries).await) })?;
    let mut failed = Vec::new();
    for Update { entry, result } in updates {
        match result {
            Ok(()) => {
                writeln!(out, "...Successfully got an update from the {:?} chart repository", entry.name)?;
            }
            Err(error) => {
                writeln!(
                    out,
                    "...Unable to get an update from the {:?} chart repository ({}):\n\t{error:#}",
                    entry.name, entry.url
                )?;
                failed.push(entry.url);
            }
        }
    }
    if !failed.is_empty() {
        bail!("failed to update the following repositories: [{}]", failed.join(" "));
    }
    writeln!(out, "Update Complete. ⎈Happy Helming!⎈")?;
    Ok(())
}
