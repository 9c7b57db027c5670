//! Files as referrers, unsigned, as `oras attach` lays them down.

use std::collections::BTreeMap;

use bytes::Bytes;
use wharf_content::{DEFAULT_MAX_MANIFEST_BYTES, PaperOptions, Target, papers};
use wharf_oci::{Algorithm, Descriptor, Reference, media_type};

use super::{Attested, Document, push};
use crate::files::TITLE;

/// Attaches a file, unless one with the same bytes is there as a referrer of the same artifact type.
///
/// # Errors
/// The place could not be read or written.
pub(crate) async fn attach_file(
    place: &dyn Target,
    subject: &Descriptor,
    artifact_type: &str,
    (name, bytes): (&str, Bytes),
    created: &str,
) -> anyhow::Result<Attested> {
    let digest = Algorithm::Sha256.digest(&bytes);
    let options = PaperOptions { artifact_types: vec![artifact_type.to_owned()], ..PaperOptions::REFERRERS };
    for found in papers(place, &subject.digest, &options).await? {
        let asked = Reference::Digest(found.descriptor.digest.clone());
        let attached = place.fetch_manifest(&asked, DEFAULT_MAX_MANIFEST_BYTES).await?.parse()?;
        let is_about = attached.subject.as_ref().is_some_and(|named| named.digest == subject.digest);
        if is_about && attached.layers.iter().any(|layer| layer.digest == digest) {
            return Ok(Attested { digest: found.descriptor.digest, attached: false });
        }
    }
    let config = push(place, media_type::OCI_EMPTY, b"{}".to_vec()).await?;
    let mut layer = push(place, artifact_type, bytes.to_vec()).await?;
    layer.annotations.insert(TITLE.to_owned(), name.to_owned());
    let subject = Descriptor::new(subject.media_type.clone(), subject.digest.clone(), subject.size);
    let document = Document {
        schema_version: 2,
        media_type: media_type::OCI_MANIFEST,
        artifact_type: Some(artifact_type),
        config: &config,
        layers: &[layer],
        subject: Some(&subject),
        annotations: BTreeMap::from([("org.opencontainers.image.created", created.to_owned())]),
    };
    let raw = document.raw()?;
    place.push_manifest(&raw, &[]).await?;
    Ok(Attested { digest: raw.digest, attached: true })
}
