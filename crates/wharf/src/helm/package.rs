//! `helm package`

use std::io::Write;
use std::path::{Path, absolute};

use anyhow::{Context, bail};
use wharf_chart::{DEFAULT_PACK_TIME, PackOptions, load_folder, pack};

use super::access::Access;
use super::chart;
use super::dependency::{Manager, Verify};
use super::files::write_whole;
use super::provenance::Signer;
use super::values::reason;
use crate::cobra::Command;
use crate::cobra::flags::Kind::{Switch, Text};
use crate::cobra::flags::{Given, flag, short};
use crate::commands::publish::source_date_epoch;
use crate::waiting::block_on;

pub(super) const COMMAND: Command = Command {
    path: &["helm", "package"],
    usage: "[CHART_PATH] [...] [flags]",
    about: "pack chart folders into archives, the same bytes for the same content",
    flags: &[
        &[
            flag("app-version", Text, "the appVersion instead of that in Chart.yaml"),
            short('u', "dependency-update", Switch, "fetch the charts that Chart.yaml wants first"),
            short('d', "destination", Text, "the folder for the archives"),
            flag("key", Text, "the name of the key to sign with"),
            flag("keyring", Text, "the keyring that has the key"),
            flag("passphrase-file", Text, "a file with the passphrase of the key, - for standard input"),
            flag("sign", Switch, "sign the archive: write a provenance file beside it"),
            flag("version", Text, "the version instead of that in Chart.yaml"),
        ],
        super::tables::ACCESS,
    ],
    run,
};

fn run(given: &Given, arguments: &[String], out: &mut dyn Write) -> anyhow::Result<()> {
    if arguments.is_empty() {
        bail!("need at least one argument, the path to the chart");
    }
    let signer = if given.is_on("sign") { Some(Signer::of(given, out)?) } else { None };
    let text = |name| given.text(name).filter(|text| !text.is_empty()).map(str::to_owned);
    let options = PackOptions {
        version: text("version"),
        app_version: text("app-version"),
        modified: source_date_epoch()?.unwrap_or(DEFAULT_PACK_TIME),
        ..PackOptions::default()
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
        if given.is_on("dependency-update") {
            let manager = Manager {
                chart: absolute(path)?,
                access: Access::of(given),
                skip_refresh: false,
                debug: false,
                verify: Verify::Never,
            };
            // What is pulled is not told, since the path of the archive is what is read here.
            block_on(manager.update(&mut std::io::sink()))?;
        }
        let loaded = load_folder(chart::files(path)?)?;
        loaded.check_api_version()?;
        let packed = pack(&loaded, &options)?;
        // Signed before anything is written: without its provenance file the archive is not wanted.
        let provenance = match &signer {
            Some(signer) => Some(signer.provenance(&packed.metadata, &packed.file_name, &packed.bytes)?),
            None => None,
        };
        let folder = match destination {
            "." => absolute(".")?,
            folder => folder.into(),
        };
        let file = folder.join(&packed.file_name);
        std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        write_whole(&file, &packed.bytes).with_context(|| format!("cannot write {}", file.display()))?;
        if let Some(provenance) = provenance {
            let beside = folder.join(format!("{}.prov", packed.file_name));
            write_whole(&beside, provenance.as_bytes())?;
        }
        writeln!(out, "Successfully packaged chart and saved it to: {}", file.display())?;
    }
    Ok(())
}
