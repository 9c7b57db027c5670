//! Signatures of the Notary Project are read where they are wanted, however they are attached.
#![expect(clippy::unwrap_used, reason = "tests")]

use serde_json::{Value, json};
use wharf_content::{MemoryTarget, RawManifest, Target};
use wharf_oci::{Descriptor, media_type};
use wharf_papers::{Limits, Wanted, evidence};
use wharf_trust::NotationSignature;
use wharf_trust::policy::{PaperEvidence, PaperForm};

use crate::limits::{artifact, blob};

const JWS: &str = "application/jose+json";
const TYPE: &str = NotationSignature::ARTIFACT_TYPE;
const WANTED: Wanted = Wanted { platforms: false, notation: true };

fn envelope() -> Vec<u8> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../wharf-trust/testdata/notation");
    std::fs::read(format!("{folder}/ec-256.jws")).unwrap()
}

/// Attaches a layer; `members` are those of the manifest that say what it is.
async fn attach(target: &MemoryTarget, subject: &Descriptor, layer: Descriptor, members: Value) {
    let mut document = json!({ "schemaVersion": 2, "layers": [layer], "subject": subject });
    document.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    let raw = RawManifest::new(media_type::OCI_MANIFEST, document.to_string().into());
    target.push_manifest(&raw, &[]).await.unwrap();
}

async fn found(target: &MemoryTarget, subject: &Descriptor, wanted: Wanted) -> Vec<PaperEvidence> {
    evidence(target, subject, wanted, &Limits::default()).await.unwrap().1
}

#[tokio::test]
async fn a_signature_is_known_by_artifact_type_or_config_and_names_the_artifact() {
    let target = MemoryTarget::new();
    let chart = artifact(&target).await;
    let layer = blob(&target, JWS, &envelope()).await;
    let empty = blob(&target, media_type::OCI_EMPTY, b"{}").await;
    let typed = blob(&target, TYPE, b"{}").await;
    attach(&target, &chart, layer.clone(), json!({ "config": empty, "artifactType": TYPE })).await;
    attach(&target, &chart, layer.clone(), json!({ "config": typed })).await;
    attach(&target, &chart, layer, json!({ "config": empty, "artifactType": "application/vnd.example" }))
        .await;

    let papers = found(&target, &chart, WANTED).await;
    assert_eq!(papers.len(), 2, "{papers:?}");
    for paper in papers {
        let PaperForm::Notation { media_type, size, .. } = paper.form else { panic!("{paper:?}") };
        assert_eq!((media_type, size), (chart.media_type.clone(), chart.size));
    }
    assert!(found(&target, &chart, Wanted::default()).await.is_empty(), "nobody asked for them");
}

#[tokio::test]
async fn a_signature_that_cannot_be_read_is_told() {
    for (media, bytes, why) in [
        (JWS, b"{}".to_vec(), "Notation signature: JWS: missing field"),
        ("application/pkcs7-signature", envelope(), "is the media type of no envelope"),
        (JWS, vec![b' '; 2 << 20], "a Notation signature of 2097152 bytes; at most 1048576 are read"),
    ] {
        let target = MemoryTarget::new();
        let chart = artifact(&target).await;
        let layer = blob(&target, media, &bytes).await;
        let typed = blob(&target, TYPE, b"{}").await;
        attach(&target, &chart, layer, json!({ "config": typed })).await;
        let papers = found(&target, &chart, WANTED).await;
        let [PaperEvidence { form: PaperForm::Unreadable(reason), .. }] = papers.as_slice() else {
            panic!("{papers:?}")
        };
        assert!(reason.contains(why), "{reason}");
    }
}
