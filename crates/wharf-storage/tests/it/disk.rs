//! The blob store on disk.
#![expect(clippy::unwrap_used, clippy::print_stderr, reason = "tests, one of which says why it is skipped")]

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{self, StreamExt, TryStreamExt};
use wharf_oci::Algorithm;
use wharf_storage::contract::{self, StoreFolder};
use wharf_storage::{BlobStore, DiskStore, Error, Result, SqliteCatalog, SqliteOptions, UploadId};

struct TempFolder(tempfile::TempDir);

impl StoreFolder for TempFolder {
    type Store = DiskStore;

    async fn open(&self) -> DiskStore {
        // The last store's own work may still hold the lock for a moment.
        for _ in 0..1000 {
            match DiskStore::open(self.0.path().join("data")) {
                Err(Error::Conflict { .. }) => tokio::time::sleep(Duration::from_millis(1)).await,
                store => return store.unwrap(),
            }
        }
        panic!("the folder stays locked")
    }
}

fn id(text: &str) -> UploadId {
    text.parse().unwrap()
}

async fn append(store: &DiskStore, name: &str, offset: u64, bytes: &'static [u8]) -> Result<u64> {
    let body = stream::iter([Ok(Bytes::from_static(bytes))]).boxed();
    store.append(&id(name), offset, None, body).await
}

#[cfg(unix)]
#[tokio::test]
async fn nobody_but_the_owner_can_read_blobs_even_in_a_folder_that_was_there() {
    use std::os::unix::fs::PermissionsExt;
    fn modes(path: &std::path::Path, wrong: &mut Vec<(PathBuf, u32)>) {
        for entry in fs::read_dir(path).unwrap() {
            let path = entry.unwrap().path();
            let mode = fs::metadata(&path).unwrap().permissions().mode() & 0o777;
            let expected = if path.is_dir() { 0o700 } else { 0o600 };
            // The lock holds a process number.
            if mode != expected && !path.ends_with("lock") {
                wrong.push((path.clone(), mode));
            }
            if path.is_dir() {
                modes(&path, wrong);
            }
        }
    }
    let folder = crate::scratch::folder();
    let root = folder.path().join("there/below/data");
    fs::create_dir(folder.path().join("there")).unwrap();
    let permissions = fs::Permissions::from_mode(0o755);
    fs::set_permissions(folder.path().join("there"), permissions).unwrap();
    let store = DiskStore::open(&root).unwrap();
    for id in ["kept", "open"] {
        let id = id.parse().unwrap();
        store.create_upload(&id).await.unwrap();
        let body = stream::iter([Ok(Bytes::from_static(b"secret"))]);
        store.append(&id, 0, None, Box::pin(body)).await.unwrap();
    }
    let digest = Algorithm::Sha256.digest(b"secret");
    store.finish(&"kept".parse().unwrap(), &digest).await.unwrap();
    let mut wrong = Vec::new();
    modes(&folder.path().join("there"), &mut wrong);
    assert_eq!(wrong, []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_store_on_disk_keeps_the_contract() {
    contract::blobs(|| TempFolder(crate::scratch::folder())).await;
}

#[tokio::test]
async fn a_folder_in_use_is_refused_with_its_name_and_the_holder() {
    let root = crate::scratch::folder();
    let store = DiskStore::open(root.path()).unwrap();
    let error = DiskStore::open(root.path()).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "data folder {:?} is in use by process {}",
            root.path().to_str().unwrap(),
            std::process::id()
        )
    );
    drop(store);
    DiskStore::open(root.path()).expect("the lock ends with its holder");
}

#[tokio::test]
async fn the_folder_has_the_documented_layout() {
    let root = crate::scratch::folder();
    let data = root.path().join("a/b");
    let store = DiskStore::open(&data).unwrap();
    store.create_upload(&id("u-1")).await.unwrap();
    append(&store, "u-1", 0, b"abc").await.unwrap();
    assert_eq!(fs::read(data.join("uploads/u-1")).unwrap(), b"abc");
    let digest = Algorithm::Sha256.digest(b"abc");
    let (key, _) = store.finish(&id("u-1"), &digest).await.unwrap();
    let hex = digest.encoded();
    assert_eq!(key.as_str(), format!("sha256/{hex}.u-1"));
    assert_eq!(fs::read(data.join(format!("blobs/sha256/{}/{hex}.u-1", &hex[..2]))).unwrap(), b"abc");
    assert!(!data.join("uploads/u-1").exists());
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(fs::metadata(&data).unwrap().permissions().mode() & 0o777, 0o700);
    }
}

#[tokio::test]
async fn files_that_are_no_blobs_are_left_alone() {
    let root = crate::scratch::folder();
    let store = DiskStore::open(root.path()).unwrap();
    fs::write(root.path().join("blobs/sha256/ab/README"), "x").unwrap();
    fs::write(root.path().join("uploads/Not.An.Upload"), "x").unwrap();
    assert_eq!(store.keys().await.unwrap().count().await, 0);
    assert_eq!(store.expire_uploads(Duration::ZERO).await.unwrap(), 0);
    assert!(root.path().join("uploads/Not.An.Upload").exists());
}

#[tokio::test]
async fn a_vanished_data_folder_is_a_storage_failure_and_not_an_absent_blob() {
    let parent = crate::scratch::folder();
    let root = parent.path().join("data");
    let store = DiskStore::open(&root).unwrap();
    store.create_upload(&id("u")).await.unwrap();
    store.create_upload(&id("v")).await.unwrap();
    let digest = Algorithm::Sha256.digest(b"");
    let (key, _) = store.finish(&id("u"), &digest).await.unwrap();
    store.check().await.unwrap();
    fs::remove_dir_all(&root).unwrap();
    let errors = [
        store.check().await.err(),
        store.create_upload(&id("w")).await.err(),
        append(&store, "v", 0, b"abc").await.err(),
        store.finish(&id("v"), &digest).await.err(),
        store.upload_offset(&id("x")).await.err(),
        store.cancel(&id("v")).await.err(),
        store.size(&key).await.err(),
        store.finished_at(&key).await.err(),
        store.read(&key, 0, 0).await.err(),
        store.remove(&key).await.err(),
        store.expire_uploads(Duration::ZERO).await.err(),
        store.keys().await.unwrap().try_collect::<Vec<_>>().await.err(),
    ];
    for (index, error) in errors.into_iter().enumerate() {
        assert!(matches!(error, Some(Error::Io { .. })), "{index}: {error:?}");
    }
    assert!(!root.exists(), "nothing is made anew behind the operator's back");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_full_device_is_told_as_such() {
    let root = crate::scratch::folder();
    let store = DiskStore::open(root.path()).unwrap();
    store.create_upload(&id("u")).await.unwrap();
    let upload = root.path().join("uploads/u");
    fs::remove_file(&upload).unwrap();
    std::os::unix::fs::symlink("/dev/full", &upload).unwrap();
    assert!(matches!(append(&store, "u", 0, b"abc").await, Err(Error::Full(_))));
}

/// A small file system of its own, where the machine lets us mount one.
struct SmallDevice(PathBuf);

impl SmallDevice {
    fn mount(at: &std::path::Path) -> Option<Self> {
        let mounted = std::process::Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=4m", "tmpfs"])
            .arg(at)
            .stderr(std::process::Stdio::null())
            .status();
        mounted.is_ok_and(|status| status.success()).then(|| Self(at.to_owned()))
    }
}

impl Drop for SmallDevice {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg(&self.0).status();
    }
}

#[tokio::test]
async fn an_upload_goes_on_after_a_full_device_has_room_again() {
    let root = crate::scratch::folder();
    let Some(device) = SmallDevice::mount(root.path()) else {
        eprintln!("skipped: no file system can be mounted here");
        return;
    };
    let store = DiskStore::open(&device.0).unwrap();
    fs::write(device.0.join("ballast"), vec![0; 2 * 1024 * 1024]).unwrap();
    let chunk = Bytes::from(vec![7; 300_000]);
    let chunks = || stream::repeat(chunk.clone()).take(10).map(Ok);
    store.create_upload(&id("u")).await.unwrap();
    let error = store.append(&id("u"), 0, None, chunks().boxed()).await.unwrap_err();
    assert!(matches!(error, Error::Full(_)), "{error:?}");
    let offset = store.upload_offset(&id("u")).await.unwrap();
    assert!(offset > 0 && offset < 3_000_000, "whole batches are kept: {offset}");
    fs::remove_file(device.0.join("ballast")).unwrap();
    let rest = Bytes::from(vec![7; 3_000_000 - usize::try_from(offset).unwrap()]);
    store.append(&id("u"), offset, None, stream::iter([Ok(rest)]).boxed()).await.unwrap();
    let digest = Algorithm::Sha256.digest(&vec![7; 3_000_000]);
    assert_eq!(store.finish(&id("u"), &digest).await.unwrap().1, 3_000_000);
    drop(store);
}

#[tokio::test]
async fn an_upload_left_by_a_crash_resumes_at_what_is_on_disk() {
    let root = crate::scratch::folder();
    drop(DiskStore::open(root.path()).unwrap());
    // The process was killed in the middle of a write.
    fs::write(root.path().join("uploads/u"), b"hello, wo").unwrap();
    let store = DiskStore::open(root.path()).unwrap();
    assert_eq!(store.upload_offset(&id("u")).await.unwrap(), 9);
    append(&store, "u", 9, b"rld").await.unwrap();
    store.finish(&id("u"), &Algorithm::Sha256.digest(b"hello, world")).await.unwrap();
}

#[tokio::test]
async fn an_upload_that_was_cut_behind_the_servers_back_is_not_acknowledged() {
    let root = crate::scratch::folder();
    let store = DiskStore::open(root.path()).unwrap();
    store.create_upload(&id("u")).await.unwrap();
    append(&store, "u", 0, b"hello, world").await.unwrap();
    fs::write(root.path().join("uploads/u"), b"hello").unwrap();
    let digest = Algorithm::Sha256.digest(b"hello, world");
    assert!(matches!(store.finish(&id("u"), &digest).await, Err(Error::Damaged(_))));
    assert_eq!(store.upload_offset(&id("u")).await.unwrap(), 5);
    append(&store, "u", 5, b", world").await.unwrap();
    store.finish(&id("u"), &digest).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_store_can_be_checked_by_several_at_once() {
    let root = crate::scratch::folder();
    let store = DiskStore::open(root.path()).unwrap();
    for result in futures_util::future::join_all((0..200).map(|_| store.check())).await {
        result.unwrap();
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_folder_that_others_could_read_is_closed_when_it_is_opened() {
    use std::os::unix::fs::PermissionsExt as _;
    use std::path::PathBuf;

    fn all(folder: &std::path::Path) -> Vec<PathBuf> {
        let inside = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let mut found: Vec<PathBuf> =
            inside.flat_map(|path| if path.is_dir() { all(&path) } else { vec![path] }).collect();
        found.push(folder.to_owned());
        found
    }
    let scratch = tempfile::tempdir().unwrap();
    let folder = scratch.path().join("data");
    let catalog = || SqliteCatalog::open(SqliteOptions::new(folder.join("catalog.db"))).unwrap();
    {
        let store = DiskStore::open(&folder).unwrap();
        let id: UploadId = "u1".parse().unwrap();
        store.create_upload(&id).await.unwrap();
        store.finish(&id, &Algorithm::Sha256.digest(b"")).await.unwrap();
        store.create_upload(&"u2".parse().unwrap()).await.unwrap();
        drop(catalog());
    }
    for path in all(scratch.path()) {
        let mode = if path.is_dir() { 0o755 } else { 0o644 };
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    }
    let _store = DiskStore::open(&folder).unwrap();
    let _catalog = catalog();
    for path in all(&folder) {
        let mode = path.metadata().unwrap().permissions().mode() & 0o7777;
        assert_eq!(mode, if path.is_dir() { 0o700 } else { 0o600 }, "{}", path.display());
    }
    let above = scratch.path().metadata().unwrap().permissions().mode();
    assert_eq!(above & 0o7777, 0o755, "what lies above is left");
}
