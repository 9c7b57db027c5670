//! How long the server waits for clients that do nothing. Each registry here takes one connection at a time, so whoever
//! comes next is served only once the one before was closed.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use wharf_registry::Config;

use crate::support::{PASSWORD, Registry, noise};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00";
/// HEADERS with END_STREAM and END_HEADERS on stream 1: `GET http://a/`.
const HEADERS: &[u8] = b"\x00\x00\x06\x01\x05\x00\x00\x00\x01\x82\x86\x84\x41\x01a";

fn one_at_a_time(config: &mut Config) {
    config.connections = 1;
    config.header_timeout = Duration::from_secs(1);
    config.idle_timeout = Duration::from_secs(1);
    config.body_timeout = Duration::from_secs(1);
}

fn address(registry: &Registry) -> SocketAddr {
    registry.handle.as_ref().unwrap().address()
}

/// Opens a connection that sends `bytes` and then nothing more.
async fn quiet_after(registry: &Registry, bytes: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(address(registry)).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    stream
}

/// Fails unless somebody else is served soon.
async fn assert_others_are_served(registry: &Registry, what: &str) {
    // A client of its own, as the registry's may have a connection left.
    let client = reqwest::Client::builder().pool_max_idle_per_host(0).build().unwrap();
    let request = client.get(registry.url("/healthz")).send();
    let answer = tokio::time::timeout(Duration::from_secs(20), request).await;
    let answer = answer.unwrap_or_else(|_| panic!("the connection that {what} is still open"));
    assert_eq!(answer.unwrap().status(), 200);
}

#[tokio::test]
async fn connections_without_a_request_are_closed() {
    let registry = Registry::start_with(one_at_a_time).await;
    let post =
        b"POST /service/token HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-www-form-urlencoded\r\n\
                 Content-Length: 10\r\n\r\n";
    for (bytes, what) in [
        (&b""[..], "sends nothing"),
        (b"PRI * HTTP", "stops in the preface"),
        (b"GET /healthz HTTP/1.1\r\nHost:", "stops in the headers"),
        (PREFACE, "speaks HTTP/2 without a request"),
        (&[PREFACE, HEADERS].concat(), "is idle after a request over HTTP/2"),
        (b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n", "is idle after a request"),
        (b"GET /api/v2.0/ping HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n", "announces a body"),
        (post, "announces a form"),
    ] {
        let held = quiet_after(&registry, bytes).await;
        assert_others_are_served(&registry, what).await;
        drop(held);
    }
}

#[tokio::test]
async fn a_request_after_a_pause_is_answered() {
    let registry = Registry::start_with(|config| {
        config.header_timeout = Duration::from_secs(5);
        config.idle_timeout = Duration::from_secs(5);
    })
    .await;
    let mut stream = quiet_after(&registry, b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let mut answer = vec![0; 4096];
    for _ in 0..2 {
        let length = stream.read(&mut answer).await.unwrap();
        assert!(answer[..length].starts_with(b"HTTP/1.1 200"), "{:?}", &answer[..length]);
        tokio::time::sleep(Duration::from_millis(200)).await;
        stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    }
}

#[tokio::test]
async fn a_client_that_does_not_read_its_answer_is_closed() {
    let registry = Registry::start_with(one_at_a_time).await;
    // More than the sockets' buffers take.
    let digest = registry.push_blob("open/a", &noise(64 << 20)).await;
    let request = format!("GET /v2/open/a/blobs/{digest} HTTP/1.1\r\nHost: a\r\n\r\n");
    let held = quiet_after(&registry, request.as_bytes()).await;
    assert_others_are_served(&registry, "does not read").await;
    drop(held);
}

#[tokio::test]
async fn a_client_that_reads_slowly_gets_its_answer() {
    let registry = Registry::start_with(one_at_a_time).await;
    let content = noise(16 << 20);
    let digest = registry.push_blob("open/a", &content).await;
    let request = format!("GET /v2/open/a/blobs/{digest} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    let mut stream = quiet_after(&registry, request.as_bytes()).await;
    let mut answer = Vec::new();
    let mut piece = vec![0; 1 << 20];
    // Longer than the pause in all, never that long without reading.
    loop {
        let length = stream.read(&mut piece).await.unwrap();
        if length == 0 {
            break;
        }
        answer.extend_from_slice(&piece[..length]);
        if answer.len() / (4 << 20) > (answer.len() - length) / (4 << 20) {
            tokio::time::sleep(Duration::from_millis(400)).await;
        }
    }
    assert!(answer.ends_with(&content), "{} bytes came", answer.len());
}

#[tokio::test]
async fn after_a_tls_handshake_a_request_is_waited_for_as_long_and_no_longer() {
    let folder = tempfile::tempdir().unwrap();
    let (certificate, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    std::fs::write(&certificate, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let registry = Registry::start_with(|config| {
        one_at_a_time(config);
        config.tls_certificate = Some(certificate.clone());
        config.tls_key = Some(key.clone());
    })
    .await;
    let mut roots = rustls::RootCertStore::empty();
    roots.add(made.cert.der().clone()).unwrap();
    let provider = std::sync::Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let connector = tokio_rustls::TlsConnector::from(std::sync::Arc::new(config));
    let stream = TcpStream::connect(address(&registry)).await.unwrap();
    let mut held = connector.connect("localhost".try_into().unwrap(), stream).await.unwrap();
    let closed = tokio::time::timeout(Duration::from_secs(20), held.read(&mut [0; 16])).await;
    assert!(matches!(closed.unwrap(), Ok(0) | Err(_)), "the server sends nothing but the end");

    let client = reqwest::Client::builder()
        .tls_certs_only([reqwest::Certificate::from_pem(made.cert.pem().as_bytes()).unwrap()])
        .resolve("localhost", address(&registry))
        .build()
        .unwrap();
    let url = format!("https://localhost:{}/v2/", address(&registry).port());
    let answer = client.get(url).basic_auth("admin", Some(PASSWORD)).send().await.unwrap();
    assert_eq!(answer.status(), 200);
}
