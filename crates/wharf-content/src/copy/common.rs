//! What many copies between the same two places share.

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OnceCell, Semaphore, SemaphorePermit};
use wharf_oci::Digest;

use crate::papers::Tags;
use crate::target::ReadTarget;

/// What many copies between the same two places share: the list of tags is read once, a blob is asked for and sent once, and
/// so many transfers run at once in all of them together.
///
/// It is for one source and one destination, and for a run: what was there may be gone later.
#[derive(Debug)]
pub struct Common {
    tags: OnceCell<Arc<Tags>>,
    /// Whether the destination is known to have a blob; held while that is found out.
    blobs: Mutex<HashMap<Digest, Arc<tokio::sync::Mutex<bool>>>>,
    transfers: Semaphore,
}

impl Common {
    /// Returns what copies with so many transfers at once share; nothing is known yet.
    pub fn new(transfers: NonZeroUsize) -> Self {
        Self { tags: OnceCell::new(), blobs: Mutex::default(), transfers: Semaphore::new(transfers.get()) }
    }

    pub(super) async fn tags(&self, source: &dyn ReadTarget) -> Arc<Tags> {
        Arc::clone(self.tags.get_or_init(|| async { Arc::new(Tags::of(source).await) }).await)
    }

    pub(super) fn blob(&self, digest: &Digest) -> Arc<tokio::sync::Mutex<bool>> {
        let mut blobs = self.blobs.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(blobs.entry(digest.clone()).or_default())
    }

    /// Waits for its turn; the place is taken until what is returned is dropped.
    pub(super) async fn transfer(&self) -> Option<SemaphorePermit<'_>> {
        // Never closed.
        self.transfers.acquire().await.ok()
    }
}
