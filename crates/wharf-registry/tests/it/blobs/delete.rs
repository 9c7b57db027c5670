//! Deleting blobs.

use crate::support::{Registry, code, noise};

/// CVE-2026-35172: a deleted blob could be read again through a cache.
#[tokio::test]
async fn a_deleted_blob_is_gone_at_once_and_from_that_repository_only() {
    let registry = Registry::start().await;
    for size in [10, 100_000] {
        let content = noise(size);
        let digest = registry.push_blob("shop/a", &content).await;
        registry.push_blob("shop/b", &content).await;
        let path = format!("/v2/shop/a/blobs/{digest}");
        assert_eq!(registry.get(&path).await.status(), 200);
        assert_eq!(registry.delete(&path).await.status(), 202);
        assert_eq!(registry.get(&path).await.status(), 404);
        assert_eq!(registry.head(&path).await.status(), 404);
        let response = registry.delete(&path).await;
        assert_eq!(response.status(), 404);
        assert_eq!(code(response).await, "BLOB_UNKNOWN");
        let other = registry.get(&format!("/v2/shop/b/blobs/{digest}")).await;
        assert_eq!(other.bytes().await.unwrap(), content);
    }
}
