//! Garbage collection and repair.
#![expect(clippy::unwrap_used, reason = "a test suite: an error that is not expected is a failure")]

use wharf_access::Caller;
use wharf_oci::{Algorithm, media_type};

use super::stage::{GRACE, Stage, collect_all, image, image_of, index, manifest, name, tag};
use crate::Catalog;
use crate::catalog::{BlobPlace, Collected, CollectionPolicy, CommitOutcome};

const NOTHING: Collected = Collected { manifests: 0, links: 0, blobs: 0, bytes: 0 };

pub(super) async fn an_unused_blob_goes_after_its_grace_time(stage: &Stage<impl Catalog>) {
    let content = stage.content(500);
    let (digest, key) = stage.stored_blob("shop/web", &content).await;
    let (_, used) = stage.image("shop/web", &["1.0"]).await;
    stage.pass(GRACE - 1);
    assert_eq!(stage.collect(true).await, NOTHING);
    stage.pass(1);
    assert_eq!(stage.collect(true).await, Collected { manifests: 0, links: 1, blobs: 1, bytes: 500 });
    assert!(!stage.links("shop/web", &digest).await);
    assert!(stage.links("shop/web", &used).await);
    assert_eq!(stage.released().await, std::slice::from_ref(&key));
    assert!(stage.catalog.knows_key(&key).await.unwrap(), "its bytes are still to be removed");
    stage.catalog.forget_released(std::slice::from_ref(&key)).await.unwrap();
    assert!(!stage.catalog.knows_key(&key).await.unwrap());
    assert_eq!(stage.released().await, []);
}

pub(super) async fn looking_at_an_unused_blob_renews_its_grace_time(stage: &Stage<impl Catalog>) {
    let content = stage.content(500);
    let (digest, key) = stage.stored_blob("shop/web", &content).await;
    stage.pass(GRACE);
    assert!(stage.links("shop/web", &digest).await);
    assert_eq!(stage.collect(true).await, NOTHING);
    stage.pass(GRACE);
    // So does sending it again.
    stage.commit(&Caller::system(), "shop/web", &content, &key).await.unwrap();
    assert_eq!(stage.collect(true).await, NOTHING);
    // A manifest that uses it keeps it for good.
    stage.put("shop/web", image(&[&content], None), &["1.0"]).await.unwrap();
    stage.pass(GRACE * 2);
    assert_eq!(stage.collect(true).await, NOTHING);
}

/// A child or referrer that lay untagged for nearly its whole grace time was collected between the push that was told
/// "it is there" and the index or subject that was to keep it.
pub(super) async fn what_was_just_acknowledged_waits_for_its_index(stage: &Stage<impl Catalog>) {
    let child = image_of(&[], None);
    let late_subject = manifest(&serde_json::json!({
        "schemaVersion": 2, "mediaType": media_type::OCI_INDEX, "manifests": [],
        "annotations": { "late": "subject" },
    }));
    let referrer = image_of(&[], Some(&late_subject.digest));
    for pushed in [&child, &referrer] {
        stage.put("shop/web", pushed.clone(), &[]).await.unwrap();
    }
    stage.pass(GRACE);
    for pushed in [&child, &referrer] {
        assert!(stage.has("shop/web", pushed.digest.as_str()).await, "looked at");
    }
    assert_eq!(stage.collect(true).await, NOTHING);
    stage.pass(GRACE);
    for pushed in [&child, &referrer] {
        let outcome = stage.put("shop/web", pushed.clone(), &[]).await.unwrap();
        assert!(!outcome.created, "pushed again");
    }
    assert_eq!(stage.collect(true).await, NOTHING);
    stage.pass(GRACE - 1);
    assert_eq!(stage.collect(true).await, NOTHING);
    stage.put("shop/web", index(&[&child.digest]), &["multi"]).await.unwrap();
    stage.put("shop/web", late_subject, &["late"]).await.unwrap();
    stage.pass(GRACE * 3);
    assert_eq!(stage.collect(true).await, NOTHING);
}

pub(super) async fn untagged_manifests_go_only_where_the_policy_says(stage: &Stage<impl Catalog>) {
    let (image, layer) = stage.image("shop/web", &["1.0", "2.0"]).await;
    let referrer = stage.referrer("shop/web", &image).await;
    let system = Caller::system();
    stage.catalog.delete_tag(&system, &name("shop/web"), &tag("1.0")).await.unwrap();
    stage.pass(GRACE);
    assert_eq!(stage.collect(true).await, NOTHING, "a tag is left");
    stage.catalog.delete_tag(&system, &name("shop/web"), &tag("2.0")).await.unwrap();
    stage.pass(GRACE);
    assert_eq!(stage.collect(false).await, NOTHING, "the policy keeps it");
    let collected = stage.collect(true).await;
    assert_eq!((collected.manifests, collected.links, collected.blobs), (2, 0, 2));
    assert!(!stage.has("shop/web", image.as_str()).await);
    assert!(!stage.has("shop/web", referrer.as_str()).await);
    assert!(stage.links("shop/web", &layer).await, "its blobs have a grace time of their own");
    stage.pass(GRACE);
    let collected = stage.collect(true).await;
    assert_eq!((collected.manifests, collected.links, collected.blobs), (0, 2, 2));
    assert_eq!(stage.used_bytes("shop").await, 0);
}

pub(super) async fn an_index_keeps_its_children(stage: &Stage<impl Catalog>) {
    let (child, _) = stage.image("shop/web", &[]).await;
    let late = image_of(&[], Some(&Algorithm::Sha256.digest(b"x")));
    let listing = index(&[&child, &late.digest]);
    let parent = listing.digest.clone();
    stage.put("shop/web", listing, &["multi"]).await.unwrap();
    let late_digest = late.digest.clone();
    stage.put("shop/web", late, &[]).await.unwrap();
    stage.pass(GRACE * 3);
    assert_eq!(stage.collect(true).await, NOTHING);
    stage.catalog.delete_tag(&Caller::system(), &name("shop/web"), &tag("multi")).await.unwrap();
    // The index goes first, then, after a grace time of their own, its children.
    stage.pass(GRACE);
    assert_eq!(stage.collect(true).await.manifests, 1);
    assert!(!stage.has("shop/web", parent.as_str()).await);
    assert!(stage.has("shop/web", child.as_str()).await);
    stage.pass(GRACE);
    assert_eq!(stage.collect(true).await.manifests, 2);
    assert!(!stage.has("shop/web", late_digest.as_str()).await);
}

pub(super) async fn a_referrer_whose_subject_never_came_goes(stage: &Stage<impl Catalog>) {
    let nobody = Algorithm::Sha256.digest(b"nobody");
    let orphan = stage.referrer("shop/web", &nobody).await;
    let tagged = image_of(&[], Some(&nobody));
    let tagged_digest = tagged.digest.clone();
    stage.put("shop/web", tagged, &["kept"]).await.unwrap();
    stage.pass(GRACE - 1);
    assert_eq!(stage.collect(false).await, NOTHING);
    stage.pass(1);
    assert_eq!(stage.collect(false).await.manifests, 1);
    assert!(!stage.has("shop/web", orphan.as_str()).await);
    assert!(stage.has("shop/web", tagged_digest.as_str()).await);
}

pub(super) async fn a_late_subject_saves_its_referrers(stage: &Stage<impl Catalog>) {
    let subject = image(&[], None);
    let referrer = stage.referrer("shop/web", &subject.digest).await;
    stage.pass(GRACE - 1);
    stage.put("shop/web", subject, &["1.0"]).await.unwrap();
    stage.pass(GRACE * 3);
    assert_eq!(stage.collect(true).await, NOTHING);
    assert!(stage.has("shop/web", referrer.as_str()).await);
}

pub(super) async fn a_dry_run_tells_what_a_run_does_and_changes_nothing(stage: &Stage<impl Catalog>) {
    for number in 0..5 {
        let (image, _) = stage.image(&format!("shop/r{number}"), &["1.0"]).await;
        stage.referrer(&format!("shop/r{number}"), &image).await;
        stage.stored_blob("shop/r0", &stage.content(100)).await;
        let repository = name(&format!("shop/r{number}"));
        stage.catalog.delete_tag(&Caller::system(), &repository, &tag("1.0")).await.unwrap();
    }
    stage.pass(GRACE);
    let policy = CollectionPolicy { grace_seconds: GRACE, untagged_manifests: true, dry_run: true };
    let would = stage.catalog.collect_step(stage.now(), &policy, 1).await.unwrap();
    let again = stage.catalog.collect_step(stage.now(), &policy, 1).await.unwrap();
    assert_eq!(would, again);
    assert_eq!(stage.released().await, []);
    assert_eq!(would, stage.collect(true).await);
    assert_eq!((would.manifests, would.links), (10, 5));
}

pub(super) async fn small_steps_reach_the_same_end(stage: &Stage<impl Catalog>) {
    for number in 0..10 {
        stage.image(&format!("shop/r{}", number % 3), &[]).await;
        stage.stored_blob("open/r", &stage.content(100)).await;
    }
    // With no grace time, everything that follows from a removal is due at once.
    let policy = CollectionPolicy { grace_seconds: 0, untagged_manifests: true, dry_run: true };
    let would = stage.catalog.collect_step(stage.now(), &policy, 1).await.unwrap();
    let policy = CollectionPolicy { dry_run: false, ..policy };
    let step = stage.catalog.collect_step(stage.now(), &policy, 3).await.unwrap();
    assert_eq!(step.manifests + step.links + step.blobs, 3);
    let mut collected = collect_all(stage.catalog.as_ref(), stage.now(), &policy, 3).await;
    collected += step;
    assert_eq!(collected, would);
    assert_eq!((collected.manifests, collected.links, collected.blobs), (10, 20, 30));
    assert_eq!(stage.used_bytes("shop").await + stage.used_bytes("open").await, 0);
    assert_eq!(stage.released().await.len(), 20);
    stage.agrees().await;
}

pub(super) async fn a_blob_pushed_again_has_a_new_key(stage: &Stage<impl Catalog>) {
    let content = stage.content(500);
    let (digest, first) = stage.stored_blob("shop/web", &content).await;
    stage.pass(GRACE);
    stage.collect(true).await;
    let (_, second) = stage.stored_blob("shop/web", &content).await;
    let record = stage.catalog.blob(&Caller::system(), &name("shop/web"), &digest).await.unwrap();
    assert_eq!(record.place, BlobPlace::Stored(second));
    assert_eq!(stage.released().await, [first], "removing the old bytes cannot hit the new ones");
}

pub(super) async fn a_quarantined_blob_is_asked_for_again(stage: &Stage<impl Catalog>) {
    let content = stage.content(500);
    let (digest, first) = stage.stored_blob("shop/web", &content).await;
    stage.put("shop/web", image(&[&content], None), &["1.0"]).await.unwrap();
    stage.commit(&Caller::system(), "open/web", &content, &first).await.unwrap();

    assert_eq!(stage.catalog.quarantine_blob(&digest).await.unwrap(), ["open/web", "shop/web"]);
    assert_eq!(stage.catalog.quarantine_blob(&digest).await.unwrap(), Vec::<String>::new());
    assert!(!stage.links("shop/web", &digest).await);
    assert!(stage.has("shop/web", "1.0").await);
    assert_eq!(stage.released().await, std::slice::from_ref(&first));
    stage.agrees().await;

    let (_, second) = stage.place(&content);
    let outcome = stage.commit(&Caller::system(), "shop/web", &content, &second).await.unwrap();
    assert_eq!(outcome, CommitOutcome::Kept);
    stage.pass(GRACE * 2);
    assert_eq!(stage.collect(true).await, NOTHING, "the manifest uses it again");
}

pub(super) async fn a_quarantined_manifest_leaves_its_referrers_waiting(stage: &Stage<impl Catalog>) {
    let subject = image(&[], None);
    stage.put("shop/web", subject.clone(), &["1.0"]).await.unwrap();
    let referrer = stage.referrer("shop/web", &subject.digest).await;
    assert_eq!(stage.catalog.quarantine_blob(&subject.digest).await.unwrap(), ["shop/web"]);
    assert!(!stage.has("shop/web", "1.0").await);
    assert!(stage.has("shop/web", referrer.as_str()).await);
    stage.agrees().await;
    stage.put("shop/web", subject, &["1.0"]).await.unwrap();
    stage.pass(GRACE * 2);
    assert_eq!(stage.collect(true).await, NOTHING);
}

pub(super) async fn a_lease_is_held_by_one(stage: &Stage<impl Catalog>) {
    let acquire = async |holder| stage.catalog.acquire_lease("job", holder, 60).await.unwrap();
    assert!(acquire("a").await);
    assert!(!acquire("b").await);
    stage.pass(59);
    assert!(acquire("a").await, "the holder may renew it");
    stage.pass(59);
    assert!(!acquire("b").await);
    stage.pass(1);
    assert!(acquire("b").await, "it ends when it is not renewed");
    stage.catalog.release_lease("job", "a").await.unwrap();
    assert!(!acquire("a").await, "only its holder gives it back");
    stage.catalog.release_lease("job", "b").await.unwrap();
    assert!(acquire("a").await);
}

pub(super) async fn a_removed_repository_leaves_nothing_behind(stage: &Stage<impl Catalog>) {
    let (image, layer) = stage.image("shop/web", &["1.0"]).await;
    stage.referrer("shop/web", &image).await;
    let listing = index(&[&image]);
    stage.put("shop/web", listing, &["multi"]).await.unwrap();
    stage.catalog.delete_repository(&Caller::system(), &name("shop/web")).await.unwrap();
    assert!(!stage.has("shop/web", "1.0").await);
    assert!(!stage.links("shop/web", &layer).await);
    assert_eq!(stage.used_bytes("shop").await, 0);
    stage.pass(GRACE);
    let collected = stage.collect(false).await;
    assert_eq!((collected.manifests, collected.links, collected.blobs), (0, 0, 5));
    assert_eq!(stage.catalog.all_blobs(None, 10).await.unwrap().len(), 0);
}
