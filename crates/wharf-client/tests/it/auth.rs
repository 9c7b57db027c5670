use std::sync::atomic::{AtomicUsize, Ordering};

use axum::http::Method;
use axum::response::Response;
use wharf_client::{Credential, Ping, Registry, RegistryOptions, Secret};
use wharf_content::contract::{blob, push_image};
use wharf_content::{ErrorKind, ReadTarget, Target};

use wharf_testkit::{Seen, TestServer, answer, url_query};

const ALICE: &str = "Basic YWxpY2U6c2VjcmV0"; // alice:secret

fn bearer_challenge(server: &TestServer) -> Response {
    let challenge = format!(
        "Bearer realm=\"{}\",service=\"test\",scope=\"repository:shop/web:pull\"",
        server.url("/token")
    );
    answer(401, &[("www-authenticate", &challenge)], "")
}

/// Wants tokens, and gives them to alice with their scopes in their text.
fn with_tokens(seen: &Seen, server: &TestServer) -> Option<Response> {
    if seen.uri.path() == "/token" {
        if seen.method == Method::POST {
            let form = url_query(std::str::from_utf8(&seen.body).unwrap());
            let good = form["grant_type"] == "refresh_token" && form["refresh_token"] == "refresh-me";
            let body = format!(r#"{{"access_token":"token-{}"}}"#, form["scope"].replace(' ', "+"));
            return Some(if good { answer(200, &[], body) } else { answer(401, &[], "") });
        }
        if seen.authorization().is_some_and(|header| header != ALICE) {
            return Some(answer(401, &[], ""));
        }
        let scope: Vec<String> = reqwest::Url::parse(&format!("http://x{}", seen.uri))
            .unwrap()
            .query_pairs()
            .filter(|(name, _)| name == "scope")
            .map(|(_, value)| value.into_owned())
            .collect();
        return Some(answer(
            200,
            &[],
            format!(r#"{{"token":"token-{}","expires_in":300}}"#, scope.join("+")),
        ));
    }
    match seen.authorization() {
        Some(header) if header.starts_with("Bearer token-") => {
            let enough = matches!(seen.method, Method::GET | Method::HEAD) || header.contains("push");
            (!enough).then(|| bearer_challenge(server))
        }
        _ => Some(bearer_challenge(server)),
    }
}

#[tokio::test]
async fn tokens_are_fetched_with_the_scope_that_is_needed_and_used_again() {
    let server = TestServer::start().await;
    server.bend(with_tokens);
    let repository = server.repository_as("alice", "secret");
    push_image(&repository, "image", &["v1"]).await;
    repository.resolve(&"v1".parse().unwrap()).await.unwrap();
    let tokens: Vec<Seen> = server.seen().into_iter().filter(|seen| seen.uri.path() == "/token").collect();
    assert_eq!(tokens.len(), 1, "one token for pushing serves reading too");
    let query = url_query(tokens[0].uri.query().unwrap());
    assert_eq!(
        (query["service"].as_str(), query["scope"].as_str()),
        ("test", "repository:shop/web:pull,push")
    );
    assert_eq!(tokens[0].authorization(), Some(ALICE));
}

#[tokio::test]
async fn parallel_requests_share_one_token() {
    let server = TestServer::start().await;
    server.bend(with_tokens);
    let repository = server.repository_as("alice", "secret");
    let (descriptor, _) = blob("text/plain", "absent");
    let asked = (0..8).map(|_| repository.blob_exists(&descriptor.digest));
    for answer in futures_util::future::join_all(asked).await {
        assert!(!answer.unwrap());
    }
    assert_eq!(server.count("/token"), 1);
}

#[tokio::test]
async fn nobody_gets_an_anonymous_token() {
    let server = TestServer::start().await;
    push_image(&server.repository(), "image", &["v1"]).await;
    server.bend(with_tokens);
    server.repository().resolve(&"v1".parse().unwrap()).await.unwrap();
    let token = server.seen().into_iter().find(|seen| seen.uri.path() == "/token").unwrap();
    assert_eq!(token.authorization(), None);
}

#[tokio::test]
async fn an_identity_token_is_turned_into_access_tokens() {
    let server = TestServer::start().await;
    server.bend(with_tokens);
    let registry = |token: &str| {
        let credential = Credential::IdentityToken(Secret::new(token));
        Registry::new(&server.host(), RegistryOptions { credential, ..server.options() }).unwrap()
    };
    push_image(&registry("refresh-me").repository("shop/web".parse().unwrap()), "image", &["v1"]).await;
    let error = registry("stale").ping().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthorized);
    assert!(error.to_string().contains("refused the stored token"), "{error}");
}

#[tokio::test]
async fn a_token_that_ran_out_is_replaced_and_the_body_sent_again() {
    let server = TestServer::start().await;
    let puts = AtomicUsize::new(0);
    server.bend(move |seen, server| {
        if seen.method == Method::PUT && puts.fetch_add(1, Ordering::Relaxed) == 0 {
            return Some(bearer_challenge(server));
        }
        with_tokens(seen, server)
    });
    let (descriptor, source) = blob("text/plain", "sent twice");
    server.repository_as("alice", "secret").push_blob(&descriptor, &source).await.unwrap();
    assert_eq!(server.blob(&descriptor.digest).unwrap(), "sent twice");
    assert_eq!(server.count("/token"), 2);
}

#[tokio::test]
async fn a_wrong_password_is_named_with_its_user_and_not_shown() {
    let server = TestServer::start().await;
    server.bend(with_tokens);
    let repository = server.repository_as("alice", "wrong-password");
    for error in [
        repository.registry().ping().await.unwrap_err(),
        repository.resolve(&"v1".parse().unwrap()).await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::Unauthorized);
        let text = format!("{error} {error:?}");
        assert!(text.contains("alice") && text.contains("127.0.0.1"), "{text}");
        assert!(!text.contains("wrong-password"), "{text}");
    }
    assert!(!format!("{:?}", repository.registry().credential()).contains("wrong-password"));
}

fn with_basic(seen: &Seen, _: &TestServer) -> Option<Response> {
    let challenge = [("www-authenticate", "Basic realm=\"test\"")];
    (seen.authorization() != Some(ALICE)).then(|| answer(401, &challenge, ""))
}

#[tokio::test]
async fn basic_is_sent_when_it_is_asked_for() {
    let server = TestServer::start().await;
    server.bend(with_basic);
    let repository = server.repository_as("alice", "secret");
    push_image(&repository, "image", &["v1"]).await;
    assert_eq!(repository.registry().ping().await.unwrap(), Ping::Authenticated);
    assert_eq!(server.seen()[0].authorization(), None, "nothing is sent unasked");

    let error = server.repository().resolve(&"v1".parse().unwrap()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthorized);
    let error = server.repository_as("alice", "wrong").registry().ping().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthorized);
}

#[tokio::test]
async fn a_login_is_checked_even_where_anybody_may_read() {
    let server = TestServer::start().await;
    server.bend(|seen, _| match seen.authorization() {
        None | Some(ALICE) => None,
        Some(_) => Some(answer(401, &[], "")),
    });
    assert_eq!(server.repository_as("alice", "secret").registry().ping().await.unwrap(), Ping::Open);
    let error = server.repository_as("alice", "wrong").registry().ping().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthorized, "{error}");
}

#[tokio::test]
async fn a_web_server_that_is_no_registry_is_told_from_one() {
    let server = TestServer::start().await;
    server.bend(|_, _| Some(answer(404, &[], "<html>")));
    let error = server.registry().ping().await.unwrap_err();
    assert!(error.to_string().contains("is no OCI registry"), "{error}");
}

/// The management API takes the login itself, whatever tokens the distribution API has asked for before.
#[tokio::test]
async fn the_management_api_gets_the_login_and_nothing_else() {
    let server = TestServer::start().await;
    server.bend(|seen, server| match seen.uri.path() {
        "/api/v2.0/projects" => Some(answer(200, &[], "[]")),
        _ => with_tokens(seen, server),
    });
    let repository = server.repository_as("alice", "secret");
    repository.resolve(&"v1".parse().unwrap()).await.unwrap_err();
    let answer = repository.registry().api(Method::GET, "api/v2.0/projects", None).await.unwrap();
    assert_eq!((answer.status.as_u16(), answer.body.as_ref()), (200, &b"[]"[..]));
    let headers = server.seen().pop().unwrap().headers;
    let sent: Vec<_> = headers.get_all("authorization").iter().collect();
    assert_eq!(sent, [ALICE]);
}

/// A mount asks for the right to read at its source; who does not have that still gets the upload done.
#[tokio::test]
async fn a_mount_from_where_one_may_not_read_becomes_an_upload() {
    for refuses in [true, false] {
        let server = TestServer::start().await;
        server.bend(move |seen, server| {
            let asks_too_much = seen.uri.query().is_some_and(|query| query.contains("shop%2Fsecret"));
            match seen.uri.path() {
                // The token server refuses, or gives less than it was asked for.
                "/token" if asks_too_much && refuses => Some(answer(403, &[], "")),
                "/token" if asks_too_much => {
                    Some(answer(200, &[], r#"{"token":"token-repository:shop/web:pull,push"}"#))
                }
                _ if asks_too_much => Some(answer(403, &[], "")),
                _ => with_tokens(seen, server),
            }
        });
        let registry = server.repository_as("alice", "secret").registry().clone();
        let origin = registry.repository("shop/secret".parse().unwrap()).mount_origin().unwrap();
        let repository = registry.repository("shop/web".parse().unwrap());
        let (descriptor, source) = blob("text/plain", "content");
        repository.mount_or_push_blob(&descriptor, &source, Some(&origin)).await.unwrap();
        assert_eq!(server.blob(&descriptor.digest).unwrap(), "content");
    }
}
