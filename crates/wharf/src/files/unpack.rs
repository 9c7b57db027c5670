//! Layers back to files, never outside of the folder that was asked for.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Component, Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::{Context, bail, ensure};
use flate2::read::MultiGzDecoder;
use wharf_oci::{Digest, Digester};

use super::pack::failed;

/// Why a layer is not written where its name says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refused {
    /// The name leads out of the folder.
    #[error("path traversal disallowed")]
    Traversal,
    /// There is something already.
    #[error("overwrite disallowed")]
    Overwrite,
}

/// Returns where the layer `name` is written below `folder`.
///
/// # Errors
/// [`Refused::Traversal`] for a name that leads out of the folder, by its parts or through a link that is there, unless
/// that is allowed.
pub(crate) fn place(folder: &Path, name: &str, traversal: bool) -> anyhow::Result<PathBuf> {
    let folder = std::path::absolute(folder)?;
    let path = clean(&folder.join(name));
    if traversal {
        return Ok(path);
    }
    let base = clean(&folder);
    ensure!(path != base && path.starts_with(&base), Refused::Traversal);
    // What exists of the way must be inside as well.
    let mut existing = path.parent();
    while let Some(parent) = existing.filter(|parent| parent.starts_with(&base)) {
        if let Ok(real) = parent.canonicalize() {
            let base = base.canonicalize().with_context(|| base.display().to_string())?;
            ensure!(real.starts_with(&base), Refused::Traversal);
            break;
        }
        existing = parent.parent();
    }
    Ok(path)
}

/// Takes `.` and `..` out of an absolute path by its parts alone.
fn clean(path: &Path) -> PathBuf {
    let mut clean = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                clean.pop();
            }
            part => clean.push(part),
        }
    }
    clean
}

/// What an archive may unpack to in any case, in bytes, and how many times its own size beyond that: a bomb made of
/// zeros grows about a thousand times.
const UNPACKED_FLOOR: u64 = 256 << 20;
const UNPACKED_RATIO: u64 = 200;

/// Unpacks the gzipped tar at `archive`, whose entries stand below `name`, into `folder`.
///
/// Entries that lead out of the folder, through a link or past it, are refused, as are links that do
/// (GHSA-g5v4-5x39-vwhx, GHSA-fxhp-mv3v-67qp, GHSA-8xwf-rjm4-xvhv).
pub(crate) fn unpack(
    archive: &Path,
    name: &str,
    folder: &Path,
    expected: Option<&Digest>,
) -> anyhow::Result<()> {
    let packed = fs::metadata(archive).map_err(|error| failed("stat", archive, &error))?.len();
    let limit = UNPACKED_FLOOR.saturating_add(packed.saturating_mul(UNPACKED_RATIO));
    unpack_within(archive, name, folder, expected, limit)
}

fn unpack_within(
    archive: &Path,
    name: &str,
    folder: &Path,
    expected: Option<&Digest>,
    limit: u64,
) -> anyhow::Result<()> {
    fs::create_dir_all(folder).map_err(|error| failed("mkdir", folder, &error))?;
    let file = File::open(archive).map_err(|error| failed("open", archive, &error))?;
    let digester = expected.and_then(|expected| expected.algorithm()).map(Digester::new);
    let inner = MultiGzDecoder::new(io::BufReader::new(file));
    let mut reader = Sum { inner, digester, left: limit, limit };
    let mut tar = tar::Archive::new(&mut reader);
    for entry in tar.entries()? {
        let mut entry = entry?;
        extract(&mut entry, name, folder)?;
    }
    io::copy(&mut reader, &mut io::sink())?;
    if let (Some(digester), Some(expected)) = (reader.digester, expected) {
        let computed = digester.finish();
        ensure!(computed == *expected, "content digest mismatch: {computed}, expected {expected}");
    }
    Ok(())
}

fn extract<R: Read>(entry: &mut tar::Entry<'_, R>, name: &str, folder: &Path) -> anyhow::Result<()> {
    let entry_name = entry.path().context("an entry's name cannot be read")?.into_owned();
    let inside = relative(&entry_name, name, folder)?;
    let path = folder.join(&inside);
    no_link_on_the_way(folder, &inside, &entry_name)?;
    let mode = entry.header().mode().unwrap_or(0o644) & 0o777;
    match entry.header().entry_type() {
        tar::EntryType::Regular | tar::EntryType::Continuous => {
            write(entry, &path, mode).map_err(|error| failed("open", &path, &error))?;
        }
        tar::EntryType::Directory => {
            let made = DirBuilder::new().recursive(true).mode(mode | 0o700).create(&path);
            made.map_err(|error| failed("mkdir", &path, &error))?;
        }
        tar::EntryType::Symlink => {
            let target = link_target(entry, &entry_name)?;
            let from = inside.parent().unwrap_or_else(|| Path::new(""));
            ensure!(
                stays_inside(&clean(&folder.join(from).join(&target)), folder),
                "{:?} is outside of {name:?}",
                target.display()
            );
            remove_file(&path)?;
            std::os::unix::fs::symlink(&target, &path).map_err(|error| failed("symlink", &path, &error))?;
            return Ok(());
        }
        tar::EntryType::Link => {
            // Named from the root of the archive, as every tar does it.
            let target = relative(&link_target(entry, &entry_name)?, name, folder)?;
            no_link_on_the_way(folder, &target, &entry_name)?;
            let target = folder.join(target);
            let about = fs::symlink_metadata(&target).map_err(|error| failed("lstat", &target, &error))?;
            ensure!(about.is_file(), "{} links to {}, which is no file", path.display(), target.display());
            remove_file(&path)?;
            fs::hard_link(&target, &path).map_err(|error| failed("link", &path, &error))?;
        }
        // Devices and the like are passed over.
        _ => return Ok(()),
    }
    if let Ok(modified) = entry.header().mtime() {
        let modified = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(modified));
        // A time that cannot be set is no reason to fail.
        let _ = File::open(&path).map(|file| modified.map(|modified| file.set_modified(modified)));
    }
    Ok(())
}

fn link_target<R: Read>(entry: &tar::Entry<'_, R>, name: &Path) -> anyhow::Result<PathBuf> {
    let Some(target) = entry.link_name()? else { bail!("link {} leads nowhere", name.display()) };
    Ok(target.into_owned())
}

/// Returns the path of an entry below the folder. Names stand below `name`; absolute ones below the folder itself.
fn relative(entry: &Path, name: &str, folder: &Path) -> anyhow::Result<PathBuf> {
    let (base, full) = if entry.is_absolute() {
        (clean(&std::path::absolute(folder)?), clean(entry))
    } else {
        // Any root will do to see where the parts lead.
        let root = Path::new("/");
        (clean(&root.join(name)), clean(&root.join(entry)))
    };
    match full.strip_prefix(&base) {
        Ok(inside) => Ok(inside.to_owned()),
        Err(_) => bail!("{:?} is outside of {name:?}", entry.display()),
    }
}

fn stays_inside(path: &Path, folder: &Path) -> bool {
    std::path::absolute(folder).is_ok_and(|folder| path.starts_with(clean(&folder)))
}

fn no_link_on_the_way(folder: &Path, inside: &Path, entry: &Path) -> anyhow::Result<()> {
    let mut at = folder.to_owned();
    for part in inside.parent().unwrap_or_else(|| Path::new("")).components() {
        at.push(part);
        match fs::symlink_metadata(&at) {
            Ok(about) if about.is_symlink() => {
                bail!("no symbolic link allowed between {} and {}", folder.display(), entry.display())
            }
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => break,
            Err(error) => return Err(failed("lstat", &at, &error)),
        }
    }
    Ok(())
}

/// Writes a file anew: what was there is replaced, not followed.
fn write(content: &mut impl Read, path: &Path, mode: u32) -> io::Result<()> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?;
    io::copy(content, &mut file).map(drop)
}

fn remove_file(path: &Path) -> anyhow::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed("remove", path, &error)),
        _ => Ok(()),
    }
}

/// A reader that hashes what passes.
struct Sum<R> {
    inner: R,
    digester: Option<Digester>,
    /// The bytes that may still come, of `limit`.
    left: u64,
    limit: u64,
}

impl<R: Read> Read for Sum<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.left = self.left.checked_sub(read as u64).ok_or_else(|| {
            let limit = self.limit;
            io::Error::other(format!("it unpacks to more than {limit} bytes, which is no sane compression"))
        })?;
        if let Some(digester) = &mut self.digester {
            digester.update(&buffer[..read]);
        }
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn a_bomb_is_given_up_at_the_limit() {
        let folder = tempfile::TempDir::new().unwrap();
        let archive = folder.path().join("bomb.tar.gz");
        let gzip =
            flate2::write::GzEncoder::new(File::create(&archive).unwrap(), flate2::Compression::best());
        let mut tar = tar::Builder::new(gzip);
        let mut header = tar::Header::new_gnu();
        header.set_size(4 << 20);
        header.set_mode(0o644);
        tar.append_data(&mut header, "app/zeros", io::repeat(0).take(4 << 20)).unwrap();
        tar.into_inner().unwrap().finish().unwrap();

        let into = |name: &str| folder.path().join(name);
        unpack_within(&archive, "app", &into("whole"), None, 8 << 20).unwrap();
        let error = unpack_within(&archive, "app", &into("cut"), None, 1 << 20).unwrap_err();
        assert!(format!("{error:#}").contains("unpacks to more than 1048576 bytes"), "{error:#}");
    }
}
