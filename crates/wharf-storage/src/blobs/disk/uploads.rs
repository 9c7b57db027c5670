//! The uploads that are known in memory: who writes to which, how far it is, and the running hash.

use std::collections::HashMap;
use std::fs::{self, OpenOptions};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use wharf_oci::{Algorithm, Digester};

use super::folder::Folder;
use crate::{Error, Result, UploadId};

/// The folder and the uploads in it.
#[derive(Debug)]
pub(super) struct Uploads {
    folder: Folder,
    /// Uploads used lately, at most [`Uploads::MAX_KNOWN`] idle ones. What is not here is on disk only.
    known: Mutex<HashMap<UploadId, Arc<Upload>>>,
}

/// One upload, shared by the requests that are about it.
#[derive(Debug)]
pub(super) struct Upload {
    pub(super) id: UploadId,
    /// Whether a request is writing to it or finishing it.
    claimed: AtomicBool,
    /// Whether it was removed or finished.
    gone: AtomicBool,
    /// What [`State::offset`] is, for those who do not want to wait for the state.
    offset: AtomicU64,
    /// When it was last claimed, as a count that only grows.
    used: AtomicU64,
    /// Held while bytes go to the disk: longer than the claim when a request is given up midway.
    pub(super) state: Arc<tokio::sync::Mutex<State>>,
}

/// How far an upload is.
#[derive(Debug)]
pub(super) struct State {
    /// How many bytes are written.
    pub(super) offset: u64,
    /// The hash of exactly those bytes; `None` when it has to be taken by reading them.
    pub(super) digester: Option<Digester>,
    /// The last flush that was begun while bytes still arrived.
    pub(super) write_back: Option<tokio::task::JoinHandle<()>>,
}

/// The right to write to an upload; given back when dropped.
#[derive(Debug)]
pub(super) struct Claim(Arc<Upload>);

impl Uploads {
    /// How many uploads are kept in memory, a few hundred bytes each.
    const MAX_KNOWN: usize = if cfg!(test) { 16 } else { 16_384 };

    pub(super) fn new(folder: Folder) -> Self {
        Self { folder, known: Mutex::default() }
    }

    pub(super) fn folder(&self) -> &Folder {
        &self.folder
    }

    /// Makes an empty upload.
    pub(super) fn create(&self, id: &UploadId) -> Result<()> {
        let path = self.folder.upload_path(id);
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        // The blob that it becomes keeps the mode, and the folder above may have been made by others.
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        match options.open(&path) {
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
                return Err(conflict(id, "exists already".to_owned()));
            }
            Err(error) => {
                return Err(Error::io(format!("making upload {}", path.display()), error));
            }
        }
        self.remember(Upload::new(id.clone(), 0));
        Ok(())
    }

    /// Returns an upload, from memory or from what is on disk.
    pub(super) async fn open(self: &Arc<Self>, id: &UploadId) -> Result<Arc<Upload>> {
        if let Some(upload) = self.known().get(id) {
            return Ok(Arc::clone(upload));
        }
        let (uploads, id) = (Arc::clone(self), id.clone());
        super::off_thread(move || uploads.load(&id)).await?
    }

    /// Removes an upload. A request that is writing to it fails with its next bytes.
    pub(super) fn remove(&self, id: &UploadId) -> Result<()> {
        self.forget(id);
        let path = self.folder.upload_path(id);
        fs::remove_file(&path)
            .map_err(|error| self.folder.missing_or("removing", "upload", id.as_str(), &path, error))
    }

    /// Forgets an upload that is finished or removed.
    pub(super) fn forget(&self, id: &UploadId) {
        if let Some(upload) = self.known().remove(id) {
            upload.gone.store(true, Ordering::Release);
        }
    }

    /// Removes the uploads whose file was not written to for `idle`.
    pub(super) fn expire(&self, idle: Duration) -> Result<u64> {
        let mut removed = 0;
        for id in self.folder.list_uploads()? {
            if !self.is_idle(&id, idle) {
                continue;
            }
            // Whoever writes to it now holds the claim; whoever was given up on holds the state.
            let Ok(upload) = self.load(&id) else { continue };
            let Ok(_claim) = Claim::take(&upload) else { continue };
            let Ok(_state) = upload.state.try_lock() else { continue };
            if self.is_idle(&id, idle) && self.remove(&id).is_ok() {
                removed += 1;
            }
        }
        Ok(removed)
    }

    fn is_idle(&self, id: &UploadId, idle: Duration) -> bool {
        fs::metadata(self.folder.upload_path(id))
            .and_then(|file| file.modified())
            .is_ok_and(|at| SystemTime::now().duration_since(at).is_ok_and(|age| age >= idle))
    }

    fn load(&self, id: &UploadId) -> Result<Arc<Upload>> {
        if let Some(upload) = self.known().get(id) {
            return Ok(Arc::clone(upload));
        }
        let path = self.folder.upload_path(id);
        let length = fs::metadata(&path)
            .map_err(|error| self.folder.missing_or("opening", "upload", id.as_str(), &path, error))?
            .len();
        Ok(self.remember(Upload::new(id.clone(), length)))
    }

    /// Keeps an upload in memory, unless it is there already, and returns the one that is there.
    fn remember(&self, upload: Upload) -> Arc<Upload> {
        let mut known = self.known();
        if known.len() >= Self::MAX_KNOWN {
            // Idle ones go, oldest first, many at a time; nobody else holds them, so nobody can miss them.
            let mut idle: Vec<_> = known
                .values()
                .filter(|upload| Arc::strong_count(upload) == 1 && Arc::strong_count(&upload.state) == 1)
                .map(|upload| (upload.used.load(Ordering::Relaxed), upload.id.clone()))
                .collect();
            idle.sort_unstable_by_key(|(used, _)| *used);
            for (_, id) in idle.into_iter().take(Self::MAX_KNOWN / 8) {
                known.remove(&id);
            }
        }
        Arc::clone(known.entry(upload.id.clone()).or_insert_with(|| Arc::new(upload)))
    }

    #[cfg(test)]
    pub(super) fn known_count(&self) -> usize {
        self.known().len()
    }

    fn known(&self) -> std::sync::MutexGuard<'_, HashMap<UploadId, Arc<Upload>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Upload {
    fn new(id: UploadId, offset: u64) -> Self {
        // Nothing is hashed yet of an empty upload; of any other it is unknown what was.
        let digester = (offset == 0).then(|| Digester::new(Algorithm::default()));
        Self {
            id,
            claimed: AtomicBool::new(false),
            gone: AtomicBool::new(false),
            offset: AtomicU64::new(offset),
            used: AtomicU64::new(tick()),
            state: Arc::new(tokio::sync::Mutex::new(State { offset, digester, write_back: None })),
        }
    }

    /// Returns how many bytes are written, waiting for the rest of a request that was given up.
    pub(super) async fn settled_offset(&self) -> u64 {
        if self.claimed.load(Ordering::Acquire) {
            self.offset.load(Ordering::Acquire)
        } else {
            self.state.lock().await.offset
        }
    }

    /// Notes that `state` has grown.
    pub(super) fn publish(&self, state: &State) {
        self.offset.store(state.offset, Ordering::Release);
    }

    pub(super) fn is_gone(&self) -> bool {
        self.gone.load(Ordering::Acquire)
    }
}

impl Claim {
    /// Takes the right to write, unless another request has it.
    pub(super) fn take(upload: &Arc<Upload>) -> Result<Self> {
        if upload.is_gone() {
            return Err(Error::not_found("upload", upload.id.as_str()));
        }
        if upload.claimed.swap(true, Ordering::AcqRel) {
            return Err(conflict(&upload.id, "is being written to by another request".to_owned()));
        }
        upload.used.store(tick(), Ordering::Relaxed);
        Ok(Self(Arc::clone(upload)))
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.0.claimed.store(false, Ordering::Release);
    }
}

/// Returns the error for an upload that is not as the request assumes.
pub(super) fn conflict(id: &UploadId, problem: String) -> Error {
    Error::Conflict { what: "upload", name: id.as_str().to_owned(), problem }
}

/// Returns a number greater than any before.
fn tick() -> u64 {
    static TICKS: AtomicU64 = AtomicU64::new(0);
    TICKS.fetch_add(1, Ordering::Relaxed)
}
