//! Pulling manifests.

use wharf_oci::{Algorithm, media_type};

use crate::support::{Registry, code, header};

#[tokio::test]
async fn head_tells_everything_but_the_bytes() {
    let registry = Registry::start().await;
    let digest = registry.push_image("shop/a", "v1", b"layer").await;
    let get = registry.get("/v2/shop/a/manifests/v1").await;
    let head = registry.head("/v2/shop/a/manifests/v1").await;
    for name in ["content-type", "content-length", "docker-content-digest", "etag"] {
        assert_eq!(header(&get, name), header(&head, name), "{name}");
    }
    assert_eq!(header(&head, "docker-content-digest"), digest.as_str());
    assert_eq!(header(&head, "etag"), format!("\"{digest}\""));
    assert!(head.bytes().await.unwrap().is_empty());
}

#[tokio::test]
async fn accept_neither_converts_nor_refuses() {
    let registry = Registry::start().await;
    registry.push_image("shop/a", "v1", b"layer").await;
    for accept in [media_type::DOCKER_MANIFEST, media_type::DOCKER_SCHEMA1_SIGNED, "text/html", "*/*"] {
        let response =
            registry.request("GET", "/v2/shop/a/manifests/v1").header("accept", accept).send().await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(header(&response, "content-type"), media_type::OCI_MANIFEST);
    }
}

#[tokio::test]
async fn what_the_client_has_already_is_not_sent_again() {
    let registry = Registry::start().await;
    let digest = registry.push_image("shop/a", "v1", b"layer").await;
    for (tag, status) in
        [(format!("\"{digest}\""), 304), ("\"other\"".to_owned(), 200), ("*".to_owned(), 304)]
    {
        for method in ["GET", "HEAD"] {
            let request = registry.request(method, "/v2/shop/a/manifests/v1").header("if-none-match", &tag);
            let response = request.send().await.unwrap();
            assert_eq!(response.status(), status, "{method} {tag}");
            assert_eq!(header(&response, "docker-content-digest"), digest.as_str());
        }
    }
}

#[tokio::test]
async fn an_absent_manifest_is_told_from_an_absent_repository() {
    let registry = Registry::start().await;
    registry.push_image("shop/a", "v1", b"layer").await;
    let digest = Algorithm::Sha256.digest(b"absent");
    for (path, expected) in [
        ("/v2/shop/a/manifests/v2".to_owned(), "MANIFEST_UNKNOWN"),
        (format!("/v2/shop/a/manifests/{digest}"), "MANIFEST_UNKNOWN"),
        ("/v2/shop/a/manifests/.INVALID".to_owned(), "MANIFEST_UNKNOWN"),
        (format!("/v2/shop/a/manifests/{}", "t".repeat(129)), "MANIFEST_UNKNOWN"),
        ("/v2/shop/absent/manifests/v1".to_owned(), "NAME_UNKNOWN"),
    ] {
        let response = registry.get(&path).await;
        assert_eq!(response.status(), 404);
        assert_eq!(code(response).await, expected, "{path}");
        assert_eq!(registry.head(&path).await.status(), 404);
    }
}

#[tokio::test]
async fn a_manifest_is_found_in_its_own_repository_only() {
    let registry = Registry::start().await;
    let digest = registry.push_image("shop/a", "v1", b"layer").await;
    registry.push_image("shop/b", "v1", b"other").await;
    assert_eq!(registry.get(&format!("/v2/shop/b/manifests/{digest}")).await.status(), 404);
}
