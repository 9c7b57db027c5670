//! The files of a layout: where they lie and how they are written so that a crash leaves whole ones only.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::TryStreamExt;
use wharf_oci::{Descriptor, Digest, Digester};

use crate::stream::BlobStream;
use crate::{Error, ErrorKind, Result};

/// The name of the marker.
pub(crate) const MARKER: &str = "oci-layout";
/// What stands in it.
pub(crate) const MARKER_JSON: &str = r#"{"imageLayoutVersion":"1.0.0"}"#;

/// Checks that `root` is a layout of the version that this code knows.
pub(super) fn check_marker(root: &Path) -> Result<()> {
    let path = root.join(MARKER);
    let text = match fs::read(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(Error::new(
                ErrorKind::NotFound,
                format!("{} is no OCI layout: it has no file {MARKER:?}", root.display()),
            ));
        }
        Err(error) => return Err(Error::io("cannot read", &path, error)),
    };
    check_marker_text(&text, &path.display())
}

/// Checks the text of the marker; `name` is how to call it in messages.
pub(crate) fn check_marker_text(text: &[u8], name: &dyn std::fmt::Display) -> Result<()> {
    let version = serde_json::from_slice::<serde_json::Value>(text)
        .ok()
        .and_then(|marker| marker.get("imageLayoutVersion")?.as_str().map(str::to_owned));
    match version.as_deref() {
        Some("1.0.0") => Ok(()),
        other => Err(Error::new(
            ErrorKind::Content,
            format!(
                "{name} has layout version {}, expected \"1.0.0\"",
                match other {
                    Some(version) => format!("{version:?}"),
                    None => "none".to_owned(),
                }
            ),
        )),
    }
}

/// A file that is being written is touched more often than this.
const ABANDONED: Duration = Duration::from_secs(10 * 60);

/// Removes what writers that were killed left behind and nobody goes on with. Nobody minds where that fails.
fn remove_abandoned(root: &Path) {
    let Ok(entries) = fs::read_dir(root) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let is_ours = name.to_str().is_some_and(|name| {
            name.strip_prefix(".incoming-").is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
        });
        let age = entry.metadata().ok().and_then(|metadata| metadata.modified().ok()?.elapsed().ok());
        if is_ours && age.is_some_and(|age| age > ABANDONED) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// Makes an empty layout where there is none. The marker is written last: with it, everything is there.
pub(super) fn make(root: &Path) -> Result<()> {
    remove_abandoned(root);
    let blobs = root.join("blobs");
    fs::create_dir_all(&blobs).map_err(|error| Error::io("cannot make the folder", &blobs, error))?;
    if root.join(MARKER).exists() {
        return check_marker(root);
    }
    if !root.join(super::index::FILE).exists() {
        super::index::Index::empty().write(root)?;
    }
    replace(root, MARKER, MARKER_JSON.as_bytes())
}

/// Holds other writers off until it is dropped.
pub(super) fn lock(root: &Path) -> Result<File> {
    let path = root.join(MARKER);
    let file = File::open(&path).map_err(|error| Error::io("cannot open", &path, error))?;
    file.lock().map_err(|error| Error::io("cannot lock", &path, error))?;
    Ok(file)
}

pub(super) fn blob_path(root: &Path, digest: &Digest) -> Result<PathBuf> {
    match digest.algorithm() {
        Some(algorithm) => Ok(root.join("blobs").join(algorithm.name()).join(digest.encoded())),
        None => Err(Error::new(
            ErrorKind::Usage,
            format!("{digest} cannot be stored: its algorithm is neither sha256 nor sha512"),
        )),
    }
}

/// Replaces a file in `folder` by these bytes at once: after a crash of the machine, too, it is the old or the new one.
pub(super) fn replace(folder: &Path, name: &str, bytes: &[u8]) -> Result<()> {
    let mut incoming = Incoming::create(folder)?;
    incoming.write(bytes)?;
    incoming.file.sync_data().map_err(|error| Error::io("cannot flush", &incoming.path, error))?;
    incoming.commit(&folder.join(name))
}

/// A file that is being written beside its place, and is removed again unless it is committed or worth keeping.
pub(super) struct Incoming {
    path: PathBuf,
    file: File,
    /// Whether it is left as it is when it is dropped.
    is_kept: bool,
}

impl Incoming {
    /// Makes the file in `root`. Its name starts with a dot and is unique in this machine's processes.
    pub(super) fn create(root: &Path) -> Result<Self> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        loop {
            let number = NEXT.fetch_add(1, Ordering::Relaxed);
            let path = root.join(format!(".incoming-{}-{number}", std::process::id()));
            match File::create_new(&path) {
                Ok(file) => return Ok(Self { path, file, is_kept: false }),
                // Left behind by a process that was killed and whose number came round again.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(Error::io("cannot create", &path, error)),
            }
        }
    }

    /// Opens the file of a blob that is worth going on with when the process is killed or the connection breaks, with
    /// what an earlier run left in it: the digest of that so far, and its length. `None`: another process is at it.
    pub(super) fn resume(root: &Path, descriptor: &Descriptor) -> Result<Option<(Self, Digester, u64)>> {
        let Some(algorithm) = descriptor.digest.algorithm() else { return Ok(None) };
        let path = root.join(format!(".incoming-{}-{}", algorithm.name(), descriptor.digest.encoded()));
        let failed = |error| Error::io("cannot write", &path, error);
        let options = OpenOptions::new().read(true).write(true).create(true).truncate(false).to_owned();
        let mut file = options.open(&path).map_err(failed)?;
        if file.try_lock().is_err() || !path.exists() {
            return Ok(None);
        }
        let (mut digester, mut len) = (Digester::new(algorithm), 0);
        let mut buffer = vec![0; 1 << 20];
        loop {
            match file.read(&mut buffer).map_err(failed)? {
                0 => break,
                count => {
                    digester.update(&buffer[..count]);
                    len += count as u64;
                }
            }
        }
        if len > descriptor.size {
            file.set_len(0).and_then(|()| file.rewind()).map_err(failed)?;
            (digester, len) = (Digester::new(algorithm), 0);
        }
        Ok(Some((Self { path, file, is_kept: true }, digester, len)))
    }

    /// Gives up what has arrived: it is not what it should be.
    pub(super) fn discard(mut self) {
        self.is_kept = false;
    }

    /// Writes a stream to its end, on a thread of its own so that reading and writing overlap; returns the file with what
    /// came of it.
    ///
    /// # Errors
    /// The thread was cut off.
    pub(super) async fn fill(self, bytes: BlobStream) -> Result<(Self, Result<()>)> {
        let (pieces, mut arrived) = tokio::sync::mpsc::channel::<bytes::Bytes>(1);
        let mut incoming = self;
        let writer = tokio::task::spawn_blocking(move || {
            let mut written = Ok(());
            while let Some(piece) = arrived.blocking_recv() {
                written = incoming.write(&piece);
                if written.is_err() {
                    break;
                }
            }
            (incoming, written)
        });
        let mut bytes = bytes;
        let read = loop {
            match bytes.try_next().await {
                Ok(Some(piece)) => {
                    // The writer has failed, and says why.
                    if pieces.send(piece).await.is_err() {
                        break Ok(());
                    }
                }
                Ok(None) => break Ok(()),
                Err(error) => break Err(error),
            }
        };
        drop(pieces);
        let cut_off = |error| Error::with_source(ErrorKind::Io, "work on a layout was cut off", error);
        let (incoming, written) = writer.await.map_err(cut_off)?;
        Ok((incoming, written.and(read)))
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.file.write_all(bytes).map_err(|error| Error::io("cannot write", &self.path, error))
    }

    /// Moves the file to its place: the name never shows a part. When it reaches the disk is the system's affair (ADR
    /// 13).
    pub(super) fn commit(mut self, place: &Path) -> Result<()> {
        let failed = |error| Error::io("cannot rename to", place, error);
        match fs::rename(&self.path, place) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let folder = place.parent().unwrap_or_else(|| Path::new("."));
                fs::create_dir_all(folder)
                    .map_err(|error| Error::io("cannot make the folder", folder, error))?;
                fs::rename(&self.path, place).map_err(failed)?;
            }
            renamed => renamed.map_err(failed)?,
        }
        self.is_kept = true;
        Ok(())
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        if !self.is_kept {
            // Nothing more can be done here; an unknown file in a layout does no harm.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Flushes a folder, so that a name in it is there after a crash.
pub(crate) fn sync_folder(folder: &Path) -> Result<()> {
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(|error| Error::io("cannot flush the folder", folder, error))
}

/// Returns the size of a file, or `None` when it is not there.
pub(super) fn size(path: &Path) -> Result<Option<u64>> {
    match fs::metadata(path) {
        Ok(metadata) if metadata.is_file() => Ok(Some(metadata.len())),
        Ok(_) => Ok(None),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::io("cannot read", path, error)),
    }
}

/// Returns whether content of this descriptor is there, of the right size.
pub(super) fn has(root: &Path, descriptor: &Descriptor) -> Result<bool> {
    Ok(size(&blob_path(root, &descriptor.digest)?)? == Some(descriptor.size))
}
