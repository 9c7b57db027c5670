//! `GET /v2/<name>/tags/list`.

use serde_json::{Value, json};

use crate::support::{Registry, code, header};

async fn with_tags(tags: &[&str]) -> Registry {
    let registry = Registry::start_with(|config| config.page_size = 3).await;
    for tag in tags {
        registry.push_image("shop/a", tag, b"layer").await;
    }
    registry
}

async fn list(registry: &Registry, path: &str) -> (Value, Option<String>) {
    let response = registry.get(path).await;
    assert_eq!(response.status(), 200);
    assert_eq!(header(&response, "content-type"), "application/json");
    let link = response.headers().get("link").map(|link| link.to_str().unwrap().to_owned());
    (response.json().await.unwrap(), link)
}

#[tokio::test]
async fn tags_come_in_order_with_a_relative_link_to_the_rest() {
    let registry = with_tags(&["b", "a", "C", "d", "e"]).await;
    let (body, link) = list(&registry, "/v2/shop/a/tags/list?n=2").await;
    assert_eq!(body, json!({ "name": "shop/a", "tags": ["C", "a"] }));
    assert_eq!(link.as_deref(), Some("</v2/shop/a/tags/list?n=2&last=a>; rel=\"next\""));
    let mut seen = vec![];
    let mut next = Some("/v2/shop/a/tags/list?n=2".to_owned());
    while let Some(path) = next {
        let (body, link) = list(&registry, &path).await;
        seen.extend(body["tags"].as_array().unwrap().iter().map(|tag| tag.as_str().unwrap().to_owned()));
        next = link.map(|link| wharf_oci::distribution::next_link(&link).unwrap().to_owned());
    }
    assert_eq!(seen, ["C", "a", "b", "d", "e"]);
}

#[tokio::test]
async fn last_is_exclusive_and_need_not_exist() {
    let registry = with_tags(&["a", "b", "c"]).await;
    for (last, rest) in
        [("a", json!(["b", "c"])), ("aa", json!(["b", "c"])), ("c", json!([])), ("", json!(["a", "b", "c"]))]
    {
        let (body, link) = list(&registry, &format!("/v2/shop/a/tags/list?last={last}")).await;
        assert_eq!((&body["tags"], link), (&rest, None), "after {last:?}");
    }
}

#[tokio::test]
async fn a_page_of_none_is_an_empty_list_without_a_link() {
    let registry = with_tags(&["a"]).await;
    let (body, link) = list(&registry, "/v2/shop/a/tags/list?n=0").await;
    assert_eq!((body, link), (json!({ "name": "shop/a", "tags": [] }), None));
}

/// CVE-2023-2253: a page size from outside decided an allocation.
#[tokio::test]
async fn a_huge_page_size_is_clamped_and_nonsense_refused() {
    let registry = with_tags(&["a", "b", "c", "d"]).await;
    for n in ["1000000000", "99999999999999999999999999"] {
        let (body, link) = list(&registry, &format!("/v2/shop/a/tags/list?n={n}")).await;
        assert_eq!(body["tags"], json!(["a", "b", "c"]));
        assert_eq!(link.as_deref(), Some("</v2/shop/a/tags/list?n=3&last=c>; rel=\"next\""));
    }
    for n in ["-1", "x", "1.5"] {
        let response = registry.get(&format!("/v2/shop/a/tags/list?n={n}")).await;
        assert_eq!(response.status(), 400);
        assert_eq!(code(response).await, "PAGINATION_NUMBER_INVALID");
    }
}

#[tokio::test]
async fn a_repository_without_tags_has_an_empty_list_and_an_absent_one_none() {
    let registry = Registry::start().await;
    registry.push_blob("shop/a", b"content").await;
    let (body, _) = list(&registry, "/v2/shop/a/tags/list").await;
    assert_eq!(body, json!({ "name": "shop/a", "tags": [] }));
    for name in ["shop/absent", "absent/a"] {
        let response = registry.get(&format!("/v2/{name}/tags/list")).await;
        assert_eq!(response.status(), 404);
        assert_eq!(code(response).await, "NAME_UNKNOWN");
    }
}
