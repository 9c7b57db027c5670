//! An OCI image layout in a folder (image-spec v1.1, image-layout.md).

mod files;
mod index;
pub(crate) mod reading;
mod shared;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use wharf_oci::{Descriptor, Digest, Digester, Reference, Tag};

use crate::layout::files::Incoming;
pub(crate) use crate::layout::files::{MARKER, MARKER_JSON, check_marker_text, sync_folder};
pub(crate) use crate::layout::index::{FILE as INDEX_FILE, Index, MAX_BYTES as MAX_INDEX_BYTES};
pub(crate) use crate::layout::reading::{Known, Layout};
use crate::layout::shared::SharedIndex;
use crate::stream::{self, BlobSource, BlobStream, BytesSource, FileSource};
use crate::target::{Cursor, RawManifest, ReadTarget, TagPage, Target};
use crate::{Error, ErrorKind, Result};

/// Blobs of this size and more are gone on with by another run, in bytes.
const RESUMED_FROM_BYTES: u64 = 1024 * 1024;
/// Blobs up to this size are written in one go, in bytes.
const HELD_UP_TO_BYTES: u64 = 256 * 1024;

/// An OCI layout in a folder: `oci-layout`, `index.json` and `blobs/<algorithm>/<encoded>`.
///
/// Tags are the `org.opencontainers.image.ref.name` annotations of `index.json`; a full reference in that annotation,
/// as some tools write, is found by the tag at its end. Files that do not belong to a layout are left alone, and blobs
/// may be absent. What is acknowledged stays when the process is killed: it is written beside and renamed. The index is
/// flushed, too; blobs reach the disk when the system writes them, as with every other tool, and one that a crash of the
/// machine cut short is seen by its size and fetched again. Writers in several processes take turns by a lock on the file
/// `oci-layout`.
#[derive(Clone, Debug)]
pub struct LayoutTarget {
    root: Arc<PathBuf>,
    known: Known,
    index: Arc<SharedIndex>,
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
            Ok(Self::at(root))
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
            Ok(Self::at(root))
        })
        .await
    }

    fn at(root: PathBuf) -> Self {
        Self { root: Arc::new(root), known: Known::default(), index: Arc::default() }
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
        Ok(self.index.entries(&self.root).await?.to_vec())
    }

    /// Points a name at a manifest that is there. A name may be any text, as the image-spec allows it and ORAS writes
    /// it; a tag is a name that every target knows. The entry gets the descriptor's annotations and artifact type.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] when the manifest is not there.
    pub async fn name_manifest(&self, descriptor: &Descriptor, name: &str) -> Result<()> {
        let mut entry = self.resolve(&Reference::Digest(descriptor.digest.clone())).await?;
        entry.annotations.clone_from(&descriptor.annotations);
        entry.artifact_type.clone_from(&descriptor.artifact_type);
        let name = name.to_owned();
        self.update(move |index| index.add_name(&entry, &name)).await
    }

    /// Returns the file in which a blob arrives, and how much of it an earlier run left there.
    async fn incoming(&self, descriptor: &Descriptor) -> Result<(Incoming, Option<(Digester, u64)>)> {
        let (root, descriptor) = (Arc::clone(&self.root), descriptor.clone());
        blocking(move || {
            if descriptor.size >= RESUMED_FROM_BYTES
                && let Some((incoming, digester, len)) = Incoming::resume(&root, &descriptor)?
            {
                return Ok((incoming, Some((digester, len))));
            }
            Ok((Incoming::create(&root)?, None))
        })
        .await
    }

    /// Changes `index.json` under the lock.
    async fn update(&self, change: impl FnOnce(&mut Index) + Send + 'static) -> Result<()> {
        self.index.update(&self.root, change).await
    }

    /// Stores a blob that is small enough to be held.
    async fn push_held(
        &self,
        descriptor: &Descriptor,
        source: &dyn BlobSource,
        place: PathBuf,
    ) -> Result<()> {
        let bytes = stream::open_verified(source, descriptor).await?;
        let bytes = stream::collect(bytes, descriptor.size).await?;
        let root = Arc::clone(&self.root);
        blocking(move || {
            let mut incoming = Incoming::create(&root)?;
            incoming.write(&bytes)?;
            incoming.commit(&place)
        })
        .await
    }
}

#[async_trait]
impl Layout for LayoutTarget {
    async fn entries(&self) -> Result<Arc<Vec<Descriptor>>> {
        self.index.entries(&self.root).await
    }

    async fn blob_size(&self, digest: &Digest) -> Result<Option<u64>> {
        let path = self.blob_path(digest)?;
        blocking(move || files::size(&path)).await
    }

    fn known(&self) -> &Known {
        &self.known
    }
}

#[async_trait]
impl ReadTarget for LayoutTarget {
    fn name(&self) -> String {
        format!("layout {}", self.root.display())
    }

    async fn resolve(&self, reference: &Reference) -> Result<Descriptor> {
        reading::resolve(self, reference).await
    }

    async fn fetch_manifest(&self, reference: &Reference, max_bytes: u64) -> Result<RawManifest> {
        reading::fetch_manifest(self, reference, max_bytes).await
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

    async fn manifest_exists(&self, digest: &Digest) -> Result<bool> {
        reading::manifest_exists(self, digest).await
    }

    async fn blob_exists(&self, digest: &Digest) -> Result<bool> {
        Ok(self.blob_size(digest).await?.is_some())
    }

    async fn has_blob(&self, descriptor: &Descriptor) -> Result<bool> {
        let (root, wanted) = (Arc::clone(&self.root), descriptor.clone());
        blocking(move || files::has(&root, &wanted)).await
    }

    async fn tags(&self, from: Option<&Cursor>, limit: usize) -> Result<TagPage> {
        reading::tags(self, from, limit).await
    }

    async fn referrers(&self, subject: &Digest, artifact_type: Option<&str>) -> Result<Vec<Descriptor>> {
        reading::referrers(self, subject, artifact_type).await
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
        if descriptor.size <= HELD_UP_TO_BYTES {
            return self.push_held(descriptor, source, place).await;
        }
        let (incoming, left) = self.incoming(descriptor).await?;
        let goes_on = left.as_ref().is_some_and(|(_, at)| *at > 0);
        let bytes = match left {
            Some((digester, at)) if at > 0 => {
                stream::verified_on(source.open(at).await?, descriptor, digester, at)
            }
            _ => stream::open_verified(source, descriptor).await?,
        };
        let (incoming, written) = incoming.fill(bytes).await?;
        match written {
            Ok(()) => blocking(move || incoming.commit(&place)).await,
            Err(error) if error.kind() == ErrorKind::Content => {
                incoming.discard();
                // What was left may have been at fault: once more from the start.
                if goes_on { self.push_blob(descriptor, source).await } else { Err(error) }
            }
            Err(error) => Err(error),
        }
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
        })
        .await
    }

    async fn tag(&self, digest: &Digest, tag: &Tag) -> Result<()> {
        let descriptor = self.resolve(&Reference::Digest(digest.clone())).await?;
        let tags = [tag.clone()];
        self.update(move |index| index.add(&descriptor, &tags)).await
    }

    async fn delete_manifest(&self, reference: &Reference) -> Result<()> {
        let found = self.resolve(reference).await?;
        match reference.clone() {
            Reference::Tag(tag) => {
                self.update(move |index| {
                    index.untag(&tag, None);
                })
                .await
            }
            Reference::Digest(digest) => {
                self.update(move |index| index.remove(&digest)).await?;
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
pub(crate) async fn blocking<T, F>(work: F) -> Result<T>
where
    T: Send + 'static,
    F: FnOnce() -> Result<T> + Send + 'static,
{
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(Error::with_source(ErrorKind::Io, "work on a layout was cut off", error)),
    }
}
