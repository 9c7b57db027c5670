//! `/v2/<name>/manifests/<reference>` (distribution-spec v1.1, "Pulling manifests", "Pushing manifests", "Content
//! Management").

use std::time::Instant;

use axum::body::Body;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, ETAG, HeaderValue, LOCATION, WARNING};
use http::{HeaderMap, Method, Response, StatusCode};
use wharf_access::{Permission, Request};
use wharf_oci::distribution::{DOCKER_CONTENT_DIGEST, ErrorCode, OCI_SUBJECT, OCI_TAG};
use wharf_oci::{Algorithm, Digest, DigestError, Manifest, Reference, RepositoryName, Tag};
use wharf_storage::catalog::NewManifest;

use super::body::read_whole;
use super::conditional::{entity_tag, not_modified, tag_condition};
use super::{Answer, Context, empty, header};
use crate::error::Error;
use crate::gate;

/// The most tags that one request may set.
const MAX_TAGS: usize = 100;

/// The header by which `wharf publish --force` says why it replaces the content of a tag; noted in the audit log.
const FORCE_REASON: &str = "wharf-force-reason";

/// Answers the bytes that were pushed, under the type they were pushed with. Nothing is ever converted to what `Accept` lists:
/// it would be other content under another digest.
pub(super) async fn fetch(context: Context<'_>, name: &RepositoryName, reference: &Reference) -> Answer {
    let clock = Instant::now();
    let Context { app, caller, parts, .. } = context;
    let record = app.catalog.manifest(&caller, name, reference).await?;
    let admission = app.gate.admit(app, &caller, name, reference, &record).await?;
    if not_modified(&parts.headers, &record.digest) {
        let mut response = empty(StatusCode::NOT_MODIFIED);
        describe(response.headers_mut(), &record.digest);
        return Ok(response);
    }
    let length = record.content.len();
    let wanted = parts.method == Method::GET;
    let mut response = Response::new(if wanted { Body::from(record.content) } else { Body::empty() });
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, header(&record.media_type));
    headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    describe(headers, &record.digest);
    if let Some(warning) = gate::warning(admission.judged()) {
        headers.insert(WARNING, header(&warning));
    }
    if wanted {
        app.metrics.artifacts.pulled(name.as_str(), record.artifact_type.as_deref(), clock.elapsed());
        app.pulls.note(name, &record.digest);
        app.audit.pulled(&caller, name, reference, &record.digest, admission.note());
    }
    Ok(response)
}

pub(super) async fn put(context: Context<'_>, name: &RepositoryName, reference: &Reference) -> Answer {
    let clock = Instant::now();
    let Context { app, caller, parts, query, body } = context;
    // Decided again where the manifest is stored; here it spares the body of whoever may not push at all.
    app.catalog.authorize(&caller, &Request::on_repository(Permission::PUSH, name)).await?;
    let (tags, from_query) = match reference {
        Reference::Tag(tag) => (vec![tag.clone()], false),
        Reference::Digest(_) => (tags_of(query)?, true),
    };
    let limit_bytes = app.config.manifest_bytes;
    let content = read_whole(body, &parts.headers, "manifest", limit_bytes, app.config.body_timeout).await?;
    let digest = digest_of(reference, &content)?;
    let manifest = Manifest::parse(&content, media_type(&parts.headers).as_deref())?;
    let subject = manifest.subject.as_ref().map(|subject| subject.digest.clone());
    let artifact_type = manifest.effective_artifact_type().map(str::to_owned);
    let force_reason = parts
        .headers
        .get(FORCE_REASON)
        .and_then(|value| value.to_str().ok())
        .map(|text| text.chars().take(256).collect());
    let new = NewManifest {
        digest: digest.clone(),
        content,
        manifest,
        tags: tags.clone(),
        // Content under a digest never changes, so there is nothing that a condition could protect.
        condition: tag_condition(&parts.headers).filter(|_| !from_query),
        force_reason,
        accept_missing_blobs: app.config.accept_missing_blobs,
    };
    let outcome = app.catalog.put_manifest(&caller, name, new).await?;
    let time = clock.elapsed();
    app.metrics.artifacts.pushed(name.as_str(), artifact_type.as_deref(), time);
    tracing::info!(
        repository.name = %name,
        manifest.digest = %digest,
        created = outcome.created,
        caller.name = %caller.name,
        "stored manifest {digest} in {name}"
    );

    let mut response = empty(StatusCode::CREATED);
    let headers = response.headers_mut();
    headers.insert(LOCATION, header(&format!("/v2/{name}/manifests/{digest}")));
    describe(headers, &digest);
    if let Some(subject) = subject.filter(|_| app.config.referrers_api) {
        headers.insert(OCI_SUBJECT, header(subject.as_str()));
    }
    if from_query {
        for tag in tags {
            headers.append(OCI_TAG, header(tag.as_str()));
        }
    }
    Ok(response)
}

/// Removes a tag, or a manifest with all tags on it: the reference decides, and with it the permission.
pub(super) async fn delete(context: Context<'_>, name: &RepositoryName, reference: &Reference) -> Answer {
    let Context { app, caller, .. } = context;
    match reference {
        Reference::Tag(tag) => app.catalog.delete_tag(&caller, name, tag).await?,
        Reference::Digest(digest) => app.catalog.delete_manifest(&caller, name, digest).await?,
    }
    tracing::info!(repository.name = %name, %reference, caller.name = %caller.name, "deleted {reference} from {name}");
    Ok(empty(StatusCode::ACCEPTED))
}

fn describe(headers: &mut HeaderMap, digest: &Digest) {
    headers.insert(DOCKER_CONTENT_DIGEST, header(digest.as_str()));
    headers.insert(ETAG, header(&entity_tag(digest)));
}

/// Returns the digest of the content, in the algorithm of the reference, which it must match.
fn digest_of(reference: &Reference, content: &[u8]) -> Result<Digest, Error> {
    let Some(expected) = reference.digest() else { return Ok(Algorithm::Sha256.digest(content)) };
    let algorithm =
        expected.algorithm().ok_or_else(|| DigestError::Unsupported(expected.algorithm_name().to_owned()))?;
    let actual = algorithm.digest(content);
    if actual == *expected {
        Ok(actual)
    } else {
        Err(wharf_storage::Error::DigestMismatch { expected: expected.clone(), actual }.into())
    }
}

/// Returns the announced media type without parameters.
fn media_type(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    Some(value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase())
}

/// Returns the tags of `?tag=a&tag=b`, each once.
fn tags_of(query: super::Query<'_>) -> Result<Vec<Tag>, Error> {
    let mut tags: Vec<Tag> = Vec::new();
    for text in query.all("tag") {
        let tag = text.parse().map_err(wharf_oci::ReferenceError::Name)?;
        if !tags.contains(&tag) {
            tags.push(tag);
        }
        if tags.len() > MAX_TAGS {
            let message = format!("one request sets at most {MAX_TAGS} tags");
            return Err(Error::answer(StatusCode::URI_TOO_LONG, ErrorCode::Unsupported, message));
        }
    }
    Ok(tags)
}
