//! Request bodies: bounded, streamed, and never waited for without end.

use std::future::Future as _;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use futures_util::Stream;
use http::HeaderMap;
use http::header::CONTENT_LENGTH;
use http_body::Body as _;
use http_body_util::BodyExt as _;
use tokio::time::{Instant, Sleep};

use super::allowance::Allowance;
use crate::error::Error;

/// The most that is read of a body nobody wants, so that the client comes to read the answer.
const DISCARD_BYTES: u64 = 8 << 20;
const DISCARD_TIME: Duration = Duration::from_secs(5);

/// Returns the announced length.
pub(super) fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// Reads a whole body of at most `limit_bytes`.
pub(crate) async fn read_whole(
    body: &mut Body,
    headers: &HeaderMap,
    what: &'static str,
    limit_bytes: u64,
    pause: Duration,
) -> Result<Bytes, Error> {
    let announced = content_length(headers);
    if announced.is_some_and(|length| length > limit_bytes) {
        return Err(Error::TooLarge { what, limit_bytes });
    }
    let mut chunks = Chunks::new(body, pause);
    let next = async |chunks: &mut Chunks<'_>| {
        std::future::poll_fn(|cx| Pin::new(&mut *chunks).poll_next(cx)).await.transpose().map_err(Error::Body)
    };
    let Some(first) = next(&mut chunks).await? else { return Ok(Bytes::new()) };
    if announced == Some(first.len() as u64) {
        return Ok(first);
    }
    let mut whole = BytesMut::from(first);
    while let Some(chunk) = next(&mut chunks).await? {
        if (whole.len() + chunk.len()) as u64 > limit_bytes {
            return Err(Error::TooLarge { what, limit_bytes });
        }
        whole.extend_from_slice(&chunk);
    }
    Ok(whole.freeze())
}

/// Reads and drops what is left of a body, up to a limit.
pub(super) async fn discard(body: &mut Body) {
    if body.is_end_stream() {
        return;
    }
    let read = async {
        let mut left = DISCARD_BYTES;
        while let Some(Ok(frame)) = body.frame().await {
            let length = frame.data_ref().map_or(0, |data| data.len() as u64);
            let Some(rest) = left.checked_sub(length) else { return };
            left = rest;
        }
    };
    // Whether all was read or not, the answer goes out now.
    let _ = tokio::time::timeout(DISCARD_TIME, read).await;
}

/// The data of a body as a stream that fails when the client pauses for too long.
pub(super) struct Chunks<'a> {
    body: &'a mut Body,
    pause: Duration,
    sleep: Pin<Box<Sleep>>,
    received: u64,
    limit: Option<u64>,
    allowance: Option<Allowance>,
    refused: Option<wharf_storage::Error>,
}

impl<'a> Chunks<'a> {
    pub(super) fn new(body: &'a mut Body, pause: Duration) -> Self {
        let sleep = Box::pin(tokio::time::sleep(pause));
        Self { body, pause, sleep, received: 0, limit: None, allowance: None, refused: None }
    }

    /// Fails when more than `limit` bytes come.
    pub(super) fn limited(mut self, limit: Option<u64>) -> Self {
        self.limit = limit;
        self
    }

    /// Ends where the allowance does; [`refused`](Self::refused) tells so.
    pub(super) fn allowed(mut self, allowance: Allowance) -> Self {
        self.allowance = Some(allowance);
        self
    }

    /// Returns why the stream ended before the body did, if it did.
    pub(super) fn refused(self) -> Option<wharf_storage::Error> {
        self.refused
    }
}

impl Stream for Chunks<'_> {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        loop {
            let frame = match Pin::new(&mut *self.body).poll_frame(cx) {
                Poll::Ready(frame) => frame,
                Poll::Pending => {
                    ready!(self.sleep.as_mut().poll(cx));
                    let text = format!("the client sent nothing for {} s", self.pause.as_secs());
                    return Poll::Ready(Some(Err(io::Error::new(io::ErrorKind::TimedOut, text))));
                }
            };
            let data = match frame {
                None => return Poll::Ready(None),
                Some(Err(error)) => {
                    return Poll::Ready(Some(Err(io::Error::new(io::ErrorKind::UnexpectedEof, error))));
                }
                Some(Ok(frame)) => frame.into_data(),
            };
            // Anything else is a trailer, which means nothing here.
            let Ok(data) = data else { continue };
            if data.is_empty() {
                continue;
            }
            let deadline = Instant::now() + self.pause;
            self.sleep.as_mut().reset(deadline);
            self.received += data.len() as u64;
            if self.limit.is_some_and(|limit| self.received > limit) {
                let text = "more bytes came than Content-Range announced";
                return Poll::Ready(Some(Err(io::Error::new(io::ErrorKind::InvalidData, text))));
            }
            let received = self.received;
            if let Some(Err(error)) = self.allowance.as_mut().map(|allowance| allowance.take(received)) {
                self.refused = Some(error);
                return Poll::Ready(None);
            }
            return Poll::Ready(Some(Ok(data)));
        }
    }
}
