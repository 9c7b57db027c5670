//! Downloads of blobs, which go on after a broken connection where they stopped.

use ::http::header::CONTENT_RANGE;
use ::http::{Method, StatusCode};
use bytes::Bytes;
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
    let body = open(&repository, &descriptor, offset).await?;
    let state = Download { repository, descriptor, at: offset, failures: 0, body };
    Ok(Box::pin(stream::try_unfold(state, |mut download| async move {
        Ok(download.next().await?.map(|bytes| (bytes, download)))
    })))
}

/// A blob on its way.
struct Download {
    repository: RemoteRepository,
    descriptor: Descriptor,
    /// How much has been passed on.
    at: u64,
    /// How often in a row the connection broke without a byte in between.
    failures: u32,
    body: BlobStream,
}

impl Download {
    async fn next(&mut self) -> Result<Option<Bytes>> {
        loop {
            let error = match self.body.next().await {
                Some(Ok(bytes)) if bytes.is_empty() => continue,
                Some(Ok(bytes)) => {
                    self.at += bytes.len() as u64;
                    self.failures = 0;
                    return Ok(Some(bytes));
                }
                None if self.at >= self.descriptor.size => return Ok(None),
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
            if self.at >= self.descriptor.size {
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
            self.body = open(&self.repository, &self.descriptor, self.at).await?;
        }
    }
}

async fn open(repository: &RemoteRepository, descriptor: &Descriptor, offset: u64) -> Result<BlobStream> {
    let mut call = repository.call(Method::GET, &format!("blobs/{}", descriptor.digest), PULL)?;
    if offset > 0 {
        call = call.header("range", &format!("bytes={offset}-"));
    }
    let http = &repository.registry.http;
    let response = http.send(&call).await?;
    let what = repository.what(format_args!("blob {}", descriptor.digest));
    match response.status() {
        StatusCode::PARTIAL_CONTENT if offset > 0 => {
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
            Ok(http.stream(response))
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
            Ok(skip(http.stream(response), offset))
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
