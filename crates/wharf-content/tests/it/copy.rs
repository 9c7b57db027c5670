use std::sync::{Arc, Mutex};

use wharf_content::contract::{blob, index, manifest, push_artifact, push_image};
use wharf_content::{
    Budget, CopyOptions, ErrorKind, LayoutTarget, MemoryTarget, Outcome, PaperOptions, Progress, ReadTarget,
    Side, Target, copy,
};
use wharf_oci::{Descriptor, Digest, Reference};
use wharf_testkit::FaultyTarget;

fn options() -> CopyOptions {
    CopyOptions::default()
}

fn tag(text: &str) -> Reference {
    Reference::Tag(text.parse().unwrap())
}

#[tokio::test]
async fn an_index_arrives_whole_and_is_tagged_last() {
    let source = MemoryTarget::new();
    let (one, two) = (push_image(&source, "one", &[]).await, push_image(&source, "two", &[]).await);
    let root = index(&[&one.descriptor(), &two.descriptor()]);
    source.push_manifest(&root, &["v1".parse().unwrap()]).await.unwrap();

    let destination = FaultyTarget::default();
    let report = copy(&source, &tag("v1"), &destination, &options()).await.unwrap();
    assert_eq!(report.root, root.descriptor());
    assert_eq!(report.count(Outcome::Carried), 7);
    let lines = destination.lines();
    let (blobs, manifests) = lines.split_at(4);
    assert!(blobs.iter().all(|line| line.starts_with("blob ")), "{lines:?}");
    assert_eq!(manifests[2], format!("manifest {} [v1]", root.digest));
    assert_eq!(manifests.len(), 3, "the root goes over once, with its tag");

    let again = copy(&source, &tag("v1"), &destination, &options()).await.unwrap();
    assert_eq!(again.count(Outcome::AlreadyThere), 7);
    assert_eq!(again.carried_bytes(), 0);
}

#[tokio::test]
async fn a_half_filled_destination_is_completed() {
    let source = MemoryTarget::new();
    let image = push_image(&source, "image", &["v1"]).await;
    let destination = MemoryTarget::new();
    // The manifest is there, its blobs are not: as in a pull-through cache.
    destination.push_manifest(&image, &[]).await.unwrap();
    let report = copy(&source, &tag("v1"), &destination, &options()).await.unwrap();
    assert_eq!((report.count(Outcome::Carried), report.count(Outcome::AlreadyThere)), (2, 1));
}

#[tokio::test]
async fn referrers_of_every_manifest_go_along_recursively() {
    let source = MemoryTarget::new();
    let child = push_image(&source, "child", &[]).await;
    let root = index(&[&child.descriptor()]);
    source.push_manifest(&root, &["v1".parse().unwrap()]).await.unwrap();
    let sbom = push_artifact(&source, "application/sbom", "sbom", Some(&child.descriptor()), &[]).await;
    let signature = push_artifact(&source, "application/sig", "of sbom", Some(&sbom.descriptor()), &[]).await;

    let plain = MemoryTarget::new();
    let without = CopyOptions { papers: PaperOptions::NONE, ..options() };
    copy(&source, &tag("v1"), &plain, &without).await.unwrap();
    assert!(!plain.manifest_exists(&sbom.digest).await.unwrap());

    let destination = FaultyTarget::default();
    let with_papers = options();
    copy(&source, &tag("v1"), &destination, &with_papers).await.unwrap();
    for manifest in [&root, &child, &sbom, &signature] {
        let reference = Reference::Digest(manifest.digest.clone());
        assert_eq!(destination.fetch_manifest(&reference, 4096).await.unwrap(), *manifest);
    }
    assert_eq!(destination.lines().last().unwrap(), &format!("manifest {} [v1]", root.digest));
}

#[tokio::test]
async fn what_is_falsely_listed_as_a_referrer_stays_behind() {
    let mut source = FaultyTarget::default();
    let image = push_image(&source, "image", &["v1"]).await;
    let unrelated = push_image(&source, "unrelated", &[]).await;
    let absent = blob(wharf_oci::media_type::OCI_MANIFEST, "absent").0;
    source.false_referrers = vec![unrelated.descriptor(), absent.clone(), image.descriptor()];
    let destination = MemoryTarget::new();
    let with_papers = options();
    let report = copy(&source, &tag("v1"), &destination, &with_papers).await.unwrap();
    let ignored: Vec<&Digest> = report.ignored.iter().map(|entry| &entry.descriptor.digest).collect();
    assert_eq!(ignored, [&unrelated.digest, &absent.digest]);
    assert!(!destination.manifest_exists(&unrelated.digest).await.unwrap());
}

#[tokio::test]
async fn a_blob_that_lies_is_the_sources_fault_and_sets_no_tag() {
    let mut source = FaultyTarget::default();
    let image = push_image(&source, "image", &["v1"]).await;
    let layer = image.parse().unwrap().layers.remove(0);
    source.corrupt = Some(layer.digest.clone());
    let destination = MemoryTarget::new();
    let error = copy(&source, &tag("v1"), &destination, &options()).await.unwrap_err();
    assert_eq!((error.kind(), error.side()), (ErrorKind::Content, Some(Side::Source)), "{error}");
    assert!(error.to_string().starts_with("source: "), "{error}");
    assert!(destination.resolve(&tag("v1")).await.is_err());
    assert!(!destination.blob_exists(&layer.digest).await.unwrap());
}

#[tokio::test]
async fn a_missing_blob_and_a_missing_tag_name_the_side() {
    let (source, destination) = (MemoryTarget::new(), MemoryTarget::new());
    let error = copy(&source, &tag("v1"), &destination, &options()).await.unwrap_err();
    assert_eq!(error.to_string(), "source: manifest v1 is not in memory");
    let image = push_image(&source, "image", &["v1"]).await;
    source.delete_blob(&image.parse().unwrap().layers[0].digest).await.unwrap();
    let error = copy(&source, &tag("v1"), &destination, &options()).await.unwrap_err();
    assert_eq!((error.kind(), error.side()), (ErrorKind::NotFound, Some(Side::Source)), "{error}");
}

#[tokio::test]
async fn a_graph_beyond_the_budget_is_refused_before_anything_is_written() {
    let source = MemoryTarget::new();
    let mut top = push_image(&source, "leaf", &[]).await;
    for _ in 0..5 {
        top = index(&[&top.descriptor()]);
        source.push_manifest(&top, &["deep".parse().unwrap()]).await.unwrap();
    }
    let destination = FaultyTarget::default();
    for budget in [
        Budget { max_depth: 4, ..Budget::default() },
        Budget { max_manifests: 5, ..Budget::default() },
        Budget { max_manifest_bytes: 50, ..Budget::default() },
        Budget { max_total_manifest_bytes: 600, ..Budget::default() },
    ] {
        let error = copy(&source, &tag("deep"), &destination, &CopyOptions { budget, ..options() })
            .await
            .unwrap_err();
        assert_eq!((error.kind(), error.side()), (ErrorKind::Limit, Some(Side::Source)), "{error}");
    }
    assert!(destination.lines().is_empty());
    let budget = Budget { max_depth: 5, max_manifests: 6, ..Budget::default() };
    copy(&source, &tag("deep"), &destination, &CopyOptions { budget, ..options() }).await.unwrap();
}

#[tokio::test]
async fn nondistributable_layers_are_left_where_they_are() {
    let source = MemoryTarget::new();
    let (config, config_source) = blob("application/config", "{}");
    source.push_blob(&config, &config_source).await.unwrap();
    let (layer, _) = blob("application/vnd.oci.image.layer.nondistributable.v1.tar+gzip", "elsewhere");
    let image = manifest(&config, &[&layer], None);
    source.push_manifest(&image, &["v1".parse().unwrap()]).await.unwrap();
    let report = copy(&source, &tag("v1"), &MemoryTarget::new(), &options()).await.unwrap();
    assert_eq!(report.items.len(), 2);
}

#[tokio::test]
async fn layers_described_twice_go_over_once() {
    let source = FaultyTarget::default();
    let (config, config_source) = blob("application/config", "{}");
    source.push_blob(&config, &config_source).await.unwrap();
    let image = manifest(&config, &[&config, &config], None);
    source.push_manifest(&image, &["v1".parse().unwrap()]).await.unwrap();
    copy(&source, &tag("v1"), &MemoryTarget::new(), &options()).await.unwrap();
    assert_eq!(source.lines().iter().filter(|line| line.starts_with("fetch")).count(), 1);
}

#[tokio::test]
async fn the_way_through_a_layout_keeps_every_byte() {
    let folder = tempfile::tempdir().unwrap();
    let source = MemoryTarget::new();
    let image = push_image(&source, "image", &["v1"]).await;
    push_artifact(&source, "application/sbom", "sbom", Some(&image.descriptor()), &[]).await;
    let layout = LayoutTarget::create(folder.path()).await.unwrap();
    let with_papers = options();
    copy(&source, &tag("v1"), &layout, &with_papers).await.unwrap();
    let back = MemoryTarget::new();
    let report = copy(&layout, &tag("v1"), &back, &with_papers).await.unwrap();
    assert_eq!(report.items.len(), 6);
    assert_eq!(back.fetch_manifest(&tag("v1"), 4096).await.unwrap(), image);
    assert_eq!(back.referrers(&image.digest, None).await.unwrap().len(), 1);
}

#[tokio::test]
async fn progress_counts_every_byte() {
    #[derive(Default)]
    struct Counter(Mutex<(u64, u64, usize)>);
    impl Progress for Counter {
        fn planned(&self, _pieces: usize, bytes: u64) {
            self.0.lock().unwrap().0 = bytes;
        }
        fn finished(&self, descriptor: &Descriptor, _outcome: Outcome) {
            let mut seen = self.0.lock().unwrap();
            seen.1 += descriptor.size;
            seen.2 += 1;
        }
    }
    let source = MemoryTarget::new();
    push_image(&source, "image", &["v1"]).await;
    let counter = Arc::new(Counter::default());
    let progress: Arc<dyn Progress> = counter.clone();
    copy(&source, &tag("v1"), &MemoryTarget::new(), &CopyOptions { progress, ..options() }).await.unwrap();
    let (planned, finished, pieces) = *counter.0.lock().unwrap();
    assert_eq!((planned, pieces), (finished, 3));
}
