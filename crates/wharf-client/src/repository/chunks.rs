//! A blob source cut into chunks, read through once as long as nothing goes wrong.

use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use wharf_content::{BlobSource, BlobStream, Error, Result};

/// Reads a source chunk by chunk. A chunk that starts where the last one ended goes on with the same stream, so that
/// the source is opened once; any other opens it anew.
pub(super) struct Chunks<'a> {
    source: &'a dyn BlobSource,
    chunk_bytes: u64,
    shared: Arc<Mutex<Shared>>,
}

struct Shared {
    /// Where `stream` stands, less what is in `rest`.
    at: u64,
    stream: Option<BlobStream>,
    rest: Bytes,
}

impl<'a> Chunks<'a> {
    pub(super) fn new(source: &'a dyn BlobSource, chunk_bytes: u64) -> Self {
        let shared = Shared { at: 0, stream: None, rest: Bytes::new() };
        Self { source, chunk_bytes, shared: Arc::new(Mutex::new(shared)) }
    }
}

#[async_trait]
impl BlobSource for Chunks<'_> {
    /// Returns the bytes of one chunk.
    async fn open(&self, offset: u64) -> Result<BlobStream> {
        let goes_on = {
            let shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
            shared.stream.is_some() && shared.at == offset
        };
        if !goes_on {
            let stream = self.source.open(offset).await?;
            *self.shared.lock().unwrap_or_else(PoisonError::into_inner) =
                Shared { at: offset, stream: Some(stream), rest: Bytes::new() };
        }
        let shared = Arc::clone(&self.shared);
        let mut left = self.chunk_bytes;
        Ok(Box::pin(stream::poll_fn(move |context| {
            if left == 0 {
                return Poll::Ready(None);
            }
            let mut shared = shared.lock().unwrap_or_else(PoisonError::into_inner);
            let piece = match shared.poll_piece(context, left) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(piece) => piece,
            };
            match &piece {
                Some(Ok(bytes)) => left -= bytes.len() as u64,
                // Not to be gone on with.
                Some(Err(_)) => shared.stream = None,
                None => left = 0,
            }
            Poll::Ready(piece)
        })))
    }
}

impl Shared {
    /// Takes at most `max` bytes.
    fn poll_piece(&mut self, context: &mut Context<'_>, max: u64) -> Poll<Option<Result<Bytes, Error>>> {
        while self.rest.is_empty() {
            let Some(stream) = &mut self.stream else { return Poll::Ready(None) };
            match stream.poll_next_unpin(context) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Some(Ok(bytes))) => self.rest = bytes,
                Poll::Ready(other) => return Poll::Ready(other),
            }
        }
        // Within the piece, so within usize.
        let len = max.min(self.rest.len() as u64);
        self.at += len;
        Poll::Ready(Some(Ok(self.rest.split_to(len as usize))))
    }
}
