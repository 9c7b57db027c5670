use std::fs;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use wharf_content::contract::{index, push_image};
use wharf_content::{
    BlobSource, BlobStream, Error, ErrorKind, LayoutTarget, ReadTarget, Target, all_tags, collect,
};
use wharf_oci::{Algorithm, Descriptor, Reference};

fn names(folder: &std::path::Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[tokio::test]
async fn a_layout_fulfils_the_contract() {
    let folder = tempfile::tempdir().unwrap();
    let next = AtomicUsize::new(0);
    wharf_content::contract::run(|| async {
        let root = folder.path().join(next.fetch_add(1, Ordering::Relaxed).to_string());
        Box::new(LayoutTarget::create(root).await.unwrap()) as _
    })
    .await;
}

#[tokio::test]
async fn a_layout_is_there_again_after_it_is_opened_anew() {
    let folder = tempfile::tempdir().unwrap();
    let layout = LayoutTarget::create(folder.path()).await.unwrap();
    let image = push_image(&layout, "kept", &["v1"]).await;
    drop(layout);
    let layout = LayoutTarget::open(folder.path()).await.unwrap();
    assert_eq!(layout.resolve(&"v1".parse().unwrap()).await.unwrap(), image.descriptor());
    assert_eq!(names(folder.path()), ["blobs", "index.json", "oci-layout"], "nothing else is left behind");
}

#[tokio::test]
async fn a_failed_push_leaves_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let layout = LayoutTarget::create(folder.path()).await.unwrap();
    let (mut descriptor, source) = wharf_content::contract::blob("text/plain", "content");
    descriptor.size = 3;
    layout.push_blob(&descriptor, &source).await.unwrap_err();
    assert_eq!(names(folder.path()), ["blobs", "index.json", "oci-layout"]);
    assert!(names(&folder.path().join("blobs")).is_empty());
}

#[tokio::test]
async fn a_folder_that_is_no_layout_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let error = LayoutTarget::open(folder.path()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.to_string().contains("is no OCI layout"), "{error}");
    fs::write(folder.path().join("oci-layout"), r#"{"imageLayoutVersion":"9.0"}"#).unwrap();
    let error = LayoutTarget::open(folder.path()).await.unwrap_err();
    assert!(error.to_string().contains("\"9.0\"") && error.to_string().contains("\"1.0.0\""), "{error}");
}

/// `docker save` writes full names and puts files of its own beside the layout's.
#[tokio::test]
async fn foreign_files_entries_and_full_names_are_kept_and_understood() {
    let folder = tempfile::tempdir().unwrap();
    let layout = LayoutTarget::create(folder.path()).await.unwrap();
    let image = push_image(&layout, "foreign", &[]).await;
    fs::write(folder.path().join("manifest.json"), "[]").unwrap();
    let descriptor = serde_json::to_value(image.descriptor()).unwrap();
    let mut entry = descriptor.clone();
    entry["annotations"] = serde_json::json!({
        "org.opencontainers.image.ref.name": "localhost:5000/shop/web:v7", "com.example.kept": "yes"
    });
    let json = serde_json::json!({"schemaVersion": 2, "x-mine": {"a": 1}, "manifests": [entry]});
    fs::write(folder.path().join("index.json"), json.to_string()).unwrap();

    let tag: Reference = "v7".parse().unwrap();
    assert_eq!(layout.resolve(&tag).await.unwrap().digest, image.digest);
    assert_eq!(all_tags(&layout, 10).await.unwrap(), ["v7".parse().unwrap()]);
    layout.tag(&image.digest, &"new".parse().unwrap()).await.unwrap();
    let after: serde_json::Value =
        serde_json::from_slice(&fs::read(folder.path().join("index.json")).unwrap()).unwrap();
    assert_eq!(after["x-mine"]["a"], 1);
    assert_eq!(after["manifests"][0]["annotations"]["com.example.kept"], "yes");
    assert_eq!(after["manifests"][1]["annotations"]["org.opencontainers.image.ref.name"], "new");
    assert!(folder.path().join("manifest.json").exists());
}

#[tokio::test]
async fn children_are_listed_by_their_index_only() {
    let folder = tempfile::tempdir().unwrap();
    let layout = LayoutTarget::create(folder.path()).await.unwrap();
    let child = push_image(&layout, "child", &[]).await;
    assert_eq!(layout.entries().await.unwrap().len(), 1);
    let index = index(&[&child.descriptor()]);
    layout.push_manifest(&index, &["multi".parse().unwrap()]).await.unwrap();
    let entries = layout.entries().await.unwrap();
    assert_eq!(entries.len(), 1);
    assert_eq!(entries[0].digest, index.digest);
}

#[tokio::test]
async fn a_corrupt_manifest_is_told_by_its_digest() {
    let folder = tempfile::tempdir().unwrap();
    let layout = LayoutTarget::create(folder.path()).await.unwrap();
    let image = push_image(&layout, "fine", &["v1"]).await;
    let path: PathBuf = layout.blob_path(&image.digest).unwrap();
    fs::write(path, image.bytes.to_vec().iter().map(|b| b ^ 1).collect::<Vec<u8>>()).unwrap();
    let error = layout.fetch_manifest(&"v1".parse().unwrap(), 4096).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Content);
    assert!(error.to_string().contains(image.digest.as_str()), "{error}");
}

#[tokio::test]
async fn writers_in_parallel_lose_no_tag() {
    let folder = tempfile::tempdir().unwrap();
    let layout = LayoutTarget::create(folder.path()).await.unwrap();
    let image = push_image(&layout, "popular", &[]).await;
    let mut tasks = Vec::new();
    for number in 0..20 {
        let layout = LayoutTarget::open(folder.path()).await.unwrap();
        let digest = image.digest.clone();
        tasks.push(tokio::spawn(async move {
            layout.tag(&digest, &format!("t{number}").parse().unwrap()).await.unwrap();
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(all_tags(&layout, 100).await.unwrap().len(), 20);
}

/// Bytes that break off once, after 2 MiB.
struct BreaksOff {
    content: Bytes,
    opened: Mutex<Vec<u64>>,
}

#[async_trait]
impl BlobSource for BreaksOff {
    async fn open(&self, offset: u64) -> wharf_content::Result<BlobStream> {
        let is_first = self.opened.lock().unwrap().is_empty();
        self.opened.lock().unwrap().push(offset);
        let rest = self.content.slice(usize::try_from(offset).unwrap()..);
        if !is_first {
            return Ok(wharf_content::once(rest));
        }
        let cut = Err(Error::new(ErrorKind::Network, "the line is cut"));
        Ok(Box::pin(futures_util::stream::iter([Ok(rest.slice(..2 << 20)), cut])))
    }
}

#[tokio::test]
async fn a_large_blob_that_broke_off_is_gone_on_with() {
    let folder = tempfile::tempdir().unwrap();
    let content = Bytes::from(vec![7; 3 << 20]);
    let descriptor = Descriptor::new("text/plain", Algorithm::Sha256.digest(&content), content.len() as u64);
    let source = BreaksOff { content: content.clone(), opened: Mutex::default() };
    let layout = LayoutTarget::create(folder.path()).await.unwrap();
    layout.push_blob(&descriptor, &source).await.unwrap_err();
    assert!(!layout.blob_exists(&descriptor.digest).await.unwrap());
    drop(layout);
    let layout = LayoutTarget::open(folder.path()).await.unwrap();
    layout.push_blob(&descriptor, &source).await.unwrap();
    assert_eq!(*source.opened.lock().unwrap(), [0, 2 << 20]);
    let stored = collect(layout.fetch_blob(&descriptor, 0).await.unwrap(), 4 << 20).await.unwrap();
    assert_eq!(stored, content);
    assert_eq!(names(folder.path()), ["blobs", "index.json", "oci-layout"]);
}

#[tokio::test]
async fn what_was_left_of_a_blob_and_is_wrong_is_fetched_again() {
    let folder = tempfile::tempdir().unwrap();
    let content = Bytes::from(vec![7; 3 << 20]);
    let descriptor = Descriptor::new("text/plain", Algorithm::Sha256.digest(&content), content.len() as u64);
    let layout = LayoutTarget::create(folder.path()).await.unwrap();
    let left = folder.path().join(format!(".incoming-sha256-{}", descriptor.digest.encoded()));
    fs::write(&left, vec![8; 1 << 20]).unwrap();
    layout.push_blob(&descriptor, &wharf_content::BytesSource(content)).await.unwrap();
    assert!(layout.blob_exists(&descriptor.digest).await.unwrap() && !left.exists());
}
