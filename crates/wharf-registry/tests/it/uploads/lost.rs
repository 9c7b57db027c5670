//! Pushing what the catalog knows and the disk has lost, and pushes of unclear outcome.

use std::path::PathBuf;

use wharf_oci::{Algorithm, Digest};

use crate::support::{Registry, noise};

/// Returns the files that hold a blob.
fn files(registry: &Registry, digest: &Digest) -> Vec<PathBuf> {
    let shelf = registry.folder.path().join("data/blobs/sha256").join(&digest.encoded()[..2]);
    let entries = std::fs::read_dir(shelf).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.to_str().unwrap().contains(digest.encoded())).collect()
}

/// Pushes in a session and in chunks, so that the store has even small content as a file; returns the status.
async fn push(registry: &Registry, content: &[u8]) -> u16 {
    let location = registry.begin_upload("shop/a").await;
    let sent = registry.request("PATCH", &location).body(content.to_vec()).send().await.unwrap();
    assert_eq!(sent.status(), 202);
    let digest = Algorithm::Sha256.digest(content);
    let finished = registry.request("PUT", &format!("{location}?digest={digest}")).send().await.unwrap();
    finished.status().as_u16()
}

/// The push was acknowledged and its bytes thrown away, as the catalog had the blob already.
#[tokio::test]
async fn a_push_of_a_lost_blob_brings_it_back() {
    let registry = Registry::start().await;
    for size in [100, 100_000] {
        let content = noise(size);
        let digest = Algorithm::Sha256.digest(&content);
        let path = format!("/v2/shop/a/blobs/{digest}");
        assert_eq!(push(&registry, &content).await, 201);
        for damage in ["gone", "cut short"] {
            for file in files(&registry, &digest) {
                match damage {
                    "gone" => std::fs::remove_file(file).unwrap(),
                    _ => std::fs::write(file, b"short").unwrap(),
                }
            }
            if size == 100 && damage == "cut short" {
                registry.push_blob("shop/a", &content).await;
            } else {
                assert_eq!(push(&registry, &content).await, 201);
            }
            let answer = registry.get(&path).await;
            assert_eq!(answer.status(), 200, "{size} bytes, {damage}");
            assert_eq!(answer.bytes().await.unwrap(), content, "{size} bytes, {damage}");
        }
    }
}

#[tokio::test]
async fn a_push_of_a_blob_that_is_there_keeps_one_file() {
    let registry = Registry::start().await;
    let content = noise(100_000);
    let digest = Algorithm::Sha256.digest(&content);
    assert_eq!(push(&registry, &content).await, 201);
    let first = files(&registry, &digest);
    assert_eq!(push(&registry, &content).await, 201);
    assert_eq!(files(&registry, &digest), first);
}

/// After a commit whose flush failed, a restart may bring back a row that names the file; it was removed.
#[tokio::test]
async fn a_blob_stays_where_the_catalog_cannot_say_whether_it_took_it() {
    let registry = Registry::start().await;
    let catalog = rusqlite::Connection::open(registry.folder.path().join("data/catalog.db")).unwrap();
    let trigger =
        "CREATE TRIGGER fails BEFORE INSERT ON contents BEGIN SELECT RAISE(ABORT, 'the test says so'); END";
    catalog.execute_batch(trigger).unwrap();
    let content = noise(100_000);
    let digest = Algorithm::Sha256.digest(&content);
    assert!(push(&registry, &content).await >= 500);
    assert_eq!(files(&registry, &digest).len(), 1);
    catalog.execute_batch("DROP TRIGGER fails").unwrap();
    assert_eq!(push(&registry, &content).await, 201);
    assert_eq!(registry.get(&format!("/v2/shop/a/blobs/{digest}")).await.bytes().await.unwrap(), content);
}
