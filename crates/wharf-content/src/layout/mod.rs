//! An OCI image layout in a folder (image-spec v1.1, image-layout.md).

mod files;
mod index;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::TryStreamExt;
use wharf_oci::{Descriptor, Digest, Reference, Tag};

use crate::layout::files::Incoming;
use crate::layout::index::Index;
use crate::memory::{as_referrer, check_manifest_size, page};
use crate::stream::{self, BlobSource, BlobStream, BytesSource, FileSource};
use crate::target::{Cursor, RawManifest, ReadTarget, TagPage, Target, media_type_of};
use crate::{DEFAULT_MAX_MANIFEST_BYTES, Error, ErrorKind, Result};

/// How many manifests are read in search of referrers before the layout is called too large.
const MAX_SCANNED_MANIFESTS: usize = 100_000;

/// An OCI layout in a folder: `oci-layout`, `index.json` and `blobs/<algorithm>/<encoded>`.
///
/// Tags are the `org.opencontainers.image.ref.name` annotations of `index.json`; a full reference in that annotation,
/// as some tools write, is found by the tag at its end. Files that do not belong to a layout are left alone, and blobs
/// may be absent. What is acknowledged is on disk: written beside, flushed and renamed. Writers in several processes
/// take turns by a lock on the file `oci-layout`.
#[derive(Clone, Debug)]
pub struct LayoutTarget {
    root: Arc<PathBuf>,
}

impl LayoutTarget {
    /// Opens the layout in an existing folder.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] when there is no layout, [`ErrorKind::Content`] when its version is not `1.0.0`.
    pub async fn open(root: impl Into<PathBuf>) -> Result<Self> {
        let root = root.into();
        blocking(move || {
            files::check_marker(&root)?;
            Ok(Self { root: Arc::new(root) })
        })
        .await
    }

    /// Opens the layout in a folder, and makes an empty one where there is none.
    ///
    /// # Errors
    /// Those of [`LayoutTarget::open`], and when the folder cannot be written.
    pub async fn create(root: impl Into<PathBuf>) -> Result<Self> {
        let root = root.into();
        blocking(move || {
            files::make(&root)?;
            Ok(Self { root: Arc::new(root) })
        })
        .await
    }

    /// Returns the folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Returns the path of the file that holds, or would hold, this content.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] for a digest whose algorithm Wharf does not compute: only of the others is the text known
    /// to be safe as a file name.
    pub fn blob_path(&self, digest: &Digest) -> Result<PathBuf> {
        files::blob_path(&self.root, digest)
    }

    /// Returns the entries of `index.json`, in their order.
    ///
    /// # Errors
    /// `index.json` cannot be read.
    pub async fn entries(&self) -> Result<Vec<Descriptor>> {
        let root = Arc::clone(&self.root);
        blocking(move || Index::read(&root)?.entries()).await
    }

    /// Changes `index.json` under the lock.
    async fn update<F>(&self, change: F) -> Result<()>
    where
        F: FnOnce(&mut Index) -> Result<()> + Send + 'static,
    {
        let root = Arc::clone(&self.root);
        blocking(move || {
            let _lock = files::lock(&root)?;
            let mut index = Index::read(&root)?;
            change(&mut index)?;
            index.write(&root)
        })
        .await
    }

    /// Finds a manifest: its descriptor as listed, or made from the file.
    async fn find(&self, reference: &Reference) -> Result<Descriptor> {
        let entries = self.entries().await?;
        let listed = entries.into_iter().find(|entry| match reference {
            Reference::Tag(tag) => index::has_tag(entry, tag),
            Reference::Digest(digest) => entry.digest == *digest,
        });
        let digest = match (&listed, reference) {
            (Some(entry), _) => &entry.digest,
            (None, Reference::Digest(digest)) => digest,
            (None, Reference::Tag(_)) => return Err(Error::manifest_not_found(&self.name(), reference)),
        };
        let path = self.blob_path(digest)?;
        let Some(size) = blocking(move || files::size(&path)).await? else {
            return Err(Error::manifest_not_found(&self.name(), reference));
        };
        let media_type = listed.as_ref().map(|entry| entry.media_type.clone()).unwrap_or_default();
        Ok(Descriptor::new(media_type, digest.clone(), size))
    }

    /// Reads a manifest; one that is listed without a media type, or not at all, has that of its document.
    async fn read(&self, found: Descriptor) -> Result<RawManifest> {
        let path = self.blob_path(&found.digest)?;
        let bytes = tokio::fs::read(&path).await.map_err(|error| Error::io("cannot read", &path, error))?;
        let media_type = match found.media_type {
            listed if listed.is_empty() => media_type_of(&found.digest, &bytes)?,
            listed => listed,
        };
        RawManifest::verified(media_type, Bytes::from(bytes), &found.digest)
    }
}

#[async_trait]
impl ReadTarget for LayoutTarget {
    fn name(&self) -> String {
        format!("layout {}", self.root.display())
    }

    async fn resolve(&self, reference: &Reference) -> Result<Descriptor> {
        let found = self.find(reference).await?;
        if found.is_manifest() {
            return Ok(found);
        }
        check_manifest_size(reference, found.size, DEFAULT_MAX_MANIFEST_BYTES)?;
        Ok(self.read(found).await?.descriptor())
    }

    async fn fetch_manifest(&self, reference: &Reference, max_bytes: u64) -> Result<RawManifest> {
        let found = self.find(reference).await?;
        check_manifest_size(reference, found.size, max_bytes)?;
        self.read(found).await
    }

    async fn fetch_blob(&self, descriptor: &Descriptor, offset: u64) -> Result<BlobStream> {
        let path = self.blob_path(&descriptor.digest)?;
        match FileSource(path).open(offset).await {
            Err(error) if error.cause::<std::io::Error>().is_some_and(is_not_found) => {
                Err(Error::blob_not_found(&self.name(), &descriptor.digest))
            }
            result => result,
        }
    }

    async fn blob_exists(&self, digest: &Digest) -> Result<bool> {
        let path = self.blob_path(digest)?;
        blocking(move || Ok(files::size(&path)?.is_some())).await
    }

    async fn tags(&self, from: Option<&Cursor>, limit: usize) -> Result<TagPage> {
        let entries = self.entries().await?;
        let tags: BTreeSet<&str> = entries.iter().filter_map(index::tag_of).collect();
        Ok(page(tags.into_iter(), from, limit))
    }

    async fn referrers(&self, subject: &Digest, artifact_type: Option<&str>) -> Result<Vec<Descriptor>> {
        // There is no list of referrers in a layout: every manifest that can be reached is looked at.
        let mut found = BTreeMap::new();
        let mut seen = HashSet::new();
        let mut pending: Vec<Descriptor> = self.entries().await?;
        while let Some(next) = pending.pop() {
            if !seen.insert(next.digest.clone()) || !(next.is_manifest() || next.media_type.is_empty()) {
                continue;
            }
            if seen.len() > MAX_SCANNED_MANIFESTS {
                return Err(Error::new(
                    ErrorKind::Limit,
                    format!("{} has more than {MAX_SCANNED_MANIFESTS} manifests", self.name()),
                ));
            }
            let reference = Reference::Digest(next.digest);
            let manifest = match self.fetch_manifest(&reference, DEFAULT_MAX_MANIFEST_BYTES).await {
                Ok(manifest) => manifest,
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            };
            if let Some(referrer) = as_referrer(&manifest, subject, artifact_type) {
                found.insert(referrer.digest.clone(), referrer);
            }
            pending.extend(manifest.parse()?.manifests);
        }
        Ok(found.into_values().collect())
    }
}

#[async_trait]
impl Target for LayoutTarget {
    async fn push_blob(&self, descriptor: &Descriptor, source: &dyn BlobSource) -> Result<()> {
        let place = self.blob_path(&descriptor.digest)?;
        let root = Arc::clone(&self.root);
        let wanted = descriptor.clone();
        if blocking(move || files::has(&root, &wanted)).await? {
            return Ok(());
        }
        let root = Arc::clone(&self.root);
        let mut incoming = blocking(move || Incoming::create(&root)).await?;
        let mut bytes = stream::verified(source.open(0).await?, descriptor);
        while let Some(bytes) = bytes.try_next().await? {
            // The hand-over to a blocking thread is paid per piece, so pieces should not be small.
            incoming = blocking(move || incoming.write(&bytes).map(|()| incoming)).await?;
        }
        blocking(move || incoming.commit(&place)).await
    }

    async fn push_manifest(&self, manifest: &RawManifest, tags: &[Tag]) -> Result<()> {
        let manifest = RawManifest::verified(&manifest.media_type, manifest.bytes.clone(), &manifest.digest)?;
        let parsed = manifest.parse()?;
        let descriptor = manifest.descriptor();
        self.push_blob(&descriptor, &BytesSource(manifest.bytes)).await?;
        let tags = tags.to_vec();
        self.update(move |index| {
            index.add(&descriptor, &tags);
            index.drop_untagged(&parsed.manifests);
            Ok(())
        })
        .await
    }

    async fn tag(&self, digest: &Digest, tag: &Tag) -> Result<()> {
        let descriptor = self.resolve(&Reference::Digest(digest.clone())).await?;
        let tags = [tag.clone()];
        self.update(move |index| {
            index.add(&descriptor, &tags);
            Ok(())
        })
        .await
    }

    async fn delete_manifest(&self, reference: &Reference) -> Result<()> {
        let found = self.find(reference).await?;
        match reference.clone() {
            Reference::Tag(tag) => {
                self.update(move |index| {
                    index.untag(&tag, None);
                    Ok(())
                })
                .await
            }
            Reference::Digest(digest) => {
                self.update(move |index| {
                    index.remove(&digest);
                    Ok(())
                })
                .await?;
                self.delete_blob(&found.digest).await
            }
        }
    }

    async fn delete_blob(&self, digest: &Digest) -> Result<()> {
        let path = self.blob_path(digest)?;
        match tokio::fs::remove_file(&path).await {
            Ok(()) => Ok(()),
            Err(error) if is_not_found(&error) => Err(Error::blob_not_found(&self.name(), digest)),
            Err(error) => Err(Error::io("cannot remove", &path, error)),
        }
    }
}

fn is_not_found(error: &std::io::Error) -> bool {
    error.kind() == std::io::ErrorKind::NotFound
}

/// Runs file work where it may block.
async fn blocking<T, F>(work: F) -> Result<T>
where
    T: Send + 'static,
    F: FnOnce() -> Result<T> + Send + 'static,
{
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(Error::with_source(ErrorKind::Io, "work on a layout was cut off", error)),
    }
}
