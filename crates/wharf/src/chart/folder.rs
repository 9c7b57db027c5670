//! The files of a chart folder.

use std::fs;
use std::io::Read;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, bail};
use wharf_chart::{File, IgnoreRules, Limits};

/// Folders in folders beyond this depth are a mistake or a circle of links.
const MAX_DEPTH: usize = 64;

/// Reads the files of a chart folder that `.helmignore` leaves in. Links are followed inside the chart only.
pub(crate) fn read(root: &Path) -> anyhow::Result<Vec<File>> {
    read_telling(root, &mut |_| {})
}

/// As [`read`], and tells of each file as soon as it is read.
pub(crate) fn read_telling(root: &Path, tell: &mut dyn FnMut(&File)) -> anyhow::Result<Vec<File>> {
    let real_root = fs::canonicalize(root).with_context(|| format!("cannot read {}", root.display()))?;
    let ignore = match fs::read(root.join(".helmignore")) {
        Ok(text) => Some(text),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => {
            return Err(error).with_context(|| format!("cannot read {}", root.join(".helmignore").display()));
        }
    };
    let rules = IgnoreRules::for_chart(ignore.as_deref())
        .with_context(|| format!("{} cannot be used", root.join(".helmignore").display()))?;
    let mut walk = Walk { real_root, rules, limits: Limits::default(), files: Vec::new(), bytes: 0, tell };
    walk.folder(root, "", 0)?;
    Ok(walk.files)
}

struct Walk<'t> {
    real_root: PathBuf,
    rules: IgnoreRules,
    limits: Limits,
    files: Vec<File>,
    bytes: u64,
    tell: &'t mut dyn FnMut(&File),
}

impl Walk<'_> {
    fn folder(&mut self, folder: &Path, prefix: &str, depth: usize) -> anyhow::Result<()> {
        if depth > MAX_DEPTH {
            bail!("{} lies more than {MAX_DEPTH} folders deep", folder.display());
        }
        let failed = || format!("cannot read {}", folder.display());
        let mut entries: Vec<_> = fs::read_dir(folder).with_context(failed)?.collect::<Result<_, _>>()?;
        entries.sort_by_cached_key(fs::DirEntry::file_name);
        for entry in entries {
            let path = entry.path();
            let name = entry.file_name();
            let Some(name) = name.to_str() else { bail!("the name of {} is not UTF-8", path.display()) };
            let name = if prefix.is_empty() { name.to_owned() } else { format!("{prefix}/{name}") };
            let mut kind = entry.file_type()?;
            if kind.is_symlink() {
                let is_ignored = self.rules.ignores(&name, false);
                if !is_ignored {
                    self.check_link(&path)?;
                }
                kind = match fs::metadata(&path) {
                    Ok(metadata) => metadata.file_type(),
                    Err(_) if is_ignored => continue,
                    Err(error) => {
                        return Err(error).with_context(|| format!("cannot read {}", path.display()));
                    }
                };
            }
            if self.rules.ignores(&name, kind.is_dir()) {
                continue;
            }
            if kind.is_dir() {
                self.folder(&path, &name, depth + 1)?;
            } else if kind.is_file() {
                self.file(&path, name)?;
            } else {
                bail!("{} is neither a file nor a folder", path.display());
            }
        }
        Ok(())
    }

    fn check_link(&self, path: &Path) -> anyhow::Result<()> {
        let target = match fs::canonicalize(path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let path = std::path::absolute(path)?;
                let (path, missing) = (path.display(), missing(&path)?);
                bail!(
                    "error evaluating symlink {path}: lstat {}: no such file or directory",
                    missing.display()
                );
            }
            other => other.with_context(|| format!("cannot read link {}", path.display()))?,
        };
        if !target.starts_with(&self.real_root) {
            bail!("link {} leads out of the chart, to {}", path.display(), target.display());
        }
        Ok(())
    }

    fn file(&mut self, path: &Path, name: String) -> anyhow::Result<()> {
        let failed = || format!("cannot read {}", path.display());
        let mut file = fs::File::open(path).with_context(failed)?;
        let size = file.metadata().with_context(failed)?.len();
        // Archives of subcharts may be larger than a file; what they hold is counted by who unpacks them.
        let max = if name.starts_with("charts/") {
            self.limits.max_chart_bytes
        } else {
            self.limits.max_file_bytes
        };
        if size > max {
            bail!("{} has {size} bytes, at most {max} are allowed in a chart", path.display());
        }
        self.bytes += size;
        if self.bytes > self.limits.max_chart_bytes || self.files.len() >= self.limits.max_files {
            bail!(
                "the chart is larger than {} bytes in {} files; is something missing in .helmignore?",
                self.limits.max_chart_bytes,
                self.limits.max_files
            );
        }
        // Read where it stays, without a copy.
        let size = usize::try_from(size).with_context(failed)?;
        let mut data: Arc<[u8]> = std::iter::repeat_n(0, size).collect();
        file.read_exact(Arc::get_mut(&mut data).expect("nobody else holds what was just made"))
            .with_context(failed)?;
        let file = File::new(name, data);
        (self.tell)(&file);
        self.files.push(file);
        Ok(())
    }
}

/// Returns the first folder or file on a link's way that is not there.
fn missing(link: &Path) -> anyhow::Result<PathBuf> {
    let target = link.parent().unwrap_or(link).join(fs::read_link(link)?);
    let mut way = PathBuf::new();
    for part in target.components() {
        match part {
            Component::ParentDir => drop(way.pop()),
            part => way.push(part),
        }
        if fs::symlink_metadata(&way).is_err() {
            break;
        }
    }
    Ok(way)
}
