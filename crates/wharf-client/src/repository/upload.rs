//! Uploads of blobs: in one request, or in chunks that resume (distribution-spec v1.1, "Pushing blobs").

use ::http::header::{LOCATION, RANGE};
use ::http::{Method, StatusCode};
use async_trait::async_trait;
use reqwest::Response;
use url::Url;
use wharf_content::{BlobSource, BlobStream, Error, ErrorKind, ReadTarget, Result, verified};
use wharf_oci::distribution::{ChunkRange, DOCKER_CONTENT_DIGEST, OCI_CHUNK_MIN_LENGTH};
use wharf_oci::{Descriptor, Digest, RepositoryName};

use crate::http::{Call, CallBody};
use crate::origin;
use crate::repository::chunks::Chunks;
use crate::repository::saved::SavedSession;
use crate::repository::{PULL, PUSH, RemoteRepository};

/// The largest chunk that a registry may ask for, in bytes.
const MAX_CHUNK_BYTES: u64 = 1 << 30;

/// An upload session at the registry.
struct Session {
    url: Url,
    /// What the registry is known to have.
    received: u64,
    /// The smallest chunk that it takes.
    chunk_min: u64,
}

/// How one step of a chunked upload ended.
enum Step {
    Went,
    /// The registry's word on what it has, or what became of the step, is to be asked for.
    Unclear(Error),
}

impl RemoteRepository {
    pub(super) async fn upload(&self, descriptor: &Descriptor, source: &dyn BlobSource) -> Result<()> {
        let source = Checked { source, descriptor };
        if descriptor.size <= self.registry.upload.single_up_to_bytes {
            self.upload_single(descriptor, &source).await
        } else {
            self.upload_chunked(descriptor, &source).await
        }
    }

    /// One POST, one PUT; when the PUT is lost, both again.
    async fn upload_single(&self, descriptor: &Descriptor, source: &dyn BlobSource) -> Result<()> {
        let retry = self.registry.http.retry;
        let mut attempt = 0;
        loop {
            let session = self.start(&descriptor.digest).await?;
            let body = match descriptor.size {
                0 => {
                    // Nothing is sent, but the source may have an error to tell.
                    wharf_content::collect(source.open(0).await?, 0).await?;
                    CallBody::None
                }
                len => CallBody::Stream { source, offset: 0, len },
            };
            let error = match self.finish(&session.url, descriptor, body).await {
                Ok(()) => return Ok(()),
                Err(error) => error,
            };
            if !error.is_retryable() || attempt >= retry.max_retries {
                return Err(error);
            }
            tokio::time::sleep(retry.backoff(attempt)).await;
            attempt += 1;
        }
    }

    /// Uploads in chunks, going on with the session of an earlier run where there is one that the registry still knows.
    async fn upload_chunked(&self, descriptor: &Descriptor, source: &dyn BlobSource) -> Result<()> {
        let upload = format!("{} {}", self.name(), descriptor.digest);
        let folder = self.registry.upload_state.as_deref();
        let mut saved = folder.and_then(|folder| SavedSession::open(folder, &upload));
        let earlier = match saved.as_mut().and_then(SavedSession::read) {
            Some(url) => self.earlier(url, descriptor).await,
            None => None,
        };
        let result = match earlier {
            Some(session) => match self.send_chunks(session, descriptor, source, &mut saved).await {
                // Whatever the earlier run sent, it was not this.
                Err(error) if error.kind() == ErrorKind::Content => {
                    let session = self.start(&descriptor.digest).await?;
                    self.send_chunks(session, descriptor, source, &mut saved).await
                }
                result => result,
            },
            None => {
                let session = self.start(&descriptor.digest).await?;
                self.send_chunks(session, descriptor, source, &mut saved).await
            }
        };
        let can_go_on = result.as_ref().is_err_and(|error| {
            matches!(
                error.kind(),
                ErrorKind::Network | ErrorKind::Busy | ErrorKind::Unauthorized | ErrorKind::Io
            )
        });
        if let Some(saved) = saved.filter(|_| !can_go_on) {
            saved.remove();
        }
        result
    }

    /// Returns the session of an earlier run, as the registry knows it now.
    async fn earlier(&self, url: Url, descriptor: &Descriptor) -> Option<Session> {
        if !origin::same_origin(&url, &self.registry.http.base) {
            return None;
        }
        let session = self.status(&Session { url, received: 0, chunk_min: 0 }).await.ok()?;
        if session.received > descriptor.size {
            return None;
        }
        tracing::info!(
            blob.digest = %descriptor.digest, offset = session.received,
            "going on with an earlier upload of {} at {}", descriptor.digest, session.received
        );
        Some(session)
    }

    /// PATCH after PATCH, then an empty PUT; after a failure the registry is asked how far it got.
    async fn send_chunks(
        &self,
        session: Session,
        descriptor: &Descriptor,
        source: &dyn BlobSource,
        saved: &mut Option<SavedSession>,
    ) -> Result<()> {
        let policy = self.registry.upload;
        let retry = self.registry.http.retry;
        let mut session = session;
        let chunk_bytes = policy.chunk_bytes.max(session.chunk_min).clamp(1, MAX_CHUNK_BYTES);
        let chunks = Chunks::new(source, chunk_bytes);
        let mut failures = 0;
        loop {
            if let Some(saved) = saved {
                saved.write(&session.url);
            }
            let before = session.received;
            let step = if session.received < descriptor.size {
                self.send_chunk(&mut session, descriptor, &chunks, chunk_bytes).await?
            } else {
                match self.finish(&session.url, descriptor, CallBody::None).await {
                    Ok(()) => return Ok(()),
                    Err(error) if error.is_retryable() => Step::Unclear(error),
                    Err(error) => return Err(error),
                }
            };
            let Step::Unclear(error) = step else {
                failures = 0;
                continue;
            };
            if failures >= policy.max_recoveries {
                return Err(error);
            }
            tracing::debug!(blob.digest = %descriptor.digest, %error, "asking how far the upload got");
            tokio::time::sleep(retry.backoff(failures)).await;
            failures += 1;
            match self.status(&session).await {
                Ok(status) => session = status,
                // Lost, by a restart or by age: from the start. Unless the blob arrived with the last request.
                Err(status) if status.kind() == ErrorKind::NotFound => {
                    if before == descriptor.size && self.blob_head(&descriptor.digest).await? {
                        return Ok(());
                    }
                    session = self.start(&descriptor.digest).await?;
                }
                Err(status) => return Err(status),
            }
            if session.received > before {
                failures = 0;
            }
            if session.received > descriptor.size {
                return Err(self.beyond(&session, descriptor));
            }
        }
    }

    async fn send_chunk(
        &self,
        session: &mut Session,
        descriptor: &Descriptor,
        chunks: &Chunks<'_>,
        chunk_bytes: u64,
    ) -> Result<Step> {
        let first = session.received;
        let len = chunk_bytes.min(descriptor.size - first);
        let range = ChunkRange { first, last: first + len - 1 };
        let call = Call::new(Method::PATCH, session.url.clone(), vec![self.scope(PUSH)])
            .header("content-range", &range.to_string())
            .header("content-type", "application/octet-stream")
            .body(CallBody::Stream { source: chunks, offset: first, len })
            .once();
        let response = match self.registry.http.send(&call).await {
            Ok(response) => response,
            Err(error) if error.is_retryable() => return Ok(Step::Unclear(error)),
            Err(error) => return Err(error),
        };
        match response.status() {
            StatusCode::ACCEPTED | StatusCode::CREATED | StatusCode::NO_CONTENT => {
                let received = received(&response).unwrap_or(first + len);
                session.url = self.location(&call.url, &response)?;
                session.received = received;
                if received <= first || received > first + len {
                    return Err(Error::new(
                        ErrorKind::Peer,
                        format!(
                            "{} says it has {received} bytes of blob {} after bytes {range} were sent",
                            self.name(),
                            descriptor.digest
                        ),
                    ));
                }
                Ok(Step::Went)
            }
            // It has another idea of where to go on, and says so.
            StatusCode::RANGE_NOT_SATISFIABLE => {
                let (known, location) = (received(&response), self.location(&call.url, &response));
                let what = self.what(format_args!("bytes {range} of the upload of {}", descriptor.digest));
                let error = self.registry.http.refused(&call, response, &what).await;
                match (known, location) {
                    (Some(known), Ok(url)) if known != first && known <= descriptor.size => {
                        session.url = url;
                        session.received = known;
                        Ok(Step::Went)
                    }
                    _ => Ok(Step::Unclear(error)),
                }
            }
            status => {
                let what = self.what(format_args!("the upload of blob {}", descriptor.digest));
                let error = self.registry.http.refused(&call, response, &what).await;
                let lost = status == StatusCode::NOT_FOUND;
                if error.is_retryable() || lost { Ok(Step::Unclear(error)) } else { Err(error) }
            }
        }
    }

    /// Opens an upload session.
    async fn start(&self, digest: &Digest) -> Result<Session> {
        let mut call = self.call(Method::POST, "blobs/uploads/", PUSH)?;
        if digest.algorithm_name() != "sha256" {
            call.url.query_pairs_mut().append_pair("digest-algorithm", digest.algorithm_name());
        }
        let response = self.registry.http.send(&call).await?;
        if response.status() != StatusCode::ACCEPTED {
            let what = self.what("the start of an upload");
            return Err(self.registry.http.refused(&call, response, &what).await);
        }
        let chunk_min = response
            .headers()
            .get(OCI_CHUNK_MIN_LENGTH)
            .and_then(|value| value.to_str().ok()?.trim().parse().ok())
            .unwrap_or(0);
        Ok(Session { url: self.location(&call.url, &response)?, received: 0, chunk_min })
    }

    /// Asks what has arrived.
    async fn status(&self, session: &Session) -> Result<Session> {
        let call = Call::new(Method::GET, session.url.clone(), vec![self.scope(PUSH)]);
        let response = self.registry.http.send(&call).await?;
        if !response.status().is_success() {
            let what = self.what("the state of an upload");
            return Err(self.registry.http.refused(&call, response, &what).await);
        }
        let url = match response.headers().contains_key(LOCATION) {
            true => self.location(&call.url, &response)?,
            false => session.url.clone(),
        };
        Ok(Session { url, received: received(&response).unwrap_or(0), chunk_min: session.chunk_min })
    }

    /// Closes a session with what is left to send.
    async fn finish(&self, url: &Url, descriptor: &Descriptor, body: CallBody<'_>) -> Result<()> {
        let mut url = url.clone();
        url.query_pairs_mut().append_pair("digest", descriptor.digest.as_str());
        let call = Call::new(Method::PUT, url, vec![self.scope(PUSH)])
            .header("content-type", "application/octet-stream")
            .body(body)
            .once();
        let response = self.registry.http.send(&call).await?;
        if response.status() != StatusCode::CREATED {
            let what = self.what(format_args!("the upload of blob {}", descriptor.digest));
            let error = self.registry.http.refused(&call, response, &what).await;
            return Err(if error.kind() == ErrorKind::NotFound {
                Error::with_source(
                    ErrorKind::Busy,
                    format!("{what}: the registry lost the upload session"),
                    error,
                )
            } else {
                error
            });
        }
        let stored = response.headers().get(DOCKER_CONTENT_DIGEST).and_then(|value| value.to_str().ok());
        match stored.map(str::parse::<Digest>) {
            Some(Ok(stored))
                if stored != descriptor.digest && stored.algorithm() == descriptor.digest.algorithm() =>
            {
                Err(Error::new(
                    ErrorKind::Peer,
                    format!("{} stored {stored} when {} was pushed", self.name(), descriptor.digest),
                ))
            }
            _ => Ok(()),
        }
    }

    /// Takes a blob over from another repository. A registry that does not want to answers with a session, which is
    /// closed again.
    pub(super) async fn mount(&self, digest: &Digest, from: &RepositoryName) -> Result<bool> {
        let mut call = self.call(Method::POST, "blobs/uploads/", PUSH)?;
        call.url.query_pairs_mut().append_pair("mount", digest.as_str()).append_pair("from", from.as_str());
        call.scopes.push(wharf_oci::distribution::Scope::repository(from.as_str(), PULL.iter().copied()));
        let response = self.registry.http.send(&call).await?;
        match response.status() {
            StatusCode::CREATED => Ok(true),
            StatusCode::ACCEPTED => {
                if let Ok(url) = self.location(&call.url, &response) {
                    let cancel = Call::new(Method::DELETE, url, vec![self.scope(PUSH)]).once();
                    // Sessions expire; that this one does so at once is a courtesy.
                    let _ = self.registry.http.send(&cancel).await;
                }
                Ok(false)
            }
            // Not allowed to read there, or no mounts here: the ordinary way is still open.
            status if status.is_client_error() && status != StatusCode::TOO_MANY_REQUESTS => Ok(false),
            _ => {
                let what = self.what(format_args!("the mount of blob {digest}"));
                Err(self.registry.http.refused(&call, response, &what).await)
            }
        }
    }

    fn location(&self, request: &Url, response: &Response) -> Result<Url> {
        let location =
            response.headers().get(LOCATION).and_then(|value| value.to_str().ok()).ok_or_else(|| {
                Error::new(
                    ErrorKind::Peer,
                    format!("{} answered to an upload of blobs without a Location", self.name()),
                )
            })?;
        origin::resolve_same_origin(request, "Location", location)
    }

    fn beyond(&self, session: &Session, descriptor: &Descriptor) -> Error {
        Error::new(
            ErrorKind::Peer,
            format!(
                "{} says it has {} bytes of blob {}, which has {}",
                self.name(),
                session.received,
                descriptor.digest,
                descriptor.size
            ),
        )
    }
}

/// Returns how many bytes the registry says it has. `0-0` is one byte or none; none is safe, as what is sent twice is
/// refused with a 416 that tells.
fn received(response: &Response) -> Option<u64> {
    let range: ChunkRange = response.headers().get(RANGE)?.to_str().ok()?.parse().ok()?;
    match (range.first, range.last) {
        (0, 0) => Some(0),
        (0, last) => Some(last + 1),
        _ => None,
    }
}

/// A source whose bytes are held against the descriptor when they are read from the start.
struct Checked<'a> {
    source: &'a dyn BlobSource,
    descriptor: &'a Descriptor,
}

#[async_trait]
impl BlobSource for Checked<'_> {
    async fn open(&self, offset: u64) -> Result<BlobStream> {
        let bytes = self.source.open(offset).await?;
        let is_known_good = offset != 0 || self.source.is_verified();
        Ok(if is_known_good { bytes } else { verified(bytes, self.descriptor) })
    }
}
