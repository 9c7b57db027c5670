//! The storage under test, and the contents that everyone pushes.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use wharf_oci::{Algorithm, Digest};
use wharf_storage::catalog::{BlobPlace, Collection, MAX_INLINE_BYTES};
use wharf_storage::{BlobKey, BlobStore, DiskStore, SqliteCatalog, SqliteOptions};

pub(crate) const GRACE: i64 = 10_000;
/// How many different blobs there are: few, so that everyone pushes the same.
const CONTENTS: u64 = 10;

pub(crate) struct World {
    pub(crate) catalog: Arc<SqliteCatalog>,
    pub(crate) blobs: Arc<DiskStore>,
    now: Arc<AtomicI64>,
    uploads: AtomicU64,
}

impl World {
    pub(crate) fn open(folder: &Path) -> Self {
        let now = Arc::new(AtomicI64::new(1_800_000_000));
        let clock = Arc::clone(&now);
        let options = SqliteOptions {
            clock: Arc::new(move || clock.load(Ordering::SeqCst) * 1000),
            // Small, so that it is sometimes of no help.
            manifest_cache_bytes: 4096,
            ..SqliteOptions::new(folder.join("catalog.db"))
        };
        Self {
            catalog: Arc::new(SqliteCatalog::open(options).unwrap()),
            blobs: Arc::new(DiskStore::open(folder.join("blobs")).unwrap()),
            now,
            uploads: AtomicU64::new(0),
        }
    }

    pub(crate) fn now(&self) -> i64 {
        self.now.load(Ordering::SeqCst)
    }

    pub(crate) fn pass(&self, seconds: i64) {
        self.now.fetch_add(seconds, Ordering::SeqCst);
    }

    /// Makes a content durable: in the blob store, or ready for the catalog when it is small.
    pub(crate) async fn upload(&self, content: &Bytes) -> BlobPlace {
        if content.len() as u64 <= MAX_INLINE_BYTES {
            return BlobPlace::Inline(content.clone());
        }
        let id = format!("u{}", self.uploads.fetch_add(1, Ordering::SeqCst)).parse().unwrap();
        self.blobs.create_upload(&id).await.unwrap();
        let body = stream::iter([Ok(content.clone())]).boxed();
        self.blobs.append(&id, 0, Some(Algorithm::Sha256), body).await.unwrap();
        let (key, _) = self.blobs.finish(&id, &digest(content)).await.unwrap();
        BlobPlace::Stored(key)
    }

    /// Reads a blob from where it is said to be.
    pub(crate) async fn read(&self, key: &BlobKey, size: u64) -> Option<Vec<u8>> {
        let body = self.blobs.read(key, 0, size).await.ok()?;
        body.try_fold(Vec::new(), |mut all, chunk| async move {
            all.extend_from_slice(&chunk);
            Ok(all)
        })
        .await
        .ok()
    }

    /// Returns the digests of everything that the catalog has.
    pub(crate) async fn contents(&self) -> Vec<Digest> {
        let all = self.catalog.all_blobs(None, 100_000).await.unwrap();
        all.into_iter().map(|content| content.digest).collect()
    }
}

/// Returns the blob with this number; half of them are small.
pub(crate) fn content(number: u64) -> Bytes {
    let size = if number.is_multiple_of(2) { 200 } else { 9000 };
    let mut bytes = format!("blob {number} ").into_bytes();
    bytes.resize(size, b'.');
    bytes.into()
}

pub(crate) fn digest(content: &Bytes) -> Digest {
    Algorithm::Sha256.digest(content)
}

/// A reproducible source of choices (SplitMix64).
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0xA076_1D64_78BD_642F) ^ 0xE703_7ED1_A0B4_28DB)
    }

    pub(crate) fn fork(&mut self) -> Self {
        Self::new(self.next())
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    pub(crate) fn blob(&mut self) -> u64 {
        self.below(CONTENTS)
    }

    pub(crate) fn one_of<T: Clone>(&mut self, items: &[T]) -> Option<T> {
        if items.is_empty() {
            return None;
        }
        let at = usize::try_from(self.below(items.len() as u64)).unwrap();
        Some(items[at].clone())
    }
}
