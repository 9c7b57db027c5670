//! Blobs that come in pieces.

use wharf_oci::Algorithm;

use crate::support::{Registry, code, header, noise};

async fn patch(registry: &Registry, location: &str, range: Option<&str>, chunk: &[u8]) -> reqwest::Response {
    let mut request = registry.request("PATCH", location).body(chunk.to_vec());
    if let Some(range) = range {
        request = request.header("content-range", range);
    }
    request.send().await.unwrap()
}

#[tokio::test]
async fn chunks_make_a_blob_and_each_answer_tells_where_to_go_on() {
    let registry = Registry::start().await;
    let content = noise(300_000);
    for algorithm in [Algorithm::Sha256, Algorithm::Sha512] {
        for last_in_put in [false, true] {
            let mut location = registry.begin_upload("shop/a").await;
            let cuts = [(0, 100_000), (100_000, 200_000), (200_000, 300_000)];
            let patched = if last_in_put { &cuts[..2] } else { &cuts };
            for &(from, to) in patched {
                let range = format!("{from}-{}", to - 1);
                let response = patch(&registry, &location, Some(&range), &content[from..to]).await;
                assert_eq!(response.status(), 202);
                assert_eq!(header(&response, "range"), format!("0-{}", to - 1));
                assert!(response.headers().contains_key("docker-upload-uuid"));
                location = header(&response, "location");
            }
            let digest = algorithm.digest(&content);
            let mut put = registry.request("PUT", &format!("{location}?digest={digest}"));
            if last_in_put {
                put = put.header("content-range", "200000-299999").body(content[200_000..].to_vec());
            }
            let response = put.send().await.unwrap();
            assert_eq!(response.status(), 201);
            let blob = registry.get(&header(&response, "location")).await;
            assert_eq!(blob.bytes().await.unwrap(), content);
        }
    }
}

#[tokio::test]
async fn a_chunk_out_of_order_is_told_where_to_go_on() {
    let registry = Registry::start().await;
    let content = noise(30_000);
    let location = registry.begin_upload("shop/a").await;
    // Beyond the end of an empty session.
    let response = patch(&registry, &location, Some("10000-19999"), &content[10_000..20_000]).await;
    assert_eq!(response.status(), 416);
    assert_eq!(header(&response, "location"), location);
    assert_eq!(header(&response, "range"), "0-0");
    assert_eq!(code(response).await, "BLOB_UPLOAD_INVALID");
    assert_eq!(patch(&registry, &location, Some("0-9999"), &content[..10_000]).await.status(), 202);
    // The same again, and beyond the end.
    for (range, chunk) in [("0-9999", &content[..10_000]), ("20000-29999", &content[20_000..])] {
        let response = patch(&registry, &location, Some(range), chunk).await;
        assert_eq!(response.status(), 416);
        assert_eq!(header(&response, "range"), "0-9999");
    }
    let response = registry.get(&location).await;
    assert_eq!(response.status(), 204);
    assert_eq!(header(&response, "range"), "0-9999");
    // Out of order in the last request, too.
    let digest = Algorithm::Sha256.digest(&content);
    let path = format!("{location}?digest={digest}");
    let put = registry
        .request("PUT", &path)
        .header("content-range", "20000-29999")
        .body(content[20_000..].to_vec());
    let response = put.send().await.unwrap();
    assert_eq!(response.status(), 416);
    assert_eq!(header(&response, "range"), "0-9999");
    assert_eq!(patch(&registry, &location, Some("10000-29999"), &content[10_000..]).await.status(), 202);
    assert_eq!(registry.request("PUT", &path).send().await.unwrap().status(), 201);
}

#[tokio::test]
async fn a_stream_without_length_or_range_is_appended() {
    let registry = Registry::start().await;
    let content = noise(500_000);
    let location = registry.begin_upload("shop/a").await;
    for half in content.chunks(250_000) {
        let parts: Vec<_> = half.chunks(60_000).map(|part| Ok::<_, std::io::Error>(part.to_vec())).collect();
        let body = reqwest::Body::wrap_stream(futures_util::stream::iter(parts));
        let response = registry.request("PATCH", &location).body(body).send().await.unwrap();
        assert_eq!(response.status(), 202);
    }
    let response = registry.get(&location).await;
    assert_eq!(header(&response, "range"), "0-499999");
    let digest = Algorithm::Sha256.digest(&content);
    let response = registry.request("PUT", &format!("{location}?digest={digest}")).send().await.unwrap();
    assert_eq!(response.status(), 201);
}

#[tokio::test]
async fn a_fresh_session_has_received_nothing() {
    let registry = Registry::start().await;
    let response = registry.post("/v2/shop/a/blobs/uploads/").await;
    assert_eq!(header(&response, "range"), "0-0");
    let response = registry.get(&header(&response, "location")).await;
    assert_eq!((response.status().as_u16(), header(&response, "range").as_str()), (204, "0-0"));
}

#[tokio::test]
async fn a_chunk_whose_sizes_contradict_is_refused() {
    let registry = Registry::start().await;
    let location = registry.begin_upload("shop/a").await;
    let response = patch(&registry, &location, Some("0-99"), &noise(50)).await;
    assert_eq!((response.status().as_u16(), code(response).await.as_str()), (400, "SIZE_INVALID"));
    for bad in ["x", "9-0", "bytes"] {
        let response = patch(&registry, &location, Some(bad), &noise(50)).await;
        assert_eq!((response.status().as_u16(), code(response).await.as_str()), (400, "BLOB_UPLOAD_INVALID"));
    }
    assert_eq!(header(&registry.get(&location).await, "range"), "0-0");
}
