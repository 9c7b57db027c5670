//! Blobs that come in one request, or in a POST and a PUT.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use wharf_oci::Algorithm;

use crate::support::{Registry, code, header, noise};

#[tokio::test]
async fn one_post_stores_a_blob() {
    let registry = Registry::start().await;
    for algorithm in [Algorithm::Sha256, Algorithm::Sha512] {
        for size in [0, 2, 8192, 8193, 1_000_000] {
            let content = noise(size);
            let digest = algorithm.digest(&content);
            let path = format!("/v2/shop/a/blobs/uploads/?digest={digest}");
            let response = registry.request("POST", &path).body(content.clone()).send().await.unwrap();
            assert_eq!(response.status(), 201);
            assert_eq!(header(&response, "docker-content-digest"), digest.as_str());
            let location = header(&response, "location");
            assert_eq!(location, format!("/v2/shop/a/blobs/{digest}"));
            assert_eq!(registry.get(&location).await.bytes().await.unwrap(), content);
        }
    }
}

#[tokio::test]
async fn a_post_and_a_put_store_a_blob_in_either_algorithm_unannounced() {
    let registry = Registry::start().await;
    for algorithm in [Algorithm::Sha256, Algorithm::Sha512] {
        for size in [0, 2, 1_000_000] {
            let content = noise(size);
            let digest = algorithm.digest(&content);
            let location = registry.begin_upload("shop/a").await;
            assert!(location.starts_with("/v2/shop/a/blobs/uploads/"), "{location}");
            let path = format!("{location}?digest={digest}");
            let response = registry.request("PUT", &path).body(content.clone()).send().await.unwrap();
            assert_eq!(response.status(), 201);
            assert_eq!(header(&response, "docker-content-digest"), digest.as_str());
            let blob = registry.get(&header(&response, "location")).await;
            assert_eq!(blob.bytes().await.unwrap(), content);
            assert_eq!(registry.get(&location).await.status(), 404, "the session is over");
        }
    }
}

#[tokio::test]
async fn an_announced_algorithm_travels_with_the_location() {
    let registry = Registry::start().await;
    let response = registry.post("/v2/shop/a/blobs/uploads/?digest-algorithm=sha512").await;
    assert_eq!(response.status(), 202);
    let location = header(&response, "location");
    let content = noise(100_000);
    let response = registry.request("PATCH", &location).body(content.clone()).send().await.unwrap();
    assert_eq!(response.status(), 202);
    let location = header(&response, "location");
    let separator = if location.contains('?') { '&' } else { '?' };
    let path = format!("{location}{separator}digest={}", Algorithm::Sha512.digest(&content));
    assert_eq!(registry.request("PUT", &path).send().await.unwrap().status(), 201);
    let response = registry.post("/v2/shop/a/blobs/uploads/?digest-algorithm=md5").await;
    assert_eq!(response.status(), 400);
    assert!(response.text().await.unwrap().contains("md5"));
}

#[tokio::test]
async fn every_kind_of_bad_digest_is_refused_and_stores_nothing() {
    let registry = Registry::start().await;
    let other = Algorithm::Sha256.digest(b"other");
    let upper = other.as_str().replace(other.encoded(), &other.encoded().to_uppercase());
    for size in [100, 100_000] {
        let content = noise(size);
        for bad in [
            other.as_str(),
            &upper,
            "sha256:",
            "sha256",
            "",
            "sha256:abc",
            "md5:d41d8cd98f00b204e9800998ecf8427e",
        ] {
            let path = format!("/v2/shop/a/blobs/uploads/?digest={bad}");
            let response = registry.request("POST", &path).body(content.clone()).send().await.unwrap();
            assert_eq!(response.status(), 400, "POST {bad:?}");
            assert_eq!(code(response).await, "DIGEST_INVALID");
            let location = registry.begin_upload("shop/a").await;
            let path = format!("{location}?digest={bad}");
            let response = registry.request("PUT", &path).body(content.clone()).send().await.unwrap();
            assert_eq!(response.status(), 400, "PUT {bad:?}");
            assert_eq!(code(response).await, "DIGEST_INVALID");
        }
    }
    assert_eq!(registry.head(&format!("/v2/shop/a/blobs/{other}")).await.status(), 404);
    let location = registry.begin_upload("shop/a").await;
    let response = registry.request("PUT", &location).body("x").send().await.unwrap();
    assert_eq!((response.status().as_u16(), code(response).await.as_str()), (400, "DIGEST_INVALID"));
}

#[tokio::test]
async fn a_client_that_expects_to_be_asked_is_asked() {
    let registry = Registry::start().await;
    let content = b"content";
    let digest = Algorithm::Sha256.digest(content);
    let address = registry.handle.as_ref().unwrap().address();
    let credentials = data_encoding::BASE64.encode(format!("admin:{}", crate::support::PASSWORD).as_bytes());
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let head = format!(
        "POST /v2/shop/a/blobs/uploads/?digest={digest} HTTP/1.1\r\nhost: x\r\nauthorization: Basic {credentials}\r\n\
         content-length: 7\r\nexpect: 100-continue\r\nconnection: close\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut interim = [0; 25];
    stream.read_exact(&mut interim).await.unwrap();
    assert_eq!(&interim, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(content).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
}
