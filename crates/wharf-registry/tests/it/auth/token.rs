//! Docker's token protocol, as clients speak it.

use reqwest::Response;
use serde_json::{Value, json};
use wharf_access::{Caller, Role};
use wharf_oci::distribution::Challenge;
use wharf_storage::catalog::{Accounts as _, Management as _};

use super::robots;
use crate::support::{PASSWORD, Registry, code, header};

async fn token(registry: &Registry, user: Option<&str>, scopes: &[&str]) -> String {
    let answer = ask(registry, user, PASSWORD, scopes).await;
    assert_eq!(answer.status(), 200);
    let body: Value = answer.json().await.unwrap();
    assert_eq!(body["token"], body["access_token"]);
    assert!(body["expires_in"].as_i64().unwrap() >= 60);
    body["token"].as_str().unwrap().to_owned()
}

async fn ask(registry: &Registry, user: Option<&str>, password: &str, scopes: &[&str]) -> Response {
    let query: Vec<String> = scopes.iter().map(|scope| format!("scope={scope}")).collect();
    let request = registry.anonymous("GET", &format!("/service/token?service=wharf&{}", query.join("&")));
    let request = match user {
        Some(user) => request.basic_auth(user, Some(password)),
        None => request,
    };
    request.send().await.unwrap()
}

async fn with(registry: &Registry, token: &str, method: &str, path: &str) -> Response {
    registry.anonymous(method, path).bearer_auth(token).send().await.unwrap()
}

async fn member(registry: &Registry, name: &str, role: Role) {
    registry.create_user(name).await;
    registry.catalog.add_member(&Caller::system(), "shop", name, role).await.unwrap();
}

/// Returns what the challenges of an answer ask for.
fn challenged(answer: &Response) -> Challenge {
    let values: Vec<_> = answer.headers().get_all("www-authenticate").iter().collect();
    assert_eq!(values.len(), 1, "{answer:?}");
    let mut challenges = Challenge::parse_all(values[0].to_str().unwrap());
    assert_eq!(challenges.len(), 1);
    challenges.remove(0)
}

/// Docker's classic client gives up on anonymous access and on refresh tokens when Basic is offered beside Bearer.
#[tokio::test]
async fn the_distribution_api_asks_for_a_token_and_nothing_else() {
    let registry = Registry::start().await;
    let answer = registry.anonymous("GET", "/v2/").send().await.unwrap();
    assert_eq!(answer.status(), 401);
    let realm = registry.url("/service/token");
    let service = Some("wharf".to_owned());
    assert_eq!(challenged(&answer), Challenge::Bearer { realm, service: service.clone(), scope: None });

    let answer = registry
        .anonymous("POST", "/v2/shop/web/blobs/uploads/")
        .header("host", "registry.example.com:8443")
        .send()
        .await
        .unwrap();
    let realm = "http://registry.example.com:8443/service/token".to_owned();
    let scope = Some("repository:shop/web:pull,push".to_owned());
    assert_eq!(challenged(&answer), Challenge::Bearer { realm, service, scope });
    // Basic is accepted there all the same, from those who send it unasked.
    assert_eq!(registry.get("/v2/").await.status(), 200);
}

#[tokio::test]
async fn the_realm_is_the_configured_address_behind_a_proxy() {
    let registry =
        Registry::start_with(|config| config.external_url = Some("https://hub.example.com".to_owned())).await;
    let answer = registry.anonymous("GET", "/v2/").header("host", "attacker.example").send().await.unwrap();
    let Challenge::Bearer { realm, .. } = challenged(&answer) else { panic!("{answer:?}") };
    assert_eq!(realm, "https://hub.example.com/service/token");
}

#[tokio::test]
async fn a_token_opens_what_was_asked_for_and_nothing_else() {
    let registry = Registry::start().await;
    registry.push_image("shop/web", "v1", b"layer").await;
    registry.push_image("shop/other", "v1", b"layer").await;
    let pull = token(&registry, Some("admin"), &["repository:shop/web:pull"]).await;
    assert_eq!(with(&registry, &pull, "GET", "/v2/").await.status(), 200);
    assert_eq!(with(&registry, &pull, "GET", "/v2/shop/web/manifests/v1").await.status(), 200);
    // Too narrow: the challenge says what is missing, so that the client fetches a wider token.
    for (method, path, scope) in [
        ("GET", "/v2/shop/other/manifests/v1", "repository:shop/other:pull"),
        ("POST", "/v2/shop/web/blobs/uploads/", "repository:shop/web:pull,push"),
        ("DELETE", "/v2/shop/web/manifests/v1", "repository:shop/web:delete"),
    ] {
        let answer = with(&registry, &pull, method, path).await;
        assert_eq!(answer.status(), 401, "{method} {path}");
        let Challenge::Bearer { scope: asked, .. } = challenged(&answer) else { panic!("{answer:?}") };
        assert_eq!(asked.as_deref(), Some(scope));
    }
    let more = token(&registry, Some("admin"), &["repository:shop/web:pull,push,delete"]).await;
    assert_eq!(with(&registry, &more, "POST", "/v2/shop/web/blobs/uploads/").await.status(), 202);
    assert_eq!(with(&registry, &more, "DELETE", "/v2/shop/web/manifests/v1").await.status(), 202);
}

#[tokio::test]
async fn asking_for_too_much_is_no_error_and_gives_less() {
    let registry = Registry::start().await;
    registry.push_image("shop/web", "v1", b"layer").await;
    member(&registry, "gus", Role::Guest).await;
    let form = [
        ("grant_type", "password"),
        ("service", "wharf"),
        ("client_id", "test"),
        ("username", "gus"),
        ("password", PASSWORD),
        (
            "scope",
            "repository:shop/web:pull,push,delete repository:elsewhere/x:pull unknown:x:y registry:catalog:*",
        ),
    ];
    let answer = registry.anonymous("POST", "/service/token").form(&form).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(header(&answer, "cache-control"), "no-store");
    let body: Value = answer.json().await.unwrap();
    assert_eq!(body["scope"], "repository:shop/web:pull registry:catalog:*");
    let token = body["access_token"].as_str().unwrap();
    assert_eq!(with(&registry, token, "GET", "/v2/shop/web/manifests/v1").await.status(), 200);
    // No wider token would help: this is a refusal, which clients show, and no challenge, on which they would try again.
    let refused = with(&registry, token, "POST", "/v2/shop/web/blobs/uploads/").await;
    assert_eq!(refused.status(), 403);
    assert_eq!(code(refused).await, "DENIED");
}

#[tokio::test]
async fn anonymous_tokens_pull_what_is_public() {
    let registry = Registry::start().await;
    registry.push_image("open/web", "v1", b"layer").await;
    registry.push_image("shop/web", "v1", b"layer").await;
    let token = token(&registry, None, &["repository:open/web:pull,push", "repository:shop/web:pull"]).await;
    assert_eq!(with(&registry, &token, "GET", "/v2/open/web/manifests/v1").await.status(), 200);
    assert_eq!(with(&registry, &token, "GET", "/v2/shop/web/manifests/v1").await.status(), 401);
    assert_eq!(with(&registry, &token, "POST", "/v2/open/web/blobs/uploads/").await.status(), 401);
}

#[tokio::test]
async fn rights_taken_away_end_with_them_though_the_token_lives_on() {
    let registry = Registry::start().await;
    registry.push_image("shop/web", "v1", b"layer").await;
    member(&registry, "dev", Role::Developer).await;
    let token = token(&registry, Some("dev"), &["repository:shop/web:pull,push"]).await;
    assert_eq!(with(&registry, &token, "POST", "/v2/shop/web/blobs/uploads/").await.status(), 202);
    let members = registry.catalog.members(&Caller::system(), "shop", None, &page()).await.unwrap();
    let id = members.entries.iter().find(|member| member.user_name == "dev").unwrap().id;
    registry.catalog.update_member(&Caller::system(), "shop", id, Role::Guest).await.unwrap();
    assert_eq!(with(&registry, &token, "POST", "/v2/shop/web/blobs/uploads/").await.status(), 403);
    assert_eq!(with(&registry, &token, "GET", "/v2/shop/web/manifests/v1").await.status(), 200);
    registry.catalog.delete_member(&Caller::system(), "shop", id).await.unwrap();
    assert_eq!(with(&registry, &token, "GET", "/v2/shop/web/manifests/v1").await.status(), 404);
}

fn page() -> wharf_storage::catalog::Slice {
    wharf_storage::catalog::Slice { limit: 100, ..wharf_storage::catalog::Slice::default() }
}

#[tokio::test]
async fn tokens_end_with_the_password_the_account_and_the_robots_secret() {
    let registry = Registry::start().await;
    member(&registry, "dev", Role::Developer).await;
    let scope = ["repository:shop/charts/web:pull,push"];
    let bought = token(&registry, Some("dev"), &scope).await;
    assert_eq!(with(&registry, &bought, "GET", "/v2/").await.status(), 200);
    let id = registry.catalog.user_credential("dev").await.unwrap().unwrap().user.id;
    let path = format!("/api/v2.0/users/{id}/password");
    let change = json!({ "new_password": "by the administrator" });
    assert_eq!(registry.request("PUT", &path).json(&change).send().await.unwrap().status(), 200);
    assert_eq!(with(&registry, &bought, "GET", "/v2/").await.status(), 401);

    let (robot, name, secret) = robots::create(&registry, "ci").await;
    let answer = ask(&registry, Some(&name), &secret, &scope).await;
    let body: Value = answer.json().await.unwrap();
    let bought = body["token"].as_str().unwrap();
    assert_eq!(with(&registry, bought, "POST", "/v2/shop/charts/web/blobs/uploads/").await.status(), 202);
    let path = format!("/api/v2.0/projects/shop/robots/{robot}");
    assert_eq!(registry.request("PATCH", &path).json(&json!({})).send().await.unwrap().status(), 200);
    assert_eq!(with(&registry, bought, "POST", "/v2/shop/charts/web/blobs/uploads/").await.status(), 401);
}

#[tokio::test]
async fn a_refresh_token_buys_tokens_until_the_password_changes() {
    let registry = Registry::start().await;
    member(&registry, "dev", Role::Developer).await;
    let answer =
        registry.anonymous("GET", "/service/token?service=wharf&offline_token=true&client_id=docker");
    let answer: Value = answer.basic_auth("dev", Some(PASSWORD)).send().await.unwrap().json().await.unwrap();
    let refresh = answer["refresh_token"].as_str().unwrap();
    let form = [
        ("grant_type", "refresh_token"),
        ("service", "wharf"),
        ("client_id", "docker"),
        ("refresh_token", refresh),
        ("scope", "repository:shop/web:pull,push"),
    ];
    let buy = async || registry.anonymous("POST", "/service/token").form(&form).send().await.unwrap();
    let bought = buy().await;
    assert_eq!(bought.status(), 200);
    let bought: Value = bought.json().await.unwrap();
    let token = bought["access_token"].as_str().unwrap();
    assert_eq!(with(&registry, token, "POST", "/v2/shop/web/blobs/uploads/").await.status(), 202);
    // It opens nothing itself, and no other token can stand in for it.
    assert_eq!(with(&registry, refresh, "GET", "/v2/").await.status(), 401);
    let swapped = [("grant_type", "refresh_token"), ("refresh_token", token)];
    let swapped = registry.anonymous("POST", "/service/token").form(&swapped).send().await.unwrap();
    assert_eq!(swapped.status(), 401);

    let id = registry.catalog.user_credential("dev").await.unwrap().unwrap().user.id;
    let path = format!("/api/v2.0/users/{id}/password");
    let change = json!({ "new_password": "by the administrator" });
    assert_eq!(registry.request("PUT", &path).json(&change).send().await.unwrap().status(), 200);
    assert_eq!(buy().await.status(), 401);
}

#[tokio::test]
async fn an_anonymous_client_gets_no_refresh_token() {
    let registry = Registry::start().await;
    let answer = registry.anonymous("GET", "/service/token?offline_token=true").send().await.unwrap();
    let body: Value = answer.json().await.unwrap();
    assert!(body.get("refresh_token").is_none() && body["token"].is_string());
}

#[tokio::test]
async fn wrong_credentials_buy_nothing() {
    let registry = Registry::start().await;
    for (user, password) in [("admin", "wrong"), ("nobody", PASSWORD), ("robot$x", "x")] {
        let answer = ask(&registry, Some(user), password, &["repository:open/web:pull"]).await;
        assert_eq!(answer.status(), 401, "{user}");
        assert!(matches!(challenged(&answer), Challenge::Basic { .. }));
    }
    for form in [
        &[("grant_type", "password"), ("username", "admin")][..],
        &[("grant_type", "client_credentials")],
        &[("grant_type", "refresh_token")],
        &[],
    ] {
        let answer = registry.anonymous("POST", "/service/token").form(form).send().await.unwrap();
        assert_eq!(answer.status(), 400, "{form:?}");
    }
}

/// Mounting from another repository needs pull on it in the same token, or the source could be read past its token.
#[tokio::test]
async fn a_mount_needs_pull_on_its_source_in_the_same_token() {
    let registry = Registry::start().await;
    let blob = registry.push_blob("shop/from", b"content").await;
    let narrow = token(&registry, Some("admin"), &["repository:shop/to:pull,push"]).await;
    let path = format!("/v2/shop/to/blobs/uploads/?mount={blob}&from=shop/from");
    let refused = with(&registry, &narrow, "POST", &path).await;
    assert_eq!(refused.status(), 401);
    let Challenge::Bearer { scope, .. } = challenged(&refused) else { panic!("{refused:?}") };
    let scope = scope.unwrap();
    assert!(scope.contains("shop/to:pull,push") && scope.contains("shop/from:pull"), "{scope}");
    let wide =
        token(&registry, Some("admin"), &["repository:shop/to:pull,push", "repository:shop/from:pull"]).await;
    assert_eq!(with(&registry, &wide, "POST", &path).await.status(), 201);
}

#[tokio::test]
async fn a_token_does_not_reach_the_management_api() {
    let registry = Registry::start().await;
    let token = token(&registry, Some("admin"), &["repository:shop/web:*", "registry:catalog:*"]).await;
    for (method, path) in [
        ("GET", "/api/v2.0/users"),
        ("GET", "/api/v2.0/users/current"),
        ("POST", "/api/v2.0/projects"),
        ("GET", "/api/v2.0/projects/shop/members"),
        ("GET", "/api/v2.0/audit-logs"),
    ] {
        assert_eq!(with(&registry, &token, method, path).await.status(), 403, "{method} {path}");
    }
}

/// CVE-2025-24976, over the wire: a token signed with a key that it brings along itself.
#[tokio::test]
async fn cve_2025_24976_a_forged_token_is_nobodys() {
    let registry = Registry::start().await;
    registry.push_image("open/web", "v1", b"layer").await;
    let real = token(&registry, Some("admin"), &["repository:open/web:pull"]).await;
    let body = real.split('.').nth(1).unwrap();
    let encode = |text: &str| data_encoding::BASE64URL_NOPAD.encode(text.as_bytes());
    for header in [r#"{"alg":"none"}"#, r#"{"alg":"HS256","jwk":{"kty":"oct","k":"AAAA"}}"#] {
        for signature in ["", "AAAA"] {
            let forged = format!("{}.{body}.{signature}", encode(header));
            // Refused even where nobody needs a token: a credential is right or wrong.
            let answer = with(&registry, &forged, "GET", "/v2/open/web/manifests/v1").await;
            assert_eq!(answer.status(), 401, "{header}");
        }
    }
}

/// Refresh tokens bought access for months without a word in the log, and so did tokens of accounts that were disabled.
#[tokio::test]
async fn refresh_grants_and_refused_tokens_stand_in_the_audit_log() {
    let registry = Registry::start().await;
    registry.create_user("ann").await;
    let path = "/service/token?service=wharf&offline_token=true";
    let answer: Value = registry.request_by("ann", "GET", path).send().await.unwrap().json().await.unwrap();
    let refresh = answer["refresh_token"].as_str().unwrap();
    // A server that remembers no login.
    let registry = registry.restart().await;
    let form = [("grant_type", "refresh_token"), ("refresh_token", refresh)];
    let grant = async || registry.anonymous("POST", "/service/token").form(&form).send().await.unwrap();
    assert_eq!(grant().await.status(), 200);
    let id = registry.catalog.user_credential("ann").await.unwrap().unwrap().user.id;
    let update = wharf_storage::catalog::UserUpdate { disabled: Some(true), ..Default::default() };
    registry.catalog.update_user(&Caller::system(), id, update).await.unwrap();
    assert_eq!(grant().await.status(), 401);
    let token = answer["token"].as_str().unwrap();
    assert_eq!(with(&registry, token, "GET", "/v2/").await.status(), 401);
    let entries = super::basic::log(&registry, "operation=login_user,username=ann").await;
    let count = |outcome: &str| -> u64 {
        let of = entries.iter().filter(|entry| entry["outcome"] == outcome);
        of.map(|entry| entry["count"].as_u64().unwrap()).sum()
    };
    assert_eq!(count("success"), 2, "{entries:?}");
    assert_eq!(count("denied: the token's account or secret has changed"), 2, "{entries:?}");
}
