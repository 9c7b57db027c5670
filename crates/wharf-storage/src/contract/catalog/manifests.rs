//! Manifests and tags.
#![expect(clippy::unwrap_used, reason = "a test suite: an error that is not expected is a failure")]

use bytes::Bytes;
use wharf_access::Caller;
use wharf_oci::{Algorithm, Descriptor, Digest, Manifest, Reference, media_type};

use super::stage::{Stage, absent, descriptor, image, image_of, index, manifest, name, tag};
use crate::catalog::{
    AuditFilter, AuditOperation, NewManifest, Page, PullCount, TagCondition, TagMove, TagTargets,
};
use crate::{Catalog, Error};

pub(super) async fn a_manifest_comes_back_as_it_came(stage: &Stage<impl Catalog>) {
    let layer = stage.content(10);
    stage.stored_blob("shop/web", &layer).await;
    let mut pushed = image(&[&layer], None);
    // Bytes that no serialiser would write.
    let content = Bytes::from(String::from_utf8(pushed.content.to_vec()).unwrap().replacen('{', "{ \n", 1));
    pushed = NewManifest { digest: Algorithm::Sha512.digest(&content), content, ..pushed };
    let (digest, content) = (pushed.digest.clone(), pushed.content.clone());
    let outcome = stage.put("shop/web", pushed, &["1.0"]).await.unwrap();
    assert!(outcome.created);
    for reference in [Reference::Tag(tag("1.0")), Reference::Digest(digest.clone())] {
        // Twice, as the second may come from memory.
        for _ in 0..2 {
            let read =
                stage.catalog.manifest(&Caller::system(), &name("shop/web"), &reference).await.unwrap();
            assert_eq!(read.content, content);
            assert_eq!(read.digest, digest);
            assert_eq!(read.media_type, media_type::OCI_MANIFEST);
            assert_eq!(read.artifact_type.as_deref(), Some("application/vnd.example"));
        }
    }
}

pub(super) async fn the_media_type_of_the_push_is_kept(stage: &Stage<impl Catalog>) {
    let layer = stage.content(10);
    stage.stored_blob("shop/web", &layer).await;
    let config = descriptor("application/vnd.test", &layer);
    let document = serde_json::json!({ "schemaVersion": 2, "config": config, "layers": [] });
    let content = Bytes::from(document.to_string());
    let pushed = NewManifest {
        digest: Algorithm::Sha256.digest(&content),
        manifest: Manifest::parse(&content, Some(media_type::DOCKER_MANIFEST)).unwrap(),
        content,
        tags: Vec::new(),
        force_reason: None,
        condition: None,
        accept_missing_blobs: false,
    };
    let reference = Reference::Digest(pushed.digest.clone());
    stage.put("shop/web", pushed, &[]).await.unwrap();
    let read = stage.catalog.manifest(&Caller::system(), &name("shop/web"), &reference).await.unwrap();
    assert_eq!(read.media_type, media_type::DOCKER_MANIFEST);
    assert_eq!(read.artifact_type.as_deref(), Some("application/vnd.test"), "the config's type stands in");
}

pub(super) async fn putting_again_changes_nothing_but_tags(stage: &Stage<impl Catalog>) {
    let layer = stage.content(10);
    stage.stored_blob("shop/web", &layer).await;
    let pushed = image(&[&layer], None);
    stage.put("shop/web", pushed.clone(), &["1.0"]).await.unwrap();
    let again = stage.put("shop/web", pushed.clone(), &["1.0"]).await.unwrap();
    assert!(!again.created);
    assert_eq!(again.tags, Vec::new());
    let tagged = stage.put("shop/web", pushed, &["1.1"]).await.unwrap();
    assert_eq!(tagged.tags, [TagMove { tag: tag("1.1"), previous: None }]);
    assert_eq!(stage.tags("shop/web").await, ["1.0", "1.1"]);
    stage.agrees().await;
}

pub(super) async fn all_missing_blobs_are_told_and_nothing_is_stored(stage: &Stage<impl Catalog>) {
    let layers = [stage.content(10), stage.content(10), stage.content(10)];
    stage.stored_blob("shop/other", &layers[1]).await;
    let pushed = image(&[&layers[0], &layers[1], &layers[0]], None);
    match stage.put("shop/web", pushed, &["1.0"]).await {
        Err(Error::MissingBlobs(missing)) => {
            // A blob of another repository is missing here.
            assert_eq!(missing, [0, 1].map(|at| descriptor("", &layers[at]).digest));
        }
        other => panic!("expected missing blobs: {other:?}"),
    }
    let page = Page { after: None, limit: 10 };
    assert_eq!(absent(stage.catalog.tags(&Caller::system(), &name("shop/web"), page).await), "repository");
    stage.agrees().await;
}

/// Each was once looked for among all that were missing before it, while everyone else waited to write.
pub(super) async fn many_missing_blobs_are_each_told_once(stage: &Stage<impl Catalog>) {
    let layers: Vec<_> = (0..16_000)
        .map(|number| descriptor("application/octet-stream", &Bytes::from(format!("layer {number}"))))
        .collect();
    let twice: Vec<_> = layers.iter().chain(&layers).cloned().collect();
    match stage.put("shop/web", image_of(&twice, None), &[]).await {
        Err(Error::MissingBlobs(missing)) => {
            assert!(missing.iter().eq(layers.iter().map(|layer| &layer.digest)));
        }
        other => panic!("expected missing blobs: {other:?}"),
    }
}

pub(super) async fn blobs_that_live_elsewhere_may_be_absent(stage: &Stage<impl Catalog>) {
    let foreign = descriptor(
        "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
        &Bytes::from_static(b"foreign"),
    );
    let carried = Descriptor {
        data: Some("Y2FycmllZA==".to_owned()),
        ..descriptor("application/octet-stream", &Bytes::from_static(b"carried"))
    };
    let digest = foreign.digest.clone();
    let pushed = image_of(&[foreign, carried], None);
    let reference = pushed.digest.to_string();
    stage.put("shop/web", pushed, &["1.0"]).await.unwrap();
    assert!(stage.has("shop/web", &reference).await);
    assert!(!stage.links("shop/web", &digest).await);
    // Sent after all, it counts as used.
    stage.stored_blob("shop/web", &Bytes::from_static(b"foreign")).await;
    stage.agrees().await;
}

pub(super) async fn a_descriptor_with_a_wrong_size_is_refused(stage: &Stage<impl Catalog>) {
    let layer = stage.content(30);
    stage.stored_blob("shop/web", &layer).await;
    let wrong = Descriptor { size: 31, ..descriptor("application/octet-stream", &layer) };
    match stage.put("shop/web", image_of(&[wrong], None), &["1.0"]).await {
        Err(Error::Invalid { what: "manifest", problem }) => {
            assert!(problem.contains("31") && problem.contains("30"), "{problem}");
        }
        other => panic!("expected a refusal: {other:?}"),
    }
    assert_eq!(stage.tags("shop/web").await, Vec::<String>::new());
}

pub(super) async fn children_and_subject_may_be_absent(stage: &Stage<impl Catalog>) {
    let nobody = Algorithm::Sha256.digest(b"nobody");
    stage.put("shop/web", index(&[&nobody]), &["index"]).await.unwrap();
    stage.put("shop/web", image_of(&[], Some(&nobody)), &[]).await.unwrap();
    assert_eq!(stage.referrers("shop/web", &nobody).await.len(), 1);
    stage.agrees().await;
}

pub(super) async fn a_tag_moves_with_its_history_and_its_reason(stage: &Stage<impl Catalog>) {
    let (first, _) = stage.image("shop/web", &["stable"]).await;
    stage.pass(10);
    let second = NewManifest { force_reason: Some("publish".to_owned()), ..image(&[], None) };
    let digest = second.digest.clone();
    let outcome = stage.put("shop/web", second, &["stable"]).await.unwrap();
    assert_eq!(outcome.tags, [TagMove { tag: tag("stable"), previous: Some(first.clone()) }]);
    stage.pass(10);
    stage.catalog.delete_tag(&Caller::system(), &name("shop/web"), &tag("stable")).await.unwrap();

    let system = Caller::system();
    let history = stage.catalog.tag_history(&system, &name("shop/web"), &tag("stable"), 10).await.unwrap();
    let positions: Vec<_> = history.into_iter().map(|entry| entry.digest).collect();
    assert_eq!(positions, [None, Some(digest), Some(first.clone())]);

    let filter = AuditFilter { operation: Some(AuditOperation::MoveTag), ..AuditFilter::default() };
    let page = Page { after: None, limit: 10 };
    let entries = stage.catalog.audit_entries(&system, &filter, page).await.unwrap();
    assert_eq!(entries.len(), 1);
    assert_eq!(entries[0].entry.resource, "shop/web:stable");
    let detail = entries[0].entry.detail.as_deref().unwrap_or_default();
    assert!(detail.contains(first.as_str()) && detail.contains("forced: publish"), "{detail}");
}

pub(super) async fn a_condition_is_decided_by_what_the_tag_points_to(stage: &Stage<impl Catalog>) {
    let to = |digest: &Digest| Some(TagTargets::These(vec![digest.clone()]));
    let absent = TagCondition { none_match: Some(TagTargets::Any), ..TagCondition::default() };
    let at = |digest: &Digest| TagCondition { matches: to(digest), ..TagCondition::default() };
    let there = TagCondition { matches: Some(TagTargets::Any), ..TagCondition::default() };
    let (first, second) = (image(&[], None), index(&[]));
    // Whoever may push only may set conditions as well.
    let robot = stage.robot("ci", "**", None).await;
    let put = async |pushed: &NewManifest, condition: &TagCondition| {
        let pushed = NewManifest { condition: Some(condition.clone()), ..pushed.clone() };
        match stage.put_as(&robot, "shop/web", pushed, &["1.0"]).await {
            Ok(_) => Ok(()),
            Err(Error::PreconditionFailed { tag, current }) => {
                assert_eq!(tag.as_str(), "1.0");
                Err(current)
            }
            Err(error) => panic!("{error}"),
        }
    };
    assert_eq!(put(&first, &there).await, Err(None));
    assert_eq!(put(&first, &at(&first.digest)).await, Err(None));
    assert!(!stage.has("shop/web", first.digest.as_str()).await, "nothing was stored");
    assert_eq!(put(&first, &absent).await, Ok(()));
    for condition in [&absent, &at(&second.digest)] {
        assert_eq!(put(&second, condition).await, Err(Some(first.digest.clone())));
    }
    assert!(!stage.has("shop/web", second.digest.as_str()).await, "nothing was stored");
    assert_eq!(put(&second, &at(&first.digest)).await, Ok(()));
    let not_second = TagCondition { none_match: to(&second.digest), ..TagCondition::default() };
    assert_eq!(put(&first, &not_second).await, Err(Some(second.digest.clone())));
    assert_eq!(put(&first, &there).await, Ok(()));
}

pub(super) async fn several_tags_are_set_at_once(stage: &Stage<impl Catalog>) {
    stage.put("shop/web", image(&[], None), &["1", "1.2", "1.2.3"]).await.unwrap();
    assert_eq!(stage.tags("shop/web").await, ["1", "1.2", "1.2.3"]);
}

pub(super) async fn deleting_a_manifest_takes_tags_and_referrers(stage: &Stage<impl Catalog>) {
    let (image, layer) = stage.image("shop/web", &["1.0", "latest"]).await;
    let (kept, _) = stage.image("shop/web", &["other"]).await;
    let signature = stage.referrer("shop/web", &image).await;
    let countersignature = stage.referrer("shop/web", &signature).await;
    let kept_signature = stage.referrer("shop/web", &kept).await;
    stage.image("shop/copy", &["1.0"]).await;

    stage.catalog.delete_manifest(&Caller::system(), &name("shop/web"), &image).await.unwrap();
    for gone in [&image, &signature, &countersignature] {
        assert!(!stage.has("shop/web", gone.as_str()).await);
    }
    assert_eq!(stage.tags("shop/web").await, ["other"]);
    assert_eq!(stage.referrers("shop/web", &kept).await, [kept_signature]);
    assert_eq!(stage.referrers("shop/web", &image).await, []);
    assert!(stage.has("shop/copy", "1.0").await);
    assert!(stage.links("shop/web", &layer).await, "blobs wait for collection");
    let again = stage.catalog.delete_manifest(&Caller::system(), &name("shop/web"), &image).await;
    assert_eq!(absent(again), "manifest");
    stage.agrees().await;
}

pub(super) async fn deleting_a_tag_leaves_the_manifest(stage: &Stage<impl Catalog>) {
    let (image, _) = stage.image("shop/web", &["1.0", "latest"]).await;
    let (system, repository, latest) = (Caller::system(), name("shop/web"), tag("latest"));
    stage.catalog.delete_tag(&system, &repository, &latest).await.unwrap();
    assert_eq!(absent(stage.catalog.delete_tag(&system, &repository, &latest).await), "tag");
    assert_eq!(stage.tags("shop/web").await, ["1.0"]);
    assert!(stage.has("shop/web", image.as_str()).await);
    assert!(!stage.has("shop/web", "latest").await);
}

pub(super) async fn a_manifest_of_another_repository_is_absent(stage: &Stage<impl Catalog>) {
    let (image, _) = stage.image("shop/web", &["1.0"]).await;
    stage.image("shop/other", &["2.0"]).await;
    let system = Caller::system();
    let reference = Reference::Digest(image);
    assert_eq!(absent(stage.catalog.manifest(&system, &name("shop/other"), &reference).await), "manifest");
    assert_eq!(
        absent(stage.catalog.manifest(&system, &name("shop/nowhere"), &reference).await),
        "repository"
    );
}

pub(super) async fn a_large_manifest_is_kept_whole(stage: &Stage<impl Catalog>) {
    let pushed = manifest(&serde_json::json!({
        "schemaVersion": 2, "mediaType": media_type::OCI_INDEX, "manifests": [],
        "annotations": { "big": "x".repeat(4 << 20) },
    }));
    let (content, reference) = (pushed.content.clone(), Reference::Tag(tag("big")));
    stage.put("shop/web", pushed, &["big"]).await.unwrap();
    let read = stage.catalog.manifest(&Caller::system(), &name("shop/web"), &reference).await.unwrap();
    assert!(read.content == content);
}

pub(super) async fn pulls_are_counted_in_batches(stage: &Stage<impl Catalog>) {
    let (image, _) = stage.image("shop/web", &["1.0"]).await;
    let pulls = |repository: &str, count| PullCount {
        repository: name(repository),
        digest: image.clone(),
        count,
        at: stage.now(),
    };
    // One for a repository that is gone by now.
    let batch = vec![pulls("shop/web", 2), pulls("shop/gone", 1), pulls("shop/web", 3)];
    stage.catalog.note_pulls(batch).await.unwrap();
    let repository = stage.catalog.repository(&Caller::system(), &name("shop/web")).await.unwrap();
    assert_eq!(repository.pulls, 5);
    let reference = Reference::Digest(image.clone());
    let artifact = stage.catalog.artifact(&Caller::system(), &name("shop/web"), &reference).await.unwrap();
    assert_eq!((artifact.pulls, artifact.pulled_at), (5, Some(stage.now())));
}
