//! An OCI image layout inside a tar (image-spec v1.1, image-layout.md), read and written without unpacking.

mod header;
mod partial;
mod scan;

use std::collections::HashMap;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{TryStreamExt, stream};
use wharf_oci::{Descriptor, Digest, Digester, Reference, Tag};

use crate::layout::{Index, Known, Layout, blocking, reading};
use crate::stream::{BlobSource, BlobStream, check_offset, open_verified, verified_on};
use crate::tar::partial::Partial;
use crate::tar::scan::{Contents, Place};
use crate::target::{Cursor, RawManifest, ReadTarget, TagPage, Target};
use crate::{Error, ErrorKind, Result};

/// How much is read at once, in bytes.
const READ_BYTES: u64 = 256 * 1024;
/// Less of a blob is not worth going on with, in bytes.
const RESUMED_FROM_BYTES: u64 = 1024 * 1024;

/// An OCI layout in a plain tar: `oci-layout`, `blobs/<algorithm>/<encoded>`, `index.json`.
///
/// Reading takes one pass over the headers; blobs are then read where they lie. What is written goes to `FILE.partial`
/// and becomes `FILE` by [`Target::commit`], at once and whole, with what `FILE` had before; until then others see the
/// old one. Blobs that a writer which was killed left in `FILE.partial` are hashed and used, and one of which it left a part is
/// gone on with. The same pushes in the
/// same order give the same bytes: headers have no times, no owners, and mode 0644.
#[derive(Clone, Debug)]
pub struct TarTarget {
    path: Arc<PathBuf>,
    state: Arc<Mutex<State>>,
    /// Held while the partial file is opened, so that writers at the same time open it once.
    opening: Arc<tokio::sync::Mutex<()>>,
    known: Known,
}

#[derive(Debug)]
struct State {
    index: Index,
    /// The entries of the index, made when they are first asked for.
    entries: Option<Arc<Vec<Descriptor>>>,
    blobs: HashMap<Digest, Place>,
    /// There from the first write to the commit.
    partial: Option<Partial>,
    is_changed: bool,
}

impl TarTarget {
    /// Opens the layout in an existing tar.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] when there is no such file or no layout in it; [`ErrorKind::Usage`] when it is
    /// compressed; [`ErrorKind::Content`] when it is damaged, or a part of the layout is a link, there twice, sparse,
    /// or longer than the file.
    pub async fn open(path: impl Into<PathBuf>) -> Result<Self> {
        let path = path.into();
        blocking(move || {
            let Contents { index, blobs } = match File::open(&path) {
                Ok(file) => scan::contents(file, &path)?,
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                    let message = format!("there is no file {}", path.display());
                    return Err(Error::with_source(ErrorKind::NotFound, message, error));
                }
                Err(error) => return Err(Error::io("cannot open", &path, error)),
            };
            Ok(Self::with(path, index, blobs))
        })
        .await
    }

    /// Opens the layout in a tar, or prepares to write one where there is no file.
    ///
    /// # Errors
    /// Those of [`TarTarget::open`], except that the file may be absent.
    pub async fn create(path: impl Into<PathBuf>) -> Result<Self> {
        let path = path.into();
        let exists = tokio::fs::try_exists(&path).await;
        let exists = exists.map_err(|error| Error::io("cannot look for", &path, error))?;
        let tar = match exists {
            true => Self::open(path).await?,
            false => Self::with(path, Index::empty(), HashMap::new()),
        };
        // Whoever cannot write here learns it now, and what an earlier run left is found.
        tar.write(|state, _| {
            state.is_changed = !exists;
            Ok(())
        })
        .await?;
        Ok(tar)
    }

    /// Returns the file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the entries of `index.json`, in their order.
    ///
    /// # Errors
    /// An entry is not a descriptor.
    pub fn entries(&self) -> Result<Vec<Descriptor>> {
        self.state().index.entries()
    }

    /// Returns the size of a blob in bytes, if it is there.
    pub fn size_of(&self, digest: &Digest) -> Option<u64> {
        self.place(digest).map(|place| place.size)
    }

    fn with(path: PathBuf, index: Index, blobs: HashMap<Digest, Place>) -> Self {
        let state = State { index, entries: None, blobs, partial: None, is_changed: false };
        Self {
            path: Arc::new(path),
            state: Arc::new(Mutex::new(state)),
            opening: Arc::default(),
            known: Known::default(),
        }
    }

    /// A panic while the lock is held leaves at worst a blob unlisted.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the state, with the partial file opened. Changes are small and happen in the order in which they are
    /// asked for, without a change of threads in between: so the same pushes give the same bytes.
    async fn write<T>(&self, change: impl FnOnce(&mut State, &mut Partial) -> Result<T>) -> Result<T> {
        if self.state().partial.is_none() {
            let _turn = self.opening.lock().await;
            if self.state().partial.is_none() {
                let path = Arc::clone(&self.path);
                let opened = blocking(move || Partial::open(&path)).await?;
                self.state().partial = Some(opened);
            }
        }
        let state = &mut *self.state();
        // Taken out, so that both can be changed. It is gone where a commit came in between.
        let mut partial = match state.partial.take() {
            Some(partial) => partial,
            None => Partial::open(&self.path)?,
        };
        state.is_changed = true;
        state.entries = None;
        let changed = change(state, &mut partial);
        state.partial = Some(partial);
        changed
    }

    /// Returns where a blob is. One that an earlier run left is wanted from now on.
    fn place(&self, digest: &Digest) -> Option<Place> {
        let state = &mut *self.state();
        if let Some(place) = state.blobs.get(digest) {
            return Some(place.clone());
        }
        let place = state.partial.as_mut()?.take_left(digest)?;
        state.blobs.insert(digest.clone(), place.clone());
        Some(place)
    }
}

#[async_trait]
impl Layout for TarTarget {
    async fn entries(&self) -> Result<Arc<Vec<Descriptor>>> {
        let state = &mut *self.state();
        if let Some(entries) = &state.entries {
            return Ok(Arc::clone(entries));
        }
        let entries = Arc::new(state.index.entries()?);
        state.entries = Some(Arc::clone(&entries));
        Ok(entries)
    }

    async fn blob_size(&self, digest: &Digest) -> Result<Option<u64>> {
        Ok(self.place(digest).map(|place| place.size))
    }

    fn known(&self) -> &Known {
        &self.known
    }
}

#[async_trait]
impl ReadTarget for TarTarget {
    fn name(&self) -> String {
        format!("tar {}", self.path.display())
    }

    async fn resolve(&self, reference: &Reference) -> Result<Descriptor> {
        reading::resolve(self, reference).await
    }

    async fn fetch_manifest(&self, reference: &Reference, max_bytes: u64) -> Result<RawManifest> {
        reading::fetch_manifest(self, reference, max_bytes).await
    }

    async fn fetch_blob(&self, descriptor: &Descriptor, offset: u64) -> Result<BlobStream> {
        let place = self.place(&descriptor.digest);
        let place = place.ok_or_else(|| Error::blob_not_found(&self.name(), &descriptor.digest))?;
        check_offset(offset, place.size)?;
        let state = (place, offset, Arc::clone(&self.path));
        Ok(Box::pin(stream::try_unfold(state, |(place, at, path)| async move {
            if at >= place.size {
                return Ok(None);
            }
            blocking(move || {
                let read = place.read(at, READ_BYTES);
                let bytes = read.map_err(|error| Error::io("cannot read", &path, error))?;
                let next = (place, at + bytes.len() as u64, path);
                Ok(Some((Bytes::from(bytes), next)))
            })
            .await
        })))
    }

    async fn manifest_exists(&self, digest: &Digest) -> Result<bool> {
        reading::manifest_exists(self, digest).await
    }

    async fn blob_exists(&self, digest: &Digest) -> Result<bool> {
        Ok(self.place(digest).is_some())
    }

    async fn has_blob(&self, descriptor: &Descriptor) -> Result<bool> {
        Ok(self.size_of(&descriptor.digest) == Some(descriptor.size))
    }

    async fn tags(&self, from: Option<&Cursor>, limit: usize) -> Result<TagPage> {
        reading::tags(self, from, limit).await
    }

    async fn referrers(&self, subject: &Digest, artifact_type: Option<&str>) -> Result<Vec<Descriptor>> {
        reading::referrers(self, subject, artifact_type).await
    }
}

impl TarTarget {
    /// Stores a blob in the partial file; where `goes_on`, after what is left of it there.
    async fn fill(&self, descriptor: &Descriptor, source: &dyn BlobSource, goes_on: bool) -> Result<()> {
        let (digest, size) = (descriptor.digest.clone(), descriptor.size);
        let (place, left) = self.write(|_, partial| partial.reserve(&digest, size)).await?;
        let left = if goes_on && left >= RESUMED_FROM_BYTES { left } else { 0 };
        let (offset, digest) = (place.offset, descriptor.digest.clone());
        let mut reservation = Reservation { tar: self.clone(), digest, place, is_filled: false, written: 0 };
        let mut bytes = match (left, descriptor.digest.algorithm()) {
            (1.., Some(algorithm)) => {
                let (place, path) = (reservation.place.clone(), Arc::clone(&self.path));
                let digester = blocking(move || {
                    let mut digester = Digester::new(algorithm);
                    let mut at = 0;
                    while at < left {
                        let read = place.read(at, READ_BYTES.min(left - at));
                        let read = read.map_err(|error| Error::io("cannot read", &path, error))?;
                        digester.update(&read);
                        at += read.len() as u64;
                    }
                    Ok(digester)
                })
                .await?;
                reservation.written = left;
                verified_on(source.open(left).await?, descriptor, digester, left)
            }
            _ => open_verified(source, descriptor).await?,
        };
        loop {
            let piece = match bytes.try_next().await {
                Ok(Some(piece)) => piece,
                Ok(None) => break,
                Err(error) => {
                    if error.kind() == ErrorKind::Content {
                        reservation.written = 0;
                    }
                    return Err(error);
                }
            };
            let (file, path, len) =
                (Arc::clone(&reservation.place.file), Arc::clone(&self.path), piece.len() as u64);
            let at = offset + reservation.written;
            blocking(move || {
                file.write_all_at(&piece, at).map_err(|error| Error::io("cannot write", &path, error))
            })
            .await?;
            reservation.written += len;
        }
        reservation.is_filled = true;
        Ok(())
    }
}

/// Room in the partial file, which is given back unless the blob arrived.
struct Reservation {
    tar: TarTarget,
    digest: Digest,
    place: Place,
    is_filled: bool,
    /// How many bytes from the start are good.
    written: u64,
}

impl Drop for Reservation {
    fn drop(&mut self) {
        let state = &mut *self.tar.state();
        let Some(partial) = &mut state.partial else { return };
        let is_first = self.is_filled && !state.blobs.contains_key(&self.digest);
        partial.settle(self.place.offset, is_first, self.written);
        if is_first {
            state.blobs.insert(self.digest.clone(), self.place.clone());
        }
    }
}

#[async_trait]
impl Target for TarTarget {
    async fn push_blob(&self, descriptor: &Descriptor, source: &dyn BlobSource) -> Result<()> {
        if self.place(&descriptor.digest).is_some_and(|place| place.size == descriptor.size) {
            return Ok(());
        }
        match self.fill(descriptor, source, true).await {
            // What an earlier run left may have been at fault: once more from the start.
            Err(error) if error.kind() == ErrorKind::Content => self.fill(descriptor, source, false).await,
            filled => filled,
        }
    }

    async fn push_manifest(&self, manifest: &RawManifest, tags: &[Tag]) -> Result<()> {
        let manifest = RawManifest::verified(&manifest.media_type, manifest.bytes.clone(), &manifest.digest)?;
        let parsed = manifest.parse()?;
        let descriptor = manifest.descriptor();
        let there = self.place(&manifest.digest).is_some();
        self.write(|state, partial| {
            if !there {
                let (place, _) = partial.reserve(&manifest.digest, descriptor.size)?;
                let written = place.file.write_all_at(&manifest.bytes, place.offset);
                partial.settle(place.offset, written.is_ok(), 0);
                written.map_err(|error| Error::io("cannot write", &self.path, error))?;
                state.blobs.insert(manifest.digest.clone(), place);
            }
            state.index.add(&descriptor, tags);
            state.index.drop_untagged(&parsed.manifests);
            Ok(())
        })
        .await
    }

    async fn tag(&self, digest: &Digest, tag: &Tag) -> Result<()> {
        let descriptor = self.resolve(&Reference::Digest(digest.clone())).await?;
        self.write(|state, _| {
            state.index.add(&descriptor, std::slice::from_ref(tag));
            Ok(())
        })
        .await
    }

    async fn delete_manifest(&self, reference: &Reference) -> Result<()> {
        let found = self.resolve(reference).await?;
        self.write(|state, partial| {
            match reference {
                Reference::Tag(tag) => {
                    state.index.untag(tag, None);
                }
                Reference::Digest(_) => {
                    state.index.remove(&found.digest);
                    state.blobs.remove(&found.digest);
                    partial.vacate(&found.digest);
                }
            }
            Ok(())
        })
        .await
    }

    async fn delete_blob(&self, digest: &Digest) -> Result<()> {
        self.write(|state, partial| {
            partial.vacate(digest);
            let removed = state.blobs.remove(digest).map(drop);
            removed.ok_or_else(|| Error::blob_not_found(&self.name(), digest))
        })
        .await
    }

    async fn commit(&self) -> Result<()> {
        let this = self.clone();
        blocking(move || {
            let state = &mut *this.state();
            let Some(partial) = &mut state.partial else { return Ok(()) };
            if !state.is_changed {
                partial.discard();
                state.partial = None;
                return Ok(());
            }
            let mut blobs: Vec<(Digest, Place)> =
                state.blobs.iter().map(|(digest, place)| (digest.clone(), place.clone())).collect();
            blobs.sort_by_key(|(_, place)| (Arc::ptr_eq(&place.file, &partial.file), place.offset));
            let placed = partial.finish(&this.path, &blobs, &state.index.encode()?)?;
            state.blobs = placed.into_iter().collect();
            state.partial = None;
            state.is_changed = false;
            Ok(())
        })
        .await
    }
}
