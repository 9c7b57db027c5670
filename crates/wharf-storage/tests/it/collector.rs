//! What a collection does with bytes that the catalog never heard of.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use wharf_storage::catalog::CollectionPolicy;
use wharf_storage::{BlobKey, BlobStore, Collector};

use crate::doctor::{Clinic, now};

const DAY: u64 = 24 * 60 * 60;

fn policy() -> CollectionPolicy {
    CollectionPolicy { grace_seconds: DAY as i64, untagged_manifests: false, dry_run: false }
}

/// Lets the bytes look as if they had been written that long ago.
fn age(clinic: &Clinic, key: &BlobKey, seconds: u64) {
    let file = std::fs::File::options().write(true).open(clinic.file(key)).unwrap();
    file.set_modified(SystemTime::now() - Duration::from_secs(seconds)).unwrap();
}

#[tokio::test]
async fn bytes_of_a_push_that_died_before_its_commit_go_after_the_grace_time() {
    let (clinic, stored) = Clinic::open().await;
    let (old, _) = clinic.upload(&Bytes::from_static(b"nobody's"), "died").await;
    let (young, _) = clinic.upload(&Bytes::from_static(b"still to be committed"), "living").await;
    age(&clinic, &old, DAY + 60);
    age(&clinic, &young, DAY - 60);
    for (_, key) in &stored {
        age(&clinic, key, DAY * 9);
    }
    let collector = Collector::new(clinic.catalog.clone(), clinic.blobs.clone());

    let dry = CollectionPolicy { dry_run: true, ..policy() };
    assert_eq!(collector.run(now(), &dry).await.unwrap().orphans_removed, 0);
    assert!(clinic.blobs.size(&old).await.unwrap().is_some(), "a dry run removes nothing");

    let report = collector.run(now(), &policy()).await.unwrap();
    assert_eq!((report.orphans_removed, report.keys_failed), (1, 0));
    assert_eq!(clinic.blobs.size(&old).await.unwrap(), None);
    assert!(clinic.blobs.size(&young).await.unwrap().is_some());
    for (_, key) in &stored {
        assert!(clinic.blobs.size(key).await.unwrap().is_some(), "the catalog knows it");
    }
    assert_eq!(collector.run(now(), &policy()).await.unwrap().orphans_removed, 0);
}

#[tokio::test]
async fn without_a_grace_time_a_push_under_way_still_keeps_its_bytes() {
    let (clinic, _) = Clinic::open().await;
    let (key, _) = clinic.upload(&Bytes::from_static(b"committed in a moment"), "living").await;
    let at_once = CollectionPolicy { grace_seconds: 0, ..policy() };
    let collector = Collector::new(clinic.catalog.clone(), clinic.blobs.clone());
    // Even where the run is told of a time far ahead of the store's.
    collector.run(now() + 100 * DAY as i64, &at_once).await.unwrap();
    assert!(clinic.blobs.size(&key).await.unwrap().is_some());
}
