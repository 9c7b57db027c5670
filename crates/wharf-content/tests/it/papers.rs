//! What is attached goes along, and nothing of it is lost without a word.

use bytes::Bytes;
use wharf_content::{
    CopyOptions, CopyReport, Error, ErrorKind, Incomplete, MemoryTarget, Outcome, PaperKind, PaperOptions,
    PlatformFilter, RawManifest, ReadTarget, Role, Side, Target, all_tags, copy, papers, referrers_tag,
    resolve_platform, sibling_tag,
};
use wharf_oci::{Descriptor, Digest, Reference, media_type};
use wharf_testkit::FaultyTarget;
use wharf_testkit::builders::{Signed, blob, index, manifest, push_artifact, push_image};

fn tag(text: &str) -> Reference {
    Reference::Tag(text.parse().unwrap())
}

fn by_digest(manifest: &RawManifest) -> Reference {
    Reference::Digest(manifest.digest.clone())
}

fn role(report: &CopyReport, manifest: &RawManifest) -> Role {
    report.items.iter().find(|item| item.descriptor.digest == manifest.digest).unwrap().role
}

#[tokio::test]
async fn every_kind_of_paper_goes_along_and_the_tag_is_set_last() {
    let source = MemoryTarget::new();
    let signed = Signed::push(&source).await;
    for cannot_list_tags in [false, true] {
        let source = FaultyTarget {
            cannot_list_tags,
            inner: copied(&source, &["v1"]).await,
            ..FaultyTarget::default()
        };
        let destination = FaultyTarget::default();
        let report = copy(&source, &tag("v1"), &destination, &CopyOptions::default()).await.unwrap();
        for manifest in signed.all() {
            assert_eq!(destination.fetch_manifest(&by_digest(manifest), 4096).await.unwrap(), *manifest);
        }
        assert_eq!(all_tags(&destination, 9).await.unwrap(), all_tags(&source.inner, 9).await.unwrap());
        let roles =
            [&signed.root, &signed.arm64, &signed.attestation, &signed.of_signature, &signed.of_sibling];
        let roles = roles.map(|manifest| role(&report, manifest));
        assert_eq!(roles, [Role::Root, Role::Child, Role::Attestation, Role::Referrer, Role::Sibling]);
        let pushed = destination.pushed.lock().unwrap();
        assert!(pushed.last().unwrap().ends_with(" v1"), "{pushed:?}");
        assert!(
            pushed[pushed.len() - 2].ends_with(".att") || pushed[pushed.len() - 2].ends_with(".sig"),
            "{pushed:?}"
        );
        assert_eq!(report.items.len(), 9 + 8 * 2);
    }
}

/// The same content somewhere else.
async fn copied(source: &MemoryTarget, tags: &[&str]) -> MemoryTarget {
    let copied = MemoryTarget::new();
    for tagged in tags {
        copy(source, &tag(tagged), &copied, &CopyOptions::default()).await.unwrap();
    }
    copied
}

#[tokio::test]
async fn the_papers_of_a_digest_are_listed_by_kind() {
    let target = MemoryTarget::new();
    let signed = Signed::push(&target).await;
    let of = async |manifest: &RawManifest| {
        let found = papers(&target, &manifest.digest, &PaperOptions::ALL).await.unwrap();
        found.into_iter().map(|paper| (paper.kind, paper.descriptor.digest)).collect::<Vec<_>>()
    };
    let digest = |manifest: &RawManifest| manifest.digest.clone();
    assert_eq!(
        of(&signed.root).await,
        [
            (PaperKind::Referrer, digest(&signed.signature)),
            (PaperKind::Attestation, digest(&signed.attestation))
        ]
    );
    assert_eq!(of(&signed.arm64).await, [(PaperKind::SiblingTag, digest(&signed.sibling))]);
    let only = PaperOptions { artifact_types: vec!["application/other".into()], ..PaperOptions::REFERRERS };
    assert!(papers(&target, &signed.amd64.digest, &only).await.unwrap().is_empty());
}

#[tokio::test]
async fn what_only_the_fallback_tag_lists_goes_along_too() {
    let mut source = FaultyTarget { lists_no_referrers: true, ..FaultyTarget::default() };
    let image = push_image(&source, "image", &["v1"]).await;
    let sbom = push_artifact(&source, "application/sbom", "sbom", Some(&image.descriptor()), &[]).await;
    let unrelated = push_image(&source, "unrelated", &[]).await;
    let list = index(&[&sbom.descriptor(), &unrelated.descriptor()]);
    source.push_manifest(&list, &[referrers_tag(&image.digest).unwrap()]).await.unwrap();
    for cannot_list_tags in [false, true] {
        source.cannot_list_tags = cannot_list_tags;
        let destination = MemoryTarget::new();
        let report = copy(&source, &tag("v1"), &destination, &CopyOptions::default()).await.unwrap();
        assert_eq!(destination.referrers(&image.digest, None).await.unwrap()[0].digest, sbom.digest);
        assert!(!destination.manifest_exists(&unrelated.digest).await.unwrap());
        assert_eq!(report.ignored.len(), 1);
        let found = papers(&source, &image.digest, &PaperOptions::ALL).await.unwrap();
        assert!(found.iter().all(|paper| paper.kind == PaperKind::FallbackReferrer), "{found:?}");
    }
}

/// Returns what a copy that must fail says.
async fn lost(source: &dyn ReadTarget, destination: &dyn Target) -> (Error, Vec<(Digest, Outcome)>) {
    let error = copy(source, &tag("v1"), destination, &CopyOptions::default()).await.unwrap_err();
    assert_eq!((error.kind(), error.side()), (ErrorKind::Incomplete, Some(Side::Destination)), "{error}");
    let report = &error.cause::<Incomplete>().unwrap().report;
    let lost = report.lost().map(|item| (item.descriptor.digest.clone(), item.outcome)).collect();
    assert!(destination.resolve(&tag("v1")).await.is_err(), "the tag is not set");
    (error, lost)
}

#[tokio::test]
async fn a_paper_that_is_refused_fails_the_copy_and_keeps_the_tag_from_being_set() {
    let source = MemoryTarget::new();
    let signed = Signed::push(&source).await;
    let refuses = Some(signed.signature.digest.clone());
    let destination = FaultyTarget { refuses, ..FaultyTarget::default() };
    let (error, lost) = lost(&source, &destination).await;
    let of_it = (signed.of_signature.digest.clone(), Outcome::Refused);
    assert_eq!(lost, [(signed.signature.digest.clone(), Outcome::Refused), of_it]);
    assert!(error.to_string().contains("not here") && error.to_string().contains("and 1 more"), "{error}");
    assert!(destination.manifest_exists(&signed.sbom.digest).await.unwrap(), "the rest went over");
}

#[tokio::test]
async fn a_paper_whose_blob_the_source_has_lost_is_missing() {
    let source = MemoryTarget::new();
    let signed = Signed::push(&source).await;
    let layer = signed.sbom.parse().unwrap().layers.remove(0);
    source.delete_blob(&layer.digest).await.unwrap();
    let (_, lost) = lost(&source, &MemoryTarget::new()).await;
    assert_eq!(lost, [(layer.digest, Outcome::Missing), (signed.sbom.digest.clone(), Outcome::Missing)]);
}

#[tokio::test]
async fn a_destination_that_takes_and_does_not_keep_is_found_out() {
    let source = MemoryTarget::new();
    let signed = Signed::push(&source).await;
    let layer = signed.amd64.parse().unwrap().layers.remove(0);
    for forgotten in [&signed.arm64.digest, &signed.sibling.digest, &layer.digest] {
        let destination = FaultyTarget { forgets: Some(forgotten.clone()), ..FaultyTarget::default() };
        let (_, lost) = lost(&source, &destination).await;
        assert_eq!(lost, [(forgotten.clone(), Outcome::Missing)]);
    }
    let destination = FaultyTarget { lists_no_referrers: true, ..FaultyTarget::default() };
    let (error, lost) = lost(&source, &destination).await;
    assert_eq!(lost.len(), 3);
    assert!(error.to_string().contains("does not list it"), "{error}");
    let destination = FaultyTarget { forgets: Some(signed.root.digest.clone()), ..FaultyTarget::default() };
    copy(&source, &tag("v1"), &destination, &CopyOptions::default()).await.unwrap_err();
}

#[tokio::test]
async fn a_sibling_tag_at_the_destination_loses_no_signature() {
    let (source, destination) = (MemoryTarget::new(), MemoryTarget::new());
    let image = push_image(&source, "image", &["v1"]).await;
    let at = sibling_tag(&image.digest, "sig").unwrap();
    let (config, config_source) = blob("application/config", "{}");
    let layers = ["a", "b", "c"].map(|text| blob("application/sig", text));
    for target in [&source, &destination] {
        target.push_blob(&config, &config_source).await.unwrap();
        for (layer, layer_source) in &layers {
            target.push_blob(layer, layer_source).await.unwrap();
        }
    }
    let with = |which: &[usize]| {
        let chosen: Vec<&Descriptor> = which.iter().map(|at| &layers[*at].0).collect();
        manifest(&config, &chosen, None)
    };
    // Ours, theirs, whether it is fine, and what is there then.
    type Case = (&'static [usize], &'static [usize], bool, &'static [usize]);
    let cases: [Case; 4] = [
        (&[0], &[0, 1], true, &[0, 1]),
        (&[0, 1], &[0], true, &[0, 1]),
        (&[0], &[0], true, &[0]),
        (&[0, 1], &[1, 2], false, &[1, 2]),
    ];
    for (ours, theirs, is_fine, after) in cases {
        source.push_manifest(&with(ours), std::slice::from_ref(&at)).await.unwrap();
        destination.push_manifest(&with(theirs), std::slice::from_ref(&at)).await.unwrap();
        let result = copy(&source, &tag("v1"), &destination, &CopyOptions::default()).await;
        assert_eq!(result.is_ok(), is_fine, "{ours:?} over {theirs:?}: {result:?}");
        let found = destination.resolve(&Reference::Tag(at.clone())).await.unwrap();
        assert_eq!(found.digest, with(after).digest, "{ours:?} over {theirs:?}");
    }
    let options = CopyOptions { replace_siblings: true, ..CopyOptions::default() };
    copy(&source, &tag("v1"), &destination, &options).await.unwrap();
    let found = destination.resolve(&Reference::Tag(at)).await.unwrap();
    assert_eq!(found.digest, with(&[0, 1]).digest);
}

fn platforms(names: &[&str]) -> CopyOptions {
    let platforms = names.iter().map(|name| name.parse::<PlatformFilter>().unwrap()).collect();
    CopyOptions { platforms, ..CopyOptions::default() }
}

#[tokio::test]
async fn of_one_platform_its_own_manifest_is_copied_with_its_papers() {
    let (source, destination) = (MemoryTarget::new(), MemoryTarget::new());
    let signed = Signed::push(&source).await;
    let report = copy(&source, &tag("v1"), &destination, &platforms(&["linux/amd64"])).await.unwrap();
    assert_eq!(report.root.digest, signed.amd64.digest);
    assert_eq!(destination.resolve(&tag("v1")).await.unwrap().digest, signed.amd64.digest);
    assert_eq!(
        destination.referrers(&signed.amd64.digest, None).await.unwrap()[0].digest,
        signed.sbom.digest
    );
    for absent in [&signed.root, &signed.arm64, &signed.signature] {
        assert!(!destination.manifest_exists(&absent.digest).await.unwrap());
    }
    let error = copy(&source, &tag("v1"), &destination, &platforms(&["linux/s390x"])).await.unwrap_err();
    assert_eq!((error.kind(), error.side()), (ErrorKind::NotFound, Some(Side::Source)));
    assert!(error.to_string().contains("linux/amd64, linux/arm64"), "{error}");
}

#[tokio::test]
async fn of_several_platforms_the_index_is_copied_as_it_is_without_the_others() {
    let (source, destination) = (MemoryTarget::new(), MemoryTarget::new());
    let signed = Signed::push(&source).await;
    let report =
        copy(&source, &tag("v1"), &destination, &platforms(&["linux/amd64", "linux/s390x"])).await.unwrap();
    assert_eq!(destination.fetch_manifest(&tag("v1"), 4096).await.unwrap(), signed.root);
    assert!(destination.manifest_exists(&signed.amd64.digest).await.unwrap());
    assert!(destination.manifest_exists(&signed.attestation.digest).await.unwrap(), "it is about amd64");
    assert!(!destination.manifest_exists(&signed.arm64.digest).await.unwrap());
    assert_eq!(report.left_out.iter().map(|left| &left.digest).collect::<Vec<_>>(), [&signed.arm64.digest]);
}

#[tokio::test]
async fn an_image_without_an_index_is_told_by_its_config() {
    let source = MemoryTarget::new();
    let config = Bytes::from_static(br#"{"os":"linux","architecture":"arm64"}"#);
    let (config, config_source) = blob(media_type::OCI_CONFIG, config);
    source.push_blob(&config, &config_source).await.unwrap();
    source.push_manifest(&manifest(&config, &[], None), &["v1".parse().unwrap()]).await.unwrap();
    let found = async |platform: &str| {
        resolve_platform(&source, &tag("v1"), &platform.parse().unwrap())
            .await
            .map(|manifest| manifest.digest)
    };
    assert_eq!(found("linux/arm64").await.unwrap(), manifest(&config, &[], None).digest);
    assert_eq!(found("linux/amd64").await.unwrap_err().kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn a_dry_run_writes_nothing_and_says_what_would_be_sent() {
    let (source, destination) = (MemoryTarget::new(), FaultyTarget::default());
    let signed = Signed::push(&source).await;
    copy(&source, &by_digest(&signed.amd64), &destination, &CopyOptions::default()).await.unwrap();
    let before = destination.pushed.lock().unwrap().len();
    let dry = CopyOptions { dry_run: true, ..CopyOptions::default() };
    let report = copy(&source, &tag("v1"), &destination, &dry).await.unwrap();
    assert_eq!((report.count(Outcome::AlreadyThere), report.count(Outcome::Planned)), (6, 19));
    assert_eq!(destination.pushed.lock().unwrap().len(), before);
    assert!(destination.resolve(&tag("v1")).await.is_err());
}
