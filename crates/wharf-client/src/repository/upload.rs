//! Uploads of blobs: in one request, or in chunks that resume (distribution-spec v1.1, "Pushing blobs").

use std::sync::atomic::{AtomicBool, Ordering};

use ::http::header::{LOCATION, RANGE};
use ::http::{Method, StatusCode};
use async_trait::async_trait;
use reqwest::Response;
use tokio::sync::OnceCell;
use url::Url;
use wharf_content::{Arrival, BlobSource, BlobStream, Error, ErrorKind, ReadTarget, Result, verified};
use wharf_oci::distribution::{ChunkRange, DOCKER_CONTENT_DIGEST, OCI_CHUNK_MIN_LENGTH, Scope};
use wharf_oci::{Descriptor, Digest, RepositoryName};

use crate::http::{Call, CallBody};
use crate::origin;
use crate::repository::chunks::Chunks;
use crate::repository::saved::SavedSession;
use crate::repository::{PULL, PUSH, RemoteRepository};

/// The largest chunk that a registry may ask for, in bytes.
const MAX_CHUNK_BYTES: u64 = 1 << 30;
/// The largest blob that goes with the request that begins its upload, and that is sent without asking whether it is
/// there, in bytes: no more than another request costs.
const MAX_AT_ONCE_BYTES: u64 = 64 * 1024;

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

/// How the request that begins an upload was answered.
enum Begun {
    /// The blob was at the registry already, and now is in the repository.
    Mounted,
    Session(Session),
}

/// What is known of how a registry answers the requests that begin an upload: each is tried, and not again where it is
/// of no use. Behind one host there may be several registries, so none of this is relied on.
#[derive(Default)]
pub(crate) struct KnownUploads {
    /// A mount that does not say from where is answered with an error.
    refuses_mounts: AtomicBool,
    /// It has mounted a blob without being told from where: what it does not mount, it does not have. `false`: it said so,
    /// and did not have the blob.
    finds_blobs: OnceCell<bool>,
    /// A blob that comes with the first request is not taken.
    refuses_at_once: AtomicBool,
}

impl RemoteRepository {
    /// Uploads a blob, unless the registry has it already: in `origin`, or anywhere (distribution-spec v1.1, "Mounting a
    /// blob from another repository").
    pub(super) async fn upload(
        &self,
        descriptor: &Descriptor,
        source: &dyn BlobSource,
        origin: Option<&RepositoryName>,
    ) -> Result<Arrival> {
        let source = Checked { source, descriptor };
        let (policy, known) = (self.registry.upload, &self.registry.known_uploads);
        let is_small = (1..=MAX_AT_ONCE_BYTES.min(policy.single_up_to_bytes)).contains(&descriptor.size);
        if is_small && origin.is_none() && !known.refuses_at_once.load(Ordering::Relaxed) {
            if self.upload_at_once(descriptor, &source).await? {
                return Ok(Arrival::Sent);
            }
            let arrival = self.upload_single(descriptor, &source, origin).await?;
            known.refuses_at_once.store(true, Ordering::Relaxed);
            return Ok(arrival);
        }
        if descriptor.size <= policy.single_up_to_bytes {
            self.upload_single(descriptor, &source, origin).await
        } else {
            self.upload_chunked(descriptor, &source, origin).await
        }
    }

    /// Returns whether pushing costs less than asking first: few bytes, or a registry that finds the blob by itself.
    pub(super) fn is_pushed_unasked(&self, descriptor: &Descriptor) -> bool {
        descriptor.size <= MAX_AT_ONCE_BYTES || self.registry.known_uploads.finds_blobs.get() == Some(&true)
    }

    /// One POST with everything (distribution-spec v1.1, "Single POST"). `false`: the registry does not want it so.
    async fn upload_at_once(&self, descriptor: &Descriptor, source: &dyn BlobSource) -> Result<bool> {
        let mut call = self
            .call(Method::POST, "blobs/uploads/", PUSH)?
            .header("content-type", "application/octet-stream")
            .body(CallBody::Stream { source, offset: 0, len: descriptor.size })
            .once();
        call.url.query_pairs_mut().append_pair("digest", descriptor.digest.as_str());
        match self.registry.http.send(&call).await {
            Ok(response) if response.status() == StatusCode::CREATED => {
                self.check_stored(&response, descriptor)?;
                Ok(true)
            }
            Ok(response) => {
                if response.status() == StatusCode::ACCEPTED {
                    self.cancel(&call.url, &response).await;
                }
                Ok(false)
            }
            // What became of it shows when it is sent the usual way.
            Err(error) if error.is_retryable() => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// One POST, one PUT; when the PUT is lost, what the registry has not kept of it is sent in chunks, or both again.
    async fn upload_single(
        &self,
        descriptor: &Descriptor,
        source: &dyn BlobSource,
        origin: Option<&RepositoryName>,
    ) -> Result<Arrival> {
        let retry = self.registry.http.retry;
        let Begun::Session(mut session) = self.begin(&descriptor.digest, origin).await? else {
            return Ok(Arrival::Mounted);
        };
        let mut attempt = 0;
        loop {
            let body = match descriptor.size {
                0 => {
                    // Nothing is sent, but the source may have an error to tell.
                    wharf_content::collect(source.open(0).await?, 0).await?;
                    CallBody::None
                }
                len => CallBody::Stream { source, offset: 0, len },
            };
            let error = match self.finish(&session.url, descriptor, body).await {
                Ok(()) => return Ok(Arrival::Sent),
                Err(error) => error,
            };
            if !error.is_retryable() || attempt >= retry.max_retries {
                return Err(error);
            }
            tokio::time::sleep(retry.backoff(attempt)).await;
            attempt += 1;
            if let Ok(kept) = self.status(&session).await
                && (1..=descriptor.size).contains(&kept.received)
            {
                match self.send_chunks(kept, descriptor, source, &mut None).await {
                    // Whatever it has kept, it was not this.
                    Err(error) if error.kind() == ErrorKind::Content => {}
                    result => return result.map(|()| Arrival::Sent),
                }
            }
            session = self.start(&descriptor.digest).await?;
        }
    }

    /// Uploads in chunks, going on with the session of an earlier run where there is one that the registry still knows.
    async fn upload_chunked(
        &self,
        descriptor: &Descriptor,
        source: &dyn BlobSource,
        origin: Option<&RepositoryName>,
    ) -> Result<Arrival> {
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
            None => match self.begin(&descriptor.digest, origin).await {
                Ok(Begun::Mounted) => {
                    if let Some(saved) = saved {
                        saved.remove();
                    }
                    return Ok(Arrival::Mounted);
                }
                Ok(Begun::Session(session)) => {
                    self.send_chunks(session, descriptor, source, &mut saved).await
                }
                Err(error) => Err(error),
            },
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
        result.map(|()| Arrival::Sent)
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
            let Step::Unclear(mut error) = step else {
                failures = 0;
                continue;
            };
            tracing::debug!(blob.digest = %descriptor.digest, %error, "asking how far the upload got");
            let status = loop {
                if failures >= policy.max_recoveries {
                    return Err(error);
                }
                tokio::time::sleep(retry.backoff(failures)).await;
                failures += 1;
                match self.status(&session).await {
                    // It may be starting.
                    Err(status) if status.is_retryable() => error = status,
                    status => break status,
                }
            };
            match status {
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

    /// Begins an upload by asking for a mount: a registry that has the blob takes it over, and any other answers with an
    /// ordinary session (distribution-spec v1.1, "Mounting a blob from another repository"). One that answers with an
    /// error is asked for a session only.
    async fn begin(&self, digest: &Digest, origin: Option<&RepositoryName>) -> Result<Begun> {
        let known = &self.registry.known_uploads;
        if origin.is_none() && known.refuses_mounts.load(Ordering::Relaxed) {
            return self.start(digest).await.map(Begun::Session);
        }
        let mut call = self.post(digest)?;
        call.url.query_pairs_mut().append_pair("mount", digest.as_str());
        if let Some(origin) = origin {
            call.url.query_pairs_mut().append_pair("from", origin.as_str());
            call.scopes.push(Scope::repository(origin.as_str(), PULL.iter().copied()));
        }
        match self.registry.http.send(&call).await {
            Ok(response) if response.status() == StatusCode::CREATED => {
                // The first time its word is held against what it has.
                let asked = || self.blob_head(digest);
                if origin.is_some() || *known.finds_blobs.get_or_try_init(asked).await? {
                    return Ok(Begun::Mounted);
                }
            }
            Ok(response) if response.status() == StatusCode::ACCEPTED => {
                return self.session(&call.url, &response).map(Begun::Session);
            }
            Ok(response) if response.status() == StatusCode::TOO_MANY_REQUESTS => {
                let what = self.what(format_args!("the mount of blob {digest}"));
                return Err(self.registry.http.refused(&call, response, &what).await);
            }
            Ok(_) => {}
            // The right to read elsewhere is not to be had.
            Err(error) if matches!(error.kind(), ErrorKind::Unauthorized | ErrorKind::Denied) => {}
            Err(error) => return Err(error),
        }
        let session = self.start(digest).await?;
        if origin.is_none() {
            known.refuses_mounts.store(true, Ordering::Relaxed);
        }
        Ok(Begun::Session(session))
    }

    /// Opens an upload session.
    async fn start(&self, digest: &Digest) -> Result<Session> {
        let call = self.post(digest)?;
        let response = self.registry.http.send(&call).await?;
        if response.status() != StatusCode::ACCEPTED {
            let what = self.what("the start of an upload");
            return Err(self.registry.http.refused(&call, response, &what).await);
        }
        self.session(&call.url, &response)
    }

    /// Returns the request that begins an upload.
    fn post(&self, digest: &Digest) -> Result<Call<'static>> {
        let mut call = self.call(Method::POST, "blobs/uploads/", PUSH)?;
        if digest.algorithm_name() != "sha256" {
            call.url.query_pairs_mut().append_pair("digest-algorithm", digest.algorithm_name());
        }
        Ok(call)
    }

    fn session(&self, request: &Url, response: &Response) -> Result<Session> {
        let chunk_min = response
            .headers()
            .get(OCI_CHUNK_MIN_LENGTH)
            .and_then(|value| value.to_str().ok()?.trim().parse().ok())
            .unwrap_or(0);
        Ok(Session { url: self.location(request, response)?, received: 0, chunk_min })
    }

    /// Closes a session that nobody wants. It would expire; that it does so at once is a courtesy.
    async fn cancel(&self, request: &Url, response: &Response) {
        if let Ok(url) = self.location(request, response) {
            let cancel = Call::new(Method::DELETE, url, vec![self.scope(PUSH)]).once();
            let _ = self.registry.http.send(&cancel).await;
        }
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
        self.check_stored(&response, descriptor)
    }

    /// Holds what the registry says that it stored against what was sent.
    fn check_stored(&self, response: &Response, descriptor: &Descriptor) -> Result<()> {
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
