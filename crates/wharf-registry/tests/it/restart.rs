//! What outlives the process.

use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use wharf_access::Caller;
use wharf_oci::Algorithm;
use wharf_storage::catalog::{Audit as _, AuditFilter, AuditOperation, Page};

use crate::support::{Registry, header, noise};

#[tokio::test]
async fn an_upload_goes_on_after_a_restart() {
    let registry = Registry::start().await;
    let content = noise(300_000);
    let location = registry.begin_upload("shop/a").await;
    let first = registry.request("PATCH", &location).body(content[..120_000].to_vec()).send().await.unwrap();
    assert_eq!(first.status(), 202);

    let registry = registry.restart().await;
    let response = registry.get(&location).await;
    assert_eq!((response.status().as_u16(), header(&response, "range").as_str()), (204, "0-119999"));
    let rest = registry
        .request("PATCH", &location)
        .header("content-range", "120000-299999")
        .body(content[120_000..].to_vec())
        .send()
        .await
        .unwrap();
    assert_eq!(rest.status(), 202);

    let registry = registry.restart().await;
    for algorithm in [Algorithm::Sha512] {
        let digest = algorithm.digest(&content);
        let response = registry.request("PUT", &format!("{location}?digest={digest}")).send().await.unwrap();
        assert_eq!(response.status(), 201);
        let blob = registry.get(&header(&response, "location")).await;
        assert_eq!(blob.bytes().await.unwrap(), content);
    }
}

#[tokio::test]
async fn what_was_acknowledged_is_there_after_a_restart() {
    let registry = Registry::start().await;
    let small = registry.push_blob("shop/a", b"small").await;
    let content = noise(500_000);
    let large = registry.push_blob("shop/a", &content).await;
    let digest = registry.push_image("shop/a", "v1", b"layer").await;
    let registry = registry.restart().await;
    assert_eq!(registry.get(&format!("/v2/shop/a/blobs/{small}")).await.bytes().await.unwrap(), "small");
    assert_eq!(registry.get(&format!("/v2/shop/a/blobs/{large}")).await.bytes().await.unwrap(), content);
    let response = registry.head("/v2/shop/a/manifests/v1").await;
    assert_eq!(header(&response, "docker-content-digest"), digest.as_str());
}

#[tokio::test]
async fn a_shutdown_finishes_what_is_in_flight() {
    let mut registry = Registry::start().await;
    let content = noise(2_000_000);
    let digest = Algorithm::Sha256.digest(&content);
    let (send, receive) = tokio::sync::mpsc::channel::<std::io::Result<Vec<u8>>>(1);
    let body = reqwest::Body::wrap_stream(futures_util::stream::unfold(receive, |mut receive| async {
        receive.recv().await.map(|chunk| (chunk, receive))
    }));
    let request = registry.request("POST", &format!("/v2/shop/a/blobs/uploads/?digest={digest}")).body(body);
    let response = tokio::spawn(request.send());
    let mut chunks = content.chunks(500_000);
    // Two chunks taken mean that the server is reading the second one at least.
    for chunk in chunks.by_ref().take(2) {
        send.send(Ok(chunk.to_vec())).await.unwrap();
    }
    let shutdown = tokio::spawn(registry.handle.take().unwrap().shutdown());
    for chunk in chunks {
        send.send(Ok(chunk.to_vec())).await.unwrap();
    }
    drop(send);
    assert_eq!(response.await.unwrap().unwrap().status(), 201);
    shutdown.await.unwrap();
}

/// The audit log was written only after the last request in flight: a kill before that lost what had been noted.
#[tokio::test]
async fn the_audit_log_is_written_while_requests_in_flight_are_waited_for() {
    let mut registry = Registry::start().await;
    let handle = registry.handle.take().unwrap();
    let mut slow = tokio::net::TcpStream::connect(handle.address()).await.unwrap();
    let head = b"POST /service/token HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\
        content-type: application/x-www-form-urlencoded\r\n\r\n";
    slow.write_all(head).await.unwrap();
    let url = format!("http://{}/api/v2.0/users/current", handle.address());
    let login = reqwest::Client::new().get(url).basic_auth("admin", Some("wrong")).send().await.unwrap();
    assert_eq!(login.status(), 401);
    let end = tokio::spawn(handle.shutdown());
    let filter = AuditFilter { operation: Some(AuditOperation::LoginUser), ..AuditFilter::default() };
    let written = async {
        let system = Caller::system();
        let page = || Page { limit: 10, ..Page::default() };
        while registry.catalog.audit_entries(&system, &filter, page()).await.unwrap().is_empty() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), written).await.expect("it is written during the drain");
    assert!(!end.is_finished(), "the request in flight is waited for");
    drop(slow);
    end.await.unwrap();
}
