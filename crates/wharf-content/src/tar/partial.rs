//! A tar that is being written: `FILE.partial`, which becomes `FILE` when it is whole.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use wharf_oci::{Digest, Digester};

use crate::layout::{INDEX_FILE, MARKER, MARKER_JSON, sync_folder};
use crate::tar::header::{self, BLOCK};
use crate::tar::scan::{Place, Scan};
use crate::{Error, ErrorKind, Result};

/// How much is read and written at once, in bytes.
const COPY_BYTES: u64 = 1024 * 1024;

/// The file, and what is in it. Where a blob will be is settled when it begins to arrive, so that several can arrive at
/// once.
#[derive(Debug)]
pub(super) struct Partial {
    pub(super) file: Arc<File>,
    path: PathBuf,
    end: u64,
    slots: Vec<Slot>,
}

/// Room for one blob.
#[derive(Debug)]
struct Slot {
    digest: Digest,
    size: u64,
    /// Of the content.
    offset: u64,
    state: State,
    /// Of a vacant one: how many bytes of the content are here already, as far as can be told.
    left: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Nothing of worth is in it.
    Vacant,
    /// Bytes are arriving.
    Filling,
    /// An earlier run left the whole blob here, and nobody has asked for it yet.
    Left,
    /// The blob is here.
    Filled,
}

impl Partial {
    /// Opens `FILE.partial` and finds the blobs that a run which was cut off left in it: each is hashed again.
    ///
    /// # Errors
    /// [`ErrorKind::Busy`] when another process is writing it.
    pub(super) fn open(target: &Path) -> Result<Self> {
        let path = beside(target, "partial");
        let failed = |error| Error::io("cannot write", &path, error);
        let file = loop {
            let options = OpenOptions::new().read(true).write(true).create(true).truncate(false).to_owned();
            let file = options.open(&path).map_err(failed)?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {
                    let message = format!("{} is being written by another process", path.display());
                    return Err(Error::new(ErrorKind::Busy, message));
                }
                Err(TryLockError::Error(error)) => return Err(failed(error)),
            }
            // Its last writer may have put it in its place between the opening and the lock.
            let mine = file.metadata().map_err(failed)?;
            if fs::metadata(&path).is_ok_and(|now| (now.dev(), now.ino()) == (mine.dev(), mine.ino())) {
                break file;
            }
        };
        let mut partial = Self { file: Arc::new(file), path: path.clone(), end: 0, slots: Vec::new() };
        partial.recover().map_err(failed)?;
        Ok(partial)
    }

    /// Makes another file beside, to write everything in order.
    fn anew(target: &Path) -> Result<Self> {
        let path = beside(target, "rewritten");
        let options = OpenOptions::new().read(true).write(true).create(true).truncate(true).to_owned();
        let file = options.open(&path).map_err(|error| Error::io("cannot write", &path, error))?;
        let mut partial = Self { file: Arc::new(file), path: path.clone(), end: 0, slots: Vec::new() };
        partial.begin().map_err(|error| Error::io("cannot write", &path, error))?;
        Ok(partial)
    }

    fn begin(&mut self) -> io::Result<()> {
        self.file.set_len(0)?;
        self.end = 0;
        self.append(MARKER, MARKER_JSON.as_bytes())
    }

    fn recover(&mut self) -> io::Result<()> {
        let mut scan = Scan::new(Arc::clone(&self.file))?;
        let is_ours = matches!(scan.next(), Ok(Some(first)) if first.name == MARKER);
        if !is_ours {
            return self.begin();
        }
        self.end = scan.at;
        while let Ok(Some(found)) = scan.next() {
            let digest = found.name.strip_prefix("blobs/").map(|name| name.replacen('/', ":", 1));
            let Some(Ok(digest)) = digest.map(|digest| digest.parse::<Digest>()) else { break };
            let (state, left) = match is_whole(&found.place, &digest) {
                true => (State::Left, 0),
                false => (State::Vacant, written(&found.place)),
            };
            let Place { offset, size, .. } = found.place;
            self.slots.push(Slot { digest, size, offset, state, left });
            self.end = scan.at;
        }
        Ok(())
    }

    /// Returns the place of a blob that an earlier run left here, which is wanted from now on.
    pub(super) fn take_left(&mut self, digest: &Digest) -> Option<Place> {
        let slot = self.slots.iter_mut().find(|slot| slot.digest == *digest && slot.state == State::Left)?;
        slot.state = State::Filled;
        Some(Place { file: Arc::clone(&self.file), offset: slot.offset, size: slot.size })
    }

    /// Makes room for a blob; returns it with how much of the blob may be there already.
    pub(super) fn reserve(&mut self, digest: &Digest, size: u64) -> Result<(Place, u64)> {
        let vacant =
            |slot: &&mut Slot| slot.state == State::Vacant && slot.size == size && slot.digest == *digest;
        let (offset, left) = match self.slots.iter_mut().find(vacant) {
            Some(slot) => {
                slot.state = State::Filling;
                (slot.offset, slot.left)
            }
            None => {
                let header = header::file(&blob_name(digest), size);
                let offset = self.end + header.len() as u64;
                let end = size.checked_next_multiple_of(BLOCK).and_then(|size| offset.checked_add(size));
                let end = end.ok_or_else(|| {
                    Error::new(ErrorKind::Usage, format!("{digest} of {size} bytes is too large for a tar"))
                })?;
                self.write_at(&header, self.end)?;
                // A hole until the content comes: whoever opens the file after a kill finds the entry whole.
                self.file.set_len(end).map_err(|error| Error::io("cannot write", &self.path, error))?;
                self.slots.push(Slot {
                    digest: digest.clone(),
                    size,
                    offset,
                    state: State::Filling,
                    left: 0,
                });
                self.end = end;
                (offset, 0)
            }
        };
        Ok((Place { file: Arc::clone(&self.file), offset, size }, left))
    }

    /// Says what came of a reservation: it is filled, or so many bytes from its start are good.
    pub(super) fn settle(&mut self, offset: u64, is_filled: bool, left: u64) {
        if let Some(slot) = self.slots.iter_mut().find(|slot| slot.offset == offset) {
            slot.state = if is_filled { State::Filled } else { State::Vacant };
            slot.left = left;
        }
    }

    /// Gives up the room of a blob that is deleted.
    pub(super) fn vacate(&mut self, digest: &Digest) {
        self.slots
            .iter_mut()
            .filter(|slot| slot.digest == *digest)
            .for_each(|slot| (slot.state, slot.left) = (State::Vacant, 0));
    }

    /// Puts everything together and moves it to `target`: these blobs, wherever they are, and the index. Returns where
    /// they are then.
    pub(super) fn finish(
        &mut self,
        target: &Path,
        blobs: &[(Digest, Place)],
        index: &[u8],
    ) -> Result<Vec<(Digest, Place)>> {
        if self.slots.iter().any(|slot| slot.state != State::Filled) {
            // There are gaps, which a reader would take for blobs.
            let mut anew = Self::anew(target)?;
            let placed = anew.finish(target, blobs, index)?;
            self.discard();
            *self = anew;
            return Ok(placed);
        }
        let failed = |error| Error::io("cannot write", &self.path, error);
        let mut placed = Vec::with_capacity(blobs.len());
        let mut end = self.end;
        for (digest, place) in blobs {
            let mut place = place.clone();
            if !Arc::ptr_eq(&place.file, &self.file) {
                let header = header::file(&blob_name(digest), place.size);
                self.file.write_all_at(&header, end).map_err(failed)?;
                let moved =
                    Place { file: Arc::clone(&self.file), offset: end + header.len() as u64, ..place };
                let mut at = 0;
                while at < place.size {
                    let bytes = place.read(at, COPY_BYTES).map_err(failed)?;
                    self.file.write_all_at(&bytes, moved.offset + at).map_err(failed)?;
                    at += bytes.len() as u64;
                }
                end = moved.offset + moved.size.next_multiple_of(BLOCK);
                place = moved;
            }
            placed.push((digest.clone(), place));
        }
        let mut tail = header::file(INDEX_FILE, index.len() as u64);
        tail.extend(index);
        // Padding, and two blocks of zeros as the end.
        tail.resize(tail.len().next_multiple_of(BLOCK as usize) + 2 * BLOCK as usize, 0);
        self.file.set_len(end).map_err(failed)?;
        self.file.write_all_at(&tail, end).map_err(failed)?;
        self.file.sync_all().map_err(failed)?;
        fs::rename(&self.path, target).map_err(|error| Error::io("cannot rename to", target, error))?;
        sync_folder(match target.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        })?;
        Ok(placed)
    }

    /// Removes the file, of which nothing is of use any more. Where that fails it does no harm either.
    pub(super) fn discard(&self) {
        let _ = fs::remove_file(&self.path);
    }

    fn append(&mut self, name: &str, content: &[u8]) -> io::Result<()> {
        let mut bytes = header::file(name, content.len() as u64);
        bytes.extend(content);
        bytes.resize(bytes.len().next_multiple_of(BLOCK as usize), 0);
        self.file.write_all_at(&bytes, self.end)?;
        self.end += bytes.len() as u64;
        Ok(())
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> Result<()> {
        self.file.write_all_at(bytes, offset).map_err(|error| Error::io("cannot write", &self.path, error))
    }
}

/// Returns whether the place has the whole content of that digest.
fn is_whole(place: &Place, digest: &Digest) -> bool {
    let Some(algorithm) = digest.algorithm() else { return false };
    let mut digester = Digester::new(algorithm);
    let mut at = 0;
    while at < place.size {
        let Ok(bytes) = place.read(at, COPY_BYTES) else { return false };
        digester.update(&bytes);
        at += bytes.len() as u64;
    }
    digester.finish() == *digest
}

/// Returns how much of a place was written. Content arrives from its start on and the rest is zeros until then, so everything up
/// to the last byte that is none was there; zeros at the end are worth fetching again.
fn written(place: &Place) -> u64 {
    let mut end = place.size;
    while end > 0 {
        let start = end.saturating_sub(COPY_BYTES);
        let Ok(bytes) = place.read(start, end - start) else { return 0 };
        if let Some(last) = bytes.iter().rposition(|byte| *byte != 0) {
            return start + last as u64 + 1;
        }
        end = start;
    }
    0
}

fn blob_name(digest: &Digest) -> String {
    format!("blobs/{}/{}", digest.algorithm_name(), digest.encoded())
}

fn beside(target: &Path, suffix: &str) -> PathBuf {
    let mut name = target.as_os_str().to_owned();
    name.push(".");
    name.push(suffix);
    name.into()
}
