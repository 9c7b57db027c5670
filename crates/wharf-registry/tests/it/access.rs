//! What those without the right to it are told: nothing.

use wharf_access::{Caller, Role};
use wharf_oci::Algorithm;
use wharf_storage::catalog::Management as _;

use crate::support::{Registry, code};

fn requests(repository: &str) -> Vec<(&'static str, String)> {
    let digest = Algorithm::Sha256.digest(b"content");
    let base = format!("/v2/{repository}");
    vec![
        ("GET", format!("{base}/tags/list")),
        ("GET", format!("{base}/manifests/v1")),
        ("HEAD", format!("{base}/manifests/v1")),
        ("GET", format!("{base}/blobs/{digest}")),
        ("HEAD", format!("{base}/blobs/{digest}")),
        ("GET", format!("{base}/referrers/{digest}")),
        ("PUT", format!("{base}/manifests/v1")),
        ("DELETE", format!("{base}/manifests/v1")),
        ("DELETE", format!("{base}/manifests/{digest}")),
        ("DELETE", format!("{base}/blobs/{digest}")),
        ("POST", format!("{base}/blobs/uploads/")),
        ("POST", format!("{base}/blobs/uploads/?digest={digest}")),
        ("POST", format!("{base}/blobs/uploads/?mount={digest}&from=open/a")),
        ("PATCH", format!("{base}/blobs/uploads/x")),
        ("PUT", format!("{base}/blobs/uploads/x?digest={digest}")),
        ("GET", format!("{base}/blobs/uploads/x")),
        ("DELETE", format!("{base}/blobs/uploads/x")),
    ]
}

/// CVE-2020-13794 and its like: answers told which projects exist.
#[tokio::test]
async fn a_private_project_answers_exactly_as_an_absent_one() {
    let registry = Registry::start().await;
    registry.push_image("shop/a", "v1", b"layer").await;
    registry.create_user("stranger").await;
    for ((method, present), (_, absent)) in requests("shop/a").into_iter().zip(requests("nothing/a")) {
        let mut answers = vec![];
        for path in [&present, &absent] {
            let response = registry.anonymous(method, path).body("{}").send().await.unwrap();
            assert_eq!(response.status(), 401, "{method} {path}");
            assert!(response.headers().contains_key("www-authenticate"), "{method} {path}");
            let response = registry.request_by("stranger", method, path).body("{}").send().await.unwrap();
            assert_eq!(response.status(), 404, "{method} {path}");
            answers.push(response.text().await.unwrap());
        }
        assert_eq!(answers[0], answers[1], "{method}");
    }
}

#[tokio::test]
async fn a_public_project_is_read_by_everyone_and_written_by_its_members() {
    let registry = Registry::start().await;
    registry.push_image("open/a", "v1", b"layer").await;
    registry.push_blob("open/a", b"content").await;
    for (method, path) in requests("open/a") {
        let reading = matches!(method, "GET" | "HEAD") && !path.contains("uploads");
        let response = registry.anonymous(method, &path).body("{}").send().await.unwrap();
        assert_eq!(response.status(), if reading { 200 } else { 401 }, "{method} {path}");
    }
    registry.create_user("guest").await;
    registry.catalog.add_member(&Caller::system(), "open", "guest", Role::Guest).await.unwrap();
    for (method, path) in requests("open/a") {
        let reading = matches!(method, "GET" | "HEAD") && !path.contains("uploads");
        let response = registry.request_by("guest", method, &path).body("{}").send().await.unwrap();
        assert_eq!(response.status(), if reading { 200 } else { 403 }, "{method} {path}");
        if !reading {
            assert_eq!(code(response).await, "DENIED");
        }
    }
}

/// CVE-2026-31801: whoever could only create could also replace a tag. CVE-2026-41888: tags could be deleted where deleting was forbidden.
#[tokio::test]
async fn a_developer_pushes_and_deletes_nothing() {
    let registry = Registry::start().await;
    registry.create_user("developer").await;
    registry.catalog.add_member(&Caller::system(), "shop", "developer", Role::Developer).await.unwrap();
    let digest = registry.push_image("shop/a", "v1", b"layer").await;
    let blob = registry.push_blob("shop/a", b"content").await;
    for path in [
        "/v2/shop/a/manifests/v1".to_owned(),
        format!("/v2/shop/a/manifests/{digest}"),
        format!("/v2/shop/a/blobs/{blob}"),
    ] {
        let response = registry.request_by("developer", "DELETE", &path).send().await.unwrap();
        assert_eq!(response.status(), 403, "{path}");
        assert_eq!(registry.head(&path).await.status(), 200);
    }
    let path = format!("/v2/shop/a/blobs/uploads/?digest={blob}");
    let response = registry.request_by("developer", "POST", &path).body("content").send().await.unwrap();
    assert_eq!(response.status(), 201);
}

#[tokio::test]
async fn wrong_credentials_are_refused_even_where_none_are_needed() {
    let registry = Registry::start().await;
    registry.push_image("open/a", "v1", b"layer").await;
    for (user, password) in [("admin", "wrong"), ("nobody", "wrong"), ("robot$nobody", "x")] {
        let request = registry.anonymous("GET", "/v2/open/a/manifests/v1").basic_auth(user, Some(password));
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 401, "{user}");
        assert_eq!(code(response).await, "UNAUTHORIZED");
    }
    for header in ["Basic", "Basic %%%", "Nonsense abc", "Basic bm9jb2xvbg=="] {
        let request = registry.anonymous("GET", "/v2/open/a/manifests/v1").header("authorization", header);
        assert_eq!(request.send().await.unwrap().status(), 401, "{header}");
    }
}

#[tokio::test]
async fn pushing_to_a_project_that_does_not_exist_says_so_to_an_administrator() {
    let registry = Registry::start().await;
    let response = registry.request("POST", "/v2/absent/a/blobs/uploads/").send().await.unwrap();
    assert_eq!(response.status(), 404);
    assert_eq!(code(response).await, "NAME_UNKNOWN");
}
