//! Advisories against copies and what is shown: a registry that lies about sizes, digests, referrers and addresses, and talks too
//! much. Those against single requests are in `hostile`.

use std::sync::{Arc, Mutex};

use axum::http::Method;
use wharf_client::{Registry, RegistryOptions, Warnings};
use wharf_content::contract::{blob, manifest, push_image};
use wharf_content::{CopyOptions, ErrorKind, MemoryTarget, RawManifest, ReadTarget, Target, copy};
use wharf_oci::{Algorithm, Descriptor, Reference, media_type};
use wharf_testkit::{TestServer, answer};

fn tag(text: &str) -> Reference {
    text.parse().unwrap()
}

/// Answers with this manifest under the tag `v1`.
fn serve(server: &TestServer, json: String) {
    server.bend(move |seen, _| {
        let wanted = seen.method == Method::GET && seen.uri.path().ends_with("/manifests/v1");
        wanted.then(|| answer(200, &[("content-type", media_type::OCI_MANIFEST)], json.clone()))
    });
}

async fn copied(server: &TestServer) -> Result<(), wharf_content::Error> {
    let there = MemoryTarget::new();
    copy(&server.repository(), &tag("v1"), &there, &CopyOptions::default()).await.map(drop)
}

/// GHSA-f36w-mj3v-6jqv: memory was taken for as much as the descriptor says.
#[tokio::test]
async fn no_memory_is_taken_for_a_size_that_is_only_stated() {
    let server = TestServer::start().await;
    let config = server.put_blob(b"{}");
    for size in [1_u64 << 40, 1 << 62, i64::MAX as u64] {
        let layer = Descriptor { size, ..server.put_blob(b"small") };
        serve(&server, String::from_utf8(manifest(&config, &[&layer], None).bytes.to_vec()).unwrap());
        let error = copied(&server).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Content, "{error}");
        assert!(error.to_string().contains(&size.to_string()), "{error}");
    }
}

/// CVE-2024-3727: a digest that is a path led to other requests and files.
#[tokio::test]
async fn a_digest_that_is_a_path_is_refused_before_anything_is_asked_for() {
    let server = TestServer::start().await;
    for digest in ["sha256:../../../v2/other/blobs/x", "../../etc/passwd", "sha256:", "sha256:ab/../cd"] {
        let json = format!(
            r#"{{"schemaVersion":2,"config":{{"mediaType":"a/b","digest":"{digest}","size":2}},"layers":[]}}"#
        );
        serve(&server, json);
        let error = copied(&server).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Content, "{digest}: {error}");
    }
    assert_eq!(server.count("blobs"), 0);
}

/// CVE-2020-15157: whoever a foreign layer names was asked for it, with the login for the registry.
#[tokio::test]
async fn the_addresses_of_a_foreign_layer_are_not_followed() {
    let (server, thief) = (TestServer::start().await, TestServer::start().await);
    let config = server.put_blob(b"{}");
    let digest = Algorithm::Sha256.digest(b"foreign");
    let url = thief.url("/layer");
    let json = format!(
        r#"{{"schemaVersion":2,"config":{{"mediaType":"a/b","digest":"{}","size":2}},"layers":[{{"mediaType":"application/vnd.docker.image.rootfs.foreign.diff.tar.gzip","digest":"{digest}","size":7,"urls":["{url}"]}}]}}"#,
        config.digest
    );
    serve(&server, json);
    copied(&server).await.unwrap();
    assert!(thief.seen().is_empty());
}

/// GHSA-298f-872v-2rcx: referrers of referrers without an end.
#[tokio::test]
async fn a_chain_of_referrers_without_an_end_is_given_up() {
    let server = TestServer::start().await;
    push_image(&server.repository(), "image", &["v1"]).await;
    let made = Mutex::new(std::collections::HashMap::<String, RawManifest>::new());
    server.bend(move |seen, _| {
        let path = seen.uri.path();
        if let Some(subject) = path.strip_prefix("/v2/shop/web/referrers/") {
            // Whatever it is asked about, it makes up something that is attached to it.
            let of = Descriptor::new(media_type::OCI_MANIFEST, subject.parse().unwrap(), 100);
            let empty = blob(media_type::OCI_EMPTY, "{}").0;
            let next = manifest(&empty, &[], Some(&of));
            let entry = serde_json::to_string(&next.descriptor()).unwrap();
            made.lock().unwrap().insert(next.digest.to_string(), next);
            let body = format!(r#"{{"schemaVersion":2,"manifests":[{entry}]}}"#);
            return Some(answer(200, &[("content-type", media_type::OCI_INDEX)], body));
        }
        let made = made.lock().unwrap();
        let known = made.get(path.strip_prefix("/v2/shop/web/manifests/")?)?;
        Some(answer(200, &[("content-type", media_type::OCI_MANIFEST)], known.bytes.clone()))
    });
    let error = copied(&server).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Limit, "{error}");
    assert!(error.to_string().contains("depth"), "{error}");
}

/// GHSA-298f-872v-2rcx: referrers that name each other. By their digests they cannot, so the list lies.
#[tokio::test]
async fn a_circle_of_referrers_is_seen_through() {
    let server = TestServer::start().await;
    let image = push_image(&server.repository(), "image", &["v1"]).await;
    let entry = serde_json::to_string(&image.descriptor()).unwrap();
    server.bend(move |seen, _| {
        let body = format!(r#"{{"schemaVersion":2,"manifests":[{entry}]}}"#);
        let asked = seen.uri.path().contains("/referrers/");
        asked.then(|| answer(200, &[("content-type", media_type::OCI_INDEX)], body))
    });
    copied(&server).await.unwrap();
}

/// GHSA-77vh-xpmg-72qh, GHSA-qq97-vm5h-rrhg, with CVE-2021-41190: a manifest under another media type than its own.
#[tokio::test]
async fn a_manifest_that_says_it_is_something_else_is_refused() {
    let server = TestServer::start().await;
    let json = format!(r#"{{"schemaVersion":2,"mediaType":"{}","manifests":[]}}"#, media_type::OCI_INDEX);
    serve(&server, json);
    let error = copied(&server).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Content, "{error}");
}

#[derive(Debug, Default)]
struct Heard(Mutex<Vec<String>>);

impl Warnings for Heard {
    fn warning(&self, _origin: &str, text: &str) {
        self.0.lock().unwrap().push(text.to_owned());
    }
}

#[tokio::test]
async fn a_warning_is_told_once_and_a_flood_of_them_ends() {
    let server = TestServer::start().await;
    let heard = Arc::new(Heard::default());
    let options = RegistryOptions { warnings: Some(Arc::clone(&heard) as _), ..server.options() };
    let repository = Registry::new(&server.host(), options).unwrap().repository("shop/web".parse().unwrap());
    server.bend(|_, server| {
        let number = server.seen().len();
        let own = format!("299 - \"number {number} \\\\ here\"");
        let headers = [
            ("warning", "299 - \"moving on Friday\""),
            ("warning", "199 - \"for machines\""),
            ("warning", own.as_str()),
        ];
        Some(answer(404, &headers, ""))
    });
    for _ in 0..50 {
        repository.resolve(&tag("v1")).await.unwrap_err();
    }
    let heard = heard.0.lock().unwrap();
    assert_eq!(heard.iter().filter(|text| *text == "moving on Friday").count(), 1);
    assert_eq!(heard[1], "number 1 \\ here");
    assert_eq!(heard.len(), 32, "{heard:?}");
}

/// The first answer to a destination's question brings a token that does for all that follows.
#[tokio::test]
async fn a_destination_asks_for_one_token_only() {
    let server = TestServer::start().await;
    server.bend(|seen, server| {
        if seen.uri.path() == "/token" {
            return Some(answer(200, &[], r#"{"token":"t"}"#));
        }
        let challenge = format!("Bearer realm=\"{}\"", server.url("/token"));
        (seen.authorization() != Some("Bearer t"))
            .then(|| answer(401, &[("www-authenticate", &challenge)], ""))
    });
    let repository = server.repository_as("alice", "secret").as_destination();
    let (descriptor, source) = blob("text/plain", "content");
    assert!(!repository.blob_exists(&descriptor.digest).await.unwrap());
    repository.push_blob(&descriptor, &source).await.unwrap();
    assert_eq!(server.count("/token"), 1);
}
