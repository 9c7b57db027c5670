//! Reading a blob: what the system has in memory is taken at once, the disk is waited for on another thread.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures_util::stream::{self, BoxStream, StreamExt};

use super::folder::Folder;
use super::off_thread;
use crate::{BlobKey, Error, Result};

/// The size of one chunk; a stream has one in memory, and another while its peer is slow. It stays in the processor's
/// cache from the file to the socket.
const CHUNK_BYTES: u64 = 128 * 1024;
/// How far ahead the system is asked to read when the disk has to be waited for.
const READ_AHEAD_BYTES: u64 = 2 * 1024 * 1024;

/// An open blob and what is still to be read of it.
pub(super) struct Reader {
    file: Arc<File>,
    offset: u64,
    left: u64,
    /// The chunk that was handed out last: its memory is used again once nobody else has it.
    last: Bytes,
}

impl Reader {
    /// Opens a blob at `offset` and reads its first chunk: all there is of a small one.
    pub(super) fn open(folder: &Folder, key: &BlobKey, offset: u64, length: u64) -> Result<(Self, Bytes)> {
        let (file, metadata) = folder.open_blob(key)?;
        let size = metadata.len();
        if offset.checked_add(length).is_none_or(|end| end > size) {
            return Err(Error::Damaged(format!(
                "blob {} holds {size} bytes, {length} from {offset} are asked for",
                key.as_str()
            )));
        }
        let mut reader = Self { file: Arc::new(file), offset, left: length, last: Bytes::new() };
        let mut buffer = reader.buffer();
        let read = read_from_memory(&reader.file, &mut buffer, offset);
        read_from_disk(&reader.file, &mut buffer[read..], offset + read as u64)
            .map_err(|error| Error::io(format!("reading blob {}", key.as_str()), error))?;
        let first = reader.hand_out(buffer);
        Ok((reader, first))
    }

    /// Streams `first`, then the rest.
    pub(super) fn stream(self, first: Bytes) -> BoxStream<'static, io::Result<Bytes>> {
        let first = stream::iter((!first.is_empty()).then_some(Ok(first)));
        if self.left == 0 {
            return first.boxed();
        }
        let rest = stream::try_unfold(self, |mut reader| async move {
            Ok(reader.next().await?.map(|chunk| (chunk, reader)))
        });
        first.chain(rest).boxed()
    }

    /// Reads the next chunk. No thread is held between two calls, however slow the peer is.
    async fn next(&mut self) -> io::Result<Option<Bytes>> {
        if self.left == 0 {
            return Ok(None);
        }
        let mut buffer = self.buffer();
        let read = read_from_memory(&self.file, &mut buffer, self.offset);
        if read < buffer.len() {
            let (file, offset) = (Arc::clone(&self.file), self.offset);
            buffer = off_thread(move || {
                read_from_disk(&file, &mut buffer[read..], offset + read as u64).map(|()| buffer)
            })
            .await
            .map_err(io::Error::other)??;
        }
        Ok(Some(self.hand_out(buffer)))
    }

    /// Returns the memory for the next chunk.
    fn buffer(&mut self) -> BytesMut {
        let length = usize::try_from(self.left.min(CHUNK_BYTES)).expect("a chunk fits in memory");
        let mut buffer = std::mem::take(&mut self.last).try_into_mut().unwrap_or_default();
        buffer.resize(length, 0);
        buffer
    }

    fn hand_out(&mut self, buffer: BytesMut) -> Bytes {
        self.offset += buffer.len() as u64;
        self.left -= buffer.len() as u64;
        let chunk = buffer.freeze();
        if self.left > 0 {
            self.last = chunk.clone();
        }
        chunk
    }
}

/// Reads as much as the system has in memory, without waiting for the disk; returns how much that was.
#[cfg(target_os = "linux")]
fn read_from_memory(file: &File, buffer: &mut [u8], offset: u64) -> usize {
    use rustix::io::{ReadWriteFlags, preadv2};
    // Where a file system cannot tell, or fails, the read that may wait finds out.
    preadv2(file, &mut [io::IoSliceMut::new(buffer)], offset, ReadWriteFlags::NOWAIT).unwrap_or(0)
}

#[cfg(not(target_os = "linux"))]
fn read_from_memory(_: &File, _: &mut [u8], _: u64) -> usize {
    0
}

/// Fills the buffer, and lets the system read on while these bytes travel.
fn read_from_disk(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<()> {
    if buffer.is_empty() {
        return Ok(());
    }
    #[cfg(target_os = "linux")]
    {
        let ahead = std::num::NonZeroU64::new(READ_AHEAD_BYTES);
        // It is advice: where it is not taken, there is only less speed.
        let _ = rustix::fs::fadvise(file, offset, ahead, rustix::fs::Advice::WillNeed);
    }
    file.read_exact_at(buffer, offset)
}
