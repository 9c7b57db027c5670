//! What differs between the chart here and the one there.

use std::collections::BTreeMap;

use serde::Serialize;
use wharf_chart::{File, Limits};
use wharf_content::{DEFAULT_MAX_MANIFEST_BYTES, RawManifest, ReadTarget, collect, verified};
use wharf_oci::{Algorithm, Descriptor, Digest, media_type};

use crate::publish::Plan;

/// The longest chart that is fetched for a comparison, in bytes.
const MAX_CHART: u64 = 128 << 20;

/// What differs, file by file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Differences {
    /// The manifest that is there.
    pub(crate) remote: Option<Descriptor>,
    /// The version in the Chart.yaml that is there, where it is another.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) remote_version: Option<String>,
    /// Files that are here only.
    pub(crate) added: Vec<FileState>,
    /// Files that are there only.
    pub(crate) removed: Vec<FileState>,
    /// Files that are in both and differ.
    pub(crate) changed: Vec<Change>,
    /// What differs beside files, in sentences.
    pub(crate) notes: Vec<String>,
}

/// A file on one side.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct FileState {
    pub(crate) path: String,
    pub(crate) size: u64,
    pub(crate) digest: Digest,
}

/// A file on both sides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Change {
    pub(crate) path: String,
    pub(crate) local: FileState,
    pub(crate) remote: FileState,
}

impl Differences {
    /// Returns whether nothing that a user of the chart would get differs.
    pub(crate) fn is_empty(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty() && self.changed.is_empty() && self.notes.is_empty()
    }

    /// Compares the plan with a manifest of the repository.
    pub(super) async fn find(
        plan: &Plan,
        there: &dyn ReadTarget,
        manifest: &RawManifest,
    ) -> wharf_content::Result<Self> {
        let mut differences = Self { remote: Some(manifest.descriptor()), ..Self::default() };
        let parsed = manifest.parse()?;
        let layer = |media_type: &str| parsed.layers.iter().find(|layer| layer.media_type == media_type);
        let Some(chart) = layer(media_type::HELM_CHART) else {
            let kind = parsed.effective_artifact_type().unwrap_or(&manifest.media_type);
            differences.notes.push(format!("what is there is not a chart but {kind:?}"));
            return Ok(differences);
        };
        let provenance = layer(media_type::HELM_PROVENANCE).map(|layer| &layer.digest);
        match (plan.provenance.as_ref().map(|piece| &piece.descriptor.digest), provenance) {
            (here, there) if here == there => {}
            (Some(_), None) => differences.notes.push("a provenance file is here only".to_owned()),
            (None, Some(_)) => differences.notes.push("a provenance file is there only".to_owned()),
            _ => differences.notes.push("the provenance files differ".to_owned()),
        }
        if chart.digest == plan.chart.descriptor.digest {
            return Ok(differences);
        }
        if chart.size > MAX_CHART {
            differences.notes.push(format!("the chart there has {} bytes and was not fetched", chart.size));
            return Ok(differences);
        }
        let bytes = collect(verified(there.fetch_blob(chart, 0).await?, chart), MAX_CHART).await?;
        let limits = Limits::default();
        match (
            wharf_chart::unpack_archive(&plan.chart.bytes, &limits),
            wharf_chart::unpack_archive(&bytes, &limits),
        ) {
            (Ok(here), Ok(there)) => differences.compare(&here, &there),
            (_, Err(error)) => differences.notes.push(format!("the chart there cannot be read: {error}")),
            (Err(error), _) => differences.notes.push(format!("the chart here cannot be read: {error}")),
        }
        if let Ok(there) = wharf_chart::load_archive(&bytes)
            && there.metadata.version != plan.metadata.version
        {
            differences.remote_version = Some(there.metadata.version);
        }
        Ok(differences)
    }

    fn compare(&mut self, here: &[File], there: &[File]) {
        let here: BTreeMap<&str, &File> = here.iter().map(|file| (file.name.as_str(), file)).collect();
        let there: BTreeMap<&str, &File> = there.iter().map(|file| (file.name.as_str(), file)).collect();
        for (path, file) in &here {
            match there.get(path) {
                None => self.added.push(FileState::of(file)),
                Some(other) if other.data != file.data => self.changed.push(Change {
                    path: (*path).to_owned(),
                    local: FileState::of(file),
                    remote: FileState::of(other),
                }),
                Some(_) => {}
            }
        }
        self.removed = there
            .iter()
            .filter(|(path, _)| !here.contains_key(*path))
            .map(|(_, file)| FileState::of(file))
            .collect();
    }
}

impl FileState {
    fn of(file: &File) -> Self {
        Self {
            path: file.name.clone(),
            size: file.data.len() as u64,
            digest: Algorithm::Sha256.digest(&file.data),
        }
    }
}

/// The bound on manifests that are compared.
pub(super) const MAX_MANIFEST: u64 = DEFAULT_MAX_MANIFEST_BYTES;
