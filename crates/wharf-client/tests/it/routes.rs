//! The table of papers: however something is attached, to whatever, by whichever way it goes, it arrives.

use bytes::Bytes;
use tempfile::TempDir;
use wharf_client::RemoteRepository;
use wharf_content::{
    CopyOptions, LayoutTarget, MemoryTarget, PaperKind, PaperOptions, RawManifest, ReadTarget, TarTarget,
    Target, copy, papers, referrers_tag, sibling_tag,
};
use wharf_oci::{Descriptor, Reference, media_type};
use wharf_testkit::LocalRegistry;
use wharf_testkit::builders::{blob, entry, index, push_artifact, push_image};

/// How something is attached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Attached {
    /// cosign 3: a bundle as a referrer.
    BundleReferrer,
    /// The same, at a registry that has no referrers API.
    FallbackTag,
    /// cosign 2.
    SiblingTag,
    /// BuildKit.
    InIndex,
    /// Notary Project.
    Notation,
}

/// What it is attached to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Subject {
    Index,
    ChildManifest,
    Chart,
    Artifact,
}

const ATTACHED: [Attached; 5] = [
    Attached::BundleReferrer,
    Attached::FallbackTag,
    Attached::SiblingTag,
    Attached::InIndex,
    Attached::Notation,
];
const SUBJECTS: [Subject; 4] = [Subject::Index, Subject::ChildManifest, Subject::Chart, Subject::Artifact];

/// Pushes one row of the table under a tag of its own; returns the root, the subject and the paper.
async fn push(
    target: &dyn Target,
    attached: Attached,
    subject: Subject,
) -> (RawManifest, RawManifest, RawManifest) {
    let name = format!("{attached:?}-{subject:?}");
    let tag = name.parse().unwrap();
    let config_type = match subject {
        Subject::Chart => media_type::HELM_CONFIG,
        Subject::Artifact => "application/vnd.example.thing",
        Subject::Index | Subject::ChildManifest => media_type::OCI_CONFIG,
    };
    let one = push_artifact(target, config_type, &name, None, &[]).await;
    let (about, root, in_index) = match (attached, subject) {
        (Attached::InIndex, _) => {
            let attestation =
                push_artifact(target, "application/vnd.in-toto+json", &format!("att {name}"), None, &[])
                    .await;
            let mut listed = entry(&attestation, "unknown");
            listed.annotations.insert("vnd.docker.reference.type".into(), "attestation-manifest".into());
            listed.annotations.insert("vnd.docker.reference.digest".into(), one.digest.to_string());
            let root = index(&[&entry(&one, "amd64"), &listed]);
            target.push_manifest(&root, &[tag]).await.unwrap();
            (one, root, Some(attestation))
        }
        (_, Subject::Index | Subject::ChildManifest) => {
            let root = index(&[&entry(&one, "amd64")]);
            target.push_manifest(&root, &[tag]).await.unwrap();
            (if subject == Subject::Index { root.clone() } else { one }, root, None)
        }
        _ => {
            target.push_manifest(&one, &[tag]).await.unwrap();
            (one.clone(), one, None)
        }
    };
    let paper = match attached {
        Attached::InIndex => in_index.unwrap(),
        Attached::BundleReferrer | Attached::FallbackTag => bundle(target, &about.descriptor(), &name).await,
        Attached::Notation => {
            let kind = "application/vnd.cncf.notary.signature";
            push_artifact(target, kind, &format!("jws {name}"), Some(&about.descriptor()), &[]).await
        }
        Attached::SiblingTag => {
            let at = sibling_tag(&about.digest, "sig").unwrap();
            push_artifact(target, media_type::OCI_CONFIG, &format!("sig {name}"), None, &[at.as_str()]).await
        }
    };
    (root, about, paper)
}

/// A bundle as cosign 3 attaches it.
async fn bundle(target: &dyn Target, subject: &Descriptor, content: &str) -> RawManifest {
    const TYPE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";
    let (config, config_source) = blob(media_type::OCI_EMPTY, "{}");
    let (layer, layer_source) = blob(TYPE, format!("{{\"of\":{content:?}}}"));
    target.push_blob(&config, &config_source).await.unwrap();
    target.push_blob(&layer, &layer_source).await.unwrap();
    let json = serde_json::json!({
        "schemaVersion": 2, "mediaType": media_type::OCI_MANIFEST, "artifactType": TYPE, "config": config,
        "layers": [layer], "subject": subject,
        "annotations": { "dev.sigstore.bundle.content": "dsse-envelope" },
    });
    let manifest = RawManifest::new(media_type::OCI_MANIFEST, Bytes::from(json.to_string()));
    target.push_manifest(&manifest, &[]).await.unwrap();
    manifest
}

/// Checks that the paper is found at its subject, byte for byte.
async fn check(at: &dyn Target, row: &str, root: &RawManifest, about: &RawManifest, paper: &RawManifest) {
    let found = at.fetch_manifest(&Reference::Tag(row.parse().unwrap()), 1 << 20).await.unwrap();
    assert_eq!(found, *root, "{row} at {}", at.name());
    let mut listed = papers(at, &about.digest, &PaperOptions::ALL).await.unwrap();
    listed.extend(papers(at, &root.digest, &PaperOptions::ALL).await.unwrap());
    let listed = listed.iter().find(|listed| listed.descriptor.digest == paper.digest);
    let listed = listed.unwrap_or_else(|| panic!("{row} at {}: the paper is not found", at.name()));
    assert_eq!(listed.subject, about.digest, "{row} at {}", at.name());
    if listed.kind == PaperKind::Referrer {
        let parsed = paper.parse().unwrap();
        assert_eq!(listed.descriptor.artifact_type.as_deref(), parsed.effective_artifact_type(), "{row}");
        assert_eq!(listed.descriptor.annotations, parsed.annotations, "{row} at {}", at.name());
    }
    let bytes = at.fetch_manifest(&Reference::Digest(paper.digest.clone()), 1 << 20).await.unwrap();
    assert_eq!(bytes, *paper);
}

async fn carry(from: &dyn Target, to: &dyn Target, row: &str) {
    let reference = Reference::Tag(row.parse().unwrap());
    copy(from, &reference, to, &CopyOptions::default())
        .await
        .unwrap_or_else(|error| panic!("{row}: {error}"));
    to.commit().await.unwrap();
}

struct Registries {
    with: LocalRegistry,
    without: LocalRegistry,
}

impl Registries {
    async fn start() -> Self {
        Self { with: LocalRegistry::start().await, without: LocalRegistry::without_referrers().await }
    }

    /// Where a row starts: at a registry that has what it needs.
    fn source(&self, attached: Attached) -> RemoteRepository {
        let registry = if attached == Attached::FallbackTag { &self.without } else { &self.with };
        registry.repository("shop/source")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_paper_of_every_subject_arrives_by_every_route() {
    let registries = Registries::start().await;
    let folder = TempDir::new().unwrap();
    let layout = LayoutTarget::create(folder.path().join("layout")).await.unwrap();
    let tar = TarTarget::create(folder.path().join("papers.tar")).await.unwrap();
    let mut rows = 0;
    for attached in ATTACHED {
        for subject in SUBJECTS {
            let row = &format!("{attached:?}-{subject:?}");
            let source = registries.source(attached);
            let (root, about, paper) = push(&source, attached, subject).await;
            if attached == Attached::FallbackTag {
                let tag = referrers_tag(&about.digest).unwrap();
                assert!(source.resolve(&Reference::Tag(tag)).await.is_ok(), "it is listed under the tag");
            }
            // Registry to registry, of both kinds; to a layout and back; to a tar and back.
            let direct = registries.with.repository("shop/direct");
            let direct_without = registries.without.repository("shop/direct");
            let by_layout = registries.without.repository("shop/layout");
            let by_tar = registries.with.repository("shop/tar");
            let steps: [(&dyn Target, &dyn Target); 6] = [
                (&source, &direct),
                (&source, &direct_without),
                (&source, &layout),
                (&layout, &by_layout),
                (&source, &tar),
                (&tar, &by_tar),
            ];
            for (from, to) in steps {
                carry(from, to, row).await;
                check(to, row, &root, &about, &paper).await;
            }
            rows += 1;
        }
    }
    assert_eq!(rows, 20);
}

/// Referrers of one subject that go over at the same time are all listed where a client keeps the list.
#[tokio::test(flavor = "multi_thread")]
async fn many_referrers_at_once_are_all_listed_without_the_api() {
    let registry = LocalRegistry::without_referrers().await;
    let source = MemoryTarget::new();
    let image = push_image(&source, "image", &["v1"]).await;
    for number in 0..12 {
        push_artifact(
            &source,
            "application/vnd.example",
            &number.to_string(),
            Some(&image.descriptor()),
            &[],
        )
        .await;
    }
    let destination = registry.repository("shop/many");
    copy(&source, &"v1".parse().unwrap(), &destination, &CopyOptions::default()).await.unwrap();
    assert_eq!(destination.referrers(&image.digest, None).await.unwrap().len(), 12);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_registry_fulfils_the_contract_with_and_without_the_referrers_api() {
    use std::sync::atomic::{AtomicUsize, Ordering};
    let registries = Registries::start().await;
    let next = AtomicUsize::new(0);
    for registry in [&registries.with, &registries.without] {
        wharf_content::contract::run(|| async {
            let name = format!("shop/r{}", next.fetch_add(1, Ordering::Relaxed));
            Box::new(registry.repository(&name)) as _
        })
        .await;
    }
}
