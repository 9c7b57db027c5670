//! The bytes of blobs, as streams.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::PathBuf;
use std::pin::Pin;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt, TryStreamExt, stream};
use wharf_oci::{Descriptor, Digester};

use crate::layout::blocking;
use crate::{Error, ErrorKind, Result};

/// The bytes of a blob as they arrive.
pub type BlobStream = Pin<Box<dyn Stream<Item = Result<Bytes>> + Send>>;

/// How much is read from a file at once, in bytes.
const READ_BYTES: u64 = 256 * 1024;

/// Bytes that can be read more than once, from any offset: what a push needs to start again after a challenge, a
/// broken connection or a restart of the server.
#[async_trait]
pub trait BlobSource: Send + Sync {
    /// Opens the bytes at `offset`.
    ///
    /// # Errors
    /// The bytes cannot be had.
    async fn open(&self, offset: u64) -> Result<BlobStream>;

    /// Returns whether a stream from the start is held against size and digest already, as [`verified`] does it: then
    /// nobody has to hash the same bytes again.
    fn is_verified(&self) -> bool {
        false
    }
}

/// A blob that is in memory.
#[derive(Clone, Debug)]
pub struct BytesSource(pub Bytes);

#[async_trait]
impl BlobSource for BytesSource {
    async fn open(&self, offset: u64) -> Result<BlobStream> {
        slice(&self.0, offset)
    }
}

/// A blob that is a file.
#[derive(Clone, Debug)]
pub struct FileSource(pub PathBuf);

#[async_trait]
impl BlobSource for FileSource {
    async fn open(&self, offset: u64) -> Result<BlobStream> {
        let path = self.0.clone();
        blocking(move || {
            let failed = |error| Error::io("cannot read", &path, error);
            let mut file = File::open(&path).map_err(failed)?;
            let len = file.metadata().map_err(failed)?.len();
            check_offset(offset, len)?;
            if offset > 0 {
                file.seek(SeekFrom::Start(offset)).map_err(failed)?;
            }
            if len - offset <= READ_BYTES {
                return Ok(once(read_piece(&file).map_err(failed)?));
            }
            Ok(ahead(file, path))
        })
        .await
    }
}

/// Reads a file on a thread of its own, a piece ahead of whoever takes them.
fn ahead(file: File, path: PathBuf) -> BlobStream {
    let (pieces, mut read) = tokio::sync::mpsc::channel(1);
    tokio::task::spawn_blocking(move || {
        loop {
            let piece = match read_piece(&file) {
                Ok(piece) if piece.is_empty() => return,
                piece => piece.map_err(|error| Error::io("cannot read", &path, error)),
            };
            let is_last = piece.is_err();
            // Nobody wants the rest where the other end is gone.
            if pieces.blocking_send(piece).is_err() || is_last {
                return;
            }
        }
    });
    Box::pin(stream::poll_fn(move |context| read.poll_recv(context)))
}

/// Reads the next piece; an empty one is the end.
fn read_piece(file: &File) -> std::io::Result<Bytes> {
    // Into room that is not filled with zeros first.
    let mut piece = Vec::with_capacity(READ_BYTES as usize);
    file.take(READ_BYTES).read_to_end(&mut piece)?;
    Ok(piece.into())
}

/// Returns a stream of these bytes.
pub fn once(bytes: Bytes) -> BlobStream {
    Box::pin(stream::iter((!bytes.is_empty()).then_some(Ok(bytes))))
}

/// Returns a stream of `bytes` from `offset` on.
pub(crate) fn slice(bytes: &Bytes, offset: u64) -> Result<BlobStream> {
    check_offset(offset, bytes.len() as u64)?;
    // Within the length, so within usize.
    Ok(once(bytes.slice(offset as usize..)))
}

pub(crate) fn check_offset(offset: u64, len: u64) -> Result<()> {
    if offset > len {
        return Err(Error::new(
            ErrorKind::Usage,
            format!("offset {offset} is beyond the end of content of {len} bytes"),
        ));
    }
    Ok(())
}

/// Opens a source at its start, held against size and digest once.
pub(crate) async fn open_verified(source: &dyn BlobSource, descriptor: &Descriptor) -> Result<BlobStream> {
    let bytes = source.open(0).await?;
    Ok(if source.is_verified() { bytes } else { verified(bytes, descriptor) })
}

/// Returns the stream of a whole blob with its size and digest verified: it ends with an error when they differ, and
/// never passes on more bytes than the descriptor says.
pub fn verified(stream: BlobStream, descriptor: &Descriptor) -> BlobStream {
    let Some(algorithm) = descriptor.digest.algorithm() else {
        let error = Error::new(
            ErrorKind::Content,
            format!("{} cannot be verified: its algorithm is neither sha256 nor sha512", descriptor.digest),
        );
        return Box::pin(stream::iter([Err(error)]));
    };
    verified_on(stream, descriptor, Digester::new(algorithm), 0)
}

/// The same, where the first `received` bytes have been seen by the digester already.
pub(crate) fn verified_on(
    stream: BlobStream,
    descriptor: &Descriptor,
    digester: Digester,
    received: u64,
) -> BlobStream {
    let state = Some((stream, digester, received, descriptor.clone()));
    Box::pin(stream::try_unfold(state, |state| async move {
        let Some((mut stream, mut digester, mut received, descriptor)) = state else { return Ok(None) };
        match stream.next().await {
            Some(bytes) => {
                let bytes = bytes?;
                received += bytes.len() as u64;
                if received > descriptor.size {
                    return Err(Error::new(
                        ErrorKind::Content,
                        format!(
                            "content of {} goes on after the {} bytes that the descriptor says",
                            descriptor.digest, descriptor.size
                        ),
                    ));
                }
                digester.update(&bytes);
                Ok(Some((bytes, Some((stream, digester, received, descriptor)))))
            }
            None if received != descriptor.size => Err(Error::size_differs(&descriptor, received)),
            None => {
                let computed = digester.finish();
                if computed != descriptor.digest {
                    return Err(Error::digest_differs(&descriptor.digest, &computed));
                }
                Ok(None)
            }
        }
    }))
}

/// Returns all bytes of a stream, of which there may be at most `max_bytes`.
///
/// # Errors
/// [`ErrorKind::Limit`] when there are more; no more than that is held.
pub async fn collect(mut stream: BlobStream, max_bytes: u64) -> Result<Bytes> {
    let mut all = BytesMut::new();
    while let Some(bytes) = stream.try_next().await? {
        if (all.len() + bytes.len()) as u64 > max_bytes {
            return Err(Error::new(
                ErrorKind::Limit,
                format!("content is longer than the {max_bytes} bytes that are accepted"),
            ));
        }
        all.extend_from_slice(&bytes);
    }
    Ok(all.freeze())
}
