//! Reading a blob: the next chunks are read from disk while the last ones travel.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

use bytes::Bytes;
use futures_util::stream::{self, BoxStream, StreamExt};
use tokio::task::JoinHandle;

use super::folder::Folder;
use crate::{BlobKey, Error, Result};

/// The size of one chunk.
const CHUNK_BYTES: u64 = 256 * 1024;
/// How many chunks are read at a time. Twice as many are in memory at most.
const CHUNKS_AT_ONCE: usize = 2;

/// An open blob and what is still to be read of it.
pub(super) struct Reader {
    file: File,
    left: u64,
}

type Chunks = (Reader, io::Result<VecDeque<Bytes>>);

impl Reader {
    /// Opens a blob at `offset` and reads its first chunks: all there is of a small one.
    pub(super) fn open(folder: &Folder, key: &BlobKey, offset: u64, length: u64) -> Result<Chunks> {
        let (mut file, metadata) = folder.open_blob(key)?;
        let size = metadata.len();
        if offset.checked_add(length).is_none_or(|end| end > size) {
            return Err(Error::Damaged(format!(
                "blob {} holds {size} bytes, {length} from {offset} are asked for",
                key.as_str()
            )));
        }
        if offset > 0 {
            file.seek(SeekFrom::Start(offset))
                .map_err(|error| Error::io(format!("reading blob {}", key.as_str()), error))?;
        }
        let (reader, chunks) = Self { file, left: length }.next();
        let chunks = chunks.map_err(|error| Error::io(format!("reading blob {}", key.as_str()), error))?;
        Ok((reader, Ok(chunks)))
    }

    /// Reads the next chunks. No thread is held between two calls, however slow the peer is.
    fn next(mut self) -> Chunks {
        let mut chunks = VecDeque::with_capacity(CHUNKS_AT_ONCE);
        while self.left > 0 && chunks.len() < CHUNKS_AT_ONCE {
            let wanted = self.left.min(CHUNK_BYTES);
            let mut chunk = Vec::with_capacity(usize::try_from(wanted).expect("a chunk fits in memory"));
            match (&self.file).take(wanted).read_to_end(&mut chunk) {
                Ok(read) if read as u64 == wanted => {}
                Ok(_) => return (self, Err(io::ErrorKind::UnexpectedEof.into())),
                Err(error) => return (self, Err(error)),
            }
            self.left -= wanted;
            chunks.push_back(chunk.into());
        }
        (self, Ok(chunks))
    }

    /// Streams `first`, then the rest.
    pub(super) fn stream(self, first: io::Result<VecDeque<Bytes>>) -> BoxStream<'static, io::Result<Bytes>> {
        let first = match first {
            Ok(first) if self.left == 0 => return stream::iter(first.into_iter().map(Ok)).boxed(),
            first => first,
        };
        let state = Streaming { at_hand: VecDeque::new(), coming: Some(Coming::Here((self, first))) };
        stream::unfold(state, |mut state| async move {
            if let Some(chunk) = state.at_hand.pop_front() {
                return Some((Ok(chunk), state));
            }
            let (reader, chunks) = match state.coming.take()? {
                Coming::Here(chunks) => chunks,
                Coming::Reading(reading) => match reading.await {
                    Ok(chunks) => chunks,
                    Err(error) => return Some((Err(io::Error::other(error)), state)),
                },
            };
            match chunks {
                Ok(chunks) => state.at_hand = chunks,
                Err(error) => return Some((Err(error), state)),
            }
            if reader.left > 0 {
                state.coming = Some(Coming::Reading(tokio::task::spawn_blocking(|| reader.next())));
            }
            let chunk = state.at_hand.pop_front()?;
            Some((Ok(chunk), state))
        })
        .boxed()
    }
}

struct Streaming {
    at_hand: VecDeque<Bytes>,
    coming: Option<Coming>,
}

enum Coming {
    Here(Chunks),
    Reading(JoinHandle<Chunks>),
}
