//! One repository of a registry, as a content target.

mod blobs;
mod chunks;
mod manifests;
mod referrers;
mod saved;
mod upload;

pub(crate) use referrers::KnownReferrers;
pub(crate) use upload::KnownUploads;

use ::http::{HeaderName, HeaderValue, Method};
use async_trait::async_trait;
use url::Url;
use wharf_content::{
    Arrival, BlobSource, BlobStream, Cursor, Error, ErrorKind, MountOrigin, RawManifest, ReadTarget, Result,
    TagPage, Target,
};
use wharf_oci::distribution::{Scope, TagList, next_link};
use wharf_oci::{Descriptor, Digest, Reference, RepositoryName, Tag};

use crate::http::Call;
use crate::{Registry, origin};

/// The longest page of a list that is read, in bytes.
const MAX_LIST_BYTES: u64 = 16 * 1024 * 1024;

/// One repository of a registry. It implements [`ReadTarget`] and [`Target`].
#[derive(Clone)]
pub struct RemoteRepository {
    registry: Registry,
    name: RepositoryName,
    push_headers: Vec<(HeaderName, HeaderValue)>,
    /// Whether every token is to allow writing.
    is_destination: bool,
}

impl RemoteRepository {
    pub(crate) fn new(registry: Registry, name: RepositoryName) -> Self {
        Self { registry, name, push_headers: Vec::new(), is_destination: false }
    }

    /// Returns the same repository, which sends this header along when it pushes a manifest. It never goes to another
    /// host.
    #[must_use]
    pub fn with_push_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.push_headers.push((name, value));
        self
    }

    /// Returns the same repository as one that will be written to: the first token that is asked for allows that, so that
    /// one is enough.
    #[must_use]
    pub fn as_destination(mut self) -> Self {
        self.is_destination = true;
        self
    }

    /// Returns the registry.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// Returns the repository's name.
    pub fn repository(&self) -> &RepositoryName {
        &self.name
    }

    /// Returns the descriptor of a blob, with the media type under which the registry serves it: mostly
    /// `application/octet-stream`.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] when it is not there.
    pub async fn resolve_blob(&self, digest: &Digest) -> Result<Descriptor> {
        let call = self.call(Method::HEAD, &format!("blobs/{digest}"), PULL)?;
        let response = self.registry.http.send(&call).await?;
        let what = self.what(format_args!("blob {digest}"));
        if !response.status().is_success() {
            return Err(self.registry.http.refused(&call, response, &what).await);
        }
        let header = |name| response.headers().get(name)?.to_str().ok();
        let size = header(::http::header::CONTENT_LENGTH).and_then(|size| size.parse().ok());
        let media_type = header(::http::header::CONTENT_TYPE).unwrap_or("application/octet-stream");
        match size {
            Some(size) => Ok(Descriptor::new(media_type, digest.clone(), size)),
            None => {
                Err(Error::new(ErrorKind::Peer, format!("{} does not tell the size of {what}", self.name())))
            }
        }
    }

    fn call(&self, method: Method, path: &str, actions: &[&str]) -> Result<Call<'static>> {
        let url = self.registry.url(&format!("v2/{}/{path}", self.name))?;
        Ok(Call::new(method, url, vec![self.scope(actions)]))
    }

    fn scope(&self, actions: &[&str]) -> Scope {
        let actions = if self.is_destination && actions == PULL { PUSH } else { actions };
        Scope::repository(self.name.as_str(), actions.iter().copied())
    }

    /// Names something of this repository in messages.
    fn what(&self, thing: impl std::fmt::Display) -> String {
        format!("{thing} of {}", self.name)
    }

    async fn blob_head(&self, digest: &Digest) -> Result<bool> {
        let call = self.call(Method::HEAD, &format!("blobs/{digest}"), PULL)?;
        let response = self.registry.http.send(&call).await?;
        match response.status().as_u16() {
            200 => Ok(true),
            404 => Ok(false),
            _ => {
                let what = self.what(format_args!("blob {digest}"));
                Err(self.registry.http.refused(&call, response, &what).await)
            }
        }
    }
}

/// What reading needs.
const PULL: &[&str] = &["pull"];
/// What writing needs; registries look things up on the way.
const PUSH: &[&str] = &["pull", "push"];
/// What deleting needs.
const DELETE: &[&str] = &["delete", "pull"];

#[async_trait]
impl ReadTarget for RemoteRepository {
    fn name(&self) -> String {
        format!("{}/{}", self.registry.host(), self.name)
    }

    async fn resolve(&self, reference: &Reference) -> Result<Descriptor> {
        self.resolve_manifest(reference).await
    }

    async fn fetch_manifest(&self, reference: &Reference, max_bytes: u64) -> Result<RawManifest> {
        self.get_manifest(reference, max_bytes).await
    }

    async fn fetch_blob(&self, descriptor: &Descriptor, offset: u64) -> Result<BlobStream> {
        blobs::fetch(self.clone(), descriptor.clone(), offset).await
    }

    async fn blob_exists(&self, digest: &Digest) -> Result<bool> {
        self.blob_head(digest).await
    }

    async fn tags(&self, from: Option<&Cursor>, limit: usize) -> Result<TagPage> {
        let mut call = self.call(Method::GET, "tags/list", PULL)?;
        match from {
            // Made below from a link of the same origin, and checked again.
            Some(Cursor(next)) => call.url = origin::resolve_same_origin(&call.url, "Link", next)?,
            None => {
                call.url.query_pairs_mut().append_pair("n", &limit.to_string());
            }
        }
        let response = self.registry.http.send(&call).await?;
        if !response.status().is_success() {
            return Err(self.registry.http.refused(&call, response, &self.what("the list of tags")).await);
        }
        let next = next_page(&call.url, response.headers())?;
        let body = self.registry.http.read(response, MAX_LIST_BYTES, "the list of tags").await?;
        let list: TagList = serde_json::from_slice(&body).map_err(|error| {
            Error::with_source(
                ErrorKind::Peer,
                format!("{} answered with no list of tags", self.name()),
                error,
            )
        })?;
        Ok(TagPage { tags: list.tags, next: next.map(|url| Cursor(url.to_string())) })
    }

    async fn referrers(&self, subject: &Digest, artifact_type: Option<&str>) -> Result<Vec<Descriptor>> {
        self.list_referrers(subject, artifact_type).await
    }

    fn lists_referrers(&self) -> Option<bool> {
        self.knows_referrers_api()
    }

    fn mount_origin(&self) -> Option<MountOrigin> {
        Some(MountOrigin { registry: self.registry.origin(), repository: self.name.clone() })
    }
}

#[async_trait]
impl Target for RemoteRepository {
    async fn push_blob(&self, descriptor: &Descriptor, source: &dyn BlobSource) -> Result<()> {
        self.upload(descriptor, source, None).await.map(drop)
    }

    async fn mount_or_push_blob(
        &self,
        descriptor: &Descriptor,
        source: &dyn BlobSource,
        origin: Option<&MountOrigin>,
    ) -> Result<Arrival> {
        let is_elsewhere = |origin: &&MountOrigin| {
            origin.registry == self.registry.origin() && origin.repository != self.name
        };
        self.upload(descriptor, source, origin.filter(is_elsewhere).map(|origin| &origin.repository)).await
    }

    fn is_pushed_unasked(&self, descriptor: &Descriptor) -> bool {
        self.is_pushed_unasked(descriptor)
    }

    async fn push_manifest(&self, manifest: &RawManifest, tags: &[Tag]) -> Result<()> {
        self.put_manifest(manifest, tags).await
    }

    async fn tag(&self, digest: &Digest, tag: &Tag) -> Result<()> {
        let reference = Reference::Digest(digest.clone());
        let manifest = self.get_manifest(&reference, wharf_content::DEFAULT_MAX_MANIFEST_BYTES).await?;
        self.put_manifest_as(&manifest, &Reference::Tag(tag.clone())).await.map(drop)
    }

    async fn delete_manifest(&self, reference: &Reference) -> Result<()> {
        let entered = self.entered_by_hand(reference).await?;
        let what = self.what(format_args!("manifest {reference}"));
        self.delete(&format!("manifests/{reference}"), &what).await?;
        match entered {
            Some((subject, digest)) => self.remove_from_fallback(&subject, &digest).await,
            None => Ok(()),
        }
    }

    async fn delete_blob(&self, digest: &Digest) -> Result<()> {
        let what = self.what(format_args!("blob {digest}"));
        self.delete(&format!("blobs/{digest}"), &what).await
    }
}

impl RemoteRepository {
    async fn delete(&self, path: &str, what: &str) -> Result<()> {
        let call = self.call(Method::DELETE, path, DELETE)?;
        let response = self.registry.http.send(&call).await?;
        if response.status().is_success() {
            return Ok(());
        }
        Err(self.registry.http.refused(&call, response, what).await)
    }
}

/// Returns the next page of a list, if the answer names one: of the same origin.
pub(crate) fn next_page(request: &Url, headers: &::http::HeaderMap) -> Result<Option<Url>> {
    for value in headers.get_all(::http::header::LINK) {
        if let Some(next) = value.to_str().ok().and_then(next_link) {
            return origin::resolve_same_origin(request, "Link", next).map(Some);
        }
    }
    Ok(None)
}
