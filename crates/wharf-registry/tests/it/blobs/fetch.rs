//! Pulling blobs.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use wharf_oci::Algorithm;

use crate::support::{Registry, code, header, noise};

/// One that the catalog holds itself, one that the blob store holds.
const SIZES: [usize; 2] = [1000, 700_000];

#[tokio::test]
async fn a_blob_comes_back_with_everything_clients_check() {
    let registry = Registry::start().await;
    for size in SIZES {
        let content = noise(size);
        let digest = registry.push_blob("shop/a", &content).await;
        let path = format!("/v2/shop/a/blobs/{digest}");
        for method in ["GET", "HEAD"] {
            let request = registry.request(method, &path).header("accept-encoding", "gzip, zstd, deflate");
            let response = request.send().await.unwrap();
            assert_eq!(response.status(), 200);
            assert_eq!(header(&response, "docker-content-digest"), digest.as_str());
            assert_eq!(header(&response, "content-length"), size.to_string());
            assert_eq!(header(&response, "content-type"), "application/octet-stream");
            assert_eq!(header(&response, "accept-ranges"), "bytes");
            assert!(response.headers().get("content-encoding").is_none());
            let expected: &[u8] = if method == "GET" { &content } else { b"" };
            assert_eq!(response.bytes().await.unwrap(), expected);
        }
    }
}

#[tokio::test]
async fn every_form_of_range_is_served() {
    let registry = Registry::start().await;
    for size in SIZES {
        let content = noise(size);
        let digest = registry.push_blob("shop/a", &content).await;
        let path = format!("/v2/shop/a/blobs/{digest}");
        let end = size - 1;
        for (range, first, last) in [
            ("bytes=0-0".to_owned(), 0, 0),
            ("bytes=10-19".to_owned(), 10, 19),
            ("bytes=500-".to_owned(), 500, end),
            ("bytes=-100".to_owned(), size - 100, end),
            (format!("bytes=900-{}", size * 2), 900, end),
            (format!("bytes=-{}", size * 2), 0, end),
        ] {
            let response = registry.request("GET", &path).header("range", &range).send().await.unwrap();
            assert_eq!(response.status(), 206, "{range}");
            assert_eq!(header(&response, "content-range"), format!("bytes {first}-{last}/{size}"));
            assert_eq!(header(&response, "content-length"), (last - first + 1).to_string());
            assert_eq!(response.bytes().await.unwrap(), &content[first..=last], "{range}");
        }
        for range in
            [format!("bytes={size}-"), "bytes=500-0".to_owned(), "bytes=-0".to_owned(), "bytes=x".to_owned()]
        {
            let response = registry.request("GET", &path).header("range", &range).send().await.unwrap();
            assert_eq!(response.status(), 416, "{range}");
            assert_eq!(header(&response, "content-range"), format!("bytes */{size}"));
        }
        for range in ["bytes=0-1,5-6", "lines=1-2"] {
            let response = registry.request("GET", &path).header("range", range).send().await.unwrap();
            assert_eq!(response.status(), 200, "{range}");
        }
    }
}

#[tokio::test]
async fn conditions_save_the_transfer() {
    let registry = Registry::start().await;
    let digest = registry.push_blob("shop/a", b"0123456789").await;
    let path = format!("/v2/shop/a/blobs/{digest}");
    let tag = format!("\"{digest}\"");
    let response = registry.request("GET", &path).header("if-none-match", &tag).send().await.unwrap();
    assert_eq!(response.status(), 304);
    assert_eq!(header(&response, "etag"), tag);
    for (condition, status) in [(tag.as_str(), 206), ("\"other\"", 200)] {
        let request =
            registry.request("GET", &path).header("range", "bytes=0-1").header("if-range", condition);
        assert_eq!(request.send().await.unwrap().status(), status);
    }
}

/// CVE-2024-39897 and its like: whoever knows a digest could read the blob of any repository.
#[tokio::test]
async fn a_blob_is_found_only_where_it_is_linked() {
    let registry = Registry::start().await;
    let digest = registry.push_blob("shop/a", b"content").await;
    registry.push_blob("shop/b", b"other").await;
    for method in ["GET", "HEAD"] {
        for repository in ["shop/b", "open/b"] {
            let path = format!("/v2/{repository}/blobs/{digest}");
            assert_eq!(registry.request(method, &path).send().await.unwrap().status(), 404);
        }
    }
    let response = registry.get(&format!("/v2/shop/b/blobs/{digest}")).await;
    assert_eq!(code(response).await, "BLOB_UNKNOWN");
}

#[tokio::test]
async fn the_empty_blob_can_be_stored_and_fetched() {
    let registry = Registry::start().await;
    let digest = registry.push_blob("shop/a", b"").await;
    assert_eq!(digest, Algorithm::Sha256.digest(b""));
    let response = registry.get(&format!("/v2/shop/a/blobs/{digest}")).await;
    assert_eq!(header(&response, "content-length"), "0");
    assert!(response.bytes().await.unwrap().is_empty());
}

/// containerd opens several ranges and stops reading each where the next begins.
#[tokio::test]
async fn clients_that_stop_reading_hurt_nobody() {
    let registry = Registry::start().await;
    let content = noise(4 << 20);
    let digest = registry.push_blob("open/a", &content).await;
    let address = registry.handle.as_ref().unwrap().address();
    for _ in 0..8 {
        let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
        let request =
            format!("GET /v2/open/a/blobs/{digest} HTTP/1.1\r\nhost: x\r\nrange: bytes=1000-\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut some = [0; 1000];
        stream.read_exact(&mut some).await.unwrap();
    }
    let response = registry.get(&format!("/v2/open/a/blobs/{digest}")).await;
    assert_eq!(response.bytes().await.unwrap(), content);
}
