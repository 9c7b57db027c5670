//! `helm pull`

use std::io::Write;
use std::path::Path;

use super::access::Access;
use super::files::{check_free, plain, unpack, write_whole};
use super::find::{self, Remote};
use super::{chart, tables};
use crate::cobra::Command;
use crate::cobra::flags::Kind::{Switch, Text};
use crate::cobra::flags::{Given, flag, short};
use crate::waiting::block_on;

pub(super) const COMMAND: Command = Command {
    path: &["helm", "pull|fetch"],
    usage: "[chart URL | repo/chartname] [...] [flags]",
    about: "download charts from registries, repositories or addresses",
    flags: &[
        &[
            short('d', "destination", Text, "the folder to write to"),
            flag("prov", Switch, "fetch the provenance file, too, without verifying it"),
            flag("untar", Switch, "unpack the chart"),
            flag("untardir", Text, "with --untar: the folder to unpack into, below the destination"),
        ],
        tables::SOURCE,
        tables::ACCESS,
    ],
    run,
};

fn run(given: &Given, arguments: &[String], out: &mut dyn Write) -> anyhow::Result<()> {
    if arguments.is_empty() {
        return COMMAND.wrong_arguments("requires at least 1 argument");
    }
    let access = Access::of(given);
    block_on(async {
        for name in arguments {
            let notes = pull(&access, given, name, out).await?;
            out.write_all(notes.as_bytes())?;
        }
        Ok(())
    })
}

/// Pulls one chart and returns what is to be told when all went well.
async fn pull(access: &Access, given: &Given, name: &str, out: &mut dyn Write) -> anyhow::Result<String> {
    let version = chart::wanted_version(given);
    let remote = match given.text("repo").filter(|url| !url.is_empty()) {
        Some(repository) => find::find_in(access, repository, name, version).await?,
        None => find::find(access, name, version).await?,
    };
    let file_name = remote.file_name()?;
    let archive = remote.archive(out).await?;
    let mut notes = String::new();
    let provenance = provenance(given, &remote, name, &archive, &mut notes, out).await?;

    let destination = Path::new(given.text("destination").unwrap_or("."));
    if given.is_on("untar") {
        let below = Path::new(given.text("untardir").unwrap_or("."));
        let folder = plain(&destination.join(below));
        check_free(&plain(&folder.join(name.rsplit('/').next().unwrap_or_default())))?;
        unpack(&archive, &folder)?;
        return Ok(notes);
    }
    write_whole(&destination.join(&file_name), &archive)?;
    if let Some(provenance) = provenance {
        write_whole(&destination.join(format!("{file_name}.prov")), &provenance)?;
    }
    Ok(notes)
}

async fn provenance(
    given: &Given,
    remote: &Remote,
    name: &str,
    archive: &[u8],
    notes: &mut String,
    out: &mut dyn Write,
) -> anyhow::Result<Option<bytes::Bytes>> {
    if given.is_on("verify") {
        let (text, verified) = remote.verify(given, archive, out).await?;
        notes.push_str(&verified.text());
        return Ok(Some(text));
    }
    if !given.is_on("prov") {
        return Ok(None);
    }
    match remote.provenance(out).await {
        Ok(text) => Ok(Some(text)),
        Err(error) => {
            notes.push_str(&format!("WARNING: Verification not found for {name}: {error:#}\n"));
            Ok(None)
        }
    }
}
