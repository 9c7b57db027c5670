//! The traits that every content target implements.

use std::collections::BTreeSet;

use async_trait::async_trait;
use bytes::Bytes;
use wharf_oci::{Algorithm, Descriptor, Digest, Manifest, Reference, RepositoryName, Tag};

use crate::stream::{BlobSource, BlobStream};
use crate::{Error, ErrorKind, Result};

/// The size that manifests may have unless configured otherwise, in bytes: 4 MiB, which every registry must accept
/// (distribution-spec v1.1, "Pushing Manifests").
pub const DEFAULT_MAX_MANIFEST_BYTES: u64 = 4 * 1024 * 1024;

/// A manifest or index as the bytes that came, with the media type under which it is served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawManifest {
    /// The media type, without parameters.
    pub media_type: String,
    /// The digest of `bytes`.
    pub digest: Digest,
    /// The document, never re-serialised.
    pub bytes: Bytes,
}

impl RawManifest {
    /// Returns the manifest under its SHA-256 digest.
    pub fn new(media_type: impl Into<String>, bytes: Bytes) -> Self {
        Self { media_type: media_type.into(), digest: Algorithm::Sha256.digest(&bytes), bytes }
    }

    /// Returns the manifest under `expected`, after hashing the bytes.
    ///
    /// # Errors
    /// The content is at fault: the bytes have another digest, or the algorithm cannot be computed.
    pub fn verified(media_type: impl Into<String>, bytes: Bytes, expected: &Digest) -> Result<Self> {
        let Some(algorithm) = expected.algorithm() else {
            return Err(Error::new(
                ErrorKind::Content,
                format!("manifest {expected} cannot be verified: its algorithm is neither sha256 nor sha512"),
            ));
        };
        let computed = algorithm.digest(&bytes);
        if computed != *expected {
            return Err(Error::digest_differs(expected, &computed));
        }
        Ok(Self { media_type: media_type.into(), digest: computed, bytes })
    }

    /// Returns the descriptor: media type, digest, size.
    pub fn descriptor(&self) -> Descriptor {
        Descriptor::new(self.media_type.clone(), self.digest.clone(), self.bytes.len() as u64)
    }

    /// Reads the document.
    ///
    /// # Errors
    /// The content is at fault; see [`Manifest::parse`].
    pub fn parse(&self) -> Result<Manifest> {
        Manifest::parse(&self.bytes, Some(&self.media_type)).map_err(|error| {
            Error::with_source(ErrorKind::Content, format!("manifest {} cannot be read", self.digest), error)
        })
    }
}

/// Returns the media type of a manifest that was found without one, as in a layout: what the document says, else what
/// its shape says.
///
/// # Errors
/// The content is at fault: it is not a manifest.
pub fn media_type_of(digest: &Digest, bytes: &[u8]) -> Result<String> {
    Manifest::parse(bytes, None)
        .map(|manifest| manifest.media_type)
        .map_err(|error| Error::with_source(ErrorKind::Content, format!("{digest} is not a manifest"), error))
}

/// Where a list of tags goes on. Only the target that made it can read it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor(pub String);

/// One page of tags.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TagPage {
    /// The tags, in the order of the target.
    pub tags: Vec<Tag>,
    /// Where the next page starts; `None` on the last.
    pub next: Option<Cursor>,
}

/// How a blob came to a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// It was sent.
    Sent,
    /// The target had it elsewhere.
    Mounted,
}

/// A repository of a registry, from which another repository of the same registry may mount blobs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MountOrigin {
    /// Scheme, host and port, as of the registry's URL.
    pub registry: String,
    /// The repository.
    pub repository: RepositoryName,
}

/// A place where manifests, blobs and tags are read: one repository, one layout.
#[async_trait]
pub trait ReadTarget: Send + Sync {
    /// Returns how to call the target in messages, such as `localhost:5000/shop/web` or `layout ./out`.
    fn name(&self) -> String;

    /// Returns the descriptor of a manifest: media type, digest, size.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] when there is none.
    async fn resolve(&self, reference: &Reference) -> Result<Descriptor>;

    /// Returns a manifest as its bytes, verified against the digest (the one asked for, if it was one).
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`]; [`ErrorKind::Limit`] when it is longer than `max_bytes`, after reading no more than
    /// that; [`ErrorKind::Content`] when the bytes have another digest.
    async fn fetch_manifest(&self, reference: &Reference, max_bytes: u64) -> Result<RawManifest>;

    /// Opens a blob at `offset` bytes. The stream is not verified: a reader wraps it in [`crate::verified`].
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`]; [`ErrorKind::Usage`] when `offset` is beyond the end.
    async fn fetch_blob(&self, descriptor: &Descriptor, offset: u64) -> Result<BlobStream>;

    /// Returns whether the manifest is there.
    ///
    /// # Errors
    /// Only when the question could not be answered.
    async fn manifest_exists(&self, digest: &Digest) -> Result<bool> {
        match self.resolve(&Reference::Digest(digest.clone())).await {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Returns whether the blob is there.
    ///
    /// # Errors
    /// Only when the question could not be answered.
    async fn blob_exists(&self, digest: &Digest) -> Result<bool>;

    /// Returns whether the blob is there as the descriptor says: where a target can tell at no cost, of that size.
    ///
    /// # Errors
    /// Only when the question could not be answered.
    async fn has_blob(&self, descriptor: &Descriptor) -> Result<bool> {
        self.blob_exists(&descriptor.digest).await
    }

    /// Returns a page of at most `limit` tags, from the start or from where another page ended.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] where the target knows that the repository does not exist.
    async fn tags(&self, from: Option<&Cursor>, limit: usize) -> Result<TagPage>;

    /// Returns the manifests whose `subject` is `subject`, of that artifact type if one is given. Each descriptor has
    /// the manifest's artifact type and annotations. A subject that is not there has no referrers.
    ///
    /// # Errors
    /// Only when the question could not be answered.
    async fn referrers(&self, subject: &Digest, artifact_type: Option<&str>) -> Result<Vec<Descriptor>>;

    /// Returns whether the target lists referrers by itself; `false`: a client keeps the list, under the fallback tag
    /// (distribution-spec v1.1, "Referrers Tag Schema"). `None` where that is not known yet.
    fn lists_referrers(&self) -> Option<bool> {
        None
    }

    /// Returns the repository from which others of the same registry may mount.
    fn mount_origin(&self) -> Option<MountOrigin> {
        None
    }
}

/// A place where manifests, blobs and tags are written as well.
///
/// What a method acknowledges with `Ok` is kept (by a tar: from [`Target::commit`] on); what fails changes nothing that a
/// reader can see.
#[async_trait]
pub trait Target: ReadTarget {
    /// Stores a blob. Its digest and size are verified by the target or, for a registry, by the peer. Memory is
    /// bounded whatever the size. Storing what is there already is no error.
    ///
    /// # Errors
    /// [`ErrorKind::Content`] when the bytes have another digest or size.
    async fn push_blob(&self, descriptor: &Descriptor, source: &dyn BlobSource) -> Result<()>;

    /// Stores a blob as [`Target::push_blob`] does, without sending it where the target can take it over from elsewhere:
    /// from `origin`, which has it, or from wherever the target finds it.
    ///
    /// # Errors
    /// Those of [`Target::push_blob`].
    async fn mount_or_push_blob(
        &self,
        descriptor: &Descriptor,
        source: &dyn BlobSource,
        _origin: Option<&MountOrigin>,
    ) -> Result<Arrival> {
        self.push_blob(descriptor, source).await?;
        Ok(Arrival::Sent)
    }

    /// Returns whether something of this size costs less to push than to ask for first.
    fn is_pushed_unasked(&self, _descriptor: &Descriptor) -> bool {
        false
    }

    /// Stores a manifest and points `tags` at it.
    ///
    /// # Errors
    /// The content is at fault, or the target refuses it.
    async fn push_manifest(&self, manifest: &RawManifest, tags: &[Tag]) -> Result<()>;

    /// Points a tag at a manifest that is there.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] when the manifest is not there.
    async fn tag(&self, digest: &Digest, tag: &Tag) -> Result<()>;

    /// Deletes a tag, or a manifest with every tag that points at it. Blobs stay.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] when there is nothing to delete.
    async fn delete_manifest(&self, reference: &Reference) -> Result<()>;

    /// Deletes a blob.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] when there is nothing to delete.
    async fn delete_blob(&self, digest: &Digest) -> Result<()>;

    /// Puts in place what was pushed, where that does not happen at once: a tar becomes whole here. To be called once
    /// everything has been pushed; the target can be used further.
    ///
    /// # Errors
    /// It could not be put in place; readers still see what was there before.
    async fn commit(&self) -> Result<()> {
        Ok(())
    }
}

/// Returns all tags of a target, in byte order.
///
/// # Errors
/// Those of [`ReadTarget::tags`]; [`ErrorKind::Peer`] when a page brings nothing new and yet announces another;
/// [`ErrorKind::Limit`] beyond `max` tags.
pub async fn all_tags(target: &dyn ReadTarget, max: usize) -> Result<Vec<Tag>> {
    let mut all = BTreeSet::new();
    let mut cursor = None;
    loop {
        let page = target.tags(cursor.as_ref(), 1000).await?;
        let before = all.len();
        all.extend(page.tags.into_iter().map(|tag| tag.to_string()));
        if all.len() > max {
            return Err(Error::new(ErrorKind::Limit, format!("{} has more than {max} tags", target.name())));
        }
        match page.next {
            None => break,
            Some(_) if all.len() == before => {
                return Err(Error::new(
                    ErrorKind::Peer,
                    format!("{} announces further pages of tags that bring nothing new", target.name()),
                ));
            }
            next => cursor = next,
        }
    }
    // Kept as text for the order; each was a tag a moment ago.
    Ok(all.iter().filter_map(|tag| tag.parse().ok()).collect())
}
