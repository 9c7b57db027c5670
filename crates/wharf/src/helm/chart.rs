//! Finding and reading the chart that a command names.

use std::io::Write;
use std::path::{Path, PathBuf, absolute};

use anyhow::{anyhow, bail};
use bytes::Bytes;
use wharf_chart::{Chart, File, Limits, load_archive, load_folder, unpack_archive};
use wharf_engine::Ahead;

use super::access::Access;
use super::dependency::{Manager, Verify};
use super::files::plain;
use super::values::reason;
use super::{find, provenance};
use crate::chart::folder;
use crate::cobra::flags::Given;
use crate::waiting::block_on;

/// The longest archive, in bytes.
pub(super) const MAX_ARCHIVE: u64 = 128 << 20;

/// A chart that was found.
pub(super) enum Found {
    /// A folder or an archive here.
    Here(PathBuf),
    /// An archive that was downloaded.
    Downloaded(Bytes),
}

impl Found {
    /// Reads it, and tells what its files say that is outdated.
    pub(super) fn load(&self) -> anyhow::Result<Chart> {
        Ok(told(self.read()?))
    }

    /// As [`Self::load`], and has the templates parsed while the rest is read.
    pub(super) fn load_ahead(&self, ahead: &mut Ahead) -> anyhow::Result<Chart> {
        match self {
            Self::Here(path) if path.is_dir() => {
                let mut parse = |file: &File| {
                    if file.name.starts_with("templates/") || file.name.contains("/templates/") {
                        ahead.parse(&file.data);
                    }
                };
                Ok(told(load_folder(files_telling(path, &mut parse)?)?))
            }
            _ => self.load(),
        }
    }

    fn read(&self) -> anyhow::Result<Chart> {
        match self {
            Self::Here(path) => read_path(path),
            Self::Downloaded(bytes) => Ok(load_archive(bytes)?),
        }
    }
}

/// Reads the chart of that name, wherever it is: here, in a registry, in a repository that was added, at an address.
pub(crate) fn load_anywhere(name: &str) -> anyhow::Result<Chart> {
    find(&Given::default(), name, &mut std::io::sink())?.read()
}

/// Finds the chart of that name: here, else as the flags say in a repository, a registry, or at an address.
pub(super) fn find(given: &Given, name: &str, out: &mut dyn Write) -> anyhow::Result<Found> {
    let name = name.trim();
    let repository = given.text("repo").filter(|url| !url.is_empty());
    if repository.is_none() {
        let path = Path::new(name);
        if !name.is_empty() && path.exists() {
            if given.is_on("verify") {
                provenance::check_file(given, &absolute(path)?)?;
            }
            return Ok(Found::Here(plain(&absolute(path)?)));
        }
        if path.is_absolute() || name.starts_with('.') {
            bail!("path {name:?} not found");
        }
    }
    let access = Access::of(given);
    let version = wanted_version(given);
    block_on(async {
        let remote = match repository {
            Some(url) => find::find_in(&access, url, name, version).await?,
            None => find::find(&access, name, version).await?,
        };
        let archive = remote.archive(out).await?;
        if given.is_on("verify") {
            remote.verify(given, &archive, out).await?;
        }
        Ok(Found::Downloaded(archive))
    })
}

/// Fetches the charts that a chart folder wants, and reads it again.
pub(super) fn with_dependencies(given: &Given, name: &str, out: &mut dyn Write) -> anyhow::Result<Chart> {
    let path = PathBuf::from(name.trim());
    let manager = Manager {
        chart: path.clone(),
        access: Access::of(given),
        skip_refresh: false,
        debug: given.is_on("debug"),
        verify: Verify::Never,
    };
    block_on(manager.update(out))?;
    load_path(&path)
}

/// Returns what `--version` says, or `--devel`.
pub(super) fn wanted_version(given: &Given) -> &str {
    match given.text("version").map(str::trim).filter(|version| !version.is_empty()) {
        Some(version) => version,
        None if given.is_on("devel") => ">0.0.0-0",
        None => "",
    }
}

/// Reads a folder or an archive, and tells what its files say that is outdated.
pub(super) fn load_path(path: &Path) -> anyhow::Result<Chart> {
    Ok(told(read_path(path)?))
}

fn told(chart: Chart) -> Chart {
    super::tell(&chart.all_warnings());
    chart
}

fn read_path(path: &Path) -> anyhow::Result<Chart> {
    if path.is_dir() { Ok(load_folder(files(path)?)?) } else { Ok(load_archive(&archive(path)?)?) }
}

/// As [`load_path`]; what is not there is told as Helm does it.
pub(super) fn load_any(path: &Path) -> anyhow::Result<Chart> {
    if let Err(error) = std::fs::metadata(path) {
        bail!("stat {}: {}", path.display(), reason(&error));
    }
    if path.is_dir() && !path.join("Chart.yaml").exists() {
        bail!("Chart.yaml file is missing");
    }
    load_path(path)
}

/// Returns the files of a chart folder or a packed chart.
pub(super) fn files(path: &Path) -> anyhow::Result<Vec<File>> {
    files_telling(path, &mut |_| {})
}

/// As [`files`], and tells of each file of a folder as soon as it is read.
fn files_telling(path: &Path, tell: &mut dyn FnMut(&File)) -> anyhow::Result<Vec<File>> {
    if !path.is_dir() {
        return Ok(unpack_archive(&archive(path)?, &Limits::default())?);
    }
    let description = absolute(path)?.join("Chart.yaml");
    if let Err(error) = std::fs::metadata(&description) {
        let description = description.display();
        bail!("unable to detect chart at {description}: open {description}: {}", reason(&error));
    }
    folder::read_telling(path, tell)
}

/// Reads a packed chart.
pub(super) fn archive(path: &Path) -> anyhow::Result<Vec<u8>> {
    let failed = |error: std::io::Error| anyhow!("open {}: {}", path.display(), reason(&error));
    let size = std::fs::metadata(path).map_err(failed)?.len();
    if size > MAX_ARCHIVE {
        bail!("{} has {size} bytes, a packed chart may have {MAX_ARCHIVE}", path.display());
    }
    let bytes = std::fs::read(path).map_err(failed)?;
    if !bytes.starts_with(b"\x1f\x8b\x08") {
        let name = path.display();
        if path.extension().is_some_and(|ending| ending == "yml" || ending == "yaml") {
            bail!("file '{name}' seems to be a YAML file, but expected a gzipped archive");
        }
        bail!("file '{name}' does not appear to be a gzipped archive; got '{}'", content_type(&bytes));
    }
    Ok(bytes)
}

/// Guesses a media type as browsers do, as far as it helps with what is not an archive.
fn content_type(bytes: &[u8]) -> &'static str {
    let start = &bytes[..bytes.len().min(512)];
    let is_binary = |byte: &u8| matches!(byte, 0..=8 | 0x0b | 0x0e..=0x1a | 0x1c..=0x1f);
    match start {
        start if start.starts_with(b"PK\x03\x04") => "application/zip",
        start if start.starts_with(b"%PDF-") => "application/pdf",
        start if start.iter().any(is_binary) => "application/octet-stream",
        _ => "text/plain; charset=utf-8",
    }
}
