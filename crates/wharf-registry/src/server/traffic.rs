//! What a connection is doing, and when it has done nothing for so long that it is closed: a place among the connections
//! is held only by those who use it.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

use crate::Config;

/// What must leave the server for an answer to make progress. Less may be no more than replies to the peer's pings.
const PROGRESS_BYTES: usize = 1024;

/// How long a connection may do nothing.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// Without a first request, and after its end was announced.
    first: Duration,
    /// Between requests.
    idle: Duration,
    /// While an answer is sent, without the peer taking any of it.
    answer: Duration,
}

impl Patience {
    pub(super) const fn of(config: &Config) -> Self {
        Self { first: config.header_timeout, idle: config.idle_timeout, answer: config.body_timeout }
    }
}

/// Why a connection is to be closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stall {
    /// No request came in time.
    Silent,
    /// There was no request for a while; one may be on its way.
    Idle,
    /// The peer does not read its answer.
    Unread,
}

/// The traffic of one connection.
#[derive(Debug)]
pub(super) struct Traffic {
    patience: Patience,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// Requests whose handler runs; it has limits of its own.
    handling: usize,
    /// Answers that are being sent.
    answering: usize,
    requested: bool,
    ending: bool,
    /// Bytes written since `since`.
    written: usize,
    /// When something happened last.
    since: Instant,
}

impl Traffic {
    pub(super) fn new(patience: Patience) -> Arc<Self> {
        let since = Instant::now();
        let state = State { handling: 0, answering: 0, requested: false, ending: false, written: 0, since };
        Arc::new(Self { patience, state: Mutex::new(state) })
    }

    /// Notes that the peer may send requests from now on.
    pub(super) fn open(&self) {
        self.change(|_| ());
    }

    /// Notes that no more requests are taken.
    pub(super) fn end(&self) {
        self.change(|state| state.ending = true);
    }

    /// Notes a request. It is in flight until what is returned, or the answer that it becomes, is dropped.
    pub(super) fn begin(self: &Arc<Self>) -> Handling {
        self.change(|state| {
            state.requested = true;
            state.handling += 1;
        });
        Handling(Arc::clone(self))
    }

    /// Returns once the connection has done nothing for too long.
    pub(super) async fn stalled(&self) -> Stall {
        let Patience { first, idle, answer } = self.patience;
        loop {
            let now = Instant::now();
            let (since, limit, stall) = {
                let state = self.state.lock().expect("no holder panics");
                match *state {
                    State { handling: 1.., .. } => (now, first.min(idle).min(answer), Stall::Idle),
                    State { answering: 1.., since, .. } => (since, answer, Stall::Unread),
                    State { requested: true, ending: false, since, .. } => (since, idle, Stall::Idle),
                    State { since, .. } => (since, first, Stall::Silent),
                }
            };
            let deadline = since + limit;
            if deadline <= now && since < now {
                return stall;
            }
            tokio::time::sleep_until(deadline).await;
        }
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.state.lock().expect("no holder panics");
        change(&mut state);
        state.written = 0;
        state.since = Instant::now();
    }

    fn wrote(&self, bytes: usize) {
        let mut state = self.state.lock().expect("no holder panics");
        state.written = state.written.saturating_add(bytes);
        if state.answering > 0 && state.written >= PROGRESS_BYTES {
            state.written = 0;
            state.since = Instant::now();
        }
    }
}

/// A request whose handler runs.
#[derive(Debug)]
pub(super) struct Handling(Arc<Traffic>);

impl Handling {
    /// Returns the answer's body, which keeps the request in flight until it is sent.
    pub(super) fn answered(self, body: Body) -> Answering {
        self.0.change(|state| state.answering += 1);
        Answering { body, traffic: Arc::clone(&self.0) }
    }
}

impl Drop for Handling {
    fn drop(&mut self) {
        self.0.change(|state| state.handling -= 1);
    }
}

/// An answer that is being sent.
#[derive(Debug)]
pub(super) struct Answering {
    body: Body,
    traffic: Arc<Traffic>,
}

impl Drop for Answering {
    fn drop(&mut self) {
        self.traffic.change(|state| state.answering -= 1);
    }
}

impl http_body::Body for Answering {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A socket whose writes are counted.
#[derive(Debug)]
pub(super) struct Counted<S> {
    inner: S,
    traffic: Arc<Traffic>,
}

impl<S> Counted<S> {
    pub(super) const fn new(inner: S, traffic: Arc<Traffic>) -> Self {
        Self { inner, traffic }
    }

    fn count(&self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if let Poll::Ready(Ok(bytes)) = written {
            self.traffic.wrote(bytes);
        }
        written
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Counted<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Counted<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.inner).poll_write(cx, bytes);
        self.count(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.inner).poll_write_vectored(cx, slices);
        self.count(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}
