//! The contract of [`BlobStore`].
#![expect(clippy::unwrap_used, reason = "a test suite: an error that is not expected is a failure")]

use std::collections::BTreeSet;
use std::future::Future;
use std::io;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use futures_util::stream::{self, BoxStream, StreamExt, TryStreamExt};
use wharf_oci::{Algorithm, Digest};

use crate::{BlobKey, BlobStore, Error, UploadId};

/// Where a store keeps its data, so that the suite can open it again as after a restart of the server.
pub trait StoreFolder: Send {
    /// The store.
    type Store: BlobStore;

    /// Opens the store. Called again only after the last one was dropped.
    fn open(&self) -> impl Future<Output = Self::Store> + Send;
}

/// Runs the whole suite; `fresh` makes a place for an empty store.
pub async fn blobs<F: StoreFolder>(fresh: impl Fn() -> F) {
    uploads_grow_and_become_blobs(&fresh().open().await).await;
    both_algorithms_are_verified(&fresh().open().await).await;
    an_unannounced_algorithm_is_verified_too(&fresh().open().await).await;
    an_empty_upload_becomes_the_empty_blob(&fresh().open().await).await;
    a_wrong_digest_removes_the_upload(&fresh().open().await).await;
    an_unsupported_algorithm_changes_nothing(&fresh().open().await).await;
    an_upload_is_made_once(&fresh().open().await).await;
    unknown_uploads_are_told_as_such(&fresh().open().await).await;
    a_chunk_that_does_not_begin_at_the_end_is_refused(&fresh().open().await).await;
    two_requests_do_not_write_at_once(&fresh().open().await).await;
    what_arrived_before_a_failure_is_kept(&fresh().open().await).await;
    what_arrived_before_a_request_was_given_up_is_kept(&fresh().open().await).await;
    a_cancelled_upload_is_gone(&fresh().open().await).await;
    cancelling_stops_the_request_that_writes(&fresh().open().await).await;
    only_idle_uploads_expire(&fresh().open().await).await;
    ranges_are_read_exactly(&fresh().open().await).await;
    more_than_there_is_cannot_be_read(&fresh().open().await).await;
    removing_a_blob_leaves_its_twin(&fresh().open().await).await;
    keys_are_those_of_finished_blobs(&fresh().open().await).await;
    a_blob_is_as_old_as_its_finish(&fresh().open().await).await;
    keys_of_unknown_shape_are_absent(&fresh().open().await).await;
    uploads_go_on_side_by_side(&fresh().open().await).await;
    fresh().open().await.check().await.unwrap();
    uploads_and_blobs_outlive_a_restart(&fresh()).await;
}

/// A content that repeats nowhere within a chunk.
fn content(length: usize, seed: u64) -> Bytes {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(length);
    bytes.into()
}

fn id(text: &str) -> UploadId {
    text.parse().unwrap()
}

fn sha256(bytes: &[u8]) -> Digest {
    Algorithm::Sha256.digest(bytes)
}

/// The bytes as a body, in pieces of uneven size.
fn body(bytes: &Bytes) -> BoxStream<'static, io::Result<Bytes>> {
    let bytes = bytes.clone();
    let mut at = 0;
    let mut length = 1;
    let mut pieces = Vec::new();
    while at < bytes.len() {
        let end = (at + length).min(bytes.len());
        pieces.push(Ok(bytes.slice(at..end)));
        at = end;
        length = length * 3 % 70_001 + 1;
    }
    stream::iter(pieces).boxed()
}

async fn put(store: &impl BlobStore, name: &str, bytes: &Bytes) -> BlobKey {
    store.create_upload(&id(name)).await.unwrap();
    store.append(&id(name), 0, None, body(bytes)).await.unwrap();
    store.finish(&id(name), &sha256(bytes)).await.unwrap().0
}

async fn read(store: &impl BlobStore, key: &BlobKey, offset: u64, length: u64) -> Vec<u8> {
    let chunks: Vec<Bytes> = store.read(key, offset, length).await.unwrap().try_collect().await.unwrap();
    assert!(chunks.iter().all(|chunk| chunk.len() <= 256 * 1024), "chunks have at most 256 KiB");
    chunks.concat()
}

#[track_caller]
fn assert_absent<T>(result: Result<T, Error>, what: &str) {
    assert!(
        matches!(&result, Err(Error::NotFound { what: found, .. }) if *found == what),
        "the {what} is absent, got {:?}",
        result.err()
    );
}

#[track_caller]
fn assert_conflict<T>(result: Result<T, Error>, problem: &str) {
    let text = result.err().map(|error| (matches!(error, Error::Conflict { .. }), error.to_string()));
    assert!(
        text.as_ref().is_some_and(|(conflict, text)| *conflict && text.contains(problem)),
        "a conflict that says {problem:?}, got {text:?}"
    );
}

async fn uploads_grow_and_become_blobs(store: &impl BlobStore) {
    let bytes = content(1_500_000, 1);
    store.create_upload(&id("u")).await.unwrap();
    assert_eq!(store.upload_offset(&id("u")).await.unwrap(), 0);
    let offset = store.append(&id("u"), 0, None, body(&bytes.slice(..700_001))).await.unwrap();
    assert_eq!(offset, 700_001, "append returns the new offset");
    assert_eq!(store.upload_offset(&id("u")).await.unwrap(), 700_001);
    let offset = store.append(&id("u"), 700_001, None, body(&Bytes::new())).await.unwrap();
    assert_eq!(offset, 700_001, "an empty body adds nothing");
    let rest = body(&bytes.slice(700_001..));
    let offset = store.append(&id("u"), 700_001, Some(Algorithm::Sha256), rest).await.unwrap();
    assert_eq!(offset, 1_500_000);
    let (key, size) = store.finish(&id("u"), &sha256(&bytes)).await.unwrap();
    assert_eq!(size, 1_500_000, "finish returns the size");
    assert_eq!(key.digest(), Some(sha256(&bytes)), "the key carries the digest");
    assert_eq!(store.size(&key).await.unwrap(), Some(1_500_000));
    assert!(read(store, &key, 0, 1_500_000).await == bytes, "the bytes come back");
    assert_absent(store.upload_offset(&id("u")).await, "upload");
    assert_absent(store.append(&id("u"), 1_500_000, None, body(&bytes)).await, "upload");
    assert_absent(store.finish(&id("u"), &sha256(&bytes)).await, "upload");
    assert_absent(store.cancel(&id("u")).await, "upload");
}

async fn both_algorithms_are_verified(store: &impl BlobStore) {
    let bytes = content(300_000, 2);
    for (name, algorithm) in [("a", Algorithm::Sha256), ("b", Algorithm::Sha512)] {
        let digest = algorithm.digest(&bytes);
        store.create_upload(&id(name)).await.unwrap();
        store.append(&id(name), 0, Some(algorithm), body(&bytes)).await.unwrap();
        let (key, _) = store.finish(&id(name), &digest).await.unwrap();
        assert_eq!(key.digest(), Some(digest));
        assert!(read(store, &key, 0, 300_000).await == bytes);
    }
    // The longest of names.
    let name = "x".repeat(120);
    store.create_upload(&id(&name)).await.unwrap();
    let (key, _) = store.finish(&id(&name), &Algorithm::Sha512.digest(b"")).await.unwrap();
    assert_eq!(store.size(&key).await.unwrap(), Some(0));
}

async fn an_unannounced_algorithm_is_verified_too(store: &impl BlobStore) {
    let bytes = content(300_000, 3);
    for (name, announced, used) in [
        ("a", None, Algorithm::Sha512),
        ("b", Some(Algorithm::Sha512), Algorithm::Sha256),
        ("c", Some(Algorithm::Sha256), Algorithm::Sha512),
    ] {
        store.create_upload(&id(name)).await.unwrap();
        store.append(&id(name), 0, announced, body(&bytes.slice(..9))).await.unwrap();
        store.append(&id(name), 9, Some(used), body(&bytes.slice(9..))).await.unwrap();
        let (_, size) = store.finish(&id(name), &used.digest(&bytes)).await.unwrap();
        assert_eq!(size, 300_000);
    }
    store.create_upload(&id("d")).await.unwrap();
    store.append(&id("d"), 0, None, body(&bytes)).await.unwrap();
    let wrong = store.finish(&id("d"), &Algorithm::Sha512.digest(b"other")).await;
    assert!(matches!(wrong, Err(Error::DigestMismatch { actual, .. })
        if actual == Algorithm::Sha512.digest(&bytes)));
}

async fn an_empty_upload_becomes_the_empty_blob(store: &impl BlobStore) {
    let key = put(store, "u", &Bytes::new()).await;
    assert_eq!(store.size(&key).await.unwrap(), Some(0));
    assert!(read(store, &key, 0, 0).await.is_empty());
}

async fn a_wrong_digest_removes_the_upload(store: &impl BlobStore) {
    let bytes = content(1000, 4);
    store.create_upload(&id("u")).await.unwrap();
    store.append(&id("u"), 0, None, body(&bytes)).await.unwrap();
    match store.finish(&id("u"), &sha256(b"other")).await {
        Err(Error::DigestMismatch { expected, actual }) => {
            assert_eq!(expected, sha256(b"other"));
            assert_eq!(actual, sha256(&bytes), "the error names what arrived");
        }
        other => panic!("a digest mismatch, got {other:?}"),
    }
    assert_absent(store.upload_offset(&id("u")).await, "upload");
    assert_eq!(store.keys().await.unwrap().count().await, 0, "no blob appears");
}

async fn an_unsupported_algorithm_changes_nothing(store: &impl BlobStore) {
    store.create_upload(&id("u")).await.unwrap();
    let digest: Digest = "md5:d41d8cd98f00b204e9800998ecf8427e".parse().unwrap();
    assert!(matches!(store.finish(&id("u"), &digest).await, Err(Error::Invalid { .. })));
    assert_eq!(store.upload_offset(&id("u")).await.unwrap(), 0);
}

async fn an_upload_is_made_once(store: &impl BlobStore) {
    store.create_upload(&id("u")).await.unwrap();
    store.append(&id("u"), 0, None, body(&content(10, 5))).await.unwrap();
    assert_conflict(store.create_upload(&id("u")).await, "exists already");
    assert_eq!(store.upload_offset(&id("u")).await.unwrap(), 10, "the first one is as it was");
}

async fn unknown_uploads_are_told_as_such(store: &impl BlobStore) {
    let nobody = id("nobody");
    assert_absent(store.upload_offset(&nobody).await, "upload");
    assert_absent(store.append(&nobody, 0, None, body(&content(10, 6))).await, "upload");
    assert_absent(store.finish(&nobody, &sha256(b"")).await, "upload");
    assert_absent(store.cancel(&nobody).await, "upload");
}

async fn a_chunk_that_does_not_begin_at_the_end_is_refused(store: &impl BlobStore) {
    let bytes = content(20, 7);
    store.create_upload(&id("u")).await.unwrap();
    store.append(&id("u"), 0, None, body(&bytes.slice(..10))).await.unwrap();
    for wrong in [0, 9, 11, u64::MAX] {
        let refused = store.append(&id("u"), wrong, None, body(&bytes)).await;
        assert_conflict(refused, &format!("holds 10 bytes, the body starts at {wrong}"));
    }
    store.append(&id("u"), 10, None, body(&bytes.slice(10..))).await.unwrap();
    store.finish(&id("u"), &sha256(&bytes)).await.expect("refused chunks left no trace");
}

async fn two_requests_do_not_write_at_once(store: &impl BlobStore) {
    let bytes = content(100, 8);
    store.create_upload(&id("u")).await.unwrap();
    let (go_on, wait) = tokio::sync::oneshot::channel::<()>();
    let (started, is_started) = tokio::sync::oneshot::channel::<()>();
    let mut started = Some(started);
    let mut wait = Some(wait);
    let first = bytes.clone();
    let slow = stream::once(async move {
        if let (Some(started), Some(wait)) = (started.take(), wait.take()) {
            started.send(()).unwrap();
            wait.await.unwrap();
        }
        Ok(first)
    });
    let u = id("u");
    let first = store.append(&u, 0, None, slow.boxed());
    let others = async {
        is_started.await.unwrap();
        let busy = "is being written to by another request";
        assert_conflict(store.append(&id("u"), 0, None, body(&bytes)).await, busy);
        assert_conflict(store.finish(&id("u"), &sha256(&bytes)).await, busy);
        assert_eq!(store.upload_offset(&id("u")).await.unwrap(), 0, "the offset is told meanwhile");
        assert_eq!(store.expire_uploads(Duration::ZERO).await.unwrap(), 0, "it is not idle");
        go_on.send(()).unwrap();
    };
    let (offset, ()) = futures_util::future::join(first, others).await;
    assert_eq!(offset.unwrap(), 100, "the first request is not disturbed");
    store.finish(&id("u"), &sha256(&bytes)).await.unwrap();
}

async fn what_arrived_before_a_failure_is_kept(store: &impl BlobStore) {
    let bytes = content(900_000, 9);
    store.create_upload(&id("u")).await.unwrap();
    let broken = body(&bytes.slice(..600_000))
        .chain(stream::iter([Err(io::Error::new(io::ErrorKind::ConnectionReset, "the line is cut"))]));
    let error = store.append(&id("u"), 0, None, broken.boxed()).await.unwrap_err();
    assert!(error.to_string().contains("the line is cut"), "{error}");
    assert_eq!(store.upload_offset(&id("u")).await.unwrap(), 600_000);
    store.append(&id("u"), 600_000, None, body(&bytes.slice(600_000..))).await.unwrap();
    store.finish(&id("u"), &sha256(&bytes)).await.unwrap();
}

async fn what_arrived_before_a_request_was_given_up_is_kept(store: &impl BlobStore) {
    let bytes = content(900_000, 10);
    store.create_upload(&id("u")).await.unwrap();
    let (all_taken, is_all_taken) = tokio::sync::oneshot::channel::<()>();
    let hanging = body(&bytes.slice(..600_000)).chain(stream::once(async move {
        all_taken.send(()).unwrap();
        std::future::pending().await
    }));
    let u = id("u");
    let append = store.append(&u, 0, None, hanging.boxed());
    // The server drops what it was doing when the connection closes.
    assert!(matches!(
        futures_util::future::select(append, is_all_taken).await,
        futures_util::future::Either::Right(_)
    ));
    assert_eq!(store.upload_offset(&id("u")).await.unwrap(), 600_000);
    store.append(&id("u"), 600_000, None, body(&bytes.slice(600_000..))).await.unwrap();
    store.finish(&id("u"), &sha256(&bytes)).await.unwrap();
}

async fn a_cancelled_upload_is_gone(store: &impl BlobStore) {
    store.create_upload(&id("u")).await.unwrap();
    store.append(&id("u"), 0, None, body(&content(10, 11))).await.unwrap();
    assert_eq!(store.uploads().await.unwrap(), [id("u")]);
    store.cancel(&id("u")).await.unwrap();
    assert_eq!(store.uploads().await.unwrap(), []);
    assert_absent(store.upload_offset(&id("u")).await, "upload");
    assert_absent(store.append(&id("u"), 10, None, body(&content(10, 11))).await, "upload");
    assert_absent(store.cancel(&id("u")).await, "upload");
}

async fn cancelling_stops_the_request_that_writes(store: &impl BlobStore) {
    store.create_upload(&id("u")).await.unwrap();
    let chunk = content(300_000, 12);
    let u = id("u");
    let sent = std::sync::atomic::AtomicU64::new(0);
    let endless = stream::repeat_with(|| {
        sent.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        Ok(chunk.clone())
    });
    let writing = store.append(&u, 0, None, endless.boxed());
    let cancelling = async {
        while sent.load(std::sync::atomic::Ordering::Relaxed) < 4 {
            tokio::task::yield_now().await;
        }
        store.cancel(&id("u")).await.unwrap();
    };
    let (written, ()) = futures_util::future::join(writing, cancelling).await;
    assert_absent(written, "upload");
    assert_absent(store.upload_offset(&id("u")).await, "upload");
}

async fn only_idle_uploads_expire(store: &impl BlobStore) {
    let key = put(store, "blob", &content(10, 13)).await;
    store.create_upload(&id("a")).await.unwrap();
    store.create_upload(&id("b")).await.unwrap();
    store.append(&id("b"), 0, None, body(&content(10, 13))).await.unwrap();
    assert_eq!(store.expire_uploads(Duration::from_secs(3600)).await.unwrap(), 0);
    assert_eq!(store.upload_offset(&id("b")).await.unwrap(), 10);
    assert_eq!(store.expire_uploads(Duration::ZERO).await.unwrap(), 2);
    assert_absent(store.upload_offset(&id("a")).await, "upload");
    assert_absent(store.upload_offset(&id("b")).await, "upload");
    assert_eq!(store.size(&key).await.unwrap(), Some(10), "blobs stay");
}

async fn ranges_are_read_exactly(store: &impl BlobStore) {
    let bytes = content(2_000_003, 14);
    let key = put(store, "u", &bytes).await;
    for (offset, length) in [
        (0, 0),
        (0, 1),
        (2_000_002, 1),
        (2_000_003, 0),
        (0, 262_144),
        (1, 262_144),
        (262_143, 262_146),
        (5, 524_288),
        (524_288, 1_048_577),
        (0, 2_000_003),
        (77, 1_999_926),
    ] {
        let expected = &bytes[usize::try_from(offset).unwrap()..][..usize::try_from(length).unwrap()];
        assert!(read(store, &key, offset, length).await == expected, "{length} bytes from {offset}");
    }
    // A reader that leaves early harms nobody.
    let mut early = store.read(&key, 0, 2_000_003).await.unwrap();
    assert!(early.next().await.unwrap().is_ok());
    drop(early);
    assert_eq!(store.size(&key).await.unwrap(), Some(2_000_003));
}

async fn more_than_there_is_cannot_be_read(store: &impl BlobStore) {
    let key = put(store, "u", &content(10, 15)).await;
    for (offset, length) in [(0, 11), (10, 1), (11, 0), (u64::MAX, 1), (1, u64::MAX)] {
        let refused = store.read(&key, offset, length).await.err();
        assert!(matches!(refused, Some(Error::Damaged(_))), "{length} bytes from {offset}: {refused:?}");
    }
    let absent = BlobKey::new(&sha256(b"absent"), &id("u"));
    assert_absent(store.read(&absent, 0, 1).await.map(drop), "blob");
    assert_eq!(store.size(&absent).await.unwrap(), None);
}

async fn removing_a_blob_leaves_its_twin(store: &impl BlobStore) {
    let bytes = content(1000, 16);
    let first = put(store, "a", &bytes).await;
    let second = put(store, "b", &bytes).await;
    assert_ne!(first, second, "equal content has a key for each upload");
    store.remove(&first).await.unwrap();
    store.remove(&first).await.expect("removing what is not there is no error");
    assert_eq!(store.size(&first).await.unwrap(), None);
    assert_absent(store.read(&first, 0, 1).await.map(drop), "blob");
    assert!(read(store, &second, 0, 1000).await == bytes);
}

async fn keys_are_those_of_finished_blobs(store: &impl BlobStore) {
    let mut expected = BTreeSet::new();
    for n in 0..40 {
        expected.insert(put(store, &format!("u{n}"), &content(n, 17)).await);
    }
    store.create_upload(&id("s")).await.unwrap();
    expected.insert(store.finish(&id("s"), &Algorithm::Sha512.digest(b"")).await.unwrap().0);
    store.create_upload(&id("unfinished")).await.unwrap();
    let keys: BTreeSet<BlobKey> = store.keys().await.unwrap().try_collect().await.unwrap();
    assert_eq!(keys, expected);
}

async fn a_blob_is_as_old_as_its_finish(store: &impl BlobStore) {
    let now = || i64::try_from(SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs());
    let before = now().unwrap();
    let key = put(store, "u", &content(10, 19)).await;
    let finished = store.finished_at(&key).await.unwrap().expect("it is there");
    assert!((before..=now().unwrap()).contains(&finished), "{finished} is not about {before}");
    store.remove(&key).await.unwrap();
    assert_eq!(store.finished_at(&key).await.unwrap(), None);
}

async fn keys_of_unknown_shape_are_absent(store: &impl BlobStore) {
    for text in ["\"../../etc/passwd\"", "\"sha256/../../lock\"", "\"\"", "\"md5/d41d8cd98f00.u\""] {
        // A key that comes out of a catalog is not checked when it is read.
        let key: BlobKey = serde_json::from_str(text).unwrap();
        assert_eq!(store.size(&key).await.unwrap(), None, "{text}");
        assert_absent(store.read(&key, 0, 0).await.map(drop), "blob");
        store.remove(&key).await.unwrap();
    }
    for text in ["../etc", "a/b", "A", "", ".", "a.b", &"x".repeat(121)] {
        assert!(text.parse::<UploadId>().is_err(), "{text:?} is no upload id");
    }
}

async fn uploads_go_on_side_by_side(store: &impl BlobStore) {
    let writing = (0..8_u64).map(|n| async move {
        let bytes = content(700_000 + usize::try_from(n).unwrap(), n);
        let key = put(store, &format!("u{n}"), &bytes).await;
        assert!(read(store, &key, 0, 700_000 + n).await == bytes);
    });
    futures_util::future::join_all(writing).await;
}

async fn uploads_and_blobs_outlive_a_restart<F: StoreFolder>(folder: &F) {
    let bytes = content(900_000, 18);
    let store = folder.open().await;
    let key = put(&store, "blob", &bytes).await;
    for name in ["empty", "begun", "begun512"] {
        store.create_upload(&id(name)).await.unwrap();
    }
    store.append(&id("begun"), 0, None, body(&bytes.slice(..600_000))).await.unwrap();
    let announced = Some(Algorithm::Sha512);
    store.append(&id("begun512"), 0, announced, body(&bytes.slice(..600_000))).await.unwrap();
    drop(store);

    let store = folder.open().await;
    assert!(read(&store, &key, 0, 900_000).await == bytes);
    assert_eq!(store.upload_offset(&id("empty")).await.unwrap(), 0);
    assert_eq!(store.upload_offset(&id("begun")).await.unwrap(), 600_000);
    for (name, algorithm) in [("begun", Algorithm::Sha256), ("begun512", Algorithm::Sha512)] {
        let rest = body(&bytes.slice(600_000..));
        store.append(&id(name), 600_000, Some(algorithm), rest).await.unwrap();
        let (key, size) = store.finish(&id(name), &algorithm.digest(&bytes)).await.unwrap();
        assert_eq!(size, 900_000);
        assert!(read(&store, &key, 0, 900_000).await == bytes);
    }
    store.append(&id("empty"), 0, None, body(&bytes)).await.unwrap();
    store.finish(&id("empty"), &sha256(&bytes)).await.unwrap();
}
