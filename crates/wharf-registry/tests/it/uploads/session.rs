//! To whom an upload session belongs, and how it ends.

use wharf_access::{Caller, Role};
use wharf_storage::catalog::Management as _;

use crate::support::{Registry, code, header};

/// CVE-2026-32589: another user's upload could be read, written and cancelled.
#[tokio::test]
async fn a_session_is_unknown_to_everyone_else() {
    let registry = Registry::start().await;
    registry.create_user("developer").await;
    registry.catalog.add_member(&Caller::system(), "shop", "developer", Role::Developer).await.unwrap();
    let location = registry.begin_upload("shop/a").await;
    let elsewhere = location.replace("shop/a", "shop/b");
    for method in ["GET", "PATCH", "PUT", "DELETE"] {
        let path = if method == "PUT" {
            format!("{location}?digest={}", wharf_oci::Algorithm::Sha256.digest(b"x"))
        } else {
            location.clone()
        };
        let foreign = registry.request_by("developer", method, &path).body("x").send().await.unwrap();
        assert_eq!(foreign.status(), 404, "{method}");
        assert_eq!(code(foreign).await, "BLOB_UPLOAD_UNKNOWN");
        let path = path.replace(&location, &elsewhere);
        let foreign = registry.request("GET", &path).send().await.unwrap();
        assert_eq!(foreign.status(), 404, "{method}");
    }
    let response = registry.get(&location).await;
    assert_eq!((response.status().as_u16(), header(&response, "range").as_str()), (204, "0-0"));
}

#[tokio::test]
async fn whoever_loses_the_right_to_push_loses_the_session() {
    let registry = Registry::start().await;
    registry.create_user("developer").await;
    let system = Caller::system();
    let member = registry.catalog.add_member(&system, "shop", "developer", Role::Developer).await.unwrap();
    let begin = registry.request_by("developer", "POST", "/v2/shop/a/blobs/uploads/").send().await.unwrap();
    let location = header(&begin, "location");
    let get = async || registry.request_by("developer", "GET", &location).send().await.unwrap().status();
    assert_eq!(get().await, 204);
    registry.catalog.update_member(&system, "shop", member.id, Role::Guest).await.unwrap();
    assert_eq!(get().await, 403);
    registry.catalog.delete_member(&system, "shop", member.id).await.unwrap();
    assert_eq!(get().await, 404);
}

#[tokio::test]
async fn whoever_may_push_may_cancel() {
    let registry = Registry::start().await;
    registry.create_user("developer").await;
    registry.catalog.add_member(&Caller::system(), "shop", "developer", Role::Developer).await.unwrap();
    let begin = registry.request_by("developer", "POST", "/v2/shop/a/blobs/uploads/").send().await.unwrap();
    let location = header(&begin, "location");
    let send = async |method: &str| registry.request_by("developer", method, &location).send().await.unwrap();
    assert_eq!(send("DELETE").await.status(), 204);
    for method in ["GET", "PATCH", "DELETE"] {
        let response = send(method).await;
        assert_eq!(response.status(), 404, "{method}");
        assert_eq!(code(response).await, "BLOB_UPLOAD_UNKNOWN");
    }
}

#[tokio::test]
async fn an_invented_session_is_unknown() {
    let registry = Registry::start().await;
    for id in ["x", "00000000-0000-0000-0000-000000000000", "..%2f..%2fetc", &"a".repeat(500)] {
        let response = registry.get(&format!("/v2/shop/a/blobs/uploads/{id}")).await;
        assert!([400, 404].contains(&response.status().as_u16()), "{id}: {}", response.status());
    }
}

#[tokio::test]
async fn two_writers_at_once_never_mix_their_bytes() {
    let registry = Registry::start().await;
    let location = registry.begin_upload("shop/a").await;
    let chunk = |byte: u8| {
        registry
            .request("PATCH", &location)
            .header("content-range", "0-99999")
            .body(vec![byte; 100_000])
            .send()
    };
    let (one, two) = tokio::join!(chunk(1), chunk(2));
    let mut statuses = [one.unwrap().status().as_u16(), two.unwrap().status().as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [202, 416]);
    assert_eq!(header(&registry.get(&location).await, "range"), "0-99999");
}

/// Clients that post JSON, or nothing at all, where the body is to be empty.
#[tokio::test]
async fn the_body_of_a_beginning_is_ignored() {
    let registry = Registry::start().await;
    let request =
        registry.request("POST", "/v2/shop/a/blobs/uploads/").header("content-type", "application/json");
    assert_eq!(request.send().await.unwrap().status(), 202);
    assert_eq!(registry.post("/v2/shop/a/blobs/uploads").await.status(), 202);
}
