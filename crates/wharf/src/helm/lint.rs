//! `helm lint`

use std::io::Write;
use std::path::{Path, PathBuf, absolute};

use anyhow::{anyhow, bail};
use wharf_chart::lint::{Place, Places, Report, lint, summary};
use wharf_chart::{File, Limits, load_folder, unpack_archive};
use wharf_engine::KubeVersion;

use super::files::plain;
use super::namespace::namespace;
use super::tables;
use super::values::{reason, sources};
use crate::chart::{Rendering, folder};
use crate::cobra::Command;
use crate::cobra::flags::Kind::{Switch, Text};
use crate::cobra::flags::{Given, flag};
use crate::pointing;

pub(super) const COMMAND: Command = Command {
    path: &["helm", "lint"],
    usage: "PATH [flags]",
    about: "look for problems in charts",
    flags: &[
        &[
            flag("kube-version", Text, "the version of Kubernetes that the cluster is taken to have"),
            flag("quiet", Switch, "show warnings and errors only"),
            flag("skip-schema-validation", Switch, "do not hold the values against values.schema.json"),
            flag("strict", Switch, "warnings fail, too"),
            flag("with-subcharts", Switch, "look at the charts under charts/, too"),
        ],
        tables::VALUES,
    ],
    run,
};

fn run(given: &Given, arguments: &[String], out: &mut dyn Write) -> anyhow::Result<()> {
    if arguments.is_empty() {
        return COMMAND.wrong_arguments("requires at least 1 argument");
    }
    let mut engine = Rendering {
        namespace: namespace(given),
        skip_schema_validation: given.is_on("skip-schema-validation"),
        ..Rendering::default()
    };
    if let Some(text) = given.text("kube-version").filter(|text| !text.is_empty()) {
        engine.kube_version =
            KubeVersion::parse(text).map_err(|error| anyhow!("invalid kube version '{text}': {error}"))?;
    }
    engine.values = sources(given).read()?;
    let mut paths: Vec<PathBuf> = arguments.iter().map(PathBuf::from).collect();
    if given.is_on("with-subcharts") {
        for path in arguments {
            subcharts(&plain(&Path::new(path).join("charts")), &mut paths);
        }
    }
    let quiet = given.is_on("quiet");
    let (mut failed, mut told) = (0, false);
    for path in &paths {
        let shown = path.display().to_string();
        let report = check(path, &engine);
        let fails = report.as_ref().map_or(true, |checked| checked.report.fails(given.is_on("strict")));
        failed += usize::from(fails);
        let text = match report {
            Ok(Checked { report, files }) => {
                super::tell(&report.log);
                if report.fails(false) && pointing::is_wanted() {
                    pointing::show_spots(&engine.spots(&files));
                }
                report.text(&shown, quiet)
            }
            Err(error) => format!("==> Linting {shown}\nError {error:#}\n\n"),
        };
        told |= !text.is_empty();
        out.write_all(text.as_bytes())?;
    }
    let summary = summary(paths.len(), failed);
    if failed > 0 {
        bail!(summary);
    }
    if !quiet || told {
        writeln!(out, "{summary}")?;
    }
    Ok(())
}

/// A chart that was checked.
struct Checked {
    report: Report,
    /// Its files, as far as they can be read.
    files: Vec<File>,
}

fn check(path: &Path, engine: &Rendering) -> anyhow::Result<Checked> {
    let name = path.to_string_lossy();
    let (places, files) = match name.ends_with(".tgz") || name.ends_with(".tar.gz") {
        true => {
            let archive = std::fs::read(path)
                .map_err(|error| anyhow!("unable to open tarball: open {name}: {}", reason(&error)))?;
            let files = unpack_archive(&archive, &Limits::default())
                .map_err(|error| anyhow!("unable to extract tarball: {error}"))?;
            (Places::of(&files), Ok(files))
        }
        false => {
            let description = plain(&path.join("Chart.yaml"));
            if let Err(error) = std::fs::metadata(&description) {
                let description = description.display();
                bail!("unable to check Chart.yaml file in chart: stat {description}: {}", reason(&error));
            }
            (Places::find(|name| place(&path.join(name)))?, folder::read(path))
        }
    };
    let files = files.map_err(|error| error.root_cause().to_string());
    let chart = files
        .as_ref()
        .map_err(Clone::clone)
        .and_then(|files| load_folder(files.iter().cloned()).map_err(|error| error.to_string()));
    let report = lint(&absolute(path)?.display().to_string(), &places, &chart, &engine.options(), engine)?;
    Ok(Checked { report, files: files.unwrap_or_default() })
}

/// Says what lies there, and reads it if it is a file.
fn place(path: &Path) -> anyhow::Result<Place> {
    match std::fs::metadata(path) {
        Ok(metadata) if metadata.is_dir() => Ok(Place::Folder),
        Ok(metadata) => {
            let (size, max) = (metadata.len(), Limits::default().max_file_bytes);
            if size > max {
                bail!("{} has {size} bytes, at most {max} are allowed in a chart", path.display());
            }
            let failed = |error: std::io::Error| anyhow!("open {}: {}", path.display(), reason(&error));
            Ok(Place::File(std::fs::read(path).map_err(failed)?.into()))
        }
        Err(_) => Ok(Place::Empty),
    }
}

/// Adds the chart folders and archives below a folder.
fn subcharts(folder: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    let mut paths: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.sort();
    for path in paths {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if path.is_dir() && !path.is_symlink() {
            subcharts(&path, found);
        } else if name == "Chart.yaml" {
            found.push(folder.to_owned());
        } else if name.ends_with(".tgz") || name.ends_with(".tar.gz") {
            found.push(path);
        }
    }
}
