//! `helm package`

use std::io::Write;
use std::path::{Path, absolute};

use anyhow::{Context, bail};
use wharf_chart::{DEFAULT_PACK_TIME, PackOptions, load_folder, pack};

use super::chart;
use super::files::write_whole;
use super::values::reason;
use crate::cobra::Command;
use crate::cobra::flags::Kind::{Ignored, Missing, MissingSwitch, Text};
use crate::cobra::flags::{Given, flag, short};
use crate::commands::publish::source_date_epoch;

pub(super) const COMMAND: Command = Command {
    path: &["helm", "package"],
    usage: "[CHART_PATH] [...] [flags]",
    about: "pack chart folders into archives, the same bytes for the same content",
    flags: &[&[
        flag("app-version", Text, "the appVersion instead of that in Chart.yaml"),
        flag("ca-file", Missing, ""),
        flag("cert-file", Missing, ""),
        short('u', "dependency-update", MissingSwitch, ""),
        short('d', "destination", Text, "the folder for the archives"),
        flag("insecure-skip-tls-verify", MissingSwitch, ""),
        flag("key", Missing, ""),
        flag("key-file", Missing, ""),
        flag("keyring", Ignored, ""),
        flag("passphrase-file", Missing, ""),
        flag("password", Missing, ""),
        flag("plain-http", MissingSwitch, ""),
        flag("sign", MissingSwitch, ""),
        flag("username", Missing, ""),
        flag("version", Text, "the version instead of that in Chart.yaml"),
    ]],
    run,
};

fn run(given: &Given, arguments: &[String], out: &mut dyn Write) -> anyhow::Result<()> {
    if arguments.is_empty() {
        bail!("need at least one argument, the path to the chart");
    }
    let text = |name| given.text(name).filter(|text| !text.is_empty()).map(str::to_owned);
    let options = PackOptions {
        version: text("version"),
        app_version: text("app-version"),
        modified: source_date_epoch()?.unwrap_or(DEFAULT_PACK_TIME),
    };
    let destination = given.text("destination").unwrap_or(".");
    for name in arguments {
        let path = Path::new(name);
        if let Err(error) = std::fs::metadata(path) {
            bail!("stat {name}: {}", reason(&error));
        }
        if !path.is_dir() {
            bail!("{name} is not a folder; it may be packed already");
        }
        let packed = pack(&load_folder(chart::files(path)?)?, &options)?;
        let folder = match destination {
            "." => absolute(".")?,
            folder => folder.into(),
        };
        let file = folder.join(&packed.file_name);
        std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        write_whole(&file, &packed.bytes).with_context(|| format!("cannot write {}", file.display()))?;
        writeln!(out, "Successfully packaged chart and saved it to: {}", file.display())?;
    }
    Ok(())
}
