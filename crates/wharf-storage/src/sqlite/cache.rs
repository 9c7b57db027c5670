//! Manifest bytes by digest, in memory.

use bytes::Bytes;
use wharf_oci::Digest;

/// The bytes of manifests that were pulled lately: they never change, whoever may read them.
pub(super) type ManifestCache = quick_cache::sync::Cache<Digest, Bytes, Weight>;

/// Returns a cache of at most `max_bytes`.
pub(super) fn manifest_cache(max_bytes: u64) -> ManifestCache {
    // Manifests are of about 1 KiB; the number only sizes the tables.
    let expected = usize::try_from(max_bytes / 1024).unwrap_or(usize::MAX).min(1 << 16);
    ManifestCache::with_weighter(expected, max_bytes, Weight)
}

/// Weighs an entry by the memory it takes.
#[derive(Clone, Debug)]
pub(super) struct Weight;

impl quick_cache::Weighter<Digest, Bytes> for Weight {
    fn weight(&self, digest: &Digest, content: &Bytes) -> u64 {
        (digest.as_str().len() + content.len() + 128) as u64
    }
}
