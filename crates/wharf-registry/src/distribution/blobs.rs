//! `/v2/<name>/blobs/<digest>` (distribution-spec v1.1, "Pulling blobs", "Deleting blobs").

use axum::body::Body;
use http::header::{ACCEPT_RANGES, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, HeaderValue, RANGE};
use http::{HeaderMap, Method, Response, StatusCode};
use wharf_oci::distribution::{ByteRange, DOCKER_CONTENT_DIGEST, ErrorCode, RangeError};
use wharf_oci::{Digest, RepositoryName};
use wharf_storage::catalog::{BlobPlace, BlobRecord};

use super::conditional::{entity_tag, not_modified, range_applies};
use super::{Answer, Context, empty, header};
use crate::App;
use crate::error::Error;

/// Answers a blob or a part of it, as the bytes that came: never content-encoded.
pub(super) async fn fetch(context: Context<'_>, name: &RepositoryName, digest: &Digest) -> Answer {
    let Context { app, caller, parts, .. } = context;
    let blob = app.catalog.blob(&caller, name, digest).await?;
    app.gate.admit_blob(app, &caller, name, digest, blob.gate).await?;
    if not_modified(&parts.headers, &blob.digest) {
        let mut response = empty(StatusCode::NOT_MODIFIED);
        describe(response.headers_mut(), &blob.digest);
        return Ok(response);
    }
    if parts.method == Method::HEAD {
        let mut response = empty(StatusCode::OK);
        describe(response.headers_mut(), &blob.digest);
        response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(blob.size));
        return Ok(response);
    }
    let part = part(&parts.headers, &blob)?;
    let (first, length) = part.map_or((0, blob.size), |(first, last)| (first, last - first + 1));
    let mut response = Response::new(read(app, &blob, first, length).await?);
    let headers = response.headers_mut();
    describe(headers, &blob.digest);
    headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    if let Some((first, last)) = part {
        headers.insert(CONTENT_RANGE, header(&format!("bytes {first}-{last}/{}", blob.size)));
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
    }
    app.metrics.artifacts.sent(length);
    Ok(response)
}

pub(super) async fn delete(context: Context<'_>, name: &RepositoryName, digest: &Digest) -> Answer {
    let Context { app, caller, .. } = context;
    app.catalog.delete_blob(&caller, name, digest).await?;
    tracing::info!(repository.name = %name, blob.digest = %digest, caller.name = %caller.name, "deleted blob {digest} from {name}");
    Ok(empty(StatusCode::ACCEPTED))
}

fn describe(headers: &mut HeaderMap, digest: &Digest) {
    headers.insert(DOCKER_CONTENT_DIGEST, header(digest.as_str()));
    headers.insert(ETAG, header(&entity_tag(digest)));
    headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
}

/// Returns the first and last byte that are asked for, or `None` for all.
fn part(headers: &HeaderMap, blob: &BlobRecord) -> Result<Option<(u64, u64)>, Error> {
    let Some(range) = headers.get(RANGE).filter(|_| range_applies(headers, &blob.digest)) else {
        return Ok(None);
    };
    let refuse = || {
        let message = format!("blob has {} bytes, the range asks for none of them", blob.size);
        Error::answer(StatusCode::RANGE_NOT_SATISFIABLE, ErrorCode::SizeInvalid, message)
            .with_header(CONTENT_RANGE, header(&format!("bytes */{}", blob.size)))
    };
    match range.to_str().map_err(|_| RangeError::Malformed).and_then(ByteRange::parse) {
        Ok(range) => range.within(blob.size).map(Some).ok_or_else(refuse),
        // Several ranges, or another unit: the whole content is an answer, too (RFC 9110, section 14.2).
        Err(RangeError::Unsupported) => Ok(None),
        Err(_) => Err(refuse()),
    }
}

async fn read(app: &App, blob: &BlobRecord, first: u64, length: u64) -> Result<Body, Error> {
    match &blob.place {
        BlobPlace::Inline(bytes) => {
            let start = usize::try_from(first).ok();
            let end = usize::try_from(first + length).ok();
            let part = start.zip(end).filter(|&(start, end)| start <= end && end <= bytes.len());
            let (start, end) = part.ok_or_else(|| damaged(blob, "is shorter than the catalog says"))?;
            Ok(Body::from(bytes.slice(start..end)))
        }
        BlobPlace::Stored(key) => match app.blobs.read(key, first, length).await {
            Ok(stream) => Ok(Body::from_stream(stream)),
            Err(wharf_storage::Error::NotFound { .. }) => {
                Err(damaged(blob, "is in the catalog but not in the blob store"))
            }
            Err(error) => Err(error.into()),
        },
    }
}

fn damaged(blob: &BlobRecord, problem: &str) -> Error {
    wharf_storage::Error::Damaged(format!("blob {} {problem}; run wharf doctor", blob.digest)).into()
}
