//! Referrers: by the API, and by the fallback tag where a registry has none (distribution-spec v1.1,
//! "Listing referrers", "Referrers Tag Schema").

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use ::http::header::IF_MATCH;
use ::http::{HeaderValue, Method, StatusCode};
use bytes::Bytes;
use reqwest::Response;
use serde_json::{Value, json};
use wharf_content::{
    DEFAULT_MAX_MANIFEST_BYTES, Error, ErrorKind, RawManifest, ReadTarget, Result, referrers_tag,
};
use wharf_oci::distribution::{OCI_FILTERS_APPLIED, ReferrersIndex};
use wharf_oci::{Descriptor, Digest, ManifestKind, Reference, RepositoryName, Tag, media_type};

use crate::http::RegistryError;
use crate::registry::ReferrersApi;
use crate::repository::{MAX_LIST_BYTES, PULL, RemoteRepository, next_page};

/// The number of pages that are read.
const MAX_PAGES: usize = 200;
/// How often a fallback tag is read and written again when another writer was faster.
const MAX_ROUNDS: usize = 5;

/// What is known of how a registry lists referrers.
#[derive(Default)]
pub(crate) struct KnownReferrers {
    /// Whether it has the API, by repository: behind one host there may be several registries.
    api: Mutex<HashMap<RepositoryName, bool>>,
    /// Held while it is asked whether it has the API, so that it is asked once.
    asking: tokio::sync::Mutex<()>,
    /// Held while a fallback tag is read and written.
    writing: tokio::sync::Mutex<()>,
}

impl KnownReferrers {
    fn of(&self, repository: &RepositoryName) -> Option<bool> {
        self.api.lock().unwrap_or_else(PoisonError::into_inner).get(repository).copied()
    }

    fn note(&self, repository: &RepositoryName, has_api: bool) {
        self.api.lock().unwrap_or_else(PoisonError::into_inner).insert(repository.clone(), has_api);
    }
}

impl RemoteRepository {
    /// Returns whether the registry has the API, as far as is known.
    pub(super) fn knows_referrers_api(&self) -> Option<bool> {
        match self.registry.referrers {
            ReferrersApi::Api => Some(true),
            ReferrersApi::Tag => Some(false),
            ReferrersApi::Detect => self.registry.known_referrers.of(&self.name),
        }
    }

    pub(super) async fn list_referrers(
        &self,
        subject: &Digest,
        artifact_type: Option<&str>,
    ) -> Result<Vec<Descriptor>> {
        if self.knows_referrers_api() == Some(false) {
            return Ok(of_type(self.fallback(subject).await?.unwrap_or_default(), artifact_type));
        }
        let what = self.what(format_args!("the referrers of {subject}"));
        let mut call = self
            .call(Method::GET, &format!("referrers/{subject}"), PULL)?
            .header("accept", media_type::OCI_INDEX);
        if let Some(artifact_type) = artifact_type {
            call.url.query_pairs_mut().append_pair("artifactType", artifact_type);
        }
        let mut found: Vec<Descriptor> = Vec::new();
        for _ in 0..MAX_PAGES {
            let response = self.registry.http.send(&call).await?;
            match is_answered_by_api(&response) {
                Some(true) => self.registry.known_referrers.note(&self.name, true),
                Some(false) if self.registry.referrers == ReferrersApi::Detect => {
                    let refused = self.registry.http.refused(&call, response, &what).await;
                    // A repository that is not there yet may be the reason; then the next question is worth asking.
                    if !is_about_content(&refused) {
                        self.registry.known_referrers.note(&self.name, false);
                    }
                    let referrers = self.fallback(subject).await?.unwrap_or_default();
                    return Ok(of_type(referrers, artifact_type));
                }
                _ => return Err(self.registry.http.refused(&call, response, &what).await),
            }
            let next = next_page(&call.url, response.headers())?;
            tracing::trace!(
                filtered = response.headers().contains_key(OCI_FILTERS_APPLIED),
                "read a page of {what}"
            );
            let body = self.registry.http.read(response, MAX_LIST_BYTES, &what).await?;
            let page: ReferrersIndex = serde_json::from_slice(&body).map_err(|error| {
                Error::with_source(
                    ErrorKind::Peer,
                    format!("{} answered with no index for {what}", self.name()),
                    error,
                )
            })?;
            let brought_nothing = page.manifests.is_empty();
            found.extend(page.manifests);
            match next {
                None => return Ok(of_type(found, artifact_type)),
                // A filtered page may be empty; one that leads to itself may not.
                Some(next) if brought_nothing && next == call.url => break,
                Some(next) => call.url = next,
            }
        }
        Err(Error::new(
            ErrorKind::Peer,
            format!("{} announces further pages of {what} without an end", self.name()),
        ))
    }

    /// Returns the entries of the fallback tag; `None` when there is no such tag.
    async fn fallback(&self, subject: &Digest) -> Result<Option<Vec<Descriptor>>> {
        let Some((index, _)) = self.fallback_index(subject).await? else { return Ok(None) };
        Ok(Some(index.parse()?.manifests))
    }

    async fn fallback_index(&self, subject: &Digest) -> Result<Option<(RawManifest, Option<HeaderValue>)>> {
        let tag = Reference::Tag(fallback_tag(subject)?);
        let (index, entity_tag) = match self.get_manifest_tagged(&tag, DEFAULT_MAX_MANIFEST_BYTES).await {
            Ok(index) => index,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        // A registry may read the tag as the digest that it looks like, and answer with the subject itself.
        let is_list = index.digest != *subject && index.parse()?.kind == ManifestKind::Index;
        Ok(is_list.then_some((index, entity_tag)))
    }

    /// Returns the subject and digest of a manifest that a client entered in a fallback tag: one with a subject, at a
    /// registry that does not list referrers itself.
    pub(super) async fn entered_by_hand(&self, reference: &Reference) -> Result<Option<(Digest, Digest)>> {
        // Taking a tag away leaves the manifest.
        let (Reference::Digest(digest), false) = (reference, self.registry.referrers == ReferrersApi::Api)
        else {
            return Ok(None);
        };
        // Where it cannot be read the deletion says what is wrong.
        let Ok(manifest) = self.get_manifest(reference, DEFAULT_MAX_MANIFEST_BYTES).await else {
            return Ok(None);
        };
        let Some(subject) = manifest.parse().ok().and_then(|manifest| manifest.subject) else {
            return Ok(None);
        };
        let by_hand = !self.has_referrers_api(&subject.digest).await?;
        Ok(by_hand.then(|| (subject.digest, digest.clone())))
    }

    /// Makes sure that a manifest that was pushed is listed as a referrer of its subject. Whether the registry has the
    /// API is asked of the API itself: there are registries that send the header and lack it.
    pub(super) async fn list_under(
        &self,
        manifest: &RawManifest,
        subject: &Digest,
        is_announced: bool,
    ) -> Result<()> {
        if !self.has_referrers_api(subject).await? {
            return self.add_to_fallback(manifest, subject).await;
        }
        if is_announced || self.registry.referrers == ReferrersApi::Api {
            return Ok(());
        }
        let listed = self.list_referrers(subject, None).await?;
        if listed.iter().any(|referrer| referrer.digest == manifest.digest) {
            return Ok(());
        }
        self.add_to_fallback(manifest, subject).await
    }

    async fn has_referrers_api(&self, subject: &Digest) -> Result<bool> {
        if let Some(known) = self.knows_referrers_api() {
            return Ok(known);
        }
        let _turn = self.registry.known_referrers.asking.lock().await;
        if let Some(known) = self.knows_referrers_api() {
            return Ok(known);
        }
        let call = self
            .call(Method::GET, &format!("referrers/{subject}"), PULL)?
            .header("accept", media_type::OCI_INDEX);
        let response = self.registry.http.send(&call).await?;
        let Some(has) = is_answered_by_api(&response) else {
            let what = self.what(format_args!("the referrers of {subject}"));
            return Err(self.registry.http.refused(&call, response, &what).await);
        };
        self.registry.known_referrers.note(&self.name, has);
        Ok(has)
    }

    /// Takes a manifest out of the fallback tag of its subject. An index without entries stays: a tag cannot be taken
    /// away without a race.
    pub(super) async fn remove_from_fallback(&self, subject: &Digest, digest: &Digest) -> Result<()> {
        let tag = Reference::Tag(fallback_tag(subject)?);
        let _turn = self.registry.known_referrers.writing.lock().await;
        for _ in 0..MAX_ROUNDS {
            let Some((index, entity_tag)) = self.fallback_index(subject).await? else { return Ok(()) };
            let mut document: Value = serde_json::from_slice(&index.bytes).unwrap_or(Value::Null);
            let Some(entries) = document.get_mut("manifests").and_then(Value::as_array_mut) else {
                return Ok(());
            };
            let before = entries.len();
            entries.retain(|entry| entry.get("digest").and_then(Value::as_str) != Some(digest.as_str()));
            if entries.len() == before {
                return Ok(());
            }
            let index = RawManifest::new(media_type::OCI_INDEX, Bytes::from(document.to_string()));
            match self.conditional(entity_tag).put_manifest_as(&index, &tag).await {
                Err(error) if is_overtaken(&error) => {}
                other => drop(other?),
            }
        }
        Err(Error::new(
            ErrorKind::Busy,
            format!("tag {tag} of {} is being written by others all the time", self.name()),
        ))
    }

    /// Returns the repository as it writes over what has this entity tag. What was said to go along with the manifest
    /// itself is not about the fallback tag.
    fn conditional(&self, entity_tag: Option<HeaderValue>) -> Self {
        let writer = Self { push_headers: Vec::new(), ..self.clone() };
        match entity_tag {
            // A weak one never matches (RFC 9110, section 13.1.1).
            Some(entity_tag) if !entity_tag.as_bytes().starts_with(b"W/") => {
                writer.with_push_header(IF_MATCH, entity_tag)
            }
            _ => writer,
        }
    }

    /// Enters a manifest in the fallback tag of its subject, as a client must where the registry does not process
    /// subjects (distribution-spec v1.1, "Pushing Manifests with Subject").
    async fn add_to_fallback(&self, manifest: &RawManifest, subject: &Digest) -> Result<()> {
        let parsed = manifest.parse()?;
        let mut entry = manifest.descriptor();
        entry.artifact_type = parsed.effective_artifact_type().map(str::to_owned);
        entry.annotations = parsed.annotations;
        let tag = fallback_tag(subject)?;
        // Of this process one writer at a time.
        let _turn = self.registry.known_referrers.writing.lock().await;
        for _ in 0..MAX_ROUNDS {
            let present = self.fallback_index(subject).await?;
            if let Some((index, _)) = &present
                && index.parse()?.manifests.iter().any(|other| other.digest == manifest.digest)
            {
                return Ok(());
            }
            let mut document = match &present {
                // Edited as JSON: entries and fields that are not ours stay as they are.
                Some((index, _)) => serde_json::from_slice(&index.bytes).unwrap_or(Value::Null),
                None => json!({ "schemaVersion": 2, "mediaType": media_type::OCI_INDEX }),
            };
            let added = serde_json::to_value(&entry).map_err(|error| {
                Error::with_source(ErrorKind::Content, "cannot write a descriptor", error)
            })?;
            match document.get_mut("manifests").and_then(Value::as_array_mut) {
                Some(entries) => entries.push(added),
                None => document["manifests"] = json!([added]),
            }
            let index = RawManifest::new(media_type::OCI_INDEX, Bytes::from(document.to_string()));
            // A registry that knows conditions refuses to overwrite what another writer added meanwhile.
            let writer = self.conditional(present.and_then(|(_, entity_tag)| entity_tag));
            match writer.put_manifest_as(&index, &Reference::Tag(tag.clone())).await {
                Err(error) if is_overtaken(&error) => {}
                other => drop(other?),
            }
            // The next round reads what is there now: another writer may have replaced it meanwhile.
        }
        match self.fallback(subject).await? {
            Some(entries) if entries.iter().any(|other| other.digest == manifest.digest) => Ok(()),
            _ => Err(Error::new(
                ErrorKind::Busy,
                format!("tag {tag} of {} is being written by others all the time", self.name()),
            )),
        }
    }
}

/// Returns whether an answer is that of the referrers API; `None` where it is an error that says neither.
fn is_answered_by_api(response: &Response) -> Option<bool> {
    let content_type = response.headers().get(::http::header::CONTENT_TYPE);
    let content_type = content_type.and_then(|value| value.to_str().ok()).unwrap_or_default();
    let is_index = content_type.split(';').next().unwrap_or_default().trim() == media_type::OCI_INDEX;
    match response.status() {
        StatusCode::OK => Some(is_index),
        // Some answer unknown paths with a page of their own.
        StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED => Some(false),
        _ => None,
    }
}

/// Returns whether a registry says that it knows nothing of the repository or the manifest, rather than of the question.
fn is_about_content(error: &Error) -> bool {
    let codes = ["NAME_UNKNOWN", "NAME_INVALID", "MANIFEST_UNKNOWN"];
    error.cause::<RegistryError>().is_some_and(|answer| codes.iter().any(|code| answer.has_code(code)))
}

fn is_overtaken(error: &Error) -> bool {
    error.cause::<RegistryError>().is_some_and(|answer| answer.status == StatusCode::PRECONDITION_FAILED)
}

fn fallback_tag(subject: &Digest) -> Result<Tag> {
    referrers_tag(subject)
        .ok_or_else(|| Error::new(ErrorKind::Usage, format!("{subject} has no referrers tag")))
}

fn of_type(mut referrers: Vec<Descriptor>, artifact_type: Option<&str>) -> Vec<Descriptor> {
    if let Some(wanted) = artifact_type {
        referrers.retain(|entry| entry.artifact_type.as_deref() == Some(wanted));
    }
    let mut seen = std::collections::HashSet::new();
    referrers.retain(|entry| seen.insert(entry.digest.clone()));
    referrers
}
