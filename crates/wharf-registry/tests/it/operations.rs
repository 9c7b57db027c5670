//! `/healthz`, `/readyz`, `/metrics`, TLS and the socket.

use wharf_registry::{App, Server};

use crate::support::{PASSWORD, Registry, header};

#[tokio::test]
async fn health_and_readiness_are_told_to_everyone() {
    let registry = Registry::start().await;
    for path in ["/healthz", "/readyz"] {
        let response = registry.anonymous("GET", path).send().await.unwrap();
        assert_eq!((response.status().as_u16(), response.text().await.unwrap().as_str()), (200, "ok\n"));
    }
    assert_eq!(registry.anonymous("POST", "/healthz").send().await.unwrap().status(), 405);
}

#[tokio::test]
async fn a_vanished_data_folder_is_told_and_loses_nothing() {
    let registry = Registry::start().await;
    registry.push_blob("shop/a", b"before").await;
    let data = registry.folder.path().join("data");
    let aside = registry.folder.path().join("aside");
    std::fs::rename(&data, &aside).unwrap();
    assert_eq!(registry.anonymous("GET", "/readyz").send().await.unwrap().status(), 503);
    let response = registry.post("/v2/shop/a/blobs/uploads/").await;
    assert!(response.status().is_server_error(), "{}", response.status());
    assert!(!response.text().await.unwrap().contains("data"), "no path of the server is shown");
    std::fs::rename(&aside, &data).unwrap();
    assert_eq!(registry.anonymous("GET", "/readyz").send().await.unwrap().status(), 200);
    registry.push_blob("shop/a", &crate::support::noise(100_000)).await;
}

#[tokio::test]
async fn metrics_have_the_names_that_dashboards_know_and_need_credentials() {
    let registry = Registry::start().await;
    registry.push_image("shop/a", "v1", b"layer").await;
    registry.get("/v2/shop/a/manifests/v1").await;
    assert_eq!(registry.anonymous("GET", "/metrics").send().await.unwrap().status(), 401);
    registry.create_user("user").await;
    assert_eq!(registry.request_by("user", "GET", "/metrics").send().await.unwrap().status(), 403);
    let response = registry.get("/metrics").await;
    assert!(header(&response, "content-type").starts_with("application/openmetrics-text"));
    let text = response.text().await.unwrap();
    for line in [
        "registry_artifact_pushes_total{repository=\"shop/a\",artifact_type=\"application/vnd.oci.image.config.v1+json\"} 1",
        "registry_artifact_pulls_total{repository=\"shop/a\",artifact_type=\"application/vnd.oci.image.config.v1+json\"} 1",
        "registry_http_requests_total{handler=\"manifest\",method=\"put\",code=\"201\"} 1",
        "# TYPE registry_storage_used_bytes gauge",
        "registry_artifact_storage_bytes{artifact_type=\"application/vnd.oci.image.config.v1+json\",repository=\"shop/a\"} ",
        "# TYPE registry_storage_limit_bytes gauge",
        "# TYPE registry_artifact_storage_bytes gauge",
        "# TYPE registry_http_request_duration_seconds histogram",
        "# TYPE registry_artifact_pull_duration_seconds histogram",
        "# TYPE registry_gc_runs counter",
    ] {
        assert!(text.contains(line), "{line} is not in\n{text}");
    }
}

#[tokio::test]
async fn a_taken_port_is_named() {
    let registry = Registry::start().await;
    let address = registry.handle.as_ref().unwrap().address();
    let other = Registry::start().await;
    let mut config = wharf_registry::Config::with_data(other.folder.path());
    config.listen = address;
    let blobs =
        std::sync::Arc::new(wharf_storage::DiskStore::open(other.folder.path().join("second")).unwrap());
    let app = App::new(other.catalog.clone(), blobs, config).await.unwrap();
    let error = Server::bind(app).await.unwrap_err().to_string();
    assert!(error.contains(&address.to_string()) && error.contains("another program"), "{error}");
}

#[tokio::test]
async fn tls_serves_both_protocols_and_follows_a_renewal() {
    let folder = tempfile::tempdir().unwrap();
    let (certificate, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
    let make = || {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        std::fs::write(&certificate, made.cert.pem()).unwrap();
        std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
        reqwest::Certificate::from_pem(made.cert.pem().as_bytes()).unwrap()
    };
    let first = make();
    let registry = Registry::start_with(|config| {
        config.tls_certificate = Some(certificate.clone());
        config.tls_key = Some(key.clone());
    })
    .await;
    let address = registry.handle.as_ref().unwrap().address();
    let url = format!("https://localhost:{}/v2/", address.port());
    let client = |certificate: reqwest::Certificate, http1: bool| {
        let builder = reqwest::Client::builder().tls_certs_only([certificate]).resolve("localhost", address);
        if http1 { builder.http1_only() } else { builder }.build().unwrap()
    };
    for (http1, version) in [(true, reqwest::Version::HTTP_11), (false, reqwest::Version::HTTP_2)] {
        let request = client(first.clone(), http1).get(&url).basic_auth("admin", Some(PASSWORD));
        let response = request.send().await.unwrap();
        assert_eq!((response.status().as_u16(), response.version()), (200, version));
    }
    let second = make();
    let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(30);
    while client(second.clone(), true).get(&url).send().await.is_err() {
        assert!(tokio::time::Instant::now() < deadline, "the new certificate was not taken up");
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
}
