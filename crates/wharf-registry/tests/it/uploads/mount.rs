//! Mounting blobs of other repositories.

use wharf_oci::Algorithm;

use crate::support::{Registry, header, noise};

#[tokio::test]
async fn a_blob_is_mounted_from_where_it_is_or_from_anywhere() {
    let registry = Registry::start().await;
    let content = noise(100_000);
    let digest = registry.push_blob("shop/a", &content).await;
    for (to, from) in [("open/named", "&from=shop/a"), ("open/encoded", "&from=shop%2Fa"), ("open/any", "")] {
        let response = registry.post(&format!("/v2/{to}/blobs/uploads/?mount={digest}{from}")).await;
        assert_eq!(response.status(), 201, "{from}");
        assert_eq!(header(&response, "docker-content-digest"), digest.as_str());
        let location = header(&response, "location");
        assert_eq!(location, format!("/v2/{to}/blobs/{digest}"));
        assert_eq!(registry.get(&location).await.bytes().await.unwrap(), content);
    }
}

#[tokio::test]
async fn what_cannot_be_mounted_becomes_an_upload() {
    let registry = Registry::start().await;
    let present = registry.push_blob("shop/a", b"present").await;
    let absent = Algorithm::Sha256.digest(b"absent");
    for query in [
        format!("mount={absent}&from=shop/a"),
        format!("mount={absent}"),
        format!("mount={present}&from=shop/never"),
        format!("mount={present}&from=NO NAME"),
    ] {
        let response = registry.post(&format!("/v2/shop/b/blobs/uploads/?{query}")).await;
        assert_eq!(response.status(), 202, "{query}");
        let location = header(&response, "location");
        assert_eq!(registry.delete(&location).await.status(), 204);
    }
}

/// CVE-2024-39897: mounting made any blob readable that someone else had pushed.
#[tokio::test]
async fn a_blob_that_may_not_be_read_cannot_be_mounted() {
    let registry = Registry::start().await;
    let digest = registry.push_blob("shop/secret", b"secret").await;
    registry.create_user("stranger").await;
    let caller = wharf_access::Caller::system();
    use wharf_storage::catalog::{Management as _, NewProject};
    let own = NewProject { name: "own".to_owned(), ..NewProject::default() };
    registry.catalog.create_project(&caller, own, true).await.unwrap();
    registry.catalog.add_member(&caller, "own", "stranger", wharf_access::Role::Developer).await.unwrap();
    for from in ["&from=shop/secret", ""] {
        let path = format!("/v2/own/a/blobs/uploads/?mount={digest}{from}");
        let response = registry.request_by("stranger", "POST", &path).send().await.unwrap();
        assert_eq!(response.status(), 202);
        let path = format!("/v2/own/a/blobs/{digest}");
        assert_eq!(registry.request_by("stranger", "GET", &path).send().await.unwrap().status(), 404);
    }
}

#[tokio::test]
async fn a_public_source_needs_no_word_in_the_token() {
    let registry = Registry::start().await;
    let digest = registry.push_blob("open/a", b"content").await;
    let answer = registry.get("/service/token?service=wharf&scope=repository:shop/b:pull,push").await;
    let answer: serde_json::Value = answer.json().await.unwrap();
    let token = answer["token"].as_str().unwrap();
    let blob = registry.anonymous("GET", &format!("/v2/open/a/blobs/{digest}")).bearer_auth(token);
    assert_eq!(blob.send().await.unwrap().status(), 200);
    for from in ["&from=open/a", ""] {
        let path = format!("/v2/shop/b/blobs/uploads/?mount={digest}{from}");
        let response = registry.anonymous("POST", &path).bearer_auth(token).send().await.unwrap();
        assert_eq!(response.status(), 201);
        registry.delete(&format!("/v2/shop/b/blobs/{digest}")).await;
    }
}

#[tokio::test]
async fn a_token_that_lacks_the_source_is_answered_with_what_it_needs() {
    let registry = Registry::start().await;
    const SCOPE: &str = "scope=\"repository:shop/b:pull,push repository:shop/a:pull\"";
    let digest = registry.push_blob("shop/a", b"content").await;
    let token = async |scope: &str| {
        let answer = registry.get(&format!("/service/token?service=wharf&scope={scope}")).await;
        let answer: serde_json::Value = answer.json().await.unwrap();
        answer["token"].as_str().unwrap().to_owned()
    };
    for from in ["&from=shop/a", ""] {
        let path = format!("/v2/shop/b/blobs/uploads/?mount={digest}{from}");
        if !from.is_empty() {
            let response = registry.anonymous("POST", &path).send().await.unwrap();
            assert!(
                header(&response, "www-authenticate").contains(SCOPE),
                "the first challenge names the source"
            );
        }
        let narrow = token("repository:shop/b:pull,push").await;
        let response = registry.anonymous("POST", &path).bearer_auth(narrow).send().await.unwrap();
        assert_eq!(response.status(), 401);
        let challenge = header(&response, "www-authenticate");
        assert!(challenge.contains(SCOPE), "{challenge}");
        let wide = token("repository:shop/b:pull,push%20repository:shop/a:pull").await;
        let response = registry.anonymous("POST", &path).bearer_auth(wide).send().await.unwrap();
        assert_eq!(response.status(), 201);
        registry.delete(&format!("/v2/shop/b/blobs/{digest}")).await;
    }
}
