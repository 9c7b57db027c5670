//! Appending to an upload and finishing it.
//!
//! A request feeds batches of bytes to a task of its own, which writes and hashes each on two threads at once. The task
//! outlives a request that is given up midway, so that everything handed to it is written and the hash stays right; no
//! thread is held while the peer is waited for.

use std::fs::File;
use std::io::{self, Read, Write};
use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream::{BoxStream, StreamExt};
use tokio::sync::{OwnedMutexGuard, mpsc};
use wharf_oci::{Algorithm, Digest, Digester};

use super::uploads::{Claim, State, Upload, Uploads, conflict};
use super::{ended_early, off_thread};
use crate::{BlobKey, Error, Result, UploadId, faults};

/// How many bytes are gathered before they are written. Two batches are in memory at most.
const BATCH_BYTES: usize = 512 * 1024;
/// Up to here a batch is hashed faster than another thread is woken.
const INLINE_HASH_BYTES: usize = 32 * 1024;

/// How far the disk may be behind before it is told to start, so that the last flush of a large blob has little left to do.
const WRITE_BACK_BYTES: u64 = 16 * 1024 * 1024;

type Batch = Vec<Bytes>;

/// Appends `body` at `offset`; see [`crate::BlobStore::append`].
pub(super) async fn append(
    uploads: &Arc<Uploads>,
    id: &UploadId,
    offset: u64,
    algorithm: Option<Algorithm>,
    mut body: BoxStream<'_, io::Result<Bytes>>,
) -> Result<u64> {
    let upload = uploads.open(id).await?;
    let _claim = Claim::take(&upload)?;
    let mut state = Arc::clone(&upload.state).lock_owned().await;
    if state.offset != offset {
        return Err(conflict(id, format!("holds {} bytes, the body starts at {offset}", state.offset)));
    }
    if let Some(announced) = algorithm
        && state.offset == 0
    {
        state.digester = Some(Digester::new(announced));
    }

    let (sender, batches) = mpsc::channel(1);
    let writer = Writer { uploads: Arc::clone(uploads), upload, state, file: None, behind: 0 };
    let writing = tokio::spawn(writer.run(batches));
    let mut feeder = Feeder::default();
    feeder.permit = sender.reserve_owned().await.ok();
    let mut failure = None;
    while let Some(chunk) = body.next().await {
        match chunk {
            Ok(chunk) => feeder.push(chunk),
            Err(error) => {
                failure = Some(error);
                break;
            }
        }
        if feeder.size >= BATCH_BYTES && !feeder.send().await {
            // The writer has failed and will say why.
            break;
        }
    }
    drop(feeder);
    let offset = writing.await.map_err(ended_early)??;
    failure.map_or(Ok(offset), |error| {
        Err(Error::Invalid {
            what: "upload",
            problem: format!("{} holds {offset} bytes, then its body failed: {error}", id.as_str()),
        })
    })
}

/// Gathers chunks into batches. When dropped, hands over what it has, so that nothing that arrived is lost.
#[derive(Default)]
struct Feeder {
    /// The place for the next batch, reserved beforehand so that handing over cannot wait.
    permit: Option<mpsc::OwnedPermit<Batch>>,
    batch: Batch,
    size: usize,
}

impl Feeder {
    fn push(&mut self, chunk: Bytes) {
        if !chunk.is_empty() {
            self.size += chunk.len();
            self.batch.push(chunk);
        }
    }

    /// Hands over the batch and waits for the next place; returns whether there is one.
    async fn send(&mut self) -> bool {
        if let Some(sender) = self.hand_over() {
            self.permit = sender.reserve_owned().await.ok();
        }
        self.permit.is_some()
    }

    fn hand_over(&mut self) -> Option<mpsc::Sender<Batch>> {
        self.size = 0;
        Some(self.permit.take()?.send(std::mem::take(&mut self.batch)))
    }
}

impl Drop for Feeder {
    fn drop(&mut self) {
        if self.size > 0 {
            self.hand_over();
        }
    }
}

/// The task that writes what one request brings.
struct Writer {
    uploads: Arc<Uploads>,
    upload: Arc<Upload>,
    state: OwnedMutexGuard<State>,
    file: Option<Arc<File>>,
    /// How many bytes were written since the disk was last told to start.
    behind: u64,
}

impl Writer {
    async fn run(mut self, mut batches: mpsc::Receiver<Batch>) -> Result<u64> {
        while let Some(batch) = batches.recv().await {
            if self.upload.is_gone() {
                return Err(Error::not_found("upload", self.upload.id.as_str()));
            }
            self.write(batch.into()).await?;
        }
        Ok(self.state.offset)
    }

    /// Writes and hashes one batch. When the device refuses it, the upload is as it was before.
    async fn write(&mut self, batch: Arc<[Bytes]>) -> Result<()> {
        let size: usize = batch.iter().map(Bytes::len).sum();
        let end = self.state.offset + size as u64;
        let writing = off_thread({
            let (uploads, upload) = (Arc::clone(&self.uploads), Arc::clone(&self.upload));
            let (file, batch, start) = (self.file.clone(), Arc::clone(&batch), self.state.offset);
            move || write_batch(&uploads, &upload.id, file, &batch, start)
        });
        let digester = self.state.digester.clone();
        let hashing = async {
            match digester {
                Some(digester) if size <= INLINE_HASH_BYTES => Ok(Some(hash(digester, &batch))),
                Some(digester) => {
                    let batch = Arc::clone(&batch);
                    off_thread(move || hash(digester, &batch)).await.map(Some)
                }
                None => Ok(None),
            }
        };
        let (written, hashed) = futures_util::future::join(writing, hashing).await;
        match written.and_then(|written| written) {
            Ok(file) => {
                self.behind += size as u64;
                self.write_back_early(&file);
                self.file = Some(file);
                self.state.offset = end;
                self.state.digester = hashed.ok().flatten();
                self.upload.publish(&self.state);
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// Lets the disk write while more bytes arrive.
    ///
    /// A failed flush is reported once: the flush in [`finish`] would not hear of this one's. So the upload is removed
    /// here when it fails, and `finish` waits for it.
    fn write_back_early(&mut self, file: &Arc<File>) {
        let busy = self.state.write_back.as_ref().is_some_and(|flush| !flush.is_finished());
        if self.behind < WRITE_BACK_BYTES || busy {
            return;
        }
        self.behind = 0;
        let (file, uploads, upload) = (Arc::clone(file), Arc::clone(&self.uploads), Arc::clone(&self.upload));
        self.state.write_back = Some(tokio::task::spawn_blocking(move || {
            if let Err(error) = file.sync_data() {
                tracing::error!(%error, upload = upload.id.as_str(), "the disk refused part of an upload");
                let _ = uploads.remove(&upload.id);
            }
        }));
    }
}

fn hash(mut digester: Digester, batch: &[Bytes]) -> Digester {
    for chunk in batch {
        digester.update(chunk);
    }
    digester
}

fn write_batch(
    uploads: &Uploads,
    id: &UploadId,
    file: Option<Arc<File>>,
    batch: &[Bytes],
    start: u64,
) -> Result<Arc<File>> {
    let file = match file {
        Some(file) => file,
        None => Arc::new(uploads.folder().open_upload(id, true)?),
    };
    let mut end = &*file;
    for chunk in batch {
        if let Err(error) = end.write_all(chunk) {
            // Back to what the state says; where even that fails, the disk is asked anew when the upload is next used.
            if file.set_len(start).is_err() {
                uploads.forget(id);
            }
            return Err(Error::io(format!("writing upload {}", id.as_str()), error));
        }
    }
    faults::reached("disk: appended");
    Ok(file)
}

/// Finishes an upload; see [`crate::BlobStore::finish`].
pub(super) async fn finish(uploads: &Arc<Uploads>, id: &UploadId, digest: &Digest) -> Result<(BlobKey, u64)> {
    let algorithm = digest.algorithm().ok_or_else(|| Error::Invalid {
        what: "digest",
        problem: format!("algorithm of {digest} is not supported; sha256 and sha512 are"),
    })?;
    let upload = uploads.open(id).await?;
    let claim = Claim::take(&upload)?;
    let mut state = Arc::clone(&upload.state).lock_owned().await;
    if let Some(flush) = state.write_back.take() {
        flush.await.map_err(ended_early)?;
    }
    if upload.is_gone() {
        return Err(Error::not_found("upload", id.as_str()));
    }
    let (uploads, id, digest) = (Arc::clone(uploads), id.clone(), digest.clone());
    off_thread(move || {
        // Held until the end, also when the request is given up.
        let _claim = claim;
        let file = uploads.folder().open_upload(&id, false)?;
        let (actual, size) = match &state.digester {
            Some(digester) if digester.algorithm() == algorithm => {
                let length = file
                    .metadata()
                    .map_err(|error| Error::io(format!("reading upload {}", id.as_str()), error))?
                    .len();
                if length != state.offset {
                    // What was hashed is not what is there. The next attempt takes it from the disk.
                    uploads.forget(&id);
                    return Err(Error::Damaged(format!(
                        "upload {} has {length} bytes on disk, {} were written",
                        id.as_str(),
                        state.offset
                    )));
                }
                (digester.clone().finish(), length)
            }
            _ => hash_file(&file, algorithm)
                .map_err(|error| Error::io(format!("reading upload {}", id.as_str()), error))?,
        };
        if actual != digest {
            // Useless either way; if it cannot be removed now, it expires.
            let _ = uploads.remove(&id);
            return Err(Error::DigestMismatch { expected: digest, actual });
        }
        let key = BlobKey::new(&digest, &id);
        let kept = uploads.folder().keep(&id, &file, &key);
        // Kept or not, what is known of it no longer holds; a file that stayed is found again on disk.
        uploads.forget(&id);
        kept.map(|()| (key, size))
    })
    .await?
}

/// Returns digest and length of what is in `file` from where it stands.
fn hash_file(mut file: &File, algorithm: Algorithm) -> io::Result<(Digest, u64)> {
    let mut digester = Digester::new(algorithm);
    let mut buffer = vec![0; 256 * 1024];
    let mut size = 0;
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return Ok((digester.finish(), size)),
            Ok(length) => {
                digester.update(&buffer[..length]);
                size += length as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
