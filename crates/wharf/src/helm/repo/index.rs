//! `helm repo index`

use std::io::Write;
use std::path::{Path, PathBuf, absolute};

use anyhow::{Context, anyhow};
use wharf_chart::{Index, IndexEntry, join_url, load_archive};
use wharf_oci::Algorithm;

use crate::cobra::Command;
use crate::cobra::flags::Kind::{Switch, Text};
use crate::cobra::flags::{Given, flag};
use crate::helm::files::write_whole;
use crate::helm::{chart, now, repositories};

pub(in crate::helm) const COMMAND: Command = Command {
    path: &["helm", "repo", "index"],
    usage: "[DIR] [flags]",
    about: "write index.yaml for the packed charts in a folder and one level below",
    flags: &[&[
        flag("json", Switch, "write JSON"),
        flag("merge", Text, "an index whose further charts are taken over"),
        flag("url", Text, "the address of the repository, put before the names of the archives"),
    ]],
    run,
};

fn run(given: &Given, arguments: &[String], _: &mut dyn Write) -> anyhow::Result<()> {
    let [folder] = arguments else { return COMMAND.wrong_arguments("requires 1 argument") };
    let folder = absolute(folder)?;
    let json = given.is_on("json");
    let mut index = of_folder(&folder, given.text("url").unwrap_or_default())?;
    if let Some(path) = given.text("merge").filter(|path| !path.is_empty()) {
        let path = Path::new(path);
        if path.exists() {
            index.merge(repositories::read_index(path).map_err(|error| anyhow!("merge failed: {error:#}"))?);
        } else {
            write(&Index::new(now()?), path, json)?;
        }
    }
    index.sort();
    write(&index, &folder.join("index.yaml"), json)
}

fn write(index: &Index, path: &Path, json: bool) -> anyhow::Result<()> {
    let text = if json { index.to_pretty_json() } else { index.to_yaml()? };
    write_whole(path, text.as_bytes())
}

/// Returns the index of the archives in a folder; what is no chart is passed over.
fn of_folder(folder: &Path, url: &str) -> anyhow::Result<Index> {
    let mut index = Index::new(now()?);
    for path in archives(folder)? {
        let Ok(bytes) = chart::archive(&path) else { continue };
        let Ok(loaded) = load_archive(&bytes) else { continue };
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let below = path
            .parent()
            .and_then(|parent| parent.strip_prefix(folder).ok())
            .unwrap_or_else(|| Path::new(""));
        let base = join_url(url, &below.to_string_lossy());
        let address = if base.is_empty() { name } else { join_url(&base, &name) };
        let digest = Algorithm::Sha256.digest(&bytes).to_string();
        let digest = digest.rsplit(':').next().unwrap_or_default();
        index.add(IndexEntry::new(loaded.metadata, address, digest, now()?));
    }
    Ok(index)
}

/// Returns the `.tgz` files in a folder, then those one level below, by name.
fn archives(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let sorted = |folder: &Path| -> anyhow::Result<Vec<PathBuf>> {
        let Ok(entries) = std::fs::read_dir(folder) else { return Ok(Vec::new()) };
        let mut paths: Vec<PathBuf> = entries
            .map(|entry| Ok(entry?.path()))
            .collect::<std::io::Result<_>>()
            .with_context(|| format!("cannot read {}", folder.display()))?;
        paths.sort();
        Ok(paths)
    };
    let is_archive = |path: &PathBuf| path.extension().is_some_and(|ending| ending == "tgz");
    let entries = sorted(folder)?;
    let mut found: Vec<PathBuf> = entries.iter().filter(|path| is_archive(path)).cloned().collect();
    for folder in entries.iter().filter(|path| path.is_dir()) {
        found.extend(sorted(folder)?.into_iter().filter(is_archive));
    }
    Ok(found)
}
