//! Whether the body of an upload still moves.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use wharf_content::BlobStream;

/// The largest piece that is handed over at once, in bytes: on a slow line even one piece takes its time.
const PIECE: usize = 64 * 1024;

/// When the connection last took bytes of a body.
pub(crate) struct Progress(Mutex<State>);

enum State {
    /// The next bytes are due from the source, so the peer is not to blame.
    OnSource,
    /// The peer has had bytes, or the end, since then.
    OnPeer(Instant),
}

impl Progress {
    /// Returns the same bytes, in pieces, and what becomes of them.
    pub(super) fn watch(body: BlobStream) -> (Arc<Self>, BlobStream) {
        let progress = Arc::new(Self(Mutex::new(State::OnPeer(Instant::now()))));
        let watched = Arc::clone(&progress);
        let mut body = body;
        let mut rest = Bytes::new();
        let pieces = stream::poll_fn(move |context| {
            if rest.is_empty() {
                match body.poll_next_unpin(context) {
                    std::task::Poll::Ready(Some(Ok(bytes))) => rest = bytes,
                    other => {
                        watched.set(if other.is_pending() {
                            State::OnSource
                        } else {
                            State::OnPeer(Instant::now())
                        });
                        return other;
                    }
                }
            }
            watched.set(State::OnPeer(Instant::now()));
            std::task::Poll::Ready(Some(Ok(rest.split_to(rest.len().min(PIECE)))))
        });
        (progress, Box::pin(pieces))
    }

    /// Returns for how long the peer has been silent.
    pub(super) fn silence(&self) -> Duration {
        match *self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            State::OnSource => Duration::ZERO,
            State::OnPeer(since) => since.elapsed(),
        }
    }

    fn set(&self, state: State) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = state;
    }
}
