//! A disk that is full, and one that is gone: what a client is told, what is left, and that the server goes on.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use wharf_oci::{Algorithm, Digest};
use wharf_storage::{BlobStore as _, DiskStore, Doctor, DoctorOptions, SqliteCatalog, SqliteOptions};

use crate::support::{Registry, code, noise};

/// A small file system of its own, if this machine lets tests have one.
struct Device {
    folder: tempfile::TempDir,
}

impl Device {
    fn mount(size: &str) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={size},mode=0700"), "tmpfs"])
            .arg(folder.path())
            .output()
            .is_ok_and(|output| output.status.success());
        if !mounted {
            eprintln!("skipped: no file system can be mounted here");
        }
        mounted.then_some(Self { folder })
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Leaves not a byte free.
    fn fill(&self) -> PathBuf {
        let filler = self.folder.path().join("filler");
        let mut size = 1 << 20;
        let mut content: Vec<u8> = Vec::new();
        while size > 0 {
            let before = content.len();
            content.resize(before + size, 0);
            if std::fs::write(&filler, &content).is_err() {
                content.truncate(before);
                size /= 2;
            }
        }
        filler
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        // A test that failed may still have files open; lazily, it goes with the last of them.
        let _ = Command::new("umount").arg("-l").arg(self.folder.path()).status();
    }
}

async fn status(registry: &Registry, path: &str) -> u16 {
    registry.anonymous("GET", path).send().await.unwrap().status().as_u16()
}

fn files(folder: &Path) -> Vec<String> {
    let mut found: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .flat_map(|entry| {
            let path = entry.unwrap().path();
            if path.is_dir() { files(&path) } else { vec![path.display().to_string()] }
        })
        .collect();
    found.sort();
    found
}

/// Stops the server and looks at what it leaves.
async fn assert_sound(mut registry: Registry, data: &Path) {
    registry.handle.take().unwrap().shutdown().await;
    drop(registry);
    let catalog = SqliteCatalog::open(SqliteOptions::new(data.join("catalog.db"))).unwrap();
    let blobs = DiskStore::open(data).unwrap();
    let options = DoctorOptions {
        scrub_bytes_per_second: Some(u64::MAX),
        orphan_age: std::time::Duration::ZERO,
        ..DoctorOptions::look(i64::MAX / 2)
    };
    assert_eq!(blobs.uploads().await.unwrap(), []);
    let report = Doctor::new(Arc::new(catalog), Arc::new(blobs)).examine(&options).await.unwrap();
    assert_eq!(report.findings, []);
}

fn large() -> (Vec<u8>, Digest) {
    let content = noise(12 << 20);
    let digest = Algorithm::Sha256.digest(&content);
    (content, digest)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_is_told_as_such_and_loses_nothing() {
    let Some(device) = Device::mount("10m") else { return };
    let registry = Registry::start_with(|config| {
        config.data = device.path();
        // Down to the last byte, where the reserve would have refused before.
        config.storage_reserve_bytes = 0;
    })
    .await;
    let layer = noise(100_000);
    let first = registry.push_image("shop/web", "v1", &layer).await;
    let before = files(&device.path().join("blobs"));

    // In the middle of a blob, by each way of pushing one.
    let (content, digest) = large();
    let location = registry.begin_upload("shop/web").await;
    let refused = registry.request("PATCH", &location).body(content.clone()).send().await.unwrap();
    assert_eq!((refused.status().as_u16(), code(refused).await.as_str()), (507, "UNKNOWN"));
    assert_eq!(registry.delete(&location).await.status(), 204);
    let path = format!("/v2/shop/web/blobs/uploads/?digest={digest}");
    let refused = registry.request("POST", &path).body(content.clone()).send().await.unwrap();
    assert_eq!((refused.status().as_u16(), code(refused).await.as_str()), (507, "UNKNOWN"));
    assert_eq!(registry.head(&format!("/v2/shop/web/blobs/{digest}")).await.status(), 404);
    assert_eq!(files(&device.path().join("blobs")), before, "nothing half written stays");
    assert_eq!(files(&device.path().join("uploads")), Vec::<String>::new());

    // Not even room for a word in the catalog.
    let manifest = registry.image("shop/web", &layer[1..]).await;
    let filler = device.fill();
    let mut refusals = 0;
    // What the write-ahead log has room for still goes in.
    for number in 0..2000 {
        let answer = registry.put_manifest("shop/web", &format!("t{number}"), &manifest).await;
        if answer.status() != 201 {
            assert_eq!((answer.status().as_u16(), code(answer).await.as_str()), (507, "UNKNOWN"));
            refusals += 1;
            break;
        }
    }
    assert_eq!(refusals, 1, "the disk was never full");
    assert_eq!(status(&registry, "/healthz").await, 200);
    assert_eq!(registry.get("/v2/shop/web/manifests/v1").await.status(), 200, "pulls go on");
    let digest_of_layer = Algorithm::Sha256.digest(&layer);
    let pulled = registry.get(&format!("/v2/shop/web/blobs/{digest_of_layer}")).await;
    assert_eq!(pulled.bytes().await.unwrap(), layer);

    std::fs::remove_file(filler).unwrap();
    let second = registry.push_image("shop/web", "v2", &layer[2..]).await;
    assert_ne!(first, second);
    assert_eq!(registry.delete(&format!("/v2/shop/web/manifests/{first}")).await.status(), 202);
    assert_eq!(status(&registry, "/readyz").await, 200);
    assert_sound(registry, &device.path()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_vanished_data_folder_is_the_servers_trouble_and_ends_when_it_is_back() {
    let registry = Registry::start().await;
    let data = registry.folder.path().join("data");
    let layer = noise(100_000);
    registry.push_image("shop/web", "v1", &layer).await;
    let blob = format!("/v2/shop/web/blobs/{}", Algorithm::Sha256.digest(&layer));
    let location = registry.begin_upload("shop/web").await;
    let aside = registry.folder.path().join("aside");
    std::fs::rename(&data, &aside).unwrap();

    let tries = [
        registry.request("POST", "/v2/shop/web/blobs/uploads/").send().await.unwrap(),
        registry.request("PATCH", &location).body(layer.clone()).send().await.unwrap(),
        registry.get(&blob).await,
    ];
    for answer in tries {
        // Neither "unknown", which would let clients believe that it was deleted, nor a broken connection.
        assert_eq!(answer.status(), 503, "{}", answer.url());
        let text = answer.text().await.unwrap();
        assert!(text.contains("storage does not answer") && !text.contains("data"), "{text}");
    }
    assert_eq!(status(&registry, "/healthz").await, 200);
    assert_eq!(status(&registry, "/readyz").await, 503);

    std::fs::rename(&aside, &data).unwrap();
    assert_eq!(status(&registry, "/readyz").await, 200);
    assert_eq!(registry.get(&blob).await.bytes().await.unwrap(), layer);
    registry.push_image("shop/web", "v2", &layer[1..]).await;
    assert_eq!(registry.delete(&location).await.status(), 204);
}
