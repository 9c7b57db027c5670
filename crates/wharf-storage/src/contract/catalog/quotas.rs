//! Quotas of projects.
#![expect(clippy::unwrap_used, reason = "a test suite: an error that is not expected is a failure")]

use std::sync::Arc;

use wharf_access::Caller;

use super::stage::{GRACE, Stage, absent, image, name};
use crate::catalog::Page;
use crate::{Catalog, Error};

pub(super) async fn each_content_counts_once_a_project(stage: &Stage<impl Catalog>) {
    let content = stage.content(1000);
    let (digest, key) = stage.stored_blob("shop/web", &content).await;
    assert_eq!(stage.used_bytes("shop").await, 1000);
    stage.commit(&Caller::system(), "shop/other", &content, &key).await.unwrap();
    assert_eq!(stage.used_bytes("shop").await, 1000);
    stage.commit(&Caller::system(), "open/web", &content, &key).await.unwrap();
    assert_eq!(stage.used_bytes("open").await, 1000);

    let pushed = image(&[&content], None);
    let (image, size) = (pushed.digest.clone(), pushed.content.len() as u64);
    stage.put("shop/web", pushed.clone(), &["1.0"]).await.unwrap();
    stage.put("shop/other", pushed, &["1.0"]).await.unwrap();
    assert_eq!(stage.used_bytes("shop").await, 1000 + size);

    let system = Caller::system();
    stage.catalog.delete_manifest(&system, &name("shop/web"), &image).await.unwrap();
    assert_eq!(stage.used_bytes("shop").await, 1000 + size);
    stage.catalog.delete_manifest(&system, &name("shop/other"), &image).await.unwrap();
    assert_eq!(stage.used_bytes("shop").await, 1000);
    stage.catalog.delete_blob(&system, &name("shop/web"), &digest).await.unwrap();
    assert_eq!(stage.used_bytes("shop").await, 1000);
    stage.catalog.delete_blob(&system, &name("shop/other"), &digest).await.unwrap();
    assert_eq!(stage.used_bytes("shop").await, 0);
    assert_eq!(stage.used_bytes("open").await, 1000);
    stage.agrees().await;
}

pub(super) async fn what_exceeds_the_quota_leaves_nothing(stage: &Stage<impl Catalog>) {
    stage.project("tight", false, Some(1000)).await;
    let (fits, exceeds) = (stage.content(600), stage.content(600));
    let (fits_digest, key) = stage.stored_blob("tight/web", &fits).await;
    let (digest, other_key) = stage.place(&exceeds);
    match stage.commit(&Caller::system(), "tight/new", &exceeds, &other_key).await {
        Err(Error::QuotaExceeded { project, wanted_bytes, limit_bytes }) => {
            assert_eq!((project.as_str(), wanted_bytes, limit_bytes), ("tight", 1200, 1000));
        }
        other => panic!("expected a refusal: {other:?}"),
    }
    let system = Caller::system();
    let page = Page { after: None, limit: 1 };
    assert_eq!(absent(stage.catalog.tags(&system, &name("tight/new"), page).await), "repository");
    assert!(!stage.catalog.knows_key(&other_key).await.unwrap());
    assert!(!stage.links("tight/web", &digest).await);
    assert_eq!(stage.used_bytes("tight").await, 600);

    // What the project has already costs nothing more.
    stage.commit(&system, "tight/new", &fits, &key).await.unwrap();
    // A mount and a manifest count like a push.
    stage.stored_blob("open/web", &exceeds).await;
    stage.put("open/web", image(&[&exceeds], None), &["1.0"]).await.unwrap();
    let mounted =
        stage.catalog.mount_blob(&system, Some(&name("open/web")), &name("tight/web"), &digest).await;
    assert!(matches!(mounted, Err(Error::QuotaExceeded { .. })), "{mounted:?}");
    let put = stage.put("tight/web", image(&[&fits], None), &["1.0"]).await;
    assert!(matches!(put, Err(Error::QuotaExceeded { .. })), "{put:?}");

    // Room is made by deleting.
    for repository in ["tight/web", "tight/new"] {
        stage.catalog.delete_blob(&system, &name(repository), &fits_digest).await.unwrap();
    }
    stage.pass(GRACE);
    stage.collect(false).await;
    let mounted =
        stage.catalog.mount_blob(&system, Some(&name("open/web")), &name("tight/web"), &digest).await;
    assert!(mounted.unwrap());
    stage.agrees().await;
}

pub(super) async fn concurrent_pushes_share_the_quota_exactly(stage: &Stage<impl Catalog>) {
    stage.project("tight", false, Some(10_000)).await;
    let mut pushes = Vec::new();
    for number in 0..25 {
        let content = stage.content(1000);
        let (_, key) = stage.place(&content);
        let catalog = Arc::clone(&stage.catalog);
        pushes.push(tokio::spawn(async move {
            let blob = crate::catalog::NewBlob {
                digest: key.digest().unwrap(),
                size: content.len() as u64,
                place: crate::catalog::BlobPlace::Stored(key),
            };
            let repository = name(&format!("tight/r{}", number % 3));
            catalog.commit_blob(&Caller::system(), &repository, blob).await
        }));
    }
    let mut kept = 0;
    for push in pushes {
        match push.await.unwrap() {
            Ok(_) => kept += 1,
            Err(Error::QuotaExceeded { .. }) => {}
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!(kept, 10);
    assert_eq!(stage.used_bytes("tight").await, 10_000);
    stage.agrees().await;
}
