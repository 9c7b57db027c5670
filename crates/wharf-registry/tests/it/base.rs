//! `/v2/` itself, and what holds for every endpoint.

use crate::support::{Registry, code, header};

#[tokio::test]
async fn the_ping_asks_for_credentials_and_then_answers() {
    let registry = Registry::start().await;
    for path in ["/v2/", "/v2"] {
        let response = registry.anonymous("GET", path).send().await.unwrap();
        assert_eq!(response.status(), 401);
        assert!(response.headers().get_all("www-authenticate").iter().count() > 0);
        assert_eq!(code(response).await, "UNAUTHORIZED");
        assert_eq!(registry.get(path).await.status(), 200);
    }
}

#[tokio::test]
async fn every_answer_says_which_api_it_is() {
    let registry = Registry::start().await;
    for path in ["/v2/", "/v2/shop/a/tags/list", "/v2/nonsense", "/v2/shop/UPPER/tags/list"] {
        assert_eq!(header(&registry.get(path).await, "docker-distribution-api-version"), "registry/2.0");
    }
}

#[tokio::test]
async fn what_is_no_endpoint_or_method_is_refused_in_the_form_of_the_specification() {
    let registry = Registry::start().await;
    let response = registry.get("/v2/shop/a/nonsense").await;
    assert_eq!((response.status().as_u16(), code(response).await.as_str()), (404, "UNSUPPORTED"));
    let response = registry.post("/v2/shop/a/tags/list").await;
    assert_eq!(response.status(), 405);
    assert_eq!(header(&response, "allow"), "GET");
    assert_eq!(code(response).await, "UNSUPPORTED");
}

#[tokio::test]
async fn malformed_names_are_refused_before_anything_else() {
    let registry = Registry::start().await;
    let digest = wharf_oci::Algorithm::Sha256.digest(b"");
    for (path, expected) in [
        ("/v2/shop/UPPER/tags/list".to_owned(), "NAME_INVALID"),
        ("/v2/shop/../../etc/tags/list/manifests/x".replace("..", "%2e%2e"), "NAME_INVALID"),
        (format!("/v2/{}/tags/list", "a".repeat(256)), "NAME_INVALID"),
        (format!("/v2/shop/a/blobs/{}", digest.as_str().to_uppercase()), "DIGEST_INVALID"),
        ("/v2/shop/a/blobs/sha256:44136f".to_owned(), "DIGEST_INVALID"),
        ("/v2/shop/a/blobs/sha256:%2e%2e%2f%2e%2e".to_owned(), "NAME_INVALID"),
        ("/v2/shop/a/referrers/x".to_owned(), "DIGEST_INVALID"),
    ] {
        let response = registry.get(&path).await;
        let status = response.status().as_u16();
        assert!(status == 400 || status == 404, "{path}: {status}");
        if status == 400 {
            assert_eq!(code(response).await, expected, "{path}");
        }
    }
}

#[tokio::test]
async fn the_colon_of_a_digest_may_be_percent_encoded() {
    let registry = Registry::start().await;
    let digest = registry.push_blob("shop/a", b"content").await;
    let path = format!("/v2/shop/a/blobs/{}", digest.as_str().replace(':', "%3A"));
    assert_eq!(registry.get(&path).await.bytes().await.unwrap(), "content");
}

#[tokio::test]
async fn parameters_that_nobody_knows_are_ignored() {
    let registry = Registry::start().await;
    let digest = registry.push_image("shop/a", "v1", b"layer").await;
    for path in ["/v2/shop/a/manifests/v1?ns=docker.io&x=%zz&=&&", "/v2/shop/a/tags/list?ns=docker.io"] {
        assert_eq!(registry.get(path).await.status(), 200, "{path}");
    }
    let response = registry.get("/v2/shop/a/manifests/v1?ns=docker.io").await;
    assert_eq!(header(&response, "docker-content-digest"), digest.as_str());
}
