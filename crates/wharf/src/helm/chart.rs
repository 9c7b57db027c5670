//! Finding and reading the chart that a command names.

use std::path::{Path, absolute};

use anyhow::{anyhow, bail};
use wharf_chart::{Chart, File, Limits, load_archive, load_folder, unpack_archive};

use super::values::reason;
use crate::chart::folder;

/// The longest archive, in bytes.
const MAX_ARCHIVE: u64 = 128 << 20;

/// Reads the chart of that name: a folder or a packed chart.
pub(super) fn load(name: &str) -> anyhow::Result<Chart> {
    let path = locate(name.trim())?;
    if path.is_dir() { Ok(load_folder(files(path)?)?) } else { Ok(load_archive(&archive(path)?)?) }
}

/// Returns the files of a chart folder or a packed chart.
pub(super) fn files(path: &Path) -> anyhow::Result<Vec<File>> {
    if !path.is_dir() {
        return Ok(unpack_archive(&archive(path)?, &Limits::default())?);
    }
    let description = absolute(path)?.join("Chart.yaml");
    if let Err(error) = std::fs::metadata(&description) {
        let description = description.display();
        bail!("unable to detect chart at {description}: open {description}: {}", reason(&error));
    }
    folder::read(path)
}

fn archive(path: &Path) -> anyhow::Result<Vec<u8>> {
    let failed = |error: std::io::Error| anyhow!("open {}: {}", path.display(), reason(&error));
    let size = std::fs::metadata(path).map_err(failed)?.len();
    if size > MAX_ARCHIVE {
        bail!("{} has {size} bytes, a packed chart may have {MAX_ARCHIVE}", path.display());
    }
    std::fs::read(path).map_err(failed)
}

pub(super) fn locate(name: &str) -> anyhow::Result<&Path> {
    let path = Path::new(name);
    if !name.is_empty() && path.exists() {
        return Ok(path);
    }
    if path.is_absolute() || name.starts_with('.') {
        bail!("path {name:?} not found");
    }
    if let Some((scheme, _)) = name.split_once("://") {
        bail!("{name}: charts from {scheme}:// are not built in wharf helm yet; give a folder or an archive");
    }
    match name.split_once('/') {
        None => bail!("non-absolute URLs should be in form of repo_name/path_to_chart, got: {name}"),
        Some((repository, _)) => {
            bail!(
                "there is no chart at {name}, and chart repositories ({repository}) are not built in wharf helm yet"
            )
        }
    }
}
