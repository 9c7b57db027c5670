//! Deleting manifests and tags.

use crate::support::{Registry, code};

#[tokio::test]
async fn deleting_a_tag_leaves_the_manifest() {
    let registry = Registry::start().await;
    let digest = registry.push_image("shop/a", "v1", b"layer").await;
    assert_eq!(registry.delete("/v2/shop/a/manifests/v1").await.status(), 202);
    assert_eq!(registry.head("/v2/shop/a/manifests/v1").await.status(), 404);
    assert_eq!(registry.head(&format!("/v2/shop/a/manifests/{digest}")).await.status(), 200);
    let response = registry.delete("/v2/shop/a/manifests/v1").await;
    assert_eq!(response.status(), 404);
    assert_eq!(code(response).await, "MANIFEST_UNKNOWN");
}

#[tokio::test]
async fn deleting_a_manifest_takes_its_tags_with_it_at_once() {
    let registry = Registry::start().await;
    let digest = registry.push_image("shop/a", "v1", b"layer").await;
    registry.push_image("shop/a", "v2", b"layer").await;
    let path = format!("/v2/shop/a/manifests/{digest}");
    assert_eq!(registry.delete(&path).await.status(), 202);
    for gone in [path.as_str(), "/v2/shop/a/manifests/v1", "/v2/shop/a/manifests/v2"] {
        assert_eq!(registry.get(gone).await.status(), 404, "{gone}");
    }
    assert_eq!(registry.delete(&path).await.status(), 404);
}

#[tokio::test]
async fn deleting_in_one_repository_leaves_the_others() {
    let registry = Registry::start().await;
    let digest = registry.push_image("shop/a", "v1", b"layer").await;
    registry.push_image("shop/b", "v1", b"layer").await;
    registry.delete(&format!("/v2/shop/a/manifests/{digest}")).await;
    assert_eq!(registry.get("/v2/shop/b/manifests/v1").await.status(), 200);
}
