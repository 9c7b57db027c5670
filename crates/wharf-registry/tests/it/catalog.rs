//! `GET /v2/_catalog`.

use serde_json::{Value, json};

use crate::support::{Registry, header};

#[tokio::test]
async fn everyone_sees_the_repositories_they_may_pull_from() {
    let registry = Registry::start().await;
    for name in ["shop/b", "open/a", "shop/a"] {
        registry.push_blob(name, b"content").await;
    }
    registry.create_user("stranger").await;
    let all: Value = registry.get("/v2/_catalog").await.json().await.unwrap();
    assert_eq!(all, json!({ "repositories": ["open/a", "shop/a", "shop/b"] }));
    let stranger = registry.request_by("stranger", "GET", "/v2/_catalog").send().await.unwrap();
    assert_eq!(stranger.json::<Value>().await.unwrap(), json!({ "repositories": ["open/a"] }));
    // Clients send their credentials only when asked, and would take the public part for the whole.
    let anonymous = registry.anonymous("GET", "/v2/_catalog").send().await.unwrap();
    assert_eq!(anonymous.status(), 401);
    assert!(header(&anonymous, "www-authenticate").contains("scope=\"registry:catalog:*\""));
    let public = registry.anonymous_token("registry:catalog:*").await;
    let with_token = |token: String| registry.anonymous("GET", "/v2/_catalog").bearer_auth(token).send();
    let open: Value = with_token(public).await.unwrap().json().await.unwrap();
    assert_eq!(open, json!({ "repositories": ["open/a"] }));
}

/// CVE-2023-2253: a huge `n` exhausted the memory.
#[tokio::test]
async fn pages_are_clamped_and_linked() {
    let registry = Registry::start_with(|config| config.page_size = 2).await;
    for name in ["shop/a", "shop/b", "shop/c"] {
        registry.push_blob(name, b"content").await;
    }
    let response = registry.get("/v2/_catalog?n=1000000000000").await;
    assert_eq!(header(&response, "link"), "</v2/_catalog?n=2&last=shop%2Fb>; rel=\"next\"");
    assert_eq!(response.json::<Value>().await.unwrap(), json!({ "repositories": ["shop/a", "shop/b"] }));
    let response = registry.get("/v2/_catalog?n=2&last=shop%2Fb").await;
    assert!(response.headers().get("link").is_none());
    assert_eq!(response.json::<Value>().await.unwrap(), json!({ "repositories": ["shop/c"] }));
    let response = registry.get("/v2/_catalog?n=0").await;
    assert_eq!(response.json::<Value>().await.unwrap(), json!({ "repositories": [] }));
}
