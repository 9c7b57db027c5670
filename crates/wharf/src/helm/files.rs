//! Files that appear whole or not at all.

use std::io::Write;
use std::path::{Component, Path, PathBuf};

use anyhow::{Context, anyhow, bail};
use wharf_chart::{Limits, Metadata, unpack_archive};

use super::values::reason;

/// Writes a file so that nobody ever sees a part of it; a link in its place is replaced, not followed.
pub(super) fn write_whole(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    write_with_mode(path, bytes, 0o644)
}

/// As [`write_whole`], for what nobody else may read.
pub(super) fn write_private(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    write_with_mode(path, bytes, 0o600)
}

fn write_with_mode(path: &Path, bytes: &[u8], mode: u32) -> anyhow::Result<()> {
    let failed = |error: std::io::Error| anyhow!("open {}: {}", path.display(), reason(&error));
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let mut file =
        tempfile::NamedTempFile::new_in(folder.unwrap_or_else(|| Path::new("."))).map_err(failed)?;
    file.write_all(bytes).map_err(failed)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        file.as_file().set_permissions(std::fs::Permissions::from_mode(mode)).map_err(failed)?;
    }
    file.persist(path).map_err(|error| failed(error.error))?;
    Ok(())
}

/// A path without `.` and, where a name stands before it, `..`, as Go's `filepath.Join` makes it.
pub(super) fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if matches!(plain.components().next_back(), Some(Component::Normal(_))) => {
                plain.pop();
            }
            // Above the root there is nothing.
            Component::ParentDir if plain.has_root() => {}
            part => plain.push(part),
        }
    }
    if plain.as_os_str().is_empty() { PathBuf::from(".") } else { plain }
}

/// Returns the name of a file to be written: one part of a path, and no other folder.
pub(super) fn file_name(text: &str) -> anyhow::Result<&str> {
    let name = text.rsplit('/').next().unwrap_or_default();
    if matches!(name, "" | "." | "..") || name.contains(['\0', '\\']) {
        bail!("{text:?} does not end with the name of a file");
    }
    Ok(name)
}

/// Unpacks a chart into a folder of its name below `folder`, which must not be there yet. All of it appears, or nothing.
pub(super) fn unpack(archive: &[u8], folder: &Path) -> anyhow::Result<PathBuf> {
    let files = unpack_archive(archive, &Limits::default())?;
    let description = files.iter().find(|file| file.name == "Chart.yaml");
    let name = match description {
        Some(file) => Metadata::from_yaml(&file.data).context("cannot load Chart.yaml")?.name,
        None => String::new(),
    };
    match name.as_str() {
        "" => bail!("chart name not specified"),
        "." | ".." => bail!("chart name {name:?} is not allowed"),
        name if name.contains(['/', '\\', '\0']) => {
            bail!("chart name {name:?} must not contain path separators")
        }
        _ => {}
    }
    let target = folder.join(&name);
    check_free(&target)?;
    let failed = || format!("cannot write {}", target.display());
    std::fs::create_dir_all(folder).context("failed to untar (mkdir)")?;
    let beside = tempfile::Builder::new().prefix(".untar-").tempdir_in(folder).with_context(failed)?;
    for file in &files {
        // Archives give no links, so nothing written before can lead elsewhere.
        let path = beside.path().join("chart").join(&file.name);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).with_context(failed)?;
        }
        std::fs::write(&path, &file.data).with_context(|| format!("cannot write {}", path.display()))?;
    }
    std::fs::rename(beside.path().join("chart"), &target).with_context(failed)?;
    Ok(target)
}

/// Fails if there is something where a chart is to be unpacked.
pub(super) fn check_free(target: &Path) -> anyhow::Result<()> {
    if target.symlink_metadata().is_ok() {
        bail!("failed to untar: a file or directory with the name {} already exists", target.display());
    }
    Ok(())
}
