//! Appending to an upload and finishing it.
//!
//! A request copies what arrives into one buffer while the other is written and hashed on a thread that may wait. The
//! task behind that outlives a request that is given up midway, so that everything handed to it is written and the hash
//! stays right; no thread is held while the peer is waited for.

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

/// How many bytes are gathered before they are written. They stay in the processor's cache from the socket to the hash.
const BATCH_BYTES: usize = 128 * 1024;
/// How many buffers of that size a request has: one is filled while the other is written.
const BUFFERS: usize = 2;
/// How much is written at a time. For larger pieces the system looks for larger free pages, which cost several times as
/// much on virtual machines that hand free memory back to their host (`docs/BENCHMARKING.md`, "Size of writes").
const WRITE_BYTES: usize = 64 * 1024;

/// How far the disk may be behind before it is told to start, so that the last flush of a large blob has little left to do.
const WRITE_BACK_BYTES: u64 = 16 * 1024 * 1024;

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

    let writer = Writer { uploads: Arc::clone(uploads), upload, state, file: None, behind: 0 };
    let (mut feeder, round) = Feeder::new();
    let writing = tokio::spawn(writer.run(round));
    let mut failure = None;
    while let Some(chunk) = body.next().await {
        match chunk {
            // The writer has failed and will say why.
            Ok(chunk) if !feeder.push(&chunk).await => break,
            Ok(_) => {}
            Err(error) => {
                failure = Some(error);
                break;
            }
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
///
/// Bytes are copied, because a small chunk may keep a large buffer of its connection alive.
struct Feeder {
    batch: Vec<u8>,
    full: mpsc::Sender<Vec<u8>>,
    empty: mpsc::Receiver<Vec<u8>>,
}

/// The writer's ends of the two queues in which the buffers go round.
struct Round {
    full: mpsc::Receiver<Vec<u8>>,
    empty: mpsc::Sender<Vec<u8>>,
}

impl Feeder {
    fn new() -> (Self, Round) {
        let (full, coming) = mpsc::channel(BUFFERS);
        let (back, empty) = mpsc::channel(BUFFERS);
        for _ in 1..BUFFERS {
            // There is room for every buffer in each queue.
            let _ = back.try_send(Vec::new());
        }
        (Self { batch: Vec::new(), full, empty }, Round { full: coming, empty: back })
    }

    /// Takes a chunk, waiting for the writer where it is behind; returns whether it takes more.
    async fn push(&mut self, mut chunk: &[u8]) -> bool {
        while !chunk.is_empty() {
            let (now, later) = chunk.split_at(chunk.len().min(BATCH_BYTES - self.batch.len()));
            self.batch.reserve_exact(BATCH_BYTES - self.batch.len());
            self.batch.extend_from_slice(now);
            chunk = later;
            if self.batch.len() == BATCH_BYTES {
                self.hand_over();
                match self.empty.recv().await {
                    Some(buffer) => self.batch = buffer,
                    None => return false,
                }
            }
        }
        true
    }

    /// Never waits: there is room for every buffer.
    fn hand_over(&mut self) {
        let _ = self.full.try_send(std::mem::take(&mut self.batch));
    }
}

impl Drop for Feeder {
    fn drop(&mut self) {
        if !self.batch.is_empty() {
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
    async fn run(mut self, mut round: Round) -> Result<u64> {
        while let Some(batch) = round.full.recv().await {
            (self, round) = off_thread(move || self.write_waiting(batch, round)).await??;
        }
        Ok(self.state.offset)
    }

    /// Writes a batch and those that wait behind it, so that a fast peer costs few changes of the thread.
    fn write_waiting(mut self, mut batch: Vec<u8>, mut round: Round) -> Result<(Self, Round)> {
        loop {
            self.write(&batch)?;
            batch.clear();
            // The request may be over.
            let _ = round.empty.try_send(batch);
            match round.full.try_recv() {
                Ok(next) => batch = next,
                Err(_) => return Ok((self, round)),
            }
        }
    }

    /// Writes and hashes one batch. When the device refuses it, the upload is as it was before.
    fn write(&mut self, batch: &[u8]) -> Result<()> {
        if self.upload.is_gone() {
            return Err(Error::not_found("upload", self.upload.id.as_str()));
        }
        let file = match &self.file {
            Some(file) => Arc::clone(file),
            None => Arc::new(self.uploads.folder().open_upload(&self.upload.id, true)?),
        };
        if let Err(error) = batch.chunks(WRITE_BYTES).try_for_each(|piece| (&*file).write_all(piece)) {
            // Back to what the state says; where even that fails, the disk is asked anew when the upload is next used.
            if file.set_len(self.state.offset).is_err() {
                self.uploads.forget(&self.upload.id);
            }
            return Err(Error::io(format!("writing upload {}", self.upload.id.as_str()), error));
        }
        faults::reached("disk: appended");
        if let Some(digester) = &mut self.state.digester {
            digester.update(batch);
        }
        self.state.offset += batch.len() as u64;
        self.upload.publish(&self.state);
        self.behind += batch.len() as u64;
        self.write_back_early(&file);
        self.file = Some(file);
        Ok(())
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
