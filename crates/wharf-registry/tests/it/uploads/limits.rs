//! What an upload may take before it is a blob.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use wharf_access::Caller;
use wharf_storage::catalog::{Management as _, ProjectUpdate};

use crate::support::{Registry, code, noise};

#[tokio::test]
async fn an_upload_ends_where_the_quota_does() {
    let registry = Registry::start().await;
    let update = ProjectUpdate { quota_bytes: Some(Some(100_000)), ..ProjectUpdate::default() };
    registry.catalog.update_project(&Caller::system(), "shop", update).await.unwrap();
    registry.push_blob("shop/a", &noise(50_000)).await;
    let location = registry.begin_upload("shop/a").await;
    let patch = async |size| registry.request("PATCH", &location).body(noise(size)).send().await.unwrap();
    assert_eq!(patch(30_000).await.status(), 202);
    let refused = patch(30_000).await;
    assert_eq!(refused.status(), 403);
    let text = refused.text().await.unwrap();
    assert!(text.contains("110000 bytes, its quota is 100000"), "{text}");
    assert_eq!(registry.get(&location).await.status(), 404, "what it held is gone");

    let other = noise(60_000);
    let path = format!("/v2/shop/a/blobs/uploads/?digest={}", wharf_oci::Algorithm::Sha256.digest(&other));
    let refused = registry.request("POST", &path).body(other).send().await.unwrap();
    assert_eq!((refused.status().as_u16(), code(refused).await.as_str()), (403, "DENIED"));
    registry.push_blob("shop/a", &noise(50_001)[1..]).await;
}

#[tokio::test]
async fn a_body_of_unknown_length_ends_where_the_quota_does() {
    let registry = Registry::start().await;
    let update = ProjectUpdate { quota_bytes: Some(Some(100_000)), ..ProjectUpdate::default() };
    registry.catalog.update_project(&Caller::system(), "shop", update).await.unwrap();
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
