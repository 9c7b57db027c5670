//! What an upload may take before it is a blob.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use wharf_access::Caller;
use wharf_storage::catalog::{Management as _, ProjectUpdate};

use crate::support::{Registry, code, noise};

async fn with_quota(bytes: u64) -> Registry {
    let registry = Registry::start().await;
    let update = ProjectUpdate { quota_bytes: Some(Some(bytes)), ..ProjectUpdate::default() };
    registry.catalog.update_project(&Caller::system(), "shop", update).await.unwrap();
    registry
}

#[tokio::test]
async fn an_upload_ends_where_the_whole_quota_does() {
    let registry = with_quota(100_000).await;
    let location = registry.begin_upload("shop/a").await;
    let patch = async |size| registry.request("PATCH", &location).body(noise(size)).send().await.unwrap();
    assert_eq!(patch(70_000).await.status(), 202);
    let refused = patch(40_000).await;
    assert_eq!(refused.status(), 403);
    let text = refused.text().await.unwrap();
    assert!(text.contains("110000 bytes, its quota is 100000"), "{text}");
    assert_eq!(registry.get(&location).await.status(), 404, "what it held is gone");
}

#[tokio::test]
async fn a_quota_nearly_full_takes_content_that_the_project_has_and_nothing_else() {
    let registry = with_quota(100_000).await;
    let content = noise(60_000);
    let digest = registry.push_blob("shop/a", &content).await;
    // Once more, by each way of pushing: the project is charged for it once.
    registry.push_blob("shop/b", &content).await;
    let location = registry.begin_upload("shop/c").await;
    assert_eq!(
        registry.request("PATCH", &location).body(content.clone()).send().await.unwrap().status(),
        202
    );
    let done = registry.request("PUT", &format!("{location}?digest={digest}")).send().await.unwrap();
    assert_eq!(done.status(), 201);
    assert_eq!(registry.catalog.project(&Caller::system(), "shop").await.unwrap().used_bytes, 60_000);

    // What is new is decided on when its digest is known.
    let other = &noise(60_001)[1..];
    let path = format!("/v2/shop/a/blobs/uploads/?digest={}", wharf_oci::Algorithm::Sha256.digest(other));
    let refused = registry.request("POST", &path).body(other.to_vec()).send().await.unwrap();
    assert_eq!((refused.status().as_u16(), code(refused).await.as_str()), (403, "DENIED"));
    assert_eq!(registry.catalog.project(&Caller::system(), "shop").await.unwrap().used_bytes, 60_000);
}

#[tokio::test]
async fn pushes_at_once_never_exceed_a_quota_together() {
    let registry = with_quota(100_000).await;
    let contents: Vec<Vec<u8>> = (0..6).map(|skip| noise(40_006)[skip..40_000 + skip].to_vec()).collect();
    let pushes = contents.iter().enumerate().map(|(at, content)| {
        let digest = wharf_oci::Algorithm::Sha256.digest(content);
        let path = format!("/v2/shop/r{at}/blobs/uploads/?digest={digest}");
        registry.request("POST", &path).body(content.clone()).send()
    });
    let answers = futures_util::future::join_all(pushes).await;
    let mut statuses: Vec<u16> =
        answers.into_iter().map(|answer| answer.unwrap().status().as_u16()).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 201, 403, 403, 403, 403]);
    assert_eq!(registry.catalog.project(&Caller::system(), "shop").await.unwrap().used_bytes, 80_000);
}

#[tokio::test]
async fn a_body_of_unknown_length_ends_where_the_quota_does() {
    let registry = with_quota(100_000).await;
    let location = registry.begin_upload("shop/a").await;
    let login = registry.request("PATCH", &location).build().unwrap();
    let login = login.headers()["authorization"].to_str().unwrap().to_owned();
    let mut stream =
        tokio::net::TcpStream::connect(registry.handle.as_ref().unwrap().address()).await.unwrap();
    let head = format!(
        "PATCH {location} HTTP/1.1\r\nHost: a\r\nAuthorization: {login}\r\nConnection: close\r\n\
         Transfer-Encoding: chunked\r\n\r\n186A1\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(&noise(100_001)).await.unwrap();
    stream.write_all(b"\r\n0\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 403") && answer.contains("its quota is 100000"), "{answer}");
}

#[tokio::test]
async fn uploads_leave_the_reserve_to_the_catalog_and_to_deletes() {
    let registry = Registry::start_with(|config| config.storage_reserve_bytes = 1 << 60).await;
    let location = registry.begin_upload("shop/a").await;
    let refused = registry.request("PATCH", &location).body(noise(30_000)).send().await.unwrap();
    assert_eq!(refused.status(), 507);
    assert_eq!(registry.get(&location).await.status(), 204, "it continues once there is room");
    let content = noise(30_000);
    let path = format!("/v2/shop/a/blobs/uploads/?digest={}", wharf_oci::Algorithm::Sha256.digest(&content));
    assert_eq!(registry.request("POST", &path).body(content).send().await.unwrap().status(), 507);

    let digest = registry.push_image("shop/a", "v1", b"small, so kept in the catalog").await;
    assert_eq!(registry.delete(&format!("/v2/shop/a/manifests/{digest}")).await.status(), 202);
}
