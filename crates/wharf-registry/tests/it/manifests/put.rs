//! Pushing manifests.

use serde_json::{Value, json};
use wharf_oci::{Algorithm, media_type};

use crate::support::{Registry, code, digest_of, header, image, noise};

#[tokio::test]
async fn a_manifest_is_served_as_the_bytes_that_came() {
    let registry = Registry::start().await;
    let manifest = registry.image("shop/a", b"layer").await;
    // Odd white space, order and unknown fields must survive.
    let text = format!(" {}\n", serde_json::to_string_pretty(&manifest).unwrap()).replacen(
        '{',
        "{ \"x-unknown\" : [1, 2.50], ",
        1,
    );
    let digest = Algorithm::Sha256.digest(text.as_bytes());
    let response = registry
        .request("PUT", "/v2/shop/a/manifests/v1")
        .header("content-type", format!("{}; charset=utf-8", media_type::OCI_MANIFEST))
        .body(text.clone())
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 201);
    assert_eq!(header(&response, "docker-content-digest"), digest.as_str());
    let location = header(&response, "location");
    assert_eq!(location, format!("/v2/shop/a/manifests/{digest}"));
    for path in [location.as_str(), "/v2/shop/a/manifests/v1"] {
        let response = registry.get(path).await;
        assert_eq!(header(&response, "content-type"), media_type::OCI_MANIFEST);
        assert_eq!(response.text().await.unwrap(), text);
    }
}

#[tokio::test]
async fn one_request_sets_many_tags() {
    let registry = Registry::start().await;
    let manifest = registry.image("shop/a", b"layer").await;
    let content = serde_json::to_vec(&manifest).unwrap();
    for algorithm in [Algorithm::Sha256, Algorithm::Sha512] {
        let digest = algorithm.digest(&content);
        let tags: Vec<String> = (0..12).map(|n| format!("{algorithm}-{n}")).collect();
        let query = tags.iter().map(|tag| format!("tag={tag}")).collect::<Vec<_>>().join("&");
        let response =
            registry.put_manifest("shop/a", &format!("{digest}?{query}&tag={}", tags[0]), &manifest).await;
        assert_eq!(response.status(), 201);
        let accepted: Vec<_> = response.headers().get_all("oci-tag").iter().cloned().collect();
        assert_eq!(accepted, tags);
        for tag in &tags {
            let response = registry.head(&format!("/v2/shop/a/manifests/{tag}")).await;
            assert_eq!(header(&response, "docker-content-digest"), digest.as_str());
        }
    }
}

#[tokio::test]
async fn one_bad_tag_among_many_sets_none() {
    let registry = Registry::start().await;
    let manifest = registry.image("shop/a", b"layer").await;
    let digest = digest_of(&manifest);
    let response = registry.put_manifest("shop/a", &format!("{digest}?tag=good&tag=-bad"), &manifest).await;
    assert_eq!(response.status(), 400);
    assert_eq!(code(response).await, "TAG_INVALID");
    assert_eq!(registry.head("/v2/shop/a/manifests/good").await.status(), 404);
    let many = (0..200).map(|n| format!("tag=t{n}")).collect::<Vec<_>>().join("&");
    let response = registry.put_manifest("shop/a", &format!("{digest}?{many}"), &manifest).await;
    assert_eq!(response.status(), 414);
}

#[tokio::test]
async fn content_that_differs_from_its_digest_is_refused() {
    let registry = Registry::start().await;
    let manifest = registry.image("shop/a", b"layer").await;
    for algorithm in [Algorithm::Sha256, Algorithm::Sha512] {
        let other = algorithm.digest(b"other");
        let response = registry.put_manifest("shop/a", other.as_str(), &manifest).await;
        assert_eq!(response.status(), 400);
        assert_eq!(code(response).await, "DIGEST_INVALID");
        assert_eq!(registry.head(&format!("/v2/shop/a/manifests/{other}")).await.status(), 404);
    }
}

#[tokio::test]
async fn an_unsupported_algorithm_is_named() {
    let registry = Registry::start().await;
    let manifest = registry.image("shop/a", b"layer").await;
    let reference = format!("blake3:{}", "a".repeat(64));
    let response = registry.put_manifest("shop/a", &reference, &manifest).await;
    assert_eq!(response.status(), 400);
    assert!(response.text().await.unwrap().contains("blake3"));
}

/// GHSA-qq97-vm5h-rrhg, GHSA-mc8v-mgrf-8f4m: one document read as manifest by one client and as index by another.
#[tokio::test]
async fn documents_of_two_kinds_are_refused() {
    let registry = Registry::start().await;
    let manifest = registry.image("shop/a", b"layer").await;
    let mut both = manifest.clone();
    both["manifests"] = json!([]);
    let mut says_index = manifest.clone();
    says_index["mediaType"] = json!(media_type::OCI_INDEX);
    for (content_type, document) in [
        (media_type::OCI_MANIFEST, &both),
        (media_type::OCI_INDEX, &both),
        (media_type::OCI_INDEX, &says_index),
        (media_type::OCI_INDEX, &manifest),
        (media_type::DOCKER_MANIFEST, &manifest),
        ("application/json", &manifest),
    ] {
        let response = registry
            .request("PUT", "/v2/shop/a/manifests/v1")
            .header("content-type", content_type)
            .body(serde_json::to_vec(document).unwrap())
            .send()
            .await
            .unwrap();
        assert_eq!(response.status(), 400, "{content_type} {document}");
        assert_eq!(code(response).await, "MANIFEST_INVALID");
    }
    assert_eq!(registry.head("/v2/shop/a/manifests/v1").await.status(), 404);
}

#[tokio::test]
async fn schema_1_and_what_is_no_manifest_are_refused() {
    let registry = Registry::start().await;
    let schema1 = json!({ "schemaVersion": 1, "name": "a", "tag": "v1", "fsLayers": [], "signatures": [] });
    for (content_type, body) in [
        (media_type::DOCKER_SCHEMA1_SIGNED, schema1.to_string()),
        (media_type::DOCKER_SCHEMA1, schema1.to_string()),
        (media_type::OCI_MANIFEST, schema1.to_string()),
        (media_type::OCI_MANIFEST, "{".to_owned()),
        (media_type::OCI_MANIFEST, String::new()),
        (media_type::OCI_MANIFEST, "[]".to_owned()),
    ] {
        let response = registry
            .request("PUT", "/v2/shop/a/manifests/v1")
            .header("content-type", content_type)
            .body(body)
            .send()
            .await
            .unwrap();
        assert_eq!(response.status(), 400);
        assert_eq!(code(response).await, "MANIFEST_INVALID");
    }
}

/// CVE-2017-11468: a manifest without end exhausted the memory.
#[tokio::test]
async fn a_manifest_beyond_the_limit_is_refused_announced_or_not() {
    let registry = Registry::start_with(|config| config.manifest_bytes = 1000).await;
    let body = vec![b' '; 100_000];
    let announced = registry.request("PUT", "/v2/shop/a/manifests/v1").body(body.clone());
    let chunks = futures_util::stream::iter(
        body.chunks(4096).map(|part| Ok::<_, std::io::Error>(part.to_vec())).collect::<Vec<_>>(),
    );
    let streamed =
        registry.request("PUT", "/v2/shop/a/manifests/v1").body(reqwest::Body::wrap_stream(chunks));
    for request in [announced, streamed] {
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 413);
        assert_eq!(code(response).await, "SIZE_INVALID");
    }
}

#[tokio::test]
async fn a_manifest_of_four_mebibytes_is_accepted() {
    let registry = Registry::start().await;
    let mut manifest = registry.image("shop/a", b"layer").await;
    manifest["annotations"] = json!({ "big": "" });
    let room = (4 << 20) - serde_json::to_vec(&manifest).unwrap().len();
    manifest["annotations"]["big"] = json!("x".repeat(room));
    assert_eq!(registry.put_manifest("shop/a", "v1", &manifest).await.status(), 201);
    let response = registry.get("/v2/shop/a/manifests/v1").await;
    assert_eq!(response.bytes().await.unwrap().len(), 4 << 20);
}

#[tokio::test]
async fn blobs_that_the_repository_lacks_are_named() {
    let registry = Registry::start().await;
    let config = registry.push_blob("shop/a", b"{}").await;
    let layer = registry.push_blob("shop/b", b"elsewhere").await;
    let manifest = image(&config, 2, &layer, 9);
    let response = registry.put_manifest("shop/a", "v1", &manifest).await;
    assert_eq!(response.status(), 404);
    let body: Value = response.json().await.unwrap();
    assert_eq!(body["errors"][0]["code"], "MANIFEST_BLOB_UNKNOWN");
    assert_eq!(body["errors"][0]["detail"]["digests"], json!([layer]));
    assert_eq!(registry.head("/v2/shop/a/manifests/v1").await.status(), 404);
}

#[tokio::test]
async fn a_mirror_of_partial_content_takes_manifests_without_their_blobs() {
    let registry = Registry::start_with(|config| config.accept_missing_blobs = true).await;
    let content = noise(20_000);
    let absent = Algorithm::Sha256.digest(&content);
    let manifest = image(&absent, 20_000, &absent, 20_000);
    assert_eq!(registry.put_manifest("shop/a", "v1", &manifest).await.status(), 201);
    assert_eq!(registry.head(&format!("/v2/shop/a/blobs/{absent}")).await.status(), 404);
    registry.push_blob("shop/a", &content).await;
    assert_eq!(registry.head(&format!("/v2/shop/a/blobs/{absent}")).await.status(), 200);
}

#[tokio::test]
async fn what_may_be_absent_is_not_asked_for() {
    let registry = Registry::start().await;
    let config = registry.push_blob("shop/a", b"{}").await;
    let absent = Algorithm::Sha256.digest(&noise(99));
    let mut manifest = image(&config, 2, &absent, 99);
    manifest["layers"][0]["mediaType"] =
        json!("application/vnd.oci.image.layer.nondistributable.v1.tar+gzip");
    manifest["subject"] = json!({ "mediaType": media_type::OCI_MANIFEST, "digest": absent, "size": 7 });
    assert_eq!(registry.put_manifest("shop/a", "v1", &manifest).await.status(), 201);
    let index = json!({
        "schemaVersion": 2,
        "mediaType": media_type::OCI_INDEX,
        "manifests": [{ "mediaType": media_type::OCI_MANIFEST, "digest": absent, "size": 7 }]
    });
    assert_eq!(registry.put_manifest("shop/a", "sparse", &index).await.status(), 201);
    let empty = json!({ "schemaVersion": 2, "mediaType": media_type::OCI_INDEX, "manifests": [] });
    assert_eq!(registry.put_manifest("shop/a", "empty", &empty).await.status(), 201);
}

#[tokio::test]
async fn docker_manifests_and_lists_are_taken() {
    let registry = Registry::start().await;
    let mut manifest = registry.image("shop/a", b"layer").await;
    manifest["mediaType"] = json!(media_type::DOCKER_MANIFEST);
    assert_eq!(registry.put_manifest("shop/a", "v1", &manifest).await.status(), 201);
    let list = json!({
        "schemaVersion": 2,
        "mediaType": media_type::DOCKER_MANIFEST_LIST,
        "manifests": [{
            "mediaType": media_type::DOCKER_MANIFEST, "digest": digest_of(&manifest), "size": 7,
            "platform": { "architecture": "amd64", "os": "linux" }
        }]
    });
    assert_eq!(registry.put_manifest("shop/a", "list", &list).await.status(), 201);
    let response = registry.get("/v2/shop/a/manifests/list").await;
    assert_eq!(header(&response, "content-type"), media_type::DOCKER_MANIFEST_LIST);
}

#[tokio::test]
async fn a_conditional_push_replaces_only_what_it_has_seen() {
    let registry = Registry::start().await;
    let first = registry.image("shop/a", b"first").await;
    let second = registry.image("shop/a", b"second").await;
    let put = async |manifest: &Value, name: &str, value: &str| {
        registry
            .request("PUT", "/v2/shop/a/manifests/sha256-fallback")
            .header("content-type", media_type::OCI_MANIFEST)
            .header(name, value)
            .body(serde_json::to_vec(manifest).unwrap())
            .send()
            .await
            .unwrap()
            .status()
            .as_u16()
    };
    let tag = |manifest: &Value| format!("\"{}\"", digest_of(manifest));
    assert_eq!(put(&first, "if-match", &tag(&first)).await, 412, "there is no such tag yet");
    assert_eq!(put(&first, "if-none-match", "*").await, 201);
    assert_eq!(put(&second, "if-none-match", "*").await, 412);
    assert_eq!(put(&second, "if-match", &tag(&second)).await, 412);
    assert_eq!(put(&second, "if-match", &tag(&first)).await, 201);
    let response = registry.head("/v2/shop/a/manifests/sha256-fallback").await;
    assert_eq!(header(&response, "etag"), tag(&second));
}

/// It was answered 403: the tag was read as if the client had asked to pull it.
#[tokio::test]
async fn a_robot_that_may_only_push_can_make_its_push_conditional() {
    let registry = Registry::start().await;
    let robot = json!({
        "name": "push", "duration": 1,
        "permissions": [{
            "kind": "project", "namespace": "shop",
            "access": [{ "resource": "repository", "action": "push" }],
        }],
    });
    let path = "/api/v2.0/projects/shop/robots";
    let answer = registry.request("POST", path).json(&robot).send().await.unwrap();
    assert_eq!(answer.status(), 201);
    let robot: Value = answer.json().await.unwrap();
    let put = async |manifest: &Value| {
        registry
            .anonymous("PUT", "/v2/shop/a/manifests/v1")
            .basic_auth(robot["name"].as_str().unwrap(), robot["secret"].as_str())
            .header("content-type", media_type::OCI_MANIFEST)
            .header("if-none-match", "*")
            .body(serde_json::to_vec(manifest).unwrap())
            .send()
            .await
            .unwrap()
    };
    let (first, second) = (registry.image("shop/a", b"1").await, registry.image("shop/a", b"2").await);
    assert_eq!(put(&first).await.status(), 201);
    let refused = put(&second).await;
    assert_eq!(refused.status(), 412);
    let text = refused.text().await.unwrap();
    assert!(text.contains(&format!("v1 points to {}", digest_of(&first))), "{text}");
}

#[tokio::test]
async fn of_many_conditional_pushes_at_once_one_wins() {
    let registry = Registry::start().await;
    let mut bodies = vec![];
    for n in 0..8_u8 {
        bodies.push(serde_json::to_vec(&registry.image("shop/a", &[n]).await).unwrap());
    }
    let requests = bodies.into_iter().map(|body| {
        registry
            .request("PUT", "/v2/shop/a/manifests/race")
            .header("content-type", media_type::OCI_MANIFEST)
            .header("if-none-match", "*")
            .body(body)
            .send()
    });
    let statuses: Vec<_> = futures_util::future::join_all(requests)
        .await
        .into_iter()
        .map(|response| response.unwrap().status().as_u16())
        .collect();
    assert_eq!(statuses.iter().filter(|&&status| status == 201).count(), 1, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|&&status| status == 412).count(), 7, "{statuses:?}");
}
