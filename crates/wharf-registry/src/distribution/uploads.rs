//! `/v2/<name>/blobs/uploads/` (distribution-spec v1.1, "Pushing blobs"; its main branch for `digest-algorithm` and
//! cancelling).
//!
//! A session is an id that carries its owner (see [`upload_id`](super::upload_id)) and a file in the blob store that
//! grows. The right to push is decided anew on every request.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::StreamExt as _;
use http::header::{CONTENT_RANGE, HeaderValue, LOCATION, RANGE};
use http::{HeaderMap, Response, StatusCode};
use http_body::Body as _;
use wharf_access::{Caller, Permission, Request};
use wharf_oci::distribution::{
    ChunkRange, DOCKER_CONTENT_DIGEST, DOCKER_UPLOAD_UUID, ErrorCode, Scope, received_range,
};
use wharf_oci::{Algorithm, Digest, DigestError, RepositoryName};
use wharf_storage::catalog::{BlobPlace, CommitOutcome, MAX_INLINE_BYTES, NewBlob};
use wharf_storage::{BlobKey, BlobStore, Catalog, UploadId};

use super::allowance::Allowance;
use super::body::{Chunks, content_length, read_whole};
use super::query::Query;
use super::{Answer, Context, empty, header, upload_id};
use crate::App;
use crate::error::Error;

/// Begins a session, or stores or mounts a blob in this one request.
pub(super) async fn begin(context: Context<'_>, name: &RepositoryName) -> Answer {
    let Context { app, caller, parts, query, body } = context;
    authorize(app, &caller, name).await?;
    if let Some(digest) = query.first("mount") {
        let digest: Digest = digest.parse()?;
        let from = query.first("from").filter(|from| !from.is_empty());
        // A source that is no name is a source without that blob.
        if let Ok(from) = from.as_deref().map(str::parse::<RepositoryName>).transpose()
            && mount(app, &caller, from.as_ref(), name, &digest).await?
        {
            return Ok(created(name, &digest));
        }
    } else if query.first("digest").is_some() {
        return monolithic(Context { app, caller, parts, query, body }, name).await;
    }
    let algorithm = announced_algorithm(query)?;
    let id = make(app, name, &caller).await?;
    let mut response = empty(StatusCode::ACCEPTED);
    describe(response.headers_mut(), name, &id, algorithm, 0);
    Ok(response)
}

/// Tells where a session continues.
pub(super) async fn status(context: Context<'_>, name: &RepositoryName, id: &str) -> Answer {
    let session = Session::open(context.app, &context.caller, context.query, name, id).await?;
    let offset = session.app.blobs.upload_offset(&session.id).await?;
    let mut response = empty(StatusCode::NO_CONTENT);
    describe(response.headers_mut(), name, &session.id, session.algorithm, offset);
    Ok(response)
}

/// Takes the next chunk: at the offset of `Content-Range`, or at the end where there is none.
pub(super) async fn append(context: Context<'_>, name: &RepositoryName, id: &str) -> Answer {
    let Context { app, caller, parts, query, body } = context;
    let session = Session::open(app, &caller, query, name, id).await?;
    let offset = session.app.blobs.upload_offset(&session.id).await?;
    let offset = session.take(&parts.headers, body, offset).await?;
    let mut response = empty(StatusCode::ACCEPTED);
    describe(response.headers_mut(), name, &session.id, session.algorithm, offset);
    Ok(response)
}

/// Takes what the last request brings, and makes the blob.
pub(super) async fn finish(context: Context<'_>, name: &RepositoryName, id: &str) -> Answer {
    let Context { app, caller, parts, query, body } = context;
    let session = Session::open(app, &caller, query, name, id).await?;
    let digest = required_digest(query)?;
    let offset = session.app.blobs.upload_offset(&session.id).await?;
    if offset == 0 && is_small(&parts.headers, body) {
        session.check_range(&parts.headers, offset)?;
        let content = read_small(app, &parts.headers, body).await?;
        let outcome = commit_inline(app, &caller, name, &digest, content).await;
        if matches!(outcome, Ok(()) | Err(Error::Storage(wharf_storage::Error::DigestMismatch { .. }))) {
            session.end().await?;
        }
        outcome?;
        return Ok(created(name, &digest));
    }
    if !body.is_end_stream() {
        session.take(&parts.headers, body, offset).await?;
    }
    commit_upload(app, caller, name, session.id, &digest).await?;
    Ok(created(name, &digest))
}

/// Ends a session without a blob. Whoever may push may do so: clients tidy up after a mount that became a session.
pub(super) async fn cancel(context: Context<'_>, name: &RepositoryName, id: &str) -> Answer {
    let session = Session::open(context.app, &context.caller, context.query, name, id).await?;
    session.app.blobs.upload_offset(&session.id).await?;
    session.end().await?;
    Ok(empty(StatusCode::NO_CONTENT))
}

/// Makes an empty session.
async fn make(app: &App, name: &RepositoryName, caller: &Caller) -> Result<UploadId, Error> {
    let id = upload_id::fresh(&app.upload_key, name, caller)?;
    app.sessions.open(caller, &id)?;
    if let Err(error) = app.blobs.create_upload(&id).await {
        app.sessions.close(&id);
        return Err(error.into());
    }
    Ok(id)
}

/// Links a blob of `from`, or of any repository that the caller may read; returns whether there was one.
///
/// # Errors
/// [`Error::TokenLacks`] when the account may read a source but its token does not say so: the client is asked for a
/// wider one. Where the account itself may not, the mount becomes an upload, as if the blob were nowhere.
async fn mount(
    app: &App,
    caller: &Caller,
    from: Option<&RepositoryName>,
    to: &RepositoryName,
    digest: &Digest,
) -> Result<bool, Error> {
    if app.catalog.mount_blob(caller, from, to, digest).await? {
        return Ok(true);
    }
    if let Some(from) = from
        && mount_past_gate(app, caller, from, to, digest).await?
    {
        return Ok(true);
    }
    if caller.token_scopes.is_some() {
        let account = Caller { token_scopes: None, ..caller.clone() };
        if let Some(source) = app.catalog.mount_source(&account, from, to, digest).await? {
            return Err(Error::TokenLacks(Scope::repository(source.as_str(), ["pull"])));
        }
    }
    Ok(false)
}

/// Links a blob of a repository whose project has a trust policy, if that lets the caller have the blob.
async fn mount_past_gate(
    app: &App,
    caller: &Caller,
    from: &RepositoryName,
    to: &RepositoryName,
    digest: &Digest,
) -> Result<bool, Error> {
    // Whatever is in the way, the mount becomes an upload.
    let Ok(blob) = app.catalog.blob(caller, from, digest).await else { return Ok(false) };
    match app.gate.admit_blob(app, caller, from, digest, blob.gate).await {
        Ok(Some(policy)) => Ok(app.catalog.mount_past_gate(caller, from, to, digest, &policy).await?),
        Ok(None) | Err(Error::Refused(_)) => Ok(false),
        Err(error) => Err(error),
    }
}

/// `POST ?digest=`: the whole blob in one request.
async fn monolithic(context: Context<'_>, name: &RepositoryName) -> Answer {
    let Context { app, caller, parts, query, body } = context;
    let digest = required_digest(query)?;
    if is_small(&parts.headers, body) {
        let content = read_small(app, &parts.headers, body).await?;
        commit_inline(app, &caller, name, &digest, content).await?;
        return Ok(created(name, &digest));
    }
    let id = make(app, name, &caller).await?;
    let session = Session { app, name, id, algorithm: digest.algorithm() };
    if let Err(error) = session.take(&HeaderMap::new(), body, 0).await {
        // Nobody was told the id, so nobody can continue.
        if !matches!(error, Error::Storage(wharf_storage::Error::QuotaExceeded { .. })) {
            session.end().await?;
        }
        return Err(error);
    }
    commit_upload(app, caller, name, session.id, &digest).await?;
    Ok(created(name, &digest))
}

/// A session whose id and right to push have been verified for this request.
struct Session<'a> {
    app: &'a App,
    name: &'a RepositoryName,
    id: UploadId,
    algorithm: Option<Algorithm>,
}

impl<'a> Session<'a> {
    async fn open(
        app: &'a App,
        caller: &Caller,
        query: Query<'_>,
        name: &'a RepositoryName,
        id: &str,
    ) -> Result<Self, Error> {
        authorize(app, caller, name).await?;
        let id = upload_id::verify(&app.upload_key, id, name, caller)?;
        app.sessions.used(caller, &id);
        Ok(Self { app, name, id, algorithm: announced_algorithm(query)? })
    }

    /// Appends a body; returns the new offset.
    async fn take(
        &self,
        headers: &HeaderMap,
        body: &mut axum::body::Body,
        offset: u64,
    ) -> Result<u64, Error> {
        let range = self.check_range(headers, offset)?;
        let limit = range.map(|range| range.size_bytes());
        let allowance = Allowance::of(self.app, self.name, offset).await?;
        if let Err(error) = allowance.admit(limit.or_else(|| content_length(headers)).unwrap_or(0)) {
            return Err(self.refuse(error).await);
        }
        let mut chunks = Chunks::new(body, self.app.config.body_timeout).limited(limit).allowed(allowance);
        let appended = self.app.blobs.append(&self.id, offset, self.algorithm, (&mut chunks).boxed()).await;
        if let Some(error) = chunks.refused() {
            return Err(self.refuse(error).await);
        }
        let end = match appended {
            Ok(end) => end,
            // Another request wrote meanwhile: the client is told where to continue.
            Err(wharf_storage::Error::Conflict { .. }) => {
                let offset = self.app.blobs.upload_offset(&self.id).await?;
                return Err(self.out_of_order("another request is writing to this upload", offset));
            }
            Err(error) => return Err(error.into()),
        };
        self.app.metrics.artifacts.received(end - offset);
        match range {
            Some(range) if end - offset != range.size_bytes() => {
                let message =
                    format!("{} bytes came, Content-Range announced {}", end - offset, range.size_bytes());
                Err(self.invalid_size(message))
            }
            _ => Ok(end),
        }
    }

    /// Removes the session and what it holds.
    async fn end(&self) -> Result<(), Error> {
        self.app.blobs.cancel(&self.id).await?;
        self.app.sessions.close(&self.id);
        Ok(())
    }

    /// Ends the session where it could never become a blob, as the commit would.
    async fn refuse(&self, error: wharf_storage::Error) -> Error {
        if matches!(error, wharf_storage::Error::QuotaExceeded { .. })
            && let Err(error) = self.end().await
        {
            return error;
        }
        error.into()
    }

    /// Returns the announced range, if there is one and it begins where the session ends.
    fn check_range(&self, headers: &HeaderMap, offset: u64) -> Result<Option<ChunkRange>, Error> {
        let Some(value) = headers.get(CONTENT_RANGE) else { return Ok(None) };
        let text = String::from_utf8_lossy(value.as_bytes());
        let range: ChunkRange = text.parse().map_err(|_| {
            let message = format!("Content-Range {text:?} is invalid: expected FIRST-LAST, such as 0-1023");
            Error::answer(StatusCode::BAD_REQUEST, ErrorCode::BlobUploadInvalid, message)
        })?;
        if range.first != offset {
            let message =
                format!("chunk begins at byte {}, the upload continues at byte {offset}", range.first);
            return Err(self.out_of_order(&message, offset));
        }
        if let Some(length) = content_length(headers)
            && length != range.size_bytes()
        {
            let message =
                format!("Content-Length is {length}, Content-Range announces {}", range.size_bytes());
            return Err(self.invalid_size(message));
        }
        Ok(Some(range))
    }

    /// 416 with what a client needs to continue.
    fn out_of_order(&self, message: &str, offset: u64) -> Error {
        let status = StatusCode::RANGE_NOT_SATISFIABLE;
        let mut error = Error::answer(status, ErrorCode::BlobUploadInvalid, message);
        if let Error::Answer { headers, .. } = &mut error {
            describe(headers, self.name, &self.id, self.algorithm, offset);
        }
        error
    }

    fn invalid_size(&self, message: String) -> Error {
        Error::answer(StatusCode::BAD_REQUEST, ErrorCode::SizeInvalid, message)
    }
}

async fn authorize(app: &App, caller: &Caller, name: &RepositoryName) -> Result<(), Error> {
    Ok(app.catalog.authorize(caller, &Request::on_repository(Permission::PUSH, name)).await?)
}

/// Returns whether the whole body is announced to be small enough to be kept in the catalog.
fn is_small(headers: &HeaderMap, body: &axum::body::Body) -> bool {
    body.is_end_stream() || content_length(headers).is_some_and(|length| length <= MAX_INLINE_BYTES)
}

async fn read_small(app: &App, headers: &HeaderMap, body: &mut axum::body::Body) -> Result<Bytes, Error> {
    let content = read_whole(body, headers, "blob", MAX_INLINE_BYTES, app.config.body_timeout).await?;
    app.metrics.artifacts.received(content.len() as u64);
    Ok(content)
}

async fn commit_inline(
    app: &App,
    caller: &Caller,
    name: &RepositoryName,
    digest: &Digest,
    content: Bytes,
) -> Result<(), Error> {
    let actual = digest.algorithm().unwrap_or_default().digest(&content);
    if actual != *digest {
        return Err(wharf_storage::Error::DigestMismatch { expected: digest.clone(), actual }.into());
    }
    let size = content.len() as u64;
    let blob = NewBlob { digest: actual, size, place: BlobPlace::Inline(content) };
    link(&*app.catalog, &*app.blobs, caller, name, blob).await?;
    Ok(())
}

/// Makes the upload durable, then links it. Once begun it is carried through, whether the client stays or not: given up half-way, it
/// would leave bytes that nobody names.
async fn commit_upload(
    app: &App,
    caller: Caller,
    name: &RepositoryName,
    id: UploadId,
    digest: &Digest,
) -> Result<(), Error> {
    let (catalog, blobs, sessions) =
        (Arc::clone(&app.catalog), Arc::clone(&app.blobs), Arc::clone(&app.sessions));
    let (name, digest) = (name.clone(), digest.clone());
    let work = tokio::spawn(async move {
        let finished = blobs.finish(&id, &digest).await;
        if matches!(
            finished,
            Ok(_) | Err(wharf_storage::Error::DigestMismatch { .. } | wharf_storage::Error::NotFound { .. })
        ) {
            sessions.close(&id);
        }
        let (key, size) = finished?;
        let blob = NewBlob { digest, size, place: BlobPlace::Stored(key.clone()) };
        store(&*catalog, &*blobs, &caller, &name, key, blob).await
    });
    match work.await {
        Ok(outcome) => Ok(outcome?),
        Err(error) => {
            Err(wharf_storage::Error::Damaged(format!("storing a blob ended early: {error}")).into())
        }
    }
}

/// Links a blob that is on disk under `key`, which nobody names yet.
async fn store(
    catalog: &dyn Catalog,
    blobs: &dyn BlobStore,
    caller: &Caller,
    name: &RepositoryName,
    key: BlobKey,
    blob: NewBlob,
) -> wharf_storage::Result<()> {
    let outcome = link(catalog, blobs, caller, name, blob).await;
    // Where it is not certain what the catalog will say after a restart, the bytes stay: it may name them.
    let unused = match &outcome {
        Ok(CommitOutcome::Kept) => false,
        Ok(CommitOutcome::Duplicate) => true,
        Err(error) => error.is_refusal(),
    };
    if unused {
        blobs.remove(&key).await?;
    }
    outcome.map(|_| ())
}

/// Links a blob. Where the catalog has it already but its file is gone or cut short, these bytes take that one's place:
/// they are about to be acknowledged.
async fn link(
    catalog: &dyn Catalog,
    blobs: &dyn BlobStore,
    caller: &Caller,
    name: &RepositoryName,
    blob: NewBlob,
) -> wharf_storage::Result<CommitOutcome> {
    if catalog.commit_blob(caller, name, blob.clone()).await? == CommitOutcome::Kept {
        return Ok(CommitOutcome::Kept);
    }
    // As the server: whoever may push need not be allowed to pull.
    let lost = match catalog.blob(&Caller::system(), name, &blob.digest).await {
        Ok(record) => match record.place {
            BlobPlace::Stored(key) if blobs.size(&key).await? != Some(blob.size) => key,
            _ => return Ok(CommitOutcome::Duplicate),
        },
        // Someone has deleted it right after.
        Err(wharf_storage::Error::NotFound { .. }) => return Ok(CommitOutcome::Duplicate),
        Err(error) => return Err(error),
    };
    let digest = blob.digest.clone();
    if !catalog.replace_lost(&lost, blob).await? {
        return Ok(CommitOutcome::Duplicate);
    }
    tracing::warn!(
        repository.name = %name,
        blob.digest = %digest,
        "blob {digest} was lost or cut short in the store; the bytes just pushed to {name} replace it"
    );
    Ok(CommitOutcome::Kept)
}

fn created(name: &RepositoryName, digest: &Digest) -> Response<axum::body::Body> {
    let mut response = empty(StatusCode::CREATED);
    response.headers_mut().insert(LOCATION, header(&format!("/v2/{name}/blobs/{digest}")));
    response.headers_mut().insert(DOCKER_CONTENT_DIGEST, header(digest.as_str()));
    response
}

/// The location is relative, so that it is right behind every proxy.
fn describe(
    headers: &mut HeaderMap,
    name: &RepositoryName,
    id: &UploadId,
    algorithm: Option<Algorithm>,
    offset: u64,
) {
    let mut location = format!("/v2/{name}/blobs/uploads/{}", id.as_str());
    if let Some(algorithm) = algorithm.filter(|&algorithm| algorithm != Algorithm::Sha256) {
        // There is no table of sessions that would remember it.
        location.push_str("?digest-algorithm=");
        location.push_str(algorithm.name());
    }
    headers.insert(LOCATION, header(&location));
    headers.insert(RANGE, header(&received_range(offset)));
    headers.insert(
        DOCKER_UPLOAD_UUID,
        HeaderValue::from_str(id.as_str()).unwrap_or(HeaderValue::from_static("")),
    );
}

fn announced_algorithm(query: Query<'_>) -> Result<Option<Algorithm>, Error> {
    Ok(query.first("digest-algorithm").map(|name| name.parse()).transpose()?)
}

fn required_digest(query: Query<'_>) -> Result<Digest, Error> {
    let Some(text) = query.first("digest") else {
        let message = "the parameter \"digest\" is missing";
        return Err(Error::answer(StatusCode::BAD_REQUEST, ErrorCode::DigestInvalid, message));
    };
    let digest: Digest = text.parse()?;
    if digest.algorithm().is_none() {
        return Err(DigestError::Unsupported(digest.algorithm_name().to_owned()).into());
    }
    Ok(digest)
}
