//! Where an upload session is, on disk, so that another run can go on with it.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use url::Url;
use wharf_oci::Algorithm;

/// No registry keeps a session for longer.
const MAX_AGE: Duration = Duration::from_secs(14 * 24 * 60 * 60);
/// The longest URL that is read, in bytes.
const MAX_URL_BYTES: u64 = 16 * 1024;

/// The file of one upload: one line, the URL of the session. It may hold a secret of the registry's, so only the user
/// may read it. It is locked, since two processes in one session would hinder each other.
pub(super) struct SavedSession {
    path: PathBuf,
    file: File,
}

impl SavedSession {
    /// Opens the file of an upload. `None`: another process is at it, or nothing can be written; the upload then goes
    /// without.
    pub(super) fn open(folder: &Path, upload: &str) -> Option<Self> {
        let mut builder = DirBuilder::new();
        builder.recursive(true).mode(0o700).create(folder).ok()?;
        remove_old(folder);
        let path = folder.join(Algorithm::Sha256.digest(upload.as_bytes()).encoded());
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        let file = options.open(&path).ok()?;
        file.try_lock().ok()?;
        Some(Self { path, file })
    }

    /// Returns the session that an earlier run had.
    pub(super) fn read(&mut self) -> Option<Url> {
        let mut text = String::new();
        self.file.rewind().ok()?;
        (&self.file).take(MAX_URL_BYTES).read_to_string(&mut text).ok()?;
        // A write that was cut off has no end of line.
        Url::parse(text.strip_suffix('\n')?).ok()
    }

    /// Writes down where the session is now. A failure costs a later run some bytes, and this one nothing.
    pub(super) fn write(&mut self, url: &Url) {
        let written = self.file.set_len(0).and_then(|()| self.file.rewind());
        let _ = written.and_then(|()| writeln!(self.file, "{url}"));
    }

    /// Removes the file: the upload is done, or cannot be gone on with.
    pub(super) fn remove(self) {
        let _ = fs::remove_file(&self.path);
    }
}

fn remove_old(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let age = entry.metadata().ok().and_then(|metadata| metadata.modified().ok()?.elapsed().ok());
        if age.is_some_and(|age| age > MAX_AGE) {
            let _ = fs::remove_file(entry.path());
        }
    }
}
