//! Repositories, artifacts and tags.
#![expect(clippy::unwrap_used, reason = "a test suite: an error that is not expected is a failure")]

use wharf_access::{Caller, Role};
use wharf_oci::{Algorithm, Digest, Reference, media_type};

use super::town::*;
use crate::Catalog;
use crate::catalog::{PullCount, TagHistoryEntry};

pub(super) async fn records_tell_what_was_pushed(town: &Town<impl Catalog>) {
    let catalog = &town.catalog;
    let system = Caller::system();
    let digest = town.push("shop/web", "0123456789", &["1.0", "latest"]).await;
    let pushed_at = town.now();
    town.pass(10);
    let repository = name("shop/web");
    let pull = PullCount { repository: repository.clone(), digest: digest.clone(), count: 3, at: town.now() };
    catalog.note_pulls(vec![pull]).await.unwrap();

    let project = catalog.project(&system, "shop").await.unwrap();
    let record = catalog.repository(&system, &repository).await.unwrap();
    assert_eq!((record.project_id, record.name.as_str()), (project.id, "shop/web"));
    assert_eq!((record.artifacts, record.pulls), (1, 3));
    assert_eq!((record.created_at, record.updated_at), (pushed_at, pushed_at));
    catalog.describe_repository(&system, &repository, "# The web").await.unwrap();
    assert_eq!(catalog.repository(&system, &repository).await.unwrap().description, "# The web");

    let artifact = catalog.artifact(&system, &repository, &by_tag("1.0")).await.unwrap();
    assert_eq!(artifact.digest, digest);
    assert_eq!((artifact.project_id, artifact.repository_id), (project.id, record.id));
    assert_eq!(artifact.media_type, media_type::OCI_MANIFEST);
    assert_eq!(artifact.artifact_type.as_deref(), Some("example/thing"));
    assert_eq!(artifact.config_media_type.as_deref(), Some("application/vnd.example.layer"));
    let manifest = catalog.manifest(&system, &repository, &by_tag("1.0")).await.unwrap();
    assert_eq!(
        artifact.size,
        manifest.content.len() as u64 + 10,
        "config and layer are one blob of 10 bytes"
    );
    assert_eq!(artifact.annotations["made of"], "0123456789");
    assert_eq!(artifact.tags.iter().map(|tag| tag.name.as_str()).collect::<Vec<_>>(), ["1.0", "latest"]);
    assert_eq!((artifact.pushed_at, artifact.pulled_at, artifact.pulls), (pushed_at, Some(town.now()), 3));
    let same = catalog.artifact(&system, &repository, &Reference::Digest(digest.clone())).await.unwrap();
    assert_eq!(same.id, artifact.id);

    let tags = catalog.tag_records(&system, &repository, None, None, &first(10)).await.unwrap().entries;
    assert_eq!(tags, artifact.tags);
    let other = town.push("shop/web", "other", &["2.0"]).await;
    let tags = catalog
        .tag_records(&system, &repository, Some(&by_tag("2.0")), None, &first(10))
        .await
        .unwrap()
        .entries;
    assert_eq!((tags.len(), &tags[0].digest), (1, &other));
    for absent in [by_tag("3.0"), Reference::Digest(Algorithm::Sha256.digest(b"nothing has this"))] {
        assert_absent(catalog.artifact(&system, &repository, &absent).await, "artifact");
        assert_absent(
            catalog.tag_records(&system, &repository, Some(&absent), None, &first(10)).await,
            "artifact",
        );
    }
    // An artifact is in its own repository only.
    town.push("shop/db", "db", &["9"]).await;
    let elsewhere = catalog.artifact(&system, &name("shop/db"), &Reference::Digest(digest)).await;
    assert_absent(elsewhere, "artifact");
    assert_absent(catalog.repository(&system, &name("shop/none")).await, "repository");
    assert_absent(
        catalog.artifacts(&system, &name("shop/none"), &everything(true), &first(10)).await,
        "repository",
    );
}

pub(super) async fn children_and_referrers_are_left_out_unless_tagged(town: &Town<impl Catalog>) {
    let catalog = &town.catalog;
    let child = town.push("shop/web", "child", &[]).await;
    let tagged = town.push("shop/web", "tagged", &["arm"]).await;
    let index = serde_json::json!({
        "schemaVersion": 2, "mediaType": media_type::OCI_INDEX, "manifests": [listed(&child), listed(&tagged)],
    });
    let index = town.put("shop/web", &index, &["1.0"]).await;
    let referrer = serde_json::json!({
        "schemaVersion": 2, "mediaType": media_type::OCI_INDEX, "manifests": [], "artifactType": "example/sbom",
        "subject": listed(&index),
    });
    let referrer = town.put("shop/web", &referrer, &[]).await;
    let alone = town.push("shop/web", "alone", &[]).await;
    let list = async |all| {
        let artifacts = catalog
            .artifacts(&Caller::system(), &name("shop/web"), &everything(all), &first(10))
            .await
            .unwrap();
        artifacts.entries.into_iter().map(|artifact| artifact.digest).collect::<Vec<_>>()
    };
    assert_eq!(list(false).await, [alone.clone(), index.clone(), tagged.clone()]);
    assert_eq!(list(true).await, [alone, referrer.clone(), index.clone(), tagged.clone(), child.clone()]);
    let record = catalog.artifact(&Caller::system(), &name("shop/web"), &by_tag("1.0")).await.unwrap();
    let mut children = vec![child, tagged];
    children.sort();
    assert_eq!(record.children, children);
    let record =
        catalog.artifact(&Caller::system(), &name("shop/web"), &Reference::Digest(referrer)).await.unwrap();
    assert_eq!(record.subject, Some(index));
}

pub(super) async fn a_tag_is_not_moved_by_creating_it(town: &Town<impl Catalog>) {
    let catalog = &town.catalog;
    let ann = town.member("ann", "shop", Role::Developer).await;
    let (one, two) = (town.push("shop/web", "1", &["1"]).await, town.push("shop/web", "2", &["2"]).await);
    let repository = name("shop/web");
    let create = async |reference: Reference, text: &str| {
        catalog.create_tag(&ann, &repository, &reference, &tag(text)).await
    };
    create(Reference::Digest(one.clone()), "stable").await.unwrap();
    create(by_tag("1"), "stable").await.expect("it points there already");
    let problem = format!("points to {one}");
    assert_conflict(create(Reference::Digest(two), "stable").await, &problem);
    assert_absent(create(by_tag("3"), "stable").await, "artifact");
    let record = catalog.artifact(&ann, &repository, &by_tag("stable")).await.unwrap();
    assert_eq!(record.digest, one);
    assert_eq!(catalog.tag_history(&ann, &repository, &tag("stable"), 10).await.unwrap().len(), 1);
    town.agrees().await;
}

pub(super) async fn the_history_of_a_tag_is_kept(town: &Town<impl Catalog>) {
    let catalog = &town.catalog;
    let ann = town.member("ann", "shop", Role::Maintainer).await;
    let start = town.now();
    let one = town.push("shop/web", "1", &["stable"]).await;
    town.pass(1);
    let two = town.push("shop/web", "2", &["stable"]).await;
    town.pass(1);
    catalog.delete_tag(&ann, &name("shop/web"), &tag("stable")).await.unwrap();
    town.pass(1);
    catalog
        .create_tag(&ann, &name("shop/web"), &Reference::Digest(one.clone()), &tag("stable"))
        .await
        .unwrap();
    let history = catalog.tag_history(&ann, &name("shop/web"), &tag("stable"), 10).await.unwrap();
    let entry = |digest: Option<&Digest>, at, actor: &str| TagHistoryEntry {
        digest: digest.cloned(),
        at,
        actor: actor.to_owned(),
        present: digest.is_some(),
    };
    let expected = [
        entry(Some(&one), start + 3, "ann"),
        entry(None, start + 2, "ann"),
        entry(Some(&two), start + 1, "system"),
        entry(Some(&one), start, "system"),
    ];
    assert_eq!(history, expected);
    let last = catalog.tag_history(&ann, &name("shop/web"), &tag("stable"), 1).await.unwrap();
    assert_eq!(last, expected[..1]);
    assert_eq!(catalog.tag_history(&ann, &name("shop/web"), &tag("never"), 10).await.unwrap(), []);
    catalog.delete_manifest(&ann, &name("shop/web"), &two).await.unwrap();
    let history = catalog.tag_history(&ann, &name("shop/web"), &tag("stable"), 10).await.unwrap();
    assert_eq!(history.iter().map(|entry| entry.present).collect::<Vec<_>>(), [true, false, false, true]);
    let tags = catalog.tag_records(&ann, &name("shop/web"), None, None, &first(9)).await.unwrap();
    assert_eq!(tags.entries[0].set_by.as_deref(), Some("ann"));
}

pub(super) async fn a_deleted_repository_leaves_nothing(town: &Town<impl Catalog>) {
    let catalog = &town.catalog;
    let system = Caller::system();
    let child = town.push("shop/web", "child", &[]).await;
    let index = serde_json::json!({
        "schemaVersion": 2, "mediaType": media_type::OCI_INDEX, "manifests": [listed(&child)],
    });
    town.put("shop/web", &index, &["1.0"]).await;
    let shared = town.push("shop/web", "shared", &["2.0"]).await;
    assert_eq!(town.push("shop/db", "shared", &["1.0"]).await, shared);
    let before = catalog.project(&system, "shop").await.unwrap().used_bytes;

    catalog.delete_repository(&system, &name("shop/web")).await.unwrap();
    assert_absent(catalog.repository(&system, &name("shop/web")).await, "repository");
    assert_absent(catalog.manifest(&system, &name("shop/web"), &by_tag("1.0")).await, "repository");
    assert_absent(catalog.delete_repository(&system, &name("shop/web")).await, "repository");
    let kept = catalog.artifact(&system, &name("shop/db"), &by_tag("1.0")).await.unwrap();
    let project = catalog.project(&system, "shop").await.unwrap();
    assert_eq!((project.repositories, project.used_bytes), (1, kept.size));
    assert!(project.used_bytes < before);
    town.agrees().await;
    // One of the same name starts anew.
    town.push("shop/web", "new", &["3.0"]).await;
    assert_eq!(catalog.tag_history(&system, &name("shop/web"), &tag("1.0"), 10).await.unwrap(), []);
    assert_eq!(catalog.repository(&system, &name("shop/web")).await.unwrap().artifacts, 1);
}

pub(super) async fn storage_use_follows_every_change(town: &Town<impl Catalog>) {
    let catalog = &town.catalog;
    let system = Caller::system();
    assert_eq!(catalog.storage_use().await.unwrap().used_bytes, 0);
    let web = town.push("shop/web", "0123456789", &["1.0"]).await;
    town.push("open/web", "0123456789", &["1.0"]).await;
    let size = catalog.artifact(&system, &name("shop/web"), &by_tag("1.0")).await.unwrap().size;
    let index = serde_json::json!({
        "schemaVersion": 2, "mediaType": media_type::OCI_INDEX, "manifests": [listed(&web)],
    });
    town.put("shop/web", &index, &["all"]).await;
    let index_size = index.to_string().len() as u64;
    let usage = catalog.storage_use().await.unwrap();
    assert_eq!(usage.used_bytes, size + index_size, "the same content is there once");
    let thing = "example/thing".to_owned();
    assert_eq!(
        usage.by_artifact_type,
        [
            (name("open/web"), thing.clone(), size),
            (name("shop/web"), String::new(), index_size),
            (name("shop/web"), thing.clone(), size),
        ]
    );
    catalog.delete_manifest(&system, &name("shop/web"), &web).await.unwrap();
    let usage = catalog.storage_use().await.unwrap();
    assert_eq!(usage.by_artifact_type.len(), 2);
    catalog.delete_repository(&system, &name("shop/web")).await.unwrap();
    let usage = catalog.storage_use().await.unwrap();
    assert_eq!(usage.by_artifact_type, [(name("open/web"), thing, size)]);
}
