//! `helm dependency list`

use std::io::Write;
use std::path::{Path, PathBuf};

use wharf_chart::semver::{Constraint, Version};
use wharf_chart::{Chart, Dependency};

use super::chart_folder;
use crate::cobra::Command;
use crate::cobra::flags::Kind::Count;
use crate::cobra::flags::{Given, flag};
use crate::helm::chart;
use crate::helm::files::plain;
use crate::helm::table::Table;

pub(in crate::helm) const COMMAND: Command = Command {
    path: &["helm", "dependency|dep|dependencies", "list|ls"],
    usage: "CHART [flags]",
    about: "list the charts that a chart wants, and whether they are there",
    flags: &[&[flag("max-col-width", Count(80), "the widest column of the table")]],
    run,
};

fn run(given: &Given, arguments: &[String], out: &mut dyn Write) -> anyhow::Result<()> {
    let Some(path) = chart_folder(arguments) else {
        return COMMAND.wrong_arguments("accepts at most 1 argument");
    };
    let loaded = chart::load_any(&path)?;
    if !loaded.metadata.lists_dependencies {
        writeln!(out, "WARNING: no dependencies at {}", plain(&path.join("charts")).display())?;
        return Ok(());
    }
    let mut table = Table::new(usize::try_from(given.number("max-col-width")).unwrap_or_default());
    table.row(["NAME", "VERSION", "REPOSITORY", "STATUS"]);
    for wanted in loaded.metadata.wanted() {
        let status = status(&path, wanted, &loaded);
        table.row([wanted.name.as_str(), &wanted.version, &wanted.repository, status]);
    }
    writeln!(out, "{}\n", table.text())?;
    for path in entries(&path.join("charts")) {
        if !path.is_dir() && path.extension().is_none_or(|ending| ending != "tgz") {
            continue;
        }
        let shown = plain(&path).display().to_string();
        match chart::load_path(&path) {
            Err(_) => writeln!(out, "WARNING: {shown:?} is not a chart.")?,
            Ok(chart) if loaded.metadata.wanted().any(|wanted| wanted.name == chart.name()) => {}
            Ok(_) => writeln!(out, "WARNING: {shown:?} is not in Chart.yaml.")?,
        }
    }
    Ok(())
}

/// The entries of a folder by name, but for hidden ones.
fn entries(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.sort();
    paths
}

/// Says in one word how a dependency stands.
fn status(path: &Path, wanted: &Dependency, parent: &Chart) -> &'static str {
    let prefix = format!("{}-", wanted.name);
    let version = |path: &PathBuf| {
        let name = path.file_name()?.to_str()?;
        Some(name.strip_prefix(&prefix)?.strip_suffix(".tgz")?.to_owned())
    };
    let mut archives: Vec<(PathBuf, String)> = entries(&path.join("charts"))
        .into_iter()
        .filter_map(|path| version(&path).map(|version| (path, version)))
        .collect();
    if archives.len() > 1 {
        archives.retain(|(_, version)| Version::parse_strict(version).is_ok());
        if archives.len() > 1 {
            return "too many matches";
        }
    }
    if let Some((archive, _)) = archives.first() {
        let Ok(chart) = chart::load_path(archive) else { return "corrupt" };
        if chart.name() != wanted.name {
            return "misnamed";
        }
        return compared(&chart.metadata.version, &wanted.version).unwrap_or("ok");
    }
    match parent.dependencies.iter().rfind(|chart| chart.name() == wanted.name) {
        None => "missing",
        Some(chart) => compared(&chart.metadata.version, &wanted.version).unwrap_or("unpacked"),
    }
}

/// Says what is wrong with a version, if anything.
fn compared(found: &str, wanted: &str) -> Option<&'static str> {
    if found == wanted {
        return None;
    }
    let (Ok(range), Ok(version)) = (Constraint::parse(wanted), Version::parse(found)) else {
        return Some("invalid version");
    };
    (!range.matches(&version)).then_some("wrong version")
}
