//! One test for each advisory against other clients that could have hit this one.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::body::{Body, Bytes};
use axum::http::Method;
use wharf_content::contract::{blob, push_image};
use wharf_content::{ErrorKind, RawManifest, ReadTarget, Target, all_tags, collect};
use wharf_oci::{Algorithm, Reference, media_type};

use wharf_testkit::{TestServer, answer, endless};

fn tag(text: &str) -> Reference {
    text.parse().unwrap()
}

/// GHSA-28r5-37g7-p6mp, GHSA-xf85-363p-868w: a registry names a place for the user's password.
#[tokio::test]
async fn credentials_are_not_sent_to_a_realm_that_is_unsafe() {
    for realm in
        ["http://192.0.2.1/token", "http://169.254.169.254/token", "http://evil.example/token", "ftp://x/"]
    {
        let server = TestServer::start().await;
        let challenge = format!("Bearer realm=\"{realm}\"");
        server.bend(move |_, _| Some(answer(401, &[("www-authenticate", &challenge)], "")));
        let error = server.repository_as("alice", "secret").resolve(&tag("v1")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Peer);
        assert!(error.to_string().contains(realm) && error.to_string().contains("refused"), "{error}");
        assert_eq!(server.seen().len(), 1);
    }
}

/// Token redirect: the token server sends the password on.
#[tokio::test]
async fn a_token_server_cannot_redirect() {
    let (server, thief) = (TestServer::start().await, TestServer::start().await);
    let target = thief.url("/token");
    server.bend(move |seen, server| {
        Some(if seen.uri.path() == "/token" {
            answer(307, &[("location", &target)], "")
        } else {
            let challenge = format!("Bearer realm=\"{}\"", server.url("/token"));
            answer(401, &[("www-authenticate", &challenge)], "")
        })
    });
    let error = server.repository_as("alice", "secret").resolve(&tag("v1")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Peer, "{error}");
    assert!(thief.seen().is_empty());
}

#[tokio::test]
async fn an_endless_token_is_not_read() {
    let server = TestServer::start().await;
    server.bend(|seen, server| {
        Some(if seen.uri.path() == "/token" {
            answer(200, &[], endless())
        } else {
            let challenge = format!("Bearer realm=\"{}\"", server.url("/token"));
            answer(401, &[("www-authenticate", &challenge)], "")
        })
    });
    let error = server.repository().resolve(&tag("v1")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Limit, "{error}");
}

/// GHSA-vh4v-2xq2-g5cg: `Authorization` kept on a redirect to another port; ggcr: attached again later.
#[tokio::test]
async fn a_redirect_to_another_port_loses_the_credentials_for_good() {
    let (server, store) = (TestServer::start().await, TestServer::start().await);
    let descriptor = server.put_blob(b"content");
    // To the store, and from there back to the registry.
    let back = server.url("/back");
    store.bend(move |_, _| Some(answer(307, &[("location", &back)], "")));
    let to_store = store.url("/signed?secret=1");
    server.bend(move |seen, _| match (seen.uri.path(), seen.authorization()) {
        ("/back", _) => Some(answer(200, &[], "content")),
        (_, None) => Some(answer(401, &[("www-authenticate", "Basic realm=x")], "")),
        _ => Some(answer(307, &[("location", &to_store)], "")),
    });
    let repository = server.repository_as("alice", "secret");
    let stream = repository.fetch_blob(&descriptor, 0).await.unwrap();
    assert_eq!(collect(stream, 100).await.unwrap(), "content");
    assert_eq!(store.seen()[0].authorization(), None);
    assert_eq!(server.seen().last().unwrap().authorization(), None);
}

#[tokio::test]
async fn a_circle_of_redirects_ends() {
    let server = TestServer::start().await;
    server.bend(|seen, _| Some(answer(307, &[("location", seen.uri.path())], "")));
    let error = server.repository().resolve(&tag("v1")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Peer);
    assert!(error.to_string().contains("more than 5 times"), "{error}");
}

#[tokio::test]
async fn a_redirect_to_a_private_address_is_refused() {
    let server = TestServer::start().await;
    server.bend(|_, _| Some(answer(302, &[("location", "http://169.254.169.254/latest/meta-data")], "")));
    let error = server.repository().resolve(&tag("v1")).await.unwrap_err();
    assert!(error.to_string().contains("private address"), "{error}");
}

/// GHSA-jxpm-75mh-9fp7: the upload location on another host gets content and credentials.
#[tokio::test]
async fn an_upload_does_not_follow_a_location_elsewhere() {
    let (server, thief) = (TestServer::start().await, TestServer::start().await);
    let target = thief.url("/upload");
    server.bend(move |seen, _| {
        (seen.method == Method::POST).then(|| answer(202, &[("location", &target)], ""))
    });
    let (descriptor, source) = blob("text/plain", "content");
    let error = server.repository().push_blob(&descriptor, &source).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Peer, "{error}");
    assert!(error.to_string().contains(&thief.url("")), "{error}");
    assert!(thief.seen().is_empty());
}

#[tokio::test]
async fn a_push_is_not_redirected_elsewhere() {
    let (server, thief) = (TestServer::start().await, TestServer::start().await);
    let target = thief.url("/");
    server.bend(move |_, _| Some(answer(307, &[("location", &target)], "")));
    let (descriptor, source) = blob("text/plain", "content");
    let error = server.repository().push_blob(&descriptor, &source).await.unwrap_err();
    assert!(error.to_string().contains("not followed"), "{error}");
    assert!(thief.seen().is_empty());
}

/// GHSA-h7vf-4x9w-h99v: paging leads to another host.
#[tokio::test]
async fn a_link_elsewhere_is_refused() {
    let (server, thief) = (TestServer::start().await, TestServer::start().await);
    let link = format!("<{}>; rel=\"next\"", thief.url("/v2/x/tags/list"));
    server.bend(move |_, _| Some(answer(200, &[("link", &link)], r#"{"name":"shop/web","tags":["a"]}"#)));
    let error = all_tags(&server.repository(), 100).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Peer, "{error}");
    assert!(thief.seen().is_empty());
}

/// oras-go #1215: pages without an end.
#[tokio::test]
async fn endless_pages_end() {
    let server = TestServer::start().await;
    let page = AtomicUsize::new(0);
    server.bend(move |seen, _| {
        let next = page.fetch_add(1, Ordering::Relaxed);
        let link = format!("<{}?page={next}>; rel=\"next\"", seen.uri.path());
        Some(if seen.uri.path().contains("referrers") {
            let headers = [("link", link.as_str()), ("content-type", media_type::OCI_INDEX)];
            answer(200, &headers, r#"{"schemaVersion":2,"manifests":[]}"#)
        } else {
            answer(200, &[("link", &link)], r#"{"name":"shop/web","tags":["a"]}"#)
        })
    });
    let error = all_tags(&server.repository(), 1_000_000).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Peer, "{error}");
    let subject = Algorithm::Sha256.digest(b"subject");
    let error = server.repository().referrers(&subject, None).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Peer, "{error}");
}

/// CVE-2025-24882: a pinned digest is answered with something else.
#[tokio::test]
async fn a_manifest_with_another_digest_than_asked_for_is_refused() {
    let server = TestServer::start().await;
    let image = push_image(&server.repository(), "image", &["v1"]).await;
    let asked = Reference::Digest(Algorithm::Sha256.digest(b"asked for"));
    let bytes = image.bytes.clone();
    server.bend(move |_, _| {
        let digest = Algorithm::Sha256.digest(&bytes);
        let headers =
            [("docker-content-digest", digest.as_str()), ("content-type", media_type::OCI_MANIFEST)];
        Some(answer(200, &headers, bytes.clone()))
    });
    let repository = server.repository();
    assert_eq!(repository.resolve(&asked).await.unwrap_err().kind(), ErrorKind::Peer);
    assert_eq!(repository.fetch_manifest(&asked, 4096).await.unwrap_err().kind(), ErrorKind::Content);
}

#[tokio::test]
async fn the_stated_digest_of_a_tag_is_held_against_the_bytes() {
    let server = TestServer::start().await;
    let image = push_image(&server.repository(), "image", &["v1"]).await;
    let lie = Algorithm::Sha256.digest(b"lie").to_string();
    server.bend(move |_, _| {
        let headers = [("docker-content-digest", lie.as_str()), ("content-type", media_type::OCI_MANIFEST)];
        Some(answer(200, &headers, image.bytes.clone()))
    });
    let error = server.repository().fetch_manifest(&tag("v1"), 4096).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Content, "{error}");
}

#[tokio::test]
async fn bodies_without_an_end_are_bounded() {
    let server = TestServer::start().await;
    server.bend(|seen, _| {
        let kind =
            if seen.uri.path().contains("referrers") { media_type::OCI_INDEX } else { "application/json" };
        Some(answer(200, &[("content-type", kind)], endless()))
    });
    let repository = server.repository();
    let subject = Algorithm::Sha256.digest(b"subject");
    for error in [
        repository.fetch_manifest(&tag("v1"), 4096).await.map(drop),
        repository.tags(None, 10).await.map(drop),
        repository.referrers(&subject, None).await.map(drop),
    ] {
        assert_eq!(error.unwrap_err().kind(), ErrorKind::Limit);
    }
}

/// Issue oras#2148: a registry reads the fallback tag as the digest that it looks like.
#[tokio::test]
async fn a_subject_is_not_its_own_referrer() {
    let server = TestServer::start().await.without_referrers();
    let image = push_image(&server.repository(), "image", &["v1"]).await;
    let fallback = format!("/v2/shop/web/manifests/{}", image.digest.as_str().replace(':', "-"));
    let answered = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&answered);
    let bytes = image.bytes.clone();
    server.bend(move |seen, _| {
        (seen.uri.path() == fallback).then(|| {
            count.fetch_add(1, Ordering::Relaxed);
            answer(200, &[("content-type", media_type::OCI_MANIFEST)], bytes.clone())
        })
    });
    assert!(server.repository().referrers(&image.digest, None).await.unwrap().is_empty());
    assert_eq!(answered.load(Ordering::Relaxed), 1);
}

/// CVE-2021-41190: one document, two meanings.
#[tokio::test]
async fn an_ambiguous_manifest_is_not_pushed() {
    let server = TestServer::start().await;
    let both = br#"{"schemaVersion":2,"manifests":[],"layers":[]}"#;
    let manifest = RawManifest::new(media_type::OCI_INDEX, Bytes::from_static(both));
    let error = server.repository().push_manifest(&manifest, &[]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Content, "{error}");
    assert!(server.seen().is_empty());
}

/// A header of the caller's stays with the registry (GHSA-whvf-jp7m-59f3), and goes with manifests only.
#[tokio::test]
async fn a_push_header_goes_with_manifests_only() {
    let server = TestServer::start().await;
    let repository =
        server.repository().with_push_header("wharf-force".parse().unwrap(), "publish".parse().unwrap());
    push_image(&repository, "image", &["v1"]).await;
    repository.resolve(&tag("v1")).await.unwrap();
    for seen in server.seen() {
        let expected = seen.method == Method::PUT && seen.uri.path().contains("/manifests/");
        assert_eq!(seen.headers.contains_key("wharf-force"), expected, "{}", seen.line());
    }
}

/// A peer that takes connections and says nothing; where `upload`, it opens upload sessions and is silent afterwards.
async fn silent(upload: bool) -> String {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let host = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        let mut open = Vec::new();
        while let Ok((mut connection, _)) = listener.accept().await {
            if upload {
                let mut request = [0; 4096];
                let _ = connection.read(&mut request).await.unwrap();
                let session = "HTTP/1.1 202 Accepted\r\nlocation: /v2/u\r\ncontent-length: 0\r\n\r\n";
                if request.starts_with(b"POST") {
                    connection.write_all(session.as_bytes()).await.unwrap();
                }
            }
            open.push(connection);
        }
    });
    host
}

#[tokio::test]
async fn a_peer_that_says_nothing_to_the_first_question_is_given_up() {
    let registry = impatient(&silent(false).await);
    let error = within(registry.ping()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Network);
    assert!(error.to_string().contains("stayed silent"), "{error}");
}

#[tokio::test]
async fn an_upload_that_nobody_reads_is_given_up() {
    let repository = impatient(&silent(true).await).repository("shop/web".parse().unwrap());
    // More than the buffers of the connection hold.
    let (descriptor, source) = blob("text/plain", vec![0; 24 << 20]);
    let error = within(repository.push_blob(&descriptor, &source)).await.unwrap_err();
    assert!(error.to_string().contains("stayed silent"), "{error}");
}

#[tokio::test]
async fn an_upload_that_takes_its_time_goes_on() {
    let server = TestServer::start().await;
    let repository = impatient(&server.host()).repository("shop/web".parse().unwrap());
    let content = Bytes::from_static(b"slowly");
    let digest = Algorithm::Sha256.digest(&content);
    let descriptor = wharf_oci::Descriptor::new("text/plain", digest.clone(), content.len() as u64);
    // Each pause is short, all together are longer than the patience.
    within(repository.push_blob(&descriptor, &Slow(content.clone()))).await.unwrap();
    assert_eq!(server.blob(&digest), Some(content));
}

/// A source that gives a byte every 100 milliseconds.
struct Slow(Bytes);

#[async_trait::async_trait]
impl wharf_content::BlobSource for Slow {
    async fn open(&self, offset: u64) -> wharf_content::Result<wharf_content::BlobStream> {
        let rest = self.0.slice(usize::try_from(offset).unwrap()..);
        Ok(Box::pin(futures_util::stream::unfold(rest, |mut rest| async move {
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            (!rest.is_empty()).then(|| (Ok(rest.split_to(1)), rest))
        })))
    }
}

#[tokio::test]
async fn an_error_whose_text_never_ends_to_come_is_known_by_its_status() {
    let server = TestServer::start().await;
    server.bend(|_, _| {
        Some(answer(403, &[], Body::from_stream(futures_util::stream::pending::<std::io::Result<Bytes>>())))
    });
    let repository = impatient(&server.host()).repository("shop/web".parse().unwrap());
    let error = within(repository.resolve(&tag("v1"))).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Denied, "HEAD: {error}");
    let error = within(repository.fetch_manifest(&tag("v1"), 1000)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Denied, "GET: {error}");
}

/// A client with little patience.
fn impatient(host: &str) -> wharf_client::Registry {
    use wharf_client::{Registry, RegistryOptions, RetryPolicy};
    let options = RegistryOptions {
        idle_timeout: std::time::Duration::from_millis(300),
        retry: RetryPolicy { max_retries: 0, ..RetryPolicy::default() },
        ..RegistryOptions::default()
    };
    Registry::new(host, options).unwrap()
}

/// Fails where the client would wait for ever.
async fn within<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(std::time::Duration::from_secs(20), work).await.expect("the client waits for ever")
}
