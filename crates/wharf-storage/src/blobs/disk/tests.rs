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
