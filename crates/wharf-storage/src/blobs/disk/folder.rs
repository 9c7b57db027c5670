//! The folder on disk: where files are, how names become paths, and what must be synced when.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use wharf_oci::Algorithm;

#[cfg(not(test))]
use crate::faults;
use crate::{BlobKey, Error, Result, UploadId, modes};

/// One step that changes the disk while an upload is finished, in the order in which they are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// The bytes of the upload go to the device.
    SyncFile,
    /// The upload becomes the blob.
    Rename,
    /// The blob's name goes to the device.
    SyncFolder,
}

impl Step {
    /// Returns the name of the point after it, for tests that end the process there.
    #[cfg(not(test))]
    fn point(self) -> &'static str {
        match self {
            Self::SyncFile => "disk: synced the file",
            Self::Rename => "disk: renamed the file",
            Self::SyncFolder => "disk: synced the folder",
        }
    }
}

/// A folder of blobs whose names begin alike: `blobs/<algorithm>/<two digits>`.
#[derive(Clone, Debug)]
pub(super) struct Shelf {
    algorithm: Algorithm,
    prefix: String,
}

/// An open data folder, locked against other processes.
#[derive(Debug)]
pub(super) struct Folder {
    root: PathBuf,
    #[cfg_attr(not(test), expect(dead_code, reason = "it is held, not read"))]
    pub(super) lock: Lock,
    /// Which steps were taken, and which one is to fail.
    #[cfg(test)]
    pub(super) faults: std::sync::Mutex<(Vec<Step>, Option<Step>)>,
}

impl Folder {
    /// Opens the folder, making what is missing of it durably.
    pub(super) fn open(root: &Path) -> Result<Self> {
        let context = |what: &str| format!("{what} data folder {}", root.display());
        let root = std::path::absolute(root).map_err(|error| Error::io(context("finding"), error))?;
        make_folder(&root).map_err(|error| Error::io(context("making"), error))?;
        let lock = Lock::take(&root)?;
        modes::close(&root.join("lock"));
        modes::close(&root);
        make_tree(&root).map_err(|error| Error::io(context("making"), error))?;
        Ok(Self {
            root,
            lock,
            #[cfg(test)]
            faults: std::sync::Mutex::default(),
        })
    }

    /// Iterates over every folder that blobs can be in.
    pub(super) fn shelves() -> impl Iterator<Item = Shelf> + Send {
        [Algorithm::Sha256, Algorithm::Sha512].into_iter().flat_map(|algorithm| {
            (0..=u8::MAX).map(move |byte| Shelf { algorithm, prefix: format!("{byte:02x}") })
        })
    }

    pub(super) fn upload_path(&self, id: &UploadId) -> PathBuf {
        // An id holds no separator and no dot, so it cannot lead elsewhere.
        self.uploads_folder().join(id.as_str())
    }

    /// Returns the path of a blob, or `None` for a key that this store never makes.
    pub(super) fn blob_path(&self, key: &BlobKey) -> Option<PathBuf> {
        // The encoded part of a known algorithm is hexadecimal, and the rest an upload id: no key can lead elsewhere.
        let digest = key.digest()?;
        let algorithm = digest.algorithm()?;
        let (_, name) = key.as_str().split_once('/')?;
        Some(self.shelf_path(&Shelf { algorithm, prefix: digest.encoded()[..2].to_owned() }).join(name))
    }

    /// Opens an upload to write at its end, or to read it.
    pub(super) fn open_upload(&self, id: &UploadId, write: bool) -> Result<File> {
        let path = self.upload_path(id);
        let opened = OpenOptions::new().read(!write).append(write).open(&path);
        opened.map_err(|error| self.missing_or("opening", "upload", id.as_str(), &path, error))
    }

    /// Opens a blob to read.
    pub(super) fn open_blob(&self, key: &BlobKey) -> Result<(File, fs::Metadata)> {
        let path = self.blob_path(key).ok_or_else(|| Error::not_found("blob", key.as_str()))?;
        let opened = File::open(&path).and_then(|file| {
            let metadata = file.metadata()?;
            Ok((file, metadata))
        });
        opened.map_err(|error| self.missing_or("opening", "blob", key.as_str(), &path, error))
    }

    /// Turns an upload into a blob, durably.
    ///
    /// The bytes go to the device before the name is given, and the name before anybody hears of it. When the device
    /// refuses either, the bytes are removed: what the system holds of them afterwards cannot be trusted.
    pub(super) fn keep(&self, id: &UploadId, file: &File, key: &BlobKey) -> Result<()> {
        let from = self.upload_path(id);
        let to = self.blob_path(key).ok_or_else(|| Error::not_found("blob", key.as_str()))?;
        let context = |what: &str, path: &Path| format!("{what} {}", path.display());
        // From now on the time of its last change is the time at which it was finished.
        let sync = || file.set_modified(SystemTime::now()).and_then(|()| file.sync_data());
        self.step(Step::SyncFile, sync).map_err(|error| {
            let _ = fs::remove_file(&from);
            Error::io(context("syncing", &from), error)
        })?;
        self.step(Step::Rename, || fs::rename(&from, &to))
            .map_err(|error| self.missing_or("finishing", "upload", id.as_str(), &from, error))?;
        let shelf = to.parent().unwrap_or(&self.root);
        self.step(Step::SyncFolder, || sync_folder(shelf)).map_err(|error| {
            let _ = fs::remove_file(&to);
            Error::io(context("syncing", shelf), error)
        })
    }

    /// Removes a blob; one that is not there is no error.
    pub(super) fn remove_blob(&self, key: &BlobKey) -> Result<()> {
        let Some(path) = self.blob_path(key) else { return Ok(()) };
        match fs::remove_file(&path) {
            Ok(()) => Ok(()),
            Err(error) => match self.missing_or("removing", "blob", key.as_str(), &path, error) {
                Error::NotFound { .. } => Ok(()),
                error => Err(error),
            },
        }
    }

    /// Returns the keys of the blobs in one folder. Files that are no blobs are left out.
    pub(super) fn keys_on(&self, shelf: &Shelf) -> Result<Vec<BlobKey>> {
        let path = self.shelf_path(shelf);
        let mut keys = Vec::new();
        let mut list = || -> io::Result<()> {
            for entry in fs::read_dir(&path)? {
                let name = entry?.file_name();
                keys.extend(
                    name.to_str()
                        .filter(|name| name.starts_with(&shelf.prefix))
                        .and_then(|name| BlobKey::from_text(&format!("{}/{name}", shelf.algorithm))),
                );
            }
            Ok(())
        };
        list().map_err(|error| Error::io(format!("listing {}", path.display()), error))?;
        Ok(keys)
    }

    /// Returns the ids of all uploads.
    pub(super) fn list_uploads(&self) -> Result<Vec<UploadId>> {
        let path = self.uploads_folder();
        let mut ids = Vec::new();
        let mut list = || -> io::Result<()> {
            for entry in fs::read_dir(&path)? {
                ids.extend(entry?.file_name().to_str().and_then(|name| name.parse::<UploadId>().ok()));
            }
            Ok(())
        };
        list().map_err(|error| Error::io(format!("listing {}", path.display()), error))?;
        Ok(ids)
    }

    /// Returns whether a byte can be written and blobs can be found.
    pub(super) fn check(&self) -> Result<()> {
        // No upload has a dot in its name.
        let probe = self.uploads_folder().join(".probe");
        let remove = || match fs::remove_file(&probe) {
            // Two may look at once.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            other => other,
        };
        fs::write(&probe, b"?")
            .and_then(|()| remove())
            .and_then(|()| fs::metadata(self.root.join("blobs")).map(drop))
            .map_err(|error| Error::io(format!("writing to data folder {}", self.root.display()), error))
    }

    /// Sorts a failure on one file: the file is absent, the whole folder is gone, or the system failed.
    pub(super) fn missing_or(
        &self,
        doing: &str,
        what: &'static str,
        name: &str,
        path: &Path,
        error: io::Error,
    ) -> Error {
        if error.kind() != io::ErrorKind::NotFound {
            return Error::io(format!("{doing} {what} {name}"), error);
        }
        // All folders were made when the store was opened, so a missing one was taken away since.
        if path.parent().is_some_and(Path::is_dir) {
            Error::not_found(what, name)
        } else {
            Error::io(format!("{doing} {what} {name}: data folder {} is gone", self.root.display()), error)
        }
    }

    fn uploads_folder(&self) -> PathBuf {
        self.root.join("uploads")
    }

    fn shelf_path(&self, shelf: &Shelf) -> PathBuf {
        self.root.join("blobs").join(shelf.algorithm.name()).join(&shelf.prefix)
    }

    #[cfg(not(test))]
    #[expect(clippy::unused_self, reason = "tests look up there whether this step is to fail")]
    fn step(&self, step: Step, action: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
        action()?;
        faults::reached(step.point());
        Ok(())
    }

    #[cfg(test)]
    fn step(&self, step: Step, action: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
        let mut faults = self.faults.lock().expect("no holder panics");
        faults.0.push(step);
        if faults.1 == Some(step) { Err(io::Error::other("the test says so")) } else { action() }
    }
}

/// The lock of a folder, which keeps other processes out.
#[derive(Debug)]
pub(super) struct Lock(pub(super) File);

impl Lock {
    /// Takes the lock of the folder, or says who has it.
    fn take(root: &Path) -> Result<Self> {
        let path = root.join("lock");
        let context = || format!("locking {}", path.display());
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(|error| Error::io(context(), error))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                // Bounded, as the file may be anything; an unreadable one still gives the error that matters.
                let _ = (&mut file).take(32).read_to_string(&mut holder);
                return Err(Error::Conflict {
                    what: "data folder",
                    name: root.display().to_string(),
                    problem: format!("is in use by process {}", holder.trim()),
                });
            }
            Err(TryLockError::Error(error)) => return Err(Error::io(context(), error)),
        }
        file.set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| writeln!(file, "{}", std::process::id()))
            .map_err(|error| Error::io(context(), error))?;
        Ok(Self(file))
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing would not do: a child process that is just being started has the file open too until it becomes
        // another program, and the lock lasts as long as the last of them.
        let _ = self.0.unlock();
    }
}

/// Makes the folder itself and what is missing above it, level by level: each name is on the device before anything is
/// put below it, so that a power loss cannot take the whole.
fn make_folder(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    let Some(parent) = path.parent() else { return make_private(path) };
    make_folder(parent)?;
    make_private(path)?;
    sync_folder(parent)
}

/// Makes one folder, readable by its owner only, unless it is there.
fn make_private(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    match builder.create(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        other => other,
    }
}

/// Makes every folder below `root` that is missing, so that later a missing one always means that somebody took it away.
///
/// A start on a whole tree looks at each folder and writes nothing: `uploads` is made last, so where it is, the names of
/// the others are on the device.
fn make_tree(root: &Path) -> io::Result<()> {
    let blobs = root.join("blobs");
    let uploads = root.join("uploads");
    let algorithms = [Algorithm::Sha256, Algorithm::Sha512].map(|algorithm| blobs.join(algorithm.name()));
    let shelves = Folder::shelves().map(|shelf| blobs.join(shelf.algorithm.name()).join(shelf.prefix));
    let mut whole = uploads.is_dir();
    for path in std::iter::once(blobs.clone()).chain(algorithms.clone()).chain(shelves) {
        if !path.is_dir() {
            whole = false;
            make_private(&path)?;
        }
        modes::close_with_files(&path);
    }
    if !whole {
        for path in &algorithms {
            sync_folder(path)?;
        }
        sync_folder(&blobs)?;
        sync_folder(root)?;
        make_private(&uploads)?;
        sync_folder(root)?;
    }
    modes::close_with_files(&uploads);
    Ok(())
}

/// Sends the names in a folder to the device.
fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}
