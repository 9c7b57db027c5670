//! `GET /v2/<name>/referrers/<digest>`.

use serde_json::{Value, json};
use wharf_oci::{Algorithm, Digest, media_type};

use crate::support::{Registry, code, digest_of, header};

async fn artifact(registry: &Registry, subject: &Digest, artifact_type: Option<&str>, note: &str) -> Value {
    let config = registry.push_blob("shop/a", b"{}").await;
    let mut manifest = json!({
        "schemaVersion": 2,
        "mediaType": media_type::OCI_MANIFEST,
        "config": { "mediaType": "application/vnd.example.config", "digest": config, "size": 2 },
        "layers": [{ "mediaType": media_type::OCI_EMPTY, "digest": config, "size": 2 }],
        "subject": { "mediaType": media_type::OCI_MANIFEST, "digest": subject, "size": 7 },
        "annotations": { "note": note }
    });
    if let Some(artifact_type) = artifact_type {
        manifest["artifactType"] = json!(artifact_type);
    }
    manifest
}

#[tokio::test]
async fn what_is_not_there_has_no_referrers_yet() {
    let registry = Registry::start().await;
    registry.push_blob("shop/a", b"content").await;
    let digest = Algorithm::Sha256.digest(b"never pushed");
    for name in ["shop/a", "shop/never"] {
        let response = registry.get(&format!("/v2/{name}/referrers/{digest}")).await;
        assert_eq!(response.status(), 200);
        assert_eq!(header(&response, "content-type"), media_type::OCI_INDEX);
        let body: Value = response.json().await.unwrap();
        assert_eq!(body, json!({ "schemaVersion": 2, "mediaType": media_type::OCI_INDEX, "manifests": [] }));
    }
}

#[tokio::test]
async fn referrers_are_listed_with_type_and_annotations_and_filtered() {
    let registry = Registry::start().await;
    let subject = Algorithm::Sha256.digest(b"comes later");
    let signature = artifact(&registry, &subject, Some("application/vnd.example.signature"), "one").await;
    let other = artifact(&registry, &subject, None, "two").await;
    for manifest in [&signature, &other] {
        let response = registry.put_manifest("shop/a", digest_of(manifest).as_str(), manifest).await;
        assert_eq!(response.status(), 201);
        assert_eq!(header(&response, "oci-subject"), subject.as_str());
    }
    // A tag on a referrer does not list it twice.
    registry.put_manifest("shop/a", "tagged", &signature).await;

    let path = format!("/v2/shop/a/referrers/{subject}");
    let response = registry.get(&path).await;
    assert!(response.headers().get("oci-filters-applied").is_none());
    let body: Value = response.json().await.unwrap();
    let listed = body["manifests"].as_array().unwrap();
    assert_eq!(listed.len(), 2);
    let of = |digest: &Digest| listed.iter().find(|entry| entry["digest"] == digest.as_str()).unwrap();
    assert_eq!(of(&digest_of(&signature))["artifactType"], "application/vnd.example.signature");
    assert_eq!(of(&digest_of(&other))["artifactType"], "application/vnd.example.config");
    assert_eq!(of(&digest_of(&other))["annotations"], json!({ "note": "two" }));
    assert_eq!(of(&digest_of(&other))["size"], serde_json::to_vec(&other).unwrap().len());

    let response = registry.get(&format!("{path}?artifactType=application/vnd.example.signature")).await;
    assert_eq!(header(&response, "oci-filters-applied"), "artifactType");
    let body: Value = response.json().await.unwrap();
    assert_eq!(body["manifests"].as_array().unwrap().len(), 1);
    assert_eq!(body["manifests"][0]["digest"], digest_of(&signature).as_str());
}

#[tokio::test]
async fn long_lists_are_paged_and_keep_their_filter() {
    let registry = Registry::start_with(|config| config.page_size = 2).await;
    let subject = Algorithm::Sha256.digest(b"subject");
    for note in ["1", "2", "3", "4", "5"] {
        let manifest = artifact(&registry, &subject, Some("a/b+c"), note).await;
        registry.put_manifest("shop/a", digest_of(&manifest).as_str(), &manifest).await;
    }
    let mut found = std::collections::BTreeSet::new();
    let mut pages = 0;
    let mut next = Some(format!("/v2/shop/a/referrers/{subject}?artifactType=a%2Fb%2Bc"));
    while let Some(path) = next {
        let response = registry.get(&path).await;
        assert_eq!(header(&response, "oci-filters-applied"), "artifactType");
        let link = response.headers().get("link").map(|link| link.to_str().unwrap().to_owned());
        next = link.map(|link| wharf_oci::distribution::next_link(&link).unwrap().to_owned());
        let body: Value = response.json().await.unwrap();
        found.extend(body["manifests"].as_array().unwrap().iter().map(|entry| entry["digest"].to_string()));
        pages += 1;
    }
    assert_eq!((found.len(), pages), (5, 3));
}

#[tokio::test]
async fn a_malformed_digest_is_refused() {
    let registry = Registry::start().await;
    let response = registry.get("/v2/shop/a/referrers/sha256:abc").await;
    assert_eq!(response.status(), 400);
    assert_eq!(code(response).await, "DIGEST_INVALID");
}

#[tokio::test]
async fn switched_off_the_api_is_absent_and_clients_fall_back_to_tags() {
    let registry = Registry::start_with(|config| config.referrers_api = false).await;
    let subject = Algorithm::Sha256.digest(b"subject");
    let manifest = artifact(&registry, &subject, None, "x").await;
    let response = registry.put_manifest("shop/a", "v1", &manifest).await;
    assert_eq!(response.status(), 201);
    assert!(response.headers().get("oci-subject").is_none());
    assert_eq!(registry.get(&format!("/v2/shop/a/referrers/{subject}")).await.status(), 404);
}
