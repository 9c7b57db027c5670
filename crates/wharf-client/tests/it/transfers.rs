use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use axum::http::Method;
use wharf_client::{DownloadPolicy, Limits, Registry, RegistryOptions, UploadPolicy};
use wharf_content::contract::{blob, index, manifest, push_artifact, push_image};
use wharf_content::{
    Arrival, BytesSource, CopyOptions, ErrorKind, MemoryTarget, Outcome, ReadTarget, Side, Target, collect,
    copy, verified,
};
use wharf_oci::{Descriptor, Reference};

use wharf_testkit::{Seen, TestServer, answer, broken};

const CONTENT: &[u8] = b"0123456789abcdefghijklmnopqrstuvwxyz";

fn is_patch(seen: &Seen) -> bool {
    seen.method == Method::PATCH
}

#[tokio::test]
async fn a_download_goes_on_where_the_connection_broke() {
    let server = TestServer::start().await;
    let descriptor = server.put_blob(CONTENT);
    server.bend(|seen, _| {
        let is_first = seen.method == Method::GET && !seen.headers.contains_key("range");
        is_first.then(|| answer(200, &[("content-length", "36")], broken(&CONTENT[..10])))
    });
    let stream = server.repository().fetch_blob(&descriptor, 0).await.unwrap();
    assert_eq!(collect(verified(stream, &descriptor), 100).await.unwrap(), CONTENT);
    let last = server.seen().pop().unwrap();
    assert_eq!(last.headers["range"], "bytes=10-");
}

#[tokio::test]
async fn a_download_resumes_without_ranges_by_reading_again() {
    let server = TestServer::start().await;
    let descriptor = server.put_blob(CONTENT);
    let asked = AtomicUsize::new(0);
    server.bend(move |_, _| {
        Some(match asked.fetch_add(1, Ordering::Relaxed) {
            0 => answer(200, &[("content-length", "36")], broken(&CONTENT[..10])),
            _ => answer(200, &[], CONTENT),
        })
    });
    let stream = server.repository().fetch_blob(&descriptor, 0).await.unwrap();
    assert_eq!(collect(verified(stream, &descriptor), 100).await.unwrap(), CONTENT);
}

#[tokio::test]
async fn a_download_that_never_gets_further_fails() {
    let server = TestServer::start().await;
    let descriptor = server.put_blob(CONTENT);
    server.bend(|_, _| Some(answer(500, &[], "")));
    let error = server.repository().fetch_blob(&descriptor, 0).await.err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Busy, "{error}");
    assert_eq!(server.count("GET"), 5);
}

#[tokio::test]
async fn a_chunked_upload_sends_no_byte_twice() {
    let server = TestServer::start().await;
    let (descriptor, source) = blob("text/plain", CONTENT);
    server.chunked(10).push_blob(&descriptor, &source).await.unwrap();
    let ranges: Vec<String> = server
        .seen()
        .iter()
        .filter(|seen| is_patch(seen))
        .map(|seen| seen.headers["content-range"].to_str().unwrap().to_owned())
        .collect();
    assert_eq!(ranges, ["0-9", "10-19", "20-29", "30-35"]);
    assert_eq!(server.blob(&descriptor.digest).unwrap(), CONTENT);
}

#[tokio::test]
async fn a_chunked_upload_resumes_at_the_reported_offset() {
    let server = TestServer::start().await;
    let (descriptor, source) = blob("text/plain", CONTENT);
    let patches = AtomicUsize::new(0);
    server.bend(move |seen, server| {
        if !is_patch(seen) || patches.fetch_add(1, Ordering::Relaxed) != 1 {
            return None;
        }
        // Half of the second chunk arrives, then the server has a fault.
        server.keep_half(seen);
        Some(answer(500, &[], ""))
    });
    server.chunked(10).push_blob(&descriptor, &source).await.unwrap();
    assert_eq!(server.blob(&descriptor.digest).unwrap(), CONTENT);
    let ranges: Vec<Seen> = server.seen().into_iter().filter(is_patch).collect();
    assert_eq!(ranges[2].headers["content-range"], "15-24");
}

#[tokio::test]
async fn a_chunk_out_of_order_is_mended_by_what_the_416_says() {
    let server = TestServer::start().await;
    let (descriptor, source) = blob("text/plain", CONTENT);
    let patches = AtomicUsize::new(0);
    server.bend(move |seen, server| {
        if is_patch(seen) && patches.fetch_add(1, Ordering::Relaxed) == 1 {
            // The chunk arrived in part, but the client is told nothing of it.
            server.keep_half(seen);
            return Some(answer(202, &[("location", &seen.uri.to_string()), ("range", "0-19")], ""));
        }
        None
    });
    server.chunked(10).push_blob(&descriptor, &source).await.unwrap();
    assert_eq!(server.blob(&descriptor.digest).unwrap(), CONTENT);
}

#[tokio::test]
async fn an_upload_whose_session_is_lost_starts_again() {
    let server = TestServer::start().await;
    let (descriptor, source) = blob("text/plain", CONTENT);
    let patches = AtomicUsize::new(0);
    server.bend(move |seen, server| {
        if is_patch(seen) && patches.fetch_add(1, Ordering::Relaxed) == 2 {
            server.forget_uploads();
        }
        None
    });
    server.chunked(10).push_blob(&descriptor, &source).await.unwrap();
    assert_eq!(server.blob(&descriptor.digest).unwrap(), CONTENT);
    assert_eq!(server.count("POST"), 2);
}

#[tokio::test]
async fn a_registry_that_wants_larger_chunks_gets_them() {
    let server = TestServer::start().await;
    let (descriptor, source) = blob("text/plain", CONTENT);
    server.bend(|seen, server| {
        if seen.method != Method::POST {
            return None;
        }
        let mut response = server.regular(seen);
        response.headers_mut().insert("oci-chunk-min-length", "20".parse().unwrap());
        Some(response)
    });
    server.chunked(10).push_blob(&descriptor, &source).await.unwrap();
    let first = server.seen().into_iter().find(is_patch).unwrap();
    assert_eq!(first.headers["content-range"], "0-19");
}

#[tokio::test]
async fn a_single_upload_is_sent_again_whole_after_a_fault() {
    let server = TestServer::start().await;
    let (descriptor, source) = blob("text/plain", CONTENT);
    let puts = AtomicUsize::new(0);
    server.bend(move |seen, _| {
        let first = seen.method == Method::PUT && puts.fetch_add(1, Ordering::Relaxed) == 0;
        first.then(|| answer(502, &[], ""))
    });
    server.repository().push_blob(&descriptor, &source).await.unwrap();
    assert_eq!(server.blob(&descriptor.digest).unwrap(), CONTENT);
}

#[tokio::test]
async fn a_single_upload_goes_on_where_the_registry_has_kept_some_of_it() {
    // What is kept may be of no use; then all of it is sent again.
    for is_useful in [true, false] {
        let server = TestServer::start().await;
        let (descriptor, source) = blob("text/plain", vec![b'a'; 100_000]);
        let puts = AtomicUsize::new(0);
        server.bend(move |seen, server| {
            if seen.method != Method::PUT || puts.fetch_add(1, Ordering::Relaxed) > 0 {
                return None;
            }
            let body = if is_useful { seen.body.clone() } else { vec![b'x'; 100_000].into() };
            server.keep_half(&Seen { body, ..seen.clone() });
            Some(answer(502, &[], ""))
        });
        server.repository().push_blob(&descriptor, &source).await.unwrap();
        assert_eq!(server.blob(&descriptor.digest).unwrap(), vec![b'a'; 100_000]);
        let sent: Vec<(Method, usize)> = server
            .seen()
            .into_iter()
            .map(|seen| (seen.method, seen.body.len()))
            .filter(|(_, len)| *len > 0)
            .collect();
        let mut expected = vec![(Method::PUT, 100_000), (Method::PATCH, 50_000)];
        expected.extend((!is_useful).then_some((Method::PUT, 100_000)));
        assert_eq!(sent, expected);
    }
}

#[tokio::test]
async fn an_upload_waits_for_a_registry_that_comes_back() {
    let server = TestServer::start().await;
    let (descriptor, source) = blob("text/plain", CONTENT);
    let asked = AtomicUsize::new(0);
    server.bend(move |seen, server| {
        // Half of the second chunk arrives; then every request fails for a while, the client's own repetitions too.
        let at = asked.fetch_add(1, Ordering::Relaxed);
        if at == 2 {
            server.keep_half(seen);
        }
        (2..10).contains(&at).then(|| answer(502, &[], ""))
    });
    server.chunked(10).push_blob(&descriptor, &source).await.unwrap();
    assert_eq!(server.blob(&descriptor.digest).unwrap(), CONTENT);
    let ranges: Vec<Seen> = server.seen().into_iter().filter(is_patch).collect();
    assert_eq!(ranges[2].headers["content-range"], "15-24");
}

#[tokio::test]
async fn retry_after_is_respected() {
    let server = TestServer::start().await;
    push_image(&server.repository(), "image", &["v1"]).await;
    let asked = AtomicUsize::new(0);
    server.bend(move |_, _| {
        (asked.fetch_add(1, Ordering::Relaxed) == 0).then(|| answer(429, &[("retry-after", "1")], ""))
    });
    let started = Instant::now();
    server.repository().resolve(&"v1".parse().unwrap()).await.unwrap();
    assert!(started.elapsed() >= Duration::from_secs(1));

    server.bend(|_, _| Some(answer(429, &[("retry-after", "86400")], "")));
    let error = server.repository().resolve(&"v1".parse().unwrap()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Busy, "a day is not waited for: {error}");
}

#[tokio::test]
async fn blobs_of_the_same_registry_are_mounted() {
    let server = TestServer::start().await;
    let registry = server.registry();
    let source = registry.repository("shop/web".parse().unwrap());
    push_image(&source, "image", &["v1"]).await;
    let destination = registry.repository("shop/other".parse().unwrap());
    // One repository's content is everybody's in the test server; nothing is found by HEAD, so that mounts are tried.
    server.bend(|seen, _| (seen.method == Method::HEAD).then(|| answer(404, &[], "")));
    let options = CopyOptions { verify: false, ..CopyOptions::default() };
    let report = copy(&source, &"v1".parse().unwrap(), &destination, &options).await.unwrap();
    assert_eq!(report.count(Outcome::Mounted), 2);
    assert_eq!(server.count("from=shop%2Fweb"), 2);
}

/// More than goes with the request that begins an upload.
fn large(letter: u8) -> (Descriptor, BytesSource) {
    blob("text/plain", vec![letter; 100_000])
}

#[tokio::test]
async fn a_mount_that_is_not_wanted_is_the_session_of_the_upload() {
    let server = TestServer::start().await;
    let (descriptor, source) = blob("text/plain", "absent");
    let origin = server.registry().repository("shop/other".parse().unwrap()).mount_origin().unwrap();
    let arrival = server.repository().mount_or_push_blob(&descriptor, &source, Some(&origin)).await.unwrap();
    assert_eq!(arrival, Arrival::Sent);
    assert_eq!(server.blob(&descriptor.digest).unwrap(), "absent");
    let methods: Vec<Method> = server.seen().into_iter().map(|seen| seen.method).collect();
    assert_eq!(methods, [Method::POST, Method::PUT]);
    assert_eq!(server.count("from=shop%2Fother"), 1);
}

#[tokio::test]
async fn a_blob_that_the_registry_has_elsewhere_is_not_sent() {
    let server = TestServer::start().await;
    let (descriptor, source) = large(b'a');
    server.put_blob(&vec![b'a'; 100_000]);
    for repository in [server.repository(), server.chunked(10)] {
        let arrival = repository.mount_or_push_blob(&descriptor, &source, None).await.unwrap();
        assert_eq!(arrival, Arrival::Mounted);
    }
    let methods: Vec<Method> = server.seen().into_iter().map(|seen| seen.method).collect();
    // Of a registry that mounts for the first time it is asked whether it has done so.
    assert_eq!(methods, [Method::POST, Method::HEAD, Method::POST, Method::HEAD]);
}

#[tokio::test]
async fn a_registry_that_says_it_mounts_and_does_not_gets_everything() {
    let server = TestServer::start().await;
    server.bend(|seen, _| seen.line().contains("mount=").then(|| answer(201, &[], "")));
    let repository = server.repository();
    for letter in [b'a', b'b'] {
        let (descriptor, source) = large(letter);
        assert_eq!(repository.mount_or_push_blob(&descriptor, &source, None).await.unwrap(), Arrival::Sent);
        assert!(server.blob(&descriptor.digest).is_some());
    }
    assert_eq!(server.count("mount="), 1);
}

#[tokio::test]
async fn a_registry_that_refuses_mounts_gets_everything_and_is_asked_once() {
    for status in [400, 401, 403, 404, 405, 500] {
        let server = TestServer::start().await;
        server.bend(move |seen, _| seen.line().contains("mount=").then(|| answer(status, &[], "")));
        let retry = wharf_client::RetryPolicy { max_retries: 0, ..server.options().retry };
        let registry = Registry::new(&server.host(), RegistryOptions { retry, ..server.options() }).unwrap();
        let repository = registry.repository("shop/web".parse().unwrap());
        for letter in [b'a', b'b'] {
            let (descriptor, source) = large(letter);
            repository.push_blob(&descriptor, &source).await.unwrap();
            assert!(server.blob(&descriptor.digest).is_some(), "{status}");
        }
        assert_eq!(server.count("mount="), 1, "{status}");
        // A source that is known is worth its own question.
        let origin = registry.repository("shop/other".parse().unwrap()).mount_origin().unwrap();
        let (descriptor, source) = large(b'c');
        repository.mount_or_push_blob(&descriptor, &source, Some(&origin)).await.unwrap();
        assert!(server.blob(&descriptor.digest).is_some(), "{status}");
        assert_eq!(server.count("from=shop%2Fother"), 1, "{status}");
    }
}

#[tokio::test]
async fn a_small_blob_goes_in_one_request_where_the_registry_takes_it_so() {
    let server = TestServer::start().await.takes_blobs_at_once();
    let repository = server.repository();
    let (descriptor, source) = blob("text/plain", "small");
    repository.push_blob(&descriptor, &source).await.unwrap();
    assert_eq!(server.blob(&descriptor.digest).unwrap(), "small");
    assert_eq!(server.seen().len(), 1);

    // It lies about what it has stored.
    let other = blob("text/plain", "other").0.digest;
    server.bend(move |_, _| Some(answer(201, &[("docker-content-digest", other.as_str())], "")));
    let error = repository.push_blob(&descriptor, &source).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Peer, "{error}");
}

#[tokio::test]
async fn a_registry_that_does_not_take_small_blobs_in_one_request_is_asked_once() {
    for status in [202, 400, 405, 500] {
        let server = TestServer::start().await;
        server.bend(move |seen, _| {
            let at_once = seen.method == Method::POST && seen.line().contains("?digest=");
            (at_once && status != 202).then(|| answer(status, &[], ""))
        });
        let repository = server.repository();
        for content in ["one", "two"] {
            let (descriptor, source) = blob("text/plain", content);
            repository.push_blob(&descriptor, &source).await.unwrap();
            assert_eq!(server.blob(&descriptor.digest).unwrap(), content, "{status}");
        }
        assert_eq!(server.count("?digest="), 1, "{status}");
        // The session that was opened and not used is closed.
        assert_eq!(server.count("DELETE"), usize::from(status == 202), "{status}");
    }
}

/// What a push of an image with a signature asks of a registry that has the API, finds blobs by itself and takes small
/// ones at once; and a second one.
#[tokio::test]
async fn a_copy_asks_for_no_more_than_it_needs() {
    let source = MemoryTarget::new();
    let image = push_image(&source, "image", &["v1"]).await;
    push_artifact(&source, "application/vnd.one", "one", Some(&image.descriptor()), &[]).await;
    push_artifact(&source, "application/vnd.two", "two", Some(&image.descriptor()), &[]).await;
    let server = TestServer::start().await.takes_blobs_at_once();
    let first = copy(&source, &"v1".parse().unwrap(), &server.repository(), &CopyOptions::default()).await;
    // Config and layer of the image and of each of its papers.
    assert_eq!(first.unwrap().count(Outcome::Carried), 6 + 3);
    let asked = |lines: &[Seen]| {
        let mut counts = std::collections::BTreeMap::new();
        for seen in lines {
            let kind = seen.uri.path().split('/').nth(4).unwrap();
            *counts.entry(format!("{} {kind}", seen.method)).or_insert(0) += 1;
        }
        counts.into_iter().map(|(line, count)| format!("{line} {count}")).collect::<Vec<_>>()
    };
    let seen = server.seen();
    assert_eq!(
        asked(&seen),
        [
            // Whether it has the API; and which referrers it lists in the end.
            "GET referrers 2",
            // Whether they have arrived.
            "HEAD blobs 6",
            // Whether the image is there; and where the tag points in the end.
            "HEAD manifests 2",
            "POST blobs 6",
            // The image, its papers, and the tag.
            "PUT manifests 4",
        ]
    );
    let again = copy(&source, &"v1".parse().unwrap(), &server.repository(), &CopyOptions::default()).await;
    assert_eq!(again.unwrap().count(Outcome::AlreadyThere), 9);
    assert_eq!(
        asked(&server.seen()[seen.len()..]),
        ["GET referrers 1", "HEAD blobs 6", "HEAD manifests 4", "PUT manifests 1"]
    );
}

/// Little things are sent unasked where the root is missing, unless the report is to tell what was there.
#[tokio::test]
async fn a_copy_that_asks_first_tells_what_was_there() {
    let source = MemoryTarget::new();
    let image = push_image(&source, "image", &["v1"]).await;
    let layer = image.parse().unwrap().layers.remove(0);
    for asks_first in [false, true] {
        let server = TestServer::start().await;
        let stream = source.fetch_blob(&layer, 0).await.unwrap();
        server.put_blob(&collect(stream, 1000).await.unwrap());
        server.bend(|seen, _| seen.line().contains("mount=").then(|| answer(400, &[], "")));
        let options = CopyOptions { asks_first, ..CopyOptions::default() };
        let report = copy(&source, &"v1".parse().unwrap(), &server.repository(), &options).await.unwrap();
        assert_eq!(report.count(Outcome::AlreadyThere), usize::from(asks_first));
    }
}

/// A large blob that is there is asked for first: it would cost more to send it in vain.
#[tokio::test]
async fn what_an_earlier_copy_has_sent_is_not_sent_again() {
    let source = MemoryTarget::new();
    let (layer, layer_source) = large(b'a');
    let (config, config_source) = blob("application/vnd.oci.image.config.v1+json", "{}");
    source.push_blob(&layer, &layer_source).await.unwrap();
    source.push_blob(&config, &config_source).await.unwrap();
    let image = manifest(&config, &[&layer], None);
    source.push_manifest(&image, &["v1".parse().unwrap()]).await.unwrap();
    let server = TestServer::start().await;
    // It mounts nothing; and the manifest was not pushed yet.
    server.bend(|seen, server| {
        let plain = Seen { uri: "/v2/shop/web/blobs/uploads/".parse().unwrap(), ..seen.clone() };
        seen.line().contains("mount=").then(|| server.regular(&plain))
    });
    server.put_blob(&vec![b'a'; 100_000]);
    let report =
        copy(&source, &"v1".parse().unwrap(), &server.repository(), &CopyOptions::default()).await.unwrap();
    assert_eq!((report.count(Outcome::AlreadyThere), report.count(Outcome::Carried)), (1, 2));
    assert!(server.seen().iter().all(|seen| seen.body.len() < 1000));
}

#[tokio::test]
async fn nobody_listening_is_said_at_once() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let host = listener.local_addr().unwrap().to_string();
    drop(listener);
    let repository =
        Registry::new(&host, RegistryOptions::default()).unwrap().repository("a/b".parse().unwrap());
    let started = Instant::now();
    let error = repository.resolve(&"v1".parse().unwrap()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Network);
    assert!(error.to_string().contains(&host) && error.to_string().contains("refused"), "{error}");
    assert!(started.elapsed() < Duration::from_secs(3));
}

#[tokio::test]
async fn plain_http_where_tls_is_expected_is_named() {
    let server = TestServer::start().await;
    let options = RegistryOptions { insecure: true, ..server.options() };
    let registry = Registry::new(&server.host(), options).unwrap();
    let error = registry.ping().await.unwrap_err();
    assert!(error.to_string().contains("--plain-http"), "{error}");
}

#[tokio::test]
async fn what_goes_wrong_in_a_copy_names_the_registry_and_the_side() {
    let (here, there) = (TestServer::start().await, TestServer::start().await);
    push_image(&here.repository(), "image", &["v1"]).await;
    there.bend(|seen, _| {
        let body = r#"{"errors":[{"code":"DENIED","message":"quota \u001b[31m exceeded"}]}"#;
        (seen.method == Method::POST).then(|| answer(403, &[], body))
    });
    let error =
        copy(&here.repository(), &"v1".parse().unwrap(), &there.repository(), &CopyOptions::default())
            .await
            .unwrap_err();
    assert_eq!((error.kind(), error.side()), (ErrorKind::Denied, Some(Side::Destination)));
    let text = error.to_string();
    assert!(text.contains(&there.host()) && text.contains("exceeded (DENIED)"), "{text}");
    assert!(!text.contains('\u{1b}'), "a server does not write to the terminal: {text:?}");
}

#[tokio::test]
async fn an_empty_source_of_a_full_blob_is_an_error() {
    let server = TestServer::start().await;
    let (descriptor, _) = blob("text/plain", "something");
    let error = server.repository().push_blob(&descriptor, &BytesSource("".into())).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Content, "{error}");
}

#[tokio::test]
async fn an_entry_that_another_writer_adds_to_the_fallback_tag_stays() {
    let server = TestServer::start().await.without_referrers();
    let repository = server.repository();
    let subject = push_image(&repository, "image", &["v1"]).await.descriptor();
    let one =
        push_artifact(&repository, "application/vnd.one", "one", Some(&subject), &[]).await.descriptor();
    let theirs = push_artifact(&repository, "application/vnd.theirs", "theirs", None, &[]).await.descriptor();
    let meanwhile = index(&[&one, &theirs]).bytes;

    let tag = format!("/v2/shop/web/manifests/{}", subject.digest.as_str().replace(':', "-"));
    let was_faster = AtomicBool::new(false);
    server.bend(move |seen, server| {
        if seen.uri.path() != tag {
            return None;
        }
        if seen.method == Method::PUT && !was_faster.swap(true, Ordering::Relaxed) {
            server.regular(&Seen { body: meanwhile.clone(), ..seen.clone() });
        }
        let mut current = server.regular(&Seen { method: Method::GET, ..seen.clone() });
        let entity_tag = format!("\"{}\"", current.headers()["docker-content-digest"].to_str().unwrap());
        if seen.method == Method::PUT {
            let holds = seen.headers.get("if-match").is_some_and(|value| *value == *entity_tag);
            return (!holds).then(|| answer(412, &[], ""));
        }
        current.headers_mut().insert("etag", entity_tag.parse().unwrap());
        Some(current)
    });
    let two =
        push_artifact(&repository, "application/vnd.two", "two", Some(&subject), &[]).await.descriptor();
    let found = repository.referrers(&subject.digest, None).await.unwrap();
    for entry in [one, theirs, two] {
        assert!(found.iter().any(|found| found.digest == entry.digest), "{entry:?} is not in {found:?}");
    }
}

/// The registry with small chunks, and with uploads that are gone on with by another run.
fn resuming(server: &TestServer, folder: &std::path::Path) -> wharf_client::RemoteRepository {
    let upload = UploadPolicy { single_up_to_bytes: 4, chunk_bytes: 10, max_recoveries: 0 };
    let options = RegistryOptions { upload, upload_state: Some(folder.to_owned()), ..server.options() };
    Registry::new(&server.host(), options).unwrap().repository("shop/web".parse().unwrap())
}

#[tokio::test]
async fn another_run_goes_on_with_an_upload_that_was_cut_off() {
    let (server, folder) = (TestServer::start().await, tempfile::tempdir().unwrap());
    let (descriptor, source) = blob("text/plain", CONTENT);
    let patches = AtomicUsize::new(0);
    server.bend(move |seen, server| {
        let count = if is_patch(seen) { patches.fetch_add(1, Ordering::Relaxed) } else { 0 };
        if count == 2 {
            server.keep_half(seen);
        }
        (count >= 2).then(|| answer(503, &[], ""))
    });
    let first = resuming(&server, folder.path());
    first.push_blob(&descriptor, &source).await.unwrap_err();
    drop(first);
    server.bend(|_, _| None);

    resuming(&server, folder.path()).push_blob(&descriptor, &source).await.unwrap();
    assert_eq!(server.blob(&descriptor.digest).unwrap(), CONTENT);
    assert_eq!(server.count("POST"), 1, "the same session");
    let ranges: Vec<Seen> = server.seen().into_iter().filter(is_patch).collect();
    let last: Vec<&str> = ranges[ranges.len() - 2..]
        .iter()
        .map(|seen| seen.headers["content-range"].to_str().unwrap())
        .collect();
    assert_eq!(last, ["25-34", "35-35"]);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is left once it is done");
}

#[tokio::test]
async fn an_earlier_upload_that_is_lost_or_elsewhere_is_begun_anew() {
    for elsewhere in [false, true] {
        let (server, folder) = (TestServer::start().await, tempfile::tempdir().unwrap());
        let (descriptor, source) = blob("text/plain", CONTENT);
        let patches = AtomicUsize::new(0);
        server.bend(move |seen, _| {
            let fails = is_patch(seen) && patches.fetch_add(1, Ordering::Relaxed) > 0;
            fails.then(|| answer(503, &[], ""))
        });
        resuming(&server, folder.path()).push_blob(&descriptor, &source).await.unwrap_err();
        server.bend(|_, _| None);
        let thief = TestServer::start().await;
        match elsewhere {
            // Whoever can write the file has not won much, but not the credentials either.
            true => {
                let file = std::fs::read_dir(folder.path()).unwrap().next().unwrap().unwrap().path();
                std::fs::write(file, format!("{}\n", thief.url("/v2/u"))).unwrap();
            }
            false => server.forget_uploads(),
        }
        resuming(&server, folder.path()).push_blob(&descriptor, &source).await.unwrap();
        assert_eq!(server.blob(&descriptor.digest).unwrap(), CONTENT);
        assert!(thief.seen().is_empty());
    }
}

/// The repository with downloads in pieces of 10 bytes, three at once.
fn in_pieces(server: &TestServer) -> wharf_client::RemoteRepository {
    let download = DownloadPolicy {
        parallel_from_bytes: 20,
        piece_bytes: 10,
        pieces_at_once: std::num::NonZeroUsize::new(3),
    };
    let options = RegistryOptions { download, ..server.options() };
    Registry::new(&server.host(), options).unwrap().repository("shop/web".parse().unwrap())
}

#[tokio::test]
async fn a_large_blob_comes_in_pieces_that_are_asked_for_at_once() {
    let server = TestServer::start().await;
    let descriptor = server.put_blob(CONTENT);
    // One piece breaks off and is gone on with, alone.
    let cut = AtomicBool::new(false);
    server.bend(move |seen, _| {
        let hit = seen.headers.get("range").is_some_and(|range| range == "bytes=10-19");
        (hit && !cut.swap(true, Ordering::Relaxed)).then(|| {
            let headers = [("content-range", "bytes 10-19/36"), ("content-length", "10")];
            answer(206, &headers, broken(&CONTENT[10..14]))
        })
    });
    let stream = in_pieces(&server).fetch_blob(&descriptor, 0).await.unwrap();
    assert_eq!(collect(verified(stream, &descriptor), 100).await.unwrap(), CONTENT);
    let mut ranges: Vec<String> = server
        .seen()
        .iter()
        .filter_map(|seen| Some(seen.headers.get("range")?.to_str().unwrap().to_owned()))
        .collect();
    ranges.sort();
    assert_eq!(ranges, ["bytes=0-9", "bytes=10-19", "bytes=14-19", "bytes=20-29", "bytes=30-"]);
    let stream = in_pieces(&server).fetch_blob(&descriptor, 15).await.unwrap();
    assert_eq!(collect(stream, 100).await.unwrap(), &CONTENT[15..]);
}

#[tokio::test]
async fn where_there_are_no_ranges_a_large_blob_comes_whole() {
    let server = TestServer::start().await;
    let descriptor = server.put_blob(CONTENT);
    server.bend(|seen, _| (seen.method == Method::GET).then(|| answer(200, &[], CONTENT)));
    let stream = in_pieces(&server).fetch_blob(&descriptor, 0).await.unwrap();
    assert_eq!(collect(verified(stream, &descriptor), 100).await.unwrap(), CONTENT);
    assert_eq!(server.count("GET"), 1);
}

#[tokio::test]
async fn requests_keep_to_the_pace_that_was_set() {
    let server = TestServer::start().await;
    let limits = Limits { requests_per_minute: std::num::NonZeroU32::new(600), ..Limits::default() };
    let options = RegistryOptions { limits, ..server.options() };
    let repository = Registry::new(&server.host(), options).unwrap().repository("shop/web".parse().unwrap());
    let digest = wharf_oci::Algorithm::Sha256.digest(b"absent");
    let started = Instant::now();
    for _ in 0..4 {
        repository.blob_exists(&digest).await.unwrap();
    }
    assert!(started.elapsed() >= Duration::from_millis(300), "{:?}", started.elapsed());
}

/// One registry of a large cloud sent the header and did not have the API.
#[tokio::test]
async fn the_referrers_api_is_asked_and_its_header_not_believed() {
    let server = TestServer::start().await;
    let repository = server.repository();
    server.bend(|seen, _| seen.uri.path().contains("/referrers/").then(|| answer(404, &[], "")));
    let subject = push_image(&repository, "image", &["v1"]).await.descriptor();
    let sbom = push_artifact(&repository, "application/vnd.sbom", "sbom", Some(&subject), &[]).await;
    assert_eq!(repository.referrers(&subject.digest, None).await.unwrap()[0].digest, sbom.digest);
    let tag = wharf_content::referrers_tag(&subject.digest).unwrap();
    assert!(repository.resolve(&Reference::Tag(tag)).await.is_ok());
}
