//! The blob store on a local disk.

mod folder;
mod reading;
mod uploads;
mod writing;

#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::{self, BoxStream, StreamExt, TryStreamExt};
use wharf_oci::{Algorithm, Digest};

use super::{BlobKey, BlobStore, UploadId};
use crate::{Error, Result};
use folder::Folder;
use uploads::Uploads;

/// The blob store on a local disk.
///
/// The layout of the folder is described in `docs/formats/data-folder.md`. One process at a time may have it open. Every
/// system call that can wait runs off the asynchronous threads, and none holds such a thread while a slow peer is waited
/// for. Must be used inside a Tokio runtime.
#[derive(Debug)]
pub struct DiskStore {
    uploads: Arc<Uploads>,
}

impl DiskStore {
    /// Opens the store in `root`, making what is missing of the folder.
    ///
    /// # Errors
    /// [`Error::Conflict`] when another process has the folder open, named with its number; `Io` and `Full` when the
    /// folder cannot be made or written to.
    pub fn open(root: impl AsRef<Path>) -> Result<Self> {
        Ok(Self { uploads: Arc::new(Uploads::new(Folder::open(root.as_ref())?)) })
    }

    /// Returns what the file system says of a blob, or `None` when there is none.
    async fn metadata(&self, key: &BlobKey) -> Result<Option<std::fs::Metadata>> {
        let key = key.clone();
        self.blocking(move |uploads| match uploads.folder().open_blob(&key) {
            Ok((_, metadata)) => Ok(Some(metadata)),
            Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        })
        .await
    }

    /// Runs `work` where waiting for the disk hurts nobody.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Uploads) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let uploads = Arc::clone(&self.uploads);
        off_thread(move || work(&uploads)).await?
    }
}

#[async_trait]
impl BlobStore for DiskStore {
    async fn create_upload(&self, id: &UploadId) -> Result<()> {
        let id = id.clone();
        self.blocking(move |uploads| uploads.create(&id)).await
    }

    async fn upload_offset(&self, id: &UploadId) -> Result<u64> {
        Ok(self.uploads.open(id).await?.settled_offset().await)
    }

    async fn append(
        &self,
        id: &UploadId,
        offset: u64,
        algorithm: Option<Algorithm>,
        body: BoxStream<'_, std::io::Result<Bytes>>,
    ) -> Result<u64> {
        writing::append(&self.uploads, id, offset, algorithm, body).await
    }

    async fn finish(&self, id: &UploadId, digest: &Digest) -> Result<(BlobKey, u64)> {
        writing::finish(&self.uploads, id, digest).await
    }

    async fn cancel(&self, id: &UploadId) -> Result<()> {
        let id = id.clone();
        self.blocking(move |uploads| uploads.remove(&id)).await
    }

    async fn uploads(&self) -> Result<Vec<UploadId>> {
        self.blocking(|uploads| uploads.folder().list_uploads()).await
    }

    async fn expire_uploads(&self, idle: Duration) -> Result<u64> {
        self.blocking(move |uploads| uploads.expire(idle)).await
    }

    async fn read(
        &self,
        key: &BlobKey,
        offset: u64,
        length: u64,
    ) -> Result<BoxStream<'static, std::io::Result<Bytes>>> {
        let key = key.clone();
        let (reader, first) = self
            .blocking(move |uploads| reading::Reader::open(uploads.folder(), &key, offset, length))
            .await?;
        Ok(reader.stream(first))
    }

    async fn size(&self, key: &BlobKey) -> Result<Option<u64>> {
        Ok(self.metadata(key).await?.map(|metadata| metadata.len()))
    }

    async fn finished_at(&self, key: &BlobKey) -> Result<Option<i64>> {
        let Some(metadata) = self.metadata(key).await? else { return Ok(None) };
        let changed = metadata
            .modified()
            .map_err(|error| Error::io(format!("reading the time of blob {}", key.as_str()), error))?;
        // A file from before 1970 is old, whatever its time.
        let age = changed.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Ok(Some(i64::try_from(age.as_secs()).unwrap_or(i64::MAX)))
    }

    async fn remove(&self, key: &BlobKey) -> Result<()> {
        let key = key.clone();
        self.blocking(move |uploads| uploads.folder().remove_blob(&key)).await
    }

    async fn keys(&self) -> Result<BoxStream<'static, Result<BlobKey>>> {
        let uploads = Arc::clone(&self.uploads);
        Ok(stream::iter(Folder::shelves())
            .then(move |shelf| {
                let uploads = Arc::clone(&uploads);
                async move { off_thread(move || uploads.folder().keys_on(&shelf)).await? }
            })
            .map_ok(|keys| stream::iter(keys.into_iter().map(Ok)))
            .try_flatten()
            .boxed())
    }

    async fn check(&self) -> Result<()> {
        self.blocking(|uploads| uploads.folder().check()).await
    }
}

/// Runs `work` on a thread that may wait.
async fn off_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(ended_early)
}

/// Returns the error for work that panicked or that a stopping server cut off.
fn ended_early(error: tokio::task::JoinError) -> Error {
    Error::Io { context: "work on the blob store ended early".to_owned(), source: Box::new(error) }
}
