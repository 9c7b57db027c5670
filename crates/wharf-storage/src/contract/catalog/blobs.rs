//! Blobs and their links.
#![expect(clippy::unwrap_used, reason = "a test suite: an error that is not expected is a failure")]

use bytes::Bytes;
use wharf_access::{Caller, Role};
use wharf_oci::Algorithm;

use super::stage::{Stage, absent, image, name};
use crate::catalog::{BlobPlace, CommitOutcome, MAX_INLINE_BYTES, NewBlob};
use crate::{Catalog, Error};

fn inline(content: &Bytes) -> NewBlob {
    NewBlob {
        digest: Algorithm::Sha256.digest(content),
        size: content.len() as u64,
        place: BlobPlace::Inline(content.clone()),
    }
}

pub(super) async fn a_blob_is_where_it_was_put(stage: &Stage<impl Catalog>) {
    let (small, large) = (stage.content(100), stage.content(20_000));
    let system = Caller::system();
    let repository = name("shop/web");
    stage.catalog.commit_blob(&system, &repository, inline(&small)).await.unwrap();
    let (digest, key) = stage.stored_blob("shop/web", &large).await;

    let stored = stage.catalog.blob(&system, &repository, &digest).await.unwrap();
    assert_eq!((stored.size, stored.place), (20_000, BlobPlace::Stored(key.clone())));
    let inline = inline(&small);
    let kept = stage.catalog.blob(&system, &repository, &inline.digest).await.unwrap();
    assert_eq!((kept.size, kept.place), (100, inline.place));
    assert!(stage.catalog.knows_key(&key).await.unwrap());
    let (_, unknown) = stage.place(&large);
    assert!(!stage.catalog.knows_key(&unknown).await.unwrap());
}

pub(super) async fn the_same_content_is_kept_once(stage: &Stage<impl Catalog>) {
    let content = stage.content(20_000);
    let (digest, first) = stage.stored_blob("shop/web", &content).await;
    for repository in ["shop/web", "shop/other", "open/web"] {
        let (_, second) = stage.place(&content);
        let outcome = stage.commit(&Caller::system(), repository, &content, &second).await.unwrap();
        assert_eq!(outcome, CommitOutcome::Duplicate);
        assert!(!stage.catalog.knows_key(&second).await.unwrap());
        let record = stage.catalog.blob(&Caller::system(), &name(repository), &digest).await.unwrap();
        assert_eq!(record.place, BlobPlace::Stored(first.clone()));
    }
}

pub(super) async fn a_lost_blob_gets_the_bytes_that_came_again(stage: &Stage<impl Catalog>) {
    let content = stage.content(5000);
    let (digest, lost) = stage.stored_blob("shop/web", &content).await;
    stage.put("shop/web", image(&[&content], None), &["1.0"]).await.unwrap();
    let (_, second) = stage.place(&content);
    let stored = NewBlob { place: BlobPlace::Stored(second.clone()), ..inline(&content) };
    let record =
        async || stage.catalog.blob(&Caller::system(), &name("shop/web"), &digest).await.unwrap().place;

    assert!(stage.catalog.replace_lost(&lost, stored.clone()).await.unwrap());
    assert_eq!(record().await, stored.place);
    assert_eq!(stage.released().await, std::slice::from_ref(&lost));
    assert!(!stage.catalog.replace_lost(&lost, stored).await.unwrap(), "another has replaced it");
    assert!(stage.catalog.replace_lost(&second, inline(&content)).await.unwrap());
    assert_eq!(record().await, BlobPlace::Inline(content.clone()));
    assert!(!stage.catalog.replace_lost(&second, inline(&content)).await.unwrap());
    assert!(!stage.catalog.replace_lost(&lost, inline(&stage.content(5))).await.unwrap(), "never seen");
    stage.agrees().await;
}

pub(super) async fn a_blob_is_read_through_its_link_only(stage: &Stage<impl Catalog>) {
    let (digest, _) = stage.stored_blob("shop/web", &stage.content(10)).await;
    stage.image("shop/other", &[]).await;
    let system = Caller::system();
    assert_eq!(absent(stage.catalog.blob(&system, &name("shop/other"), &digest).await), "blob");
    assert_eq!(absent(stage.catalog.blob(&system, &name("shop/nowhere"), &digest).await), "repository");
    assert!(stage.links("shop/web", &digest).await);
}

pub(super) async fn a_blob_is_deleted_from_one_repository_only(stage: &Stage<impl Catalog>) {
    let content = stage.content(10);
    let (digest, _) = stage.stored_blob("shop/web", &content).await;
    let (_, other) = stage.place(&content);
    stage.commit(&Caller::system(), "shop/other", &content, &other).await.unwrap();
    // Even one that a manifest uses: the caller knows what they do.
    stage.put("shop/web", image(&[&content], None), &["1.0"]).await.unwrap();

    let system = Caller::system();
    stage.catalog.delete_blob(&system, &name("shop/web"), &digest).await.unwrap();
    assert!(!stage.links("shop/web", &digest).await);
    assert!(stage.links("shop/other", &digest).await);
    assert_eq!(absent(stage.catalog.delete_blob(&system, &name("shop/web"), &digest).await), "blob");
    // Sent again, it is in use at once.
    stage.commit(&system, "shop/web", &content, &other).await.unwrap();
    stage.agrees().await;
}

pub(super) async fn a_mount_needs_a_readable_source(stage: &Stage<impl Catalog>) {
    let developer = stage.user("dana", Some(Role::Developer)).await;
    let (digest, _) = stage.stored_blob("shop/web", &stage.content(10)).await;
    stage.project("vault", false, None).await;
    let (secret, _) = stage.stored_blob("vault/web", &stage.content(10)).await;
    let to = name("shop/copy");
    let mount = async |from: &str, digest| {
        stage.catalog.mount_blob(&developer, Some(&name(from)), &to, digest).await.unwrap()
    };
    assert!(!mount("vault/web", &secret).await, "a source that is hidden");
    assert!(!mount("vault/nowhere", &secret).await, "a source that is absent");
    assert!(!mount("shop/web", &secret).await, "a source without the blob");
    assert!(!stage.links("shop/copy", &secret).await);
    assert!(mount("shop/web", &digest).await);
    assert!(stage.links("shop/copy", &digest).await);
    let elsewhere = stage.catalog.mount_blob(&developer, Some(&to), &name("vault/copy"), &digest).await;
    assert!(matches!(elsewhere, Err(Error::Denied(_))), "a destination that is not writable");
    stage.agrees().await;
}

pub(super) async fn a_mount_without_a_source_finds_one(stage: &Stage<impl Catalog>) {
    let developer = stage.user("dana", Some(Role::Developer)).await;
    stage.project("vault", false, None).await;
    let (secret, _) = stage.stored_blob("vault/web", &stage.content(10)).await;
    let (public, _) = stage.stored_blob("open/web", &stage.content(10)).await;
    let to = name("shop/copy");
    let mount = async |digest| stage.catalog.mount_blob(&developer, None, &to, digest).await.unwrap();
    assert!(!mount(&secret).await);
    assert!(mount(&public).await);
    assert!(!mount(&Algorithm::Sha256.digest(b"nobody has this")).await);
    assert!(stage.links("shop/copy", &public).await);
}

pub(super) async fn a_manifest_is_not_a_blob(stage: &Stage<impl Catalog>) {
    let (image, _) = stage.image("shop/web", &["1.0"]).await;
    let system = Caller::system();
    assert!(!stage.links("shop/web", &image).await);
    let mounted =
        stage.catalog.mount_blob(&system, Some(&name("shop/web")), &name("shop/copy"), &image).await;
    assert!(!mounted.unwrap());
}

pub(super) async fn large_inline_blobs_are_refused(stage: &Stage<impl Catalog>) {
    let most = usize::try_from(MAX_INLINE_BYTES).unwrap();
    let system = Caller::system();
    let repository = name("shop/web");
    stage.catalog.commit_blob(&system, &repository, inline(&stage.content(most))).await.unwrap();
    let refused = stage.catalog.commit_blob(&system, &repository, inline(&stage.content(most + 1))).await;
    assert!(matches!(refused, Err(Error::Invalid { .. })), "{refused:?}");
    let lying = NewBlob { size: 5, ..inline(&stage.content(20)) };
    let refused = stage.catalog.commit_blob(&system, &repository, lying).await;
    assert!(matches!(refused, Err(Error::Invalid { .. })), "{refused:?}");
}
