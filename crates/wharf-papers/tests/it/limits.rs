//! What is attached is read within limits.
#![expect(clippy::unwrap_used, reason = "tests")]

use bytes::Bytes;
use serde_json::json;
use wharf_content::{BytesSource, ErrorKind, MemoryTarget, RawManifest, Target};
use wharf_oci::{Algorithm, Descriptor, media_type};
use wharf_papers::{Limits, Wanted, evidence};
use wharf_trust::policy::{ArtifactKind, PaperForm};
use wharf_trust::{BUNDLE_V03, Bundle, Envelope, IN_TOTO_PAYLOAD, KeyAlgorithm, PrivateKey};

pub(crate) async fn blob(target: &MemoryTarget, media_type: &str, bytes: &[u8]) -> Descriptor {
    let descriptor = Descriptor::new(media_type, Algorithm::Sha256.digest(bytes), bytes.len() as u64);
    target.push_blob(&descriptor, &BytesSource(Bytes::copy_from_slice(bytes))).await.unwrap();
    descriptor
}

pub(crate) async fn artifact(target: &MemoryTarget) -> Descriptor {
    let config = blob(target, media_type::HELM_CONFIG, b"{}").await;
    let document = json!({ "schemaVersion": 2, "config": config, "layers": [] });
    let raw = RawManifest::new(media_type::OCI_MANIFEST, Bytes::from(document.to_string()));
    target.push_manifest(&raw, &[]).await.unwrap();
    raw.descriptor()
}

/// Attaches a bundle; `note` makes each another manifest. Returns the layer.
async fn attach(target: &MemoryTarget, subject: &Descriptor, note: usize) -> Descriptor {
    let key = PrivateKey::generate(KeyAlgorithm::EcdsaP256).unwrap();
    let envelope = Envelope::sign(IN_TOTO_PAYLOAD, b"{}", &key).unwrap();
    let bundle = Bundle::of_envelope(envelope, key.public()).to_json();
    let layer = blob(target, BUNDLE_V03, &bundle).await;
    let config = blob(target, media_type::OCI_EMPTY, b"{}").await;
    let document = json!({
        "schemaVersion": 2, "artifactType": BUNDLE_V03, "config": config, "layers": [layer], "subject": subject,
        "annotations": { "note": note.to_string() },
    });
    let raw = RawManifest::new(media_type::OCI_MANIFEST, Bytes::from(document.to_string()));
    target.push_manifest(&raw, &[]).await.unwrap();
    layer
}

#[tokio::test]
async fn a_paper_beyond_the_limits_proves_nothing_and_is_not_hidden() {
    let target = MemoryTarget::new();
    let chart = artifact(&target).await;
    let layers = [attach(&target, &chart, 0).await, attach(&target, &chart, 1).await];
    let (facts, found) = evidence(&target, &chart, Wanted::default(), &Limits::default()).await.unwrap();
    assert_eq!(facts.kind, ArtifactKind::Chart);
    assert!(found.iter().all(|paper| matches!(paper.form, PaperForm::Bundle(_))), "{found:?}");

    let most = layers.iter().map(|layer| layer.size).max().unwrap();
    for limits in [
        Limits { total_bytes: most + 1, ..Limits::default() },
        Limits { paper_bytes: most - 1, ..Limits::default() },
    ] {
        let (_, found) = evidence(&target, &chart, Wanted::default(), &limits).await.unwrap();
        assert_eq!(found.len(), 2);
        assert!(
            found
                .iter()
                .any(|paper| matches!(&paper.form, PaperForm::Unreadable(why) if why.contains("bytes")))
        );
    }
}

#[tokio::test]
async fn a_paper_whose_blob_is_gone_is_told() {
    let target = MemoryTarget::new();
    let chart = artifact(&target).await;
    let layer = attach(&target, &chart, 0).await;
    target.delete_blob(&layer.digest).await.unwrap();
    let (_, found) = evidence(&target, &chart, Wanted::default(), &Limits::default()).await.unwrap();
    assert!(matches!(&found[0].form, PaperForm::Unreadable(why) if why.contains("not in")), "{found:?}");
}

#[tokio::test]
async fn more_papers_than_are_read_are_an_error() {
    let target = MemoryTarget::new();
    let chart = artifact(&target).await;
    for note in 0..3 {
        attach(&target, &chart, note).await;
    }
    let limits = Limits { papers: 2, ..Limits::default() };
    assert_eq!(
        evidence(&target, &chart, Wanted::default(), &limits).await.unwrap_err().kind(),
        ErrorKind::Limit
    );
}
