//! What outlives the process.

use wharf_oci::Algorithm;

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
