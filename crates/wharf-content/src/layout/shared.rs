//! `index.json` as all users of one open layout see it: read again only when it has changed, written once for everybody who waits.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::oneshot;
use wharf_oci::Descriptor;

use crate::layout::index::{FILE, Index};
use crate::layout::{blocking, files};
use crate::{Error, ErrorKind, Result};

type Change = Box<dyn FnOnce(&mut Index) + Send>;

/// The index, and the changes that wait to be made.
#[derive(Default)]
pub(super) struct SharedIndex {
    cached: Mutex<Option<Cached>>,
    waiting: Mutex<Vec<(Change, oneshot::Sender<Result<()>>)>>,
    /// Held by whoever makes the changes.
    turn: tokio::sync::Mutex<()>,
}

impl std::fmt::Debug for SharedIndex {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SharedIndex").finish_non_exhaustive()
    }
}

struct Cached {
    stamp: Stamp,
    index: Index,
    /// Made when they are first asked for.
    entries: Option<Arc<Vec<Descriptor>>>,
}

/// What tells one state of the file from another: it is only ever replaced by a new file.
#[derive(PartialEq, Eq)]
struct Stamp {
    inode: u64,
    len: u64,
    changed: (i64, i64),
}

impl Stamp {
    fn of(root: &Path) -> Option<Self> {
        let metadata = fs::metadata(root.join(FILE)).ok()?;
        Some(Self {
            inode: metadata.ino(),
            len: metadata.len(),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        })
    }
}

impl SharedIndex {
    /// Returns the entries as they are now.
    pub(super) async fn entries(self: &Arc<Self>, root: &Arc<PathBuf>) -> Result<Arc<Vec<Descriptor>>> {
        let (this, root) = (Arc::clone(self), Arc::clone(root));
        blocking(move || {
            let mut cached = this.cached.lock().unwrap_or_else(PoisonError::into_inner);
            let stamp = Stamp::of(&root);
            let state = match cached.take().filter(|known| Some(&known.stamp) == stamp.as_ref()) {
                Some(known) => known,
                None => Cached {
                    stamp: stamp.unwrap_or(Stamp { inode: 0, len: 0, changed: (0, 0) }),
                    index: Index::read(&root)?,
                    entries: None,
                },
            };
            let state = cached.insert(state);
            if let Some(entries) = &state.entries {
                return Ok(Arc::clone(entries));
            }
            let entries = Arc::new(state.index.entries()?);
            state.entries = Some(Arc::clone(&entries));
            Ok(entries)
        })
        .await
    }

    /// Makes a change under the lock that holds other processes off. Changes that are asked for meanwhile are written in one
    /// go.
    pub(super) async fn update(
        self: &Arc<Self>,
        root: &Arc<PathBuf>,
        change: impl FnOnce(&mut Index) + Send + 'static,
    ) -> Result<()> {
        let (done, mut result) = oneshot::channel();
        self.waiting().push((Box::new(change), done));
        let turn = self.turn.lock().await;
        // Whoever had the turn before may have made it.
        if let Ok(result) = result.try_recv() {
            return result;
        }
        let batch = std::mem::take(&mut *self.waiting());
        let (this, root) = (Arc::clone(self), Arc::clone(root));
        blocking(move || {
            let (changes, waiting): (Vec<_>, Vec<_>) = batch.into_iter().unzip();
            let written = this.write(&root, changes);
            for done in waiting {
                // Whoever does not wait any more does not mind.
                let _ = done.send(written.clone());
            }
            Ok(())
        })
        .await?;
        drop(turn);
        result.await.unwrap_or_else(|_| Err(Error::new(ErrorKind::Io, "work on a layout was cut off")))
    }

    fn waiting(&self) -> std::sync::MutexGuard<'_, Vec<(Change, oneshot::Sender<Result<()>>)>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, root: &Path, changes: Vec<Change>) -> Result<()> {
        let _lock = files::lock(root)?;
        let mut cached = self.cached.lock().unwrap_or_else(PoisonError::into_inner);
        let stamp = Stamp::of(root);
        let mut index = match cached.take().filter(|known| Some(&known.stamp) == stamp.as_ref()) {
            Some(known) => known.index,
            None => Index::read(root)?,
        };
        for change in changes {
            change(&mut index);
        }
        index.write(root)?;
        *cached = Stamp::of(root).map(|stamp| Cached { stamp, index, entries: None });
        Ok(())
    }
}
