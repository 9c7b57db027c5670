//! A chart's provenance file as evidence: OpenPGP verifies it, and it must name the digest of the chart's archive.

use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;
use wharf_chart::Provenance;
use wharf_content::{ReadTarget, Result};
use wharf_oci::{Descriptor, Digest, Manifest, media_type};
use wharf_provenance::{Keyring, verify};
use wharf_trust::policy::{OpenPgpSigner, PaperEvidence, PaperForm, ProvenanceFile};

use crate::Budget;

/// The longest provenance file, in bytes.
const MAX_PROVENANCE_BYTES: u64 = 1 << 20;

/// The file, and the archive that lies in the same manifest.
#[derive(Debug)]
struct ChartProvenance {
    file: Bytes,
    archive: Digest,
}

impl ProvenanceFile for ChartProvenance {
    /// The archive counts by its digest; under which name it was signed does not matter, since the registry knows no file names.
    fn verify(&self, keyring: &[u8], now: Timestamp) -> std::result::Result<OpenPgpSigner, String> {
        let keyring = Keyring::read(keyring).map_err(|error| error.to_string())?;
        let now =
            u32::try_from(now.as_second()).map_err(|_| format!("{now} is beyond OpenPGP's calendar"))?;
        let signed = verify(&self.file, &keyring, now).map_err(|error| error.to_string())?;
        let stated = Provenance::parse(&signed.text).map_err(|error| error.to_string())?.files;
        let archive = self.archive.to_string();
        if !stated.values().any(|digest| *digest == archive) {
            let stated: Vec<&str> = stated.values().map(String::as_str).collect();
            return Err(format!("it is about {}, the chart's archive is {archive}", stated.join(", ")));
        }
        Ok(OpenPgpSigner { fingerprint: signed.by.fingerprint(), names: signed.by.names() })
    }
}

/// Returns the provenance files in the manifest of a chart.
///
/// # Errors
/// The target could not be asked.
pub(super) async fn files(
    target: &dyn ReadTarget,
    chart: &Manifest,
    budget: &mut Budget,
) -> Result<Vec<PaperEvidence>> {
    let of_type = |wanted: &'static str| chart.layers.iter().filter(move |layer| layer.media_type == wanted);
    let archives: Vec<&Descriptor> = of_type(media_type::HELM_CHART).collect();
    let mut found = Vec::new();
    for layer in of_type(media_type::HELM_PROVENANCE) {
        let form = match archives.as_slice() {
            _ if layer.size > MAX_PROVENANCE_BYTES => PaperForm::Unreadable(format!(
                "a provenance file of {} bytes; at most {MAX_PROVENANCE_BYTES} are read",
                layer.size
            )),
            [archive] => match budget.fetch_or_reason(target, layer).await? {
                Ok(file) => {
                    let archive = archive.digest.clone();
                    PaperForm::Provenance(Arc::new(ChartProvenance { file, archive }))
                }
                Err(reason) => PaperForm::Unreadable(reason),
            },
            several => PaperForm::Unreadable(format!(
                "a provenance file beside {} archives, not exactly one",
                several.len()
            )),
        };
        found.push(PaperEvidence { name: layer.digest.to_string(), form });
    }
    Ok(found)
}
