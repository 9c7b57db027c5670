//! How many uploads may be under way.

use std::time::Duration;

use reqwest::Response;

use crate::support::{Registry, code, header, noise};

async fn begin(registry: &Registry, user: &str) -> Response {
    registry.request_by(user, "POST", "/v2/shop/a/blobs/uploads/").send().await.unwrap()
}

async fn assert_refused(answer: Response, says: &str) {
    assert_eq!(answer.status(), 429);
    assert_eq!(header(&answer, "retry-after"), "30");
    let text = answer.text().await.unwrap();
    assert!(text.contains("TOOMANYREQUESTS") && text.contains(says), "{text}");
}

#[tokio::test]
async fn an_account_has_only_so_many_uploads_under_way() {
    let registry = Registry::start_with(|config| config.upload_sessions_per_account = 2).await;
    let first = header(&begin(&registry, "admin").await, "location");
    let second = header(&begin(&registry, "admin").await, "location");
    assert_refused(begin(&registry, "admin").await, "this account has 2 uploads").await;
    // Nor is there room for a large blob in one request; a small one is no session.
    let large = noise(20_000);
    let path = format!("/v2/shop/a/blobs/uploads/?digest={}", wharf_oci::Algorithm::Sha256.digest(&large));
    let refused = registry.request("POST", &path).body(large.clone()).send().await.unwrap();
    assert_eq!((refused.status().as_u16(), code(refused).await.as_str()), (429, "TOOMANYREQUESTS"));
    registry.push_blob("shop/a", b"small").await;

    // What is under way goes on, and what ends makes room: finished, cancelled, or refused for its digest.
    assert_eq!(registry.request("PATCH", &first).body(large.clone()).send().await.unwrap().status(), 202);
    let digest = wharf_oci::Algorithm::Sha256.digest(&large);
    let finish = |location: &str| registry.request("PUT", &format!("{location}?digest={digest}"));
    assert_eq!(finish(&first).send().await.unwrap().status(), 201);
    let third = header(&begin(&registry, "admin").await, "location");
    assert_refused(begin(&registry, "admin").await, "this account").await;
    assert_eq!(registry.delete(&second).await.status(), 204);
    let fourth = header(&begin(&registry, "admin").await, "location");
    assert_eq!(registry.request("PATCH", &fourth).body(noise(9_000)).send().await.unwrap().status(), 202);
    assert_eq!(finish(&fourth).send().await.unwrap().status(), 400);
    registry.push_blob("shop/a", &large[1..]).await;
    assert_eq!(begin(&registry, "admin").await.status(), 202);
    assert_eq!(registry.delete(&third).await.status(), 204);
}

#[tokio::test]
async fn one_account_does_not_take_the_uploads_of_another() {
    let registry = Registry::start_with(|config| {
        config.upload_sessions_per_account = 2;
        config.upload_sessions = 3;
    })
    .await;
    registry.create_user("ann").await;
    let system = wharf_access::Caller::system();
    use wharf_storage::catalog::Management as _;
    registry.catalog.add_member(&system, "shop", "ann", wharf_access::Role::Developer).await.unwrap();
    begin(&registry, "admin").await;
    begin(&registry, "admin").await;
    assert_eq!(begin(&registry, "admin").await.status(), 429);
    assert_eq!(begin(&registry, "ann").await.status(), 202);
    assert_refused(begin(&registry, "ann").await, "the registry has as many").await;
    // A restart forgets nothing of the total.
    let registry = registry.restart().await;
    assert_refused(begin(&registry, "ann").await, "the registry has as many").await;
}

#[tokio::test]
async fn uploads_that_nobody_continued_do_not_count() {
    let registry = Registry::start_with(|config| {
        config.upload_sessions_per_account = 2;
        config.upload_expiry = Duration::ZERO;
    })
    .await;
    for _ in 0..5 {
        assert_eq!(begin(&registry, "admin").await.status(), 202);
    }
}
