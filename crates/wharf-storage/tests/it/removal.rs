//! The removal of a large repository, beside which others push.
#![expect(clippy::print_stderr, reason = "the figures, where somebody asks for them")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::future::join_all;
use wharf_access::Caller;
use wharf_oci::{Algorithm, Manifest};
use wharf_storage::catalog::{
    BlobPlace, Collection as _, Content as _, Management as _, NewBlob, NewManifest, NewProject,
};
use wharf_storage::{SqliteCatalog, SqliteOptions};

/// `WHARF_REMOVAL_MANIFESTS` takes another number, to measure.
const MANIFESTS: usize = 2000;

fn index(number: usize) -> NewManifest {
    let content = Bytes::from(format!(
        r#"{{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[],"annotations":{{"n":"{number}"}}}}"#
    ));
    NewManifest {
        digest: Algorithm::Sha256.digest(&content),
        manifest: Manifest::parse(&content, None).unwrap(),
        content,
        tags: vec![format!("v{number}").parse().unwrap()],
        condition: None,
        force_reason: None,
        accept_missing_blobs: false,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pushes_go_on_while_a_large_repository_is_removed() {
    let count =
        std::env::var("WHARF_REMOVAL_MANIFESTS").ok().and_then(|text| text.parse().ok()).unwrap_or(MANIFESTS);
    let folder = crate::scratch::folder();
    let catalog =
        Arc::new(SqliteCatalog::open(SqliteOptions::new(folder.path().join("catalog.db"))).unwrap());
    let system = Caller::system();
    let project = NewProject { name: "shop".to_owned(), ..NewProject::default() };
    catalog.create_project(&system, project, false).await.unwrap();
    let large = "shop/large".parse().unwrap();
    for first in (0..count).step_by(200) {
        let puts = (first..count.min(first + 200))
            .map(|number| catalog.put_manifest(&system, &large, index(number)));
        assert!(join_all(puts).await.iter().all(Result::is_ok));
    }

    let began = Instant::now();
    let removal = {
        let (catalog, large) = (Arc::clone(&catalog), large.clone());
        tokio::spawn(async move { catalog.delete_repository(&Caller::system(), &large).await })
    };
    let (mut pushes, mut longest) = (0, Duration::ZERO);
    while !removal.is_finished() {
        let content = Bytes::from(format!("push {pushes}"));
        let blob = NewBlob {
            digest: Algorithm::Sha256.digest(&content),
            size: content.len() as u64,
            place: BlobPlace::Inline(content),
        };
        let clock = Instant::now();
        catalog.commit_blob(&system, &"shop/web".parse().unwrap(), blob).await.unwrap();
        longest = longest.max(clock.elapsed());
        pushes += 1;
    }
    removal.await.unwrap().unwrap();
    eprintln!(
        "removed {count} manifests in {:?}; {pushes} pushes meanwhile, the longest {longest:?}",
        began.elapsed()
    );
    // One comes in between any two steps: tags, their history, manifests.
    assert!(pushes >= count / 500, "{pushes} pushes");
    assert_eq!(catalog.removals_under_way().await.unwrap(), 0);
    assert_eq!(catalog.project(&system, "shop").await.unwrap().repositories, 1);
}
