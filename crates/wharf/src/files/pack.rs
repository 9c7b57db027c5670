//! From a file or folder to a layer.

use std::collections::BTreeMap;
use std::fs::{self, File, Metadata};
use std::io::{self, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use flate2::{Compression, GzBuilder};
use tempfile::NamedTempFile;
use wharf_oci::{Algorithm, Descriptor, Digest, Digester};

use super::tar::{self, Entry, Kind};
use super::{CONTENT_DIGEST, TITLE, UNPACK};

/// The media type of a file that was given none.
const FILE_TYPE: &str = "application/vnd.oci.image.layer.v1.tar";
/// The media type of a folder that was given none.
const FOLDER_TYPE: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

/// A layer and where its bytes are.
#[derive(Debug)]
pub(crate) struct Packed {
    pub(crate) descriptor: Descriptor,
    pub(crate) path: PathBuf,
    /// Removes a folder's archive in the end.
    _archive: Option<NamedTempFile>,
}

/// Packs the file or folder at `path` under `name`.
///
/// The tar of a folder has names in order and no owners, but the times and modes of its files.
pub(crate) fn pack(name: &str, media_type: Option<&str>, path: &Path) -> anyhow::Result<Packed> {
    pack_with(name, media_type, path, None)
}

/// Packs it so that the same content gives the same bytes: `modified`, in seconds since 1970, is the time of every
/// entry of a folder.
pub(crate) fn pack_at(
    name: &str,
    media_type: Option<&str>,
    path: &Path,
    modified: u64,
) -> anyhow::Result<Packed> {
    pack_with(name, media_type, path, Some(modified))
}

fn pack_with(
    name: &str,
    media_type: Option<&str>,
    path: &Path,
    modified: Option<u64>,
) -> anyhow::Result<Packed> {
    let path = std::path::absolute(path).with_context(|| path.display().to_string())?;
    let about = fs::metadata(&path).map_err(|error| failed("stat", &path, &error))?;
    match about.is_dir() {
        true => pack_folder(name, media_type, &path, modified),
        false => pack_file(name, media_type, path),
    }
}

fn pack_file(name: &str, media_type: Option<&str>, path: PathBuf) -> anyhow::Result<Packed> {
    let mut file = File::open(&path).map_err(|error| failed("open", &path, &error))?;
    let mut sum = Sum::new(io::sink());
    let size = io::copy(&mut file, &mut sum).map_err(|error| failed("read", &path, &error))?;
    let mut descriptor = Descriptor::new(media_type.unwrap_or(FILE_TYPE), sum.finish().1, size);
    descriptor.annotations = BTreeMap::from([(TITLE.to_owned(), name.to_owned())]);
    Ok(Packed { descriptor, path, _archive: None })
}

fn pack_folder(
    name: &str,
    media_type: Option<&str>,
    path: &Path,
    modified: Option<u64>,
) -> anyhow::Result<Packed> {
    let mut archive = NamedTempFile::new().context("cannot make a temporary file")?;
    let gzip = GzBuilder::new()
        .mtime(0)
        .operating_system(255)
        .write(Sum::new(io::BufWriter::new(archive.as_file_mut())), Compression::default());
    let mut tar = Sum::new(gzip);
    add(&mut tar, path, name, modified).with_context(|| format!("failed to tar {}", path.display()))?;
    tar::finish(&mut tar)?;
    let (gzip, content_digest) = tar.finish();
    let (mut file, digest) = gzip.finish()?.finish();
    file.flush()?;
    drop(file);
    let size = archive.as_file().metadata()?.len();
    let mut descriptor = Descriptor::new(media_type.unwrap_or(FOLDER_TYPE), digest, size);
    descriptor.annotations = BTreeMap::from([
        (TITLE.to_owned(), name.to_owned()),
        (UNPACK.to_owned(), "true".to_owned()),
        (CONTENT_DIGEST.to_owned(), content_digest.to_string()),
    ]);
    Ok(Packed { descriptor, path: archive.path().to_owned(), _archive: Some(archive) })
}

/// Adds what is at `path` under `name`, a folder with all that is in it, each folder in the order of its names.
fn add(tar: &mut dyn Write, path: &Path, name: &str, modified: Option<u64>) -> anyhow::Result<()> {
    let about = fs::symlink_metadata(path).map_err(|error| failed("lstat", path, &error))?;
    let kind = about.file_type();
    let mut entry = Entry {
        name,
        kind: Kind::File,
        mode: about.mode() & 0o7777,
        size: 0,
        modified: modified.unwrap_or_else(|| rounded_seconds(&about)),
        link: "",
    };
    if kind.is_symlink() {
        let target = fs::read_link(path).map_err(|error| failed("readlink", path, &error))?;
        let Some(link) = target.to_str() else { bail!("{}: the link's target is not UTF-8", path.display()) };
        entry = Entry { kind: Kind::Symlink, link, ..entry };
        tar::header(tar, &entry)?;
    } else if kind.is_dir() {
        tar::header(tar, &Entry { kind: Kind::Folder, ..entry })?;
        let mut inside = fs::read_dir(path)
            .and_then(Iterator::collect::<io::Result<Vec<_>>>)
            .map_err(|error| failed("open", path, &error))?;
        inside.sort_by_key(fs::DirEntry::file_name);
        for child in inside {
            let Ok(child_name) = child.file_name().into_string() else {
                bail!("{}: the name is not UTF-8", child.path().display());
            };
            add(tar, &child.path(), &format!("{name}/{child_name}"), modified)?;
        }
    } else if kind.is_file() {
        entry.size = about.len();
        tar::header(tar, &entry)?;
        let file = File::open(path).map_err(|error| failed("open", path, &error))?;
        let copied = io::copy(&mut file.take(entry.size), tar)?;
        if copied != entry.size {
            bail!("{}: the file had {} bytes and now has {copied}", path.display(), entry.size);
        }
        tar::pad(tar, copied)?;
    } else {
        bail!("{}: neither a file nor a folder nor a link", path.display());
    }
    Ok(())
}

/// Times before 1970 are told as 1970.
fn rounded_seconds(about: &Metadata) -> u64 {
    let rounded = about.mtime() + i64::from(about.mtime_nsec() >= 500_000_000);
    u64::try_from(rounded).unwrap_or_default()
}

/// Says what failed as Go's `os` package does, which scripts look for.
pub(super) fn failed(action: &str, path: &Path, error: &io::Error) -> anyhow::Error {
    let reason = match error.kind() {
        io::ErrorKind::NotFound => "no such file or directory".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        io::ErrorKind::IsADirectory => "is a directory".to_owned(),
        io::ErrorKind::NotADirectory => "not a directory".to_owned(),
        io::ErrorKind::AlreadyExists => "file exists".to_owned(),
        _ => error.to_string(),
    };
    anyhow::anyhow!("{action} {}: {reason}", path.display())
}

/// A writer that hashes what passes.
struct Sum<W> {
    inner: W,
    digester: Digester,
}

impl<W> Sum<W> {
    fn new(inner: W) -> Self {
        Self { inner, digester: Digester::new(Algorithm::Sha256) }
    }

    fn finish(self) -> (W, Digest) {
        (self.inner, self.digester.finish())
    }
}

impl<W: Write> Write for Sum<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.digester.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}
