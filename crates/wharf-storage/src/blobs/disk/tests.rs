//! What only a store on disk has: steps that fail, files that are taken away, a lock.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::path::Path;

use futures_util::stream;

use super::folder::Step;
use super::*;

fn id(text: &str) -> UploadId {
    text.parse().unwrap()
}

async fn filled(store: &DiskStore, name: &str, bytes: &'static [u8]) {
    store.create_upload(&id(name)).await.unwrap();
    append(store, name, 0, bytes).await.unwrap();
}

async fn append(store: &DiskStore, name: &str, offset: u64, bytes: &'static [u8]) -> Result<u64> {
    let body = stream::iter([Ok(Bytes::from_static(bytes))]).boxed();
    store.append(&id(name), offset, None, body).await
}

fn blob_files(root: &Path) -> usize {
    let shelves = fs::read_dir(root.join("blobs/sha256")).unwrap();
    shelves.map(|shelf| fs::read_dir(shelf.unwrap().path()).unwrap().count()).sum()
}

/// One failing step of `finish` and what is there after the store is opened again.
struct Fault {
    step: Step,
    steps_taken: &'static [Step],
    upload_stays: bool,
}

#[tokio::test]
async fn a_failing_step_of_finish_leaves_nothing_half_done() {
    use Step::{Rename, SyncFile, SyncFolder};
    for fault in [
        // The system forgets which bytes it could not write, so a second attempt would acknowledge what is lost.
        Fault { step: SyncFile, steps_taken: &[SyncFile], upload_stays: false },
        Fault { step: Rename, steps_taken: &[SyncFile, Rename], upload_stays: true },
        Fault { step: SyncFolder, steps_taken: &[SyncFile, Rename, SyncFolder], upload_stays: false },
    ] {
        let root = tempfile::tempdir().unwrap();
        let store = DiskStore::open(root.path()).unwrap();
        filled(&store, "u", b"abc").await;
        store.uploads.folder().faults.lock().unwrap().1 = Some(fault.step);
        let digest = Algorithm::Sha256.digest(b"abc");
        let error = store.finish(&id("u"), &digest).await.unwrap_err();
        assert!(matches!(error, Error::Io { .. }), "{:?}: {error}", fault.step);
        assert_eq!(store.uploads.folder().faults.lock().unwrap().0, fault.steps_taken);
        drop(store);
        let store = DiskStore::open(root.path()).unwrap();
        assert_eq!(blob_files(root.path()), 0, "{:?}", fault.step);
        assert_eq!(store.upload_offset(&id("u")).await.ok(), fault.upload_stays.then_some(3));
        if fault.upload_stays {
            store.finish(&id("u"), &digest).await.unwrap();
        }
    }
}

#[tokio::test]
async fn bytes_reach_the_device_before_the_name_and_the_name_before_the_answer() {
    let root = tempfile::tempdir().unwrap();
    let store = DiskStore::open(root.path()).unwrap();
    filled(&store, "u", b"abc").await;
    store.finish(&id("u"), &Algorithm::Sha256.digest(b"abc")).await.unwrap();
    assert_eq!(
        store.uploads.folder().faults.lock().unwrap().0,
        [Step::SyncFile, Step::Rename, Step::SyncFolder]
    );
}

#[tokio::test]
async fn uploads_beyond_those_kept_in_memory_are_taken_from_disk() {
    let root = tempfile::tempdir().unwrap();
    let store = DiskStore::open(root.path()).unwrap();
    // One that is being written to is never forgotten, however old.
    store.create_upload(&id("busy")).await.unwrap();
    let (go_on, wait) = tokio::sync::oneshot::channel::<()>();
    let body = stream::once(async move {
        wait.await.unwrap();
        Ok(Bytes::from_static(b"abc"))
    });
    let busy = id("busy");
    let writing = store.append(&busy, 0, None, body.boxed());
    let others = async {
        for n in 0..50 {
            filled(&store, &format!("u{n}"), b"abc").await;
        }
        assert!(store.uploads.known_count() <= 17, "{}", store.uploads.known_count());
        let refused = append(&store, "busy", 0, b"x").await.unwrap_err();
        assert!(refused.to_string().contains("another request"), "{refused}");
        go_on.send(()).unwrap();
    };
    let (written, ()) = futures_util::future::join(writing, others).await;
    assert_eq!(written.unwrap(), 3);
    let digest = Algorithm::Sha256.digest(b"abcdef");
    for name in (0..50).map(|n| format!("u{n}")).chain(["busy".to_owned()]) {
        append(&store, &name, 3, b"def").await.unwrap();
        store.finish(&id(&name), &digest).await.unwrap();
    }
    assert_eq!(blob_files(root.path()), 51);
}

#[tokio::test]
async fn a_folder_is_free_when_its_store_is_gone_though_a_child_process_still_has_its_files() {
    let root = tempfile::tempdir().unwrap();
    let store = DiskStore::open(root.path()).unwrap();
    // What a fork does to an open file.
    let inherited = store.uploads.folder().lock.0.try_clone().unwrap();
    drop(store);
    DiskStore::open(root.path()).unwrap();
    drop(inherited);
}
