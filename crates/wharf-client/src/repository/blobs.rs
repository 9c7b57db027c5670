//! Downloads of blobs, which go on after a broken connection where they stopped.

use std::ops::Range;

use ::http::header::CONTENT_RANGE;
use ::http::{Method, StatusCode};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::{StreamExt, stream};
use wharf_content::{BlobStream, Error, ErrorKind, ReadTarget, Result};
use wharf_oci::Descriptor;
use wharf_oci::distribution::ChunkRange;

use crate::repository::{PULL, RemoteRepository};

/// Opens a blob at `offset`.
pub(super) async fn fetch(
    repository: RemoteRepository,
    descriptor: Descriptor,
    offset: u64,
) -> Result<BlobStream> {
    if offset > descriptor.size {
        return Err(Error::new(
            ErrorKind::Usage,
            format!(
                "offset {offset} is beyond the end of blob {} of {} bytes",
                descriptor.digest, descriptor.size
            ),
        ));
    }
    if offset == descriptor.size && offset > 0 {
        return Ok(wharf_content::once(Bytes::new()));
    }
    let (policy, at_once) = (repository.registry.download, repository.registry.pieces_at_once());
    let piece = policy.piece_bytes.max(1);
    if at_once == 1 || descriptor.size - offset < policy.parallel_from_bytes.max(piece + 1) {
        let download = Download::open(&repository, &descriptor, offset..descriptor.size).await?;
        return Ok(download.into_stream());
    }
    // The first piece tells whether there are ranges here.
    let first = Download::open(&repository, &descriptor, offset..offset + piece).await?;
    if !first.is_partial {
        return Ok(Download { end: descriptor.size, ..first }.into_stream());
    }
    let starts = (offset + piece..descriptor.size).step_by(usize::try_from(piece).unwrap_or(usize::MAX));
    let end = descriptor.size;
    let rest = starts.map(move |at| {
        let (repository, descriptor) = (repository.clone(), descriptor.clone());
        let download = async move {
            Download::open(&repository, &descriptor, at..end.min(at + piece)).await?.collect().await
        };
        Box::pin(download) as BoxFuture<'static, Result<Bytes>>
    });
    let first = Box::pin(first.collect()) as BoxFuture<'static, Result<Bytes>>;
    Ok(Box::pin(stream::iter(std::iter::once(first).chain(rest)).buffered(at_once)))
}

/// A blob, or a piece of one, on its way.
struct Download {
    repository: RemoteRepository,
    descriptor: Descriptor,
    /// How much has been passed on.
    at: u64,
    /// Where the piece ends.
    end: u64,
    /// How often in a row the connection broke without a byte in between.
    failures: u32,
    body: BlobStream,
    /// Whether the registry answered with what was asked for only.
    is_partial: bool,
}

impl Download {
    async fn open(repository: &RemoteRepository, descriptor: &Descriptor, range: Range<u64>) -> Result<Self> {
        let (body, is_partial) = open(repository, descriptor, &range).await?;
        Ok(Self {
            repository: repository.clone(),
            descriptor: descriptor.clone(),
            at: range.start,
            end: range.end,
            failures: 0,
            body,
            is_partial,
        })
    }

    fn into_stream(self) -> BlobStream {
        Box::pin(stream::try_unfold(self, |mut download| async move {
            Ok(download.next().await?.map(|bytes| (bytes, download)))
        }))
    }

    /// Returns the piece whole.
    async fn collect(self) -> Result<Bytes> {
        let len = self.end - self.at;
        wharf_content::collect(self.into_stream(), len).await
    }

    async fn next(&mut self) -> Result<Option<Bytes>> {
        loop {
            if self.at >= self.end && self.end < self.descriptor.size {
                return Ok(None);
            }
            let error = match self.body.next().await {
                Some(Ok(bytes)) if bytes.is_empty() => continue,
                Some(Ok(mut bytes)) => {
                    // A registry without ranges goes on after the piece; one that goes on after the blob is found out
                    // by whoever verifies it.
                    if self.end < self.descriptor.size {
                        bytes.truncate(usize::try_from(self.end - self.at).unwrap_or(usize::MAX));
                    }
                    self.at += bytes.len() as u64;
                    self.failures = 0;
                    return Ok(Some(bytes));
                }
                None if self.at >= self.end => return Ok(None),
                // The peer ended early in good order: the reader will say that the size differs, unless more comes.
                None => Error::new(
                    ErrorKind::Network,
                    format!(
                        "{} ended blob {} after {} of {} bytes",
                        self.repository.name(),
                        self.descriptor.digest,
                        self.at,
                        self.descriptor.size
                    ),
                ),
                Some(Err(error)) => error,
            };
            // All bytes are here; how the connection ended does not matter.
            if self.at >= self.end {
                return Ok(None);
            }
            let retry = &self.repository.registry.http.retry;
            if error.kind() != ErrorKind::Network || self.failures >= retry.max_retries {
                return Err(error);
            }
            tracing::debug!(
                blob.digest = %self.descriptor.digest, offset = self.at, %error,
                "going on with the download of {} at {}", self.descriptor.digest, self.at
            );
            tokio::time::sleep(retry.backoff(self.failures)).await;
            self.failures += 1;
            self.body = open(&self.repository, &self.descriptor, &(self.at..self.end)).await?.0;
        }
    }
}

/// Opens a range of a blob; returns the bytes, and whether the registry gave the range alone.
async fn open(
    repository: &RemoteRepository,
    descriptor: &Descriptor,
    range: &Range<u64>,
) -> Result<(BlobStream, bool)> {
    let offset = range.start;
    let is_whole = offset == 0 && range.end >= descriptor.size;
    let mut call = repository.call(Method::GET, &format!("blobs/{}", descriptor.digest), PULL)?;
    if range.end < descriptor.size {
        call = call.header("range", &format!("bytes={offset}-{}", range.end - 1));
    } else if offset > 0 {
        call = call.header("range", &format!("bytes={offset}-"));
    }
    let http = &repository.registry.http;
    let response = http.send(&call).await?;
    let what = repository.what(format_args!("blob {}", descriptor.digest));
    match response.status() {
        StatusCode::PARTIAL_CONTENT if !is_whole => {
            let range = response.headers().get(CONTENT_RANGE).and_then(|value| value.to_str().ok());
            let first = range.and_then(|range| range.parse::<ChunkRange>().ok()).map(|range| range.first);
            if first != Some(offset) {
                return Err(Error::new(
                    ErrorKind::Peer,
                    format!(
                        "{} answered with the range {:?} when asked for {what} from byte {offset}",
                        repository.name(),
                        range.unwrap_or("none")
                    ),
                ));
            }
            Ok((http.stream(response), true))
        }
        StatusCode::OK => {
            if let Some(len) = response.content_length().filter(|len| *len != descriptor.size) {
                return Err(Error::new(
                    ErrorKind::Content,
                    format!(
                        "{what} has {len} bytes at {}, its descriptor says {}",
                        repository.name(),
                        descriptor.size
                    ),
                ));
            }
            // No ranges here: what is known already is read again and dropped.
            Ok((skip(http.stream(response), offset), false))
        }
        status if status.is_success() => Err(Error::new(
            ErrorKind::Peer,
            format!("{} answered {status} when asked for {what}", repository.name()),
        )),
        _ => Err(http.refused(&call, response, &what).await),
    }
}

fn skip(stream: BlobStream, bytes: u64) -> BlobStream {
    if bytes == 0 {
        return stream;
    }
    let mut left = bytes;
    Box::pin(stream.filter_map(move |piece| {
        let piece = match piece {
            Ok(mut piece) => {
                let cut = left.min(piece.len() as u64);
                left -= cut;
                // Within the piece, so within usize.
                let piece = piece.split_off(cut as usize);
                (!piece.is_empty()).then_some(Ok(piece))
            }
            error => Some(error),
        };
        std::future::ready(piece)
    }))
}
