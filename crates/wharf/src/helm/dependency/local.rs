//! Charts in folders beside the chart that wants them.

use std::path::{Component, Path, PathBuf};

use anyhow::bail;

/// Returns the folder that `file://PATH` or a path below the chart means.
pub(super) fn folder(repository: &str, chart: &Path) -> anyhow::Result<PathBuf> {
    let path = repository.strip_prefix("file://").unwrap_or(repository);
    let folder = if path.starts_with('/') { plain(path.as_ref()) } else { plain(&chart.join(path)) };
    match std::fs::metadata(&folder) {
        Ok(_) => Ok(folder),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            bail!("directory {} not found", folder.display())
        }
        Err(error) => bail!("stat {}: {error}", folder.display()),
    }
}

/// Go's `filepath.Clean`: no `.`, and `..` only where nothing stands before it.
pub(super) fn plain(path: &Path) -> PathBuf {
    let mut parts: Vec<Component<'_>> = Vec::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => match parts.last() {
                Some(Component::Normal(_)) => {
                    parts.pop();
                }
                Some(Component::RootDir) => {}
                _ => parts.push(part),
            },
            part => parts.push(part),
        }
    }
    if parts.is_empty() { PathBuf::from(".") } else { parts.iter().collect() }
}
