//! Everything attached to an artifact, as a trust policy wants to see it.

use std::collections::BTreeSet;

use serde::Deserialize;
use wharf_content::{
    DEFAULT_MAX_MANIFEST_BYTES, RawManifest, ReadTarget, Result, collect, fallback_referrers, verified,
};
use wharf_oci::{Descriptor, Digest, Manifest, Reference};
use wharf_trust::policy::{ArtifactKind, Facts, PaperEvidence, PaperForm, Policy};
use wharf_trust::{Bundle, NotationSignature};

use crate::referrer::{Attached, read_attached};
use crate::{ATTESTATION, Budget, LegacyLayer, Limits, SIGNATURE, layers, provenance};

/// The longest config of an image that is read for its platform, in bytes.
const MAX_CONFIG_BYTES: u64 = 4 << 20;

/// What somebody needs to know besides what is always read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// What a single image runs on, which its config tells.
    pub platforms: bool,
    /// Signatures of the Notary Project.
    pub notation: bool,
}

impl Wanted {
    /// Returns what that policy asks for.
    #[must_use]
    pub fn by(policy: &Policy) -> Self {
        Self { platforms: policy.asks_for_platforms(), notation: policy.asks_for_notation() }
    }
}

/// What is attached to an artifact, read step by step, the likely places first: whoever has seen enough need not ask for the
/// rest. Nothing is verified here.
///
/// A paper that is larger than is read, or listed and not there, stands among the others with the reason: it can prove
/// nothing, and its presence is not hidden.
pub struct Reading<'a> {
    target: &'a dyn ReadTarget,
    limits: &'a Limits,
    wanted: Wanted,
    artifact: Descriptor,
    manifest: Manifest,
    /// The step that comes next.
    next: Option<Step>,
    /// The referrers that were listed so far.
    listed: BTreeSet<Digest>,
}

/// Where papers are looked for.
#[derive(Clone, Copy)]
enum Step {
    /// In the manifest itself, and what the target lists as referrers.
    Listed,
    /// The sibling tag of signatures.
    Signatures,
    /// The sibling tag of attestations.
    Attestations,
    /// The tag that lists referrers where there is no API for that: what was attached before there was one.
    FallbackTag,
}

impl<'a> Reading<'a> {
    /// Begins with the artifact's manifest.
    ///
    /// # Errors
    /// It is no manifest.
    pub fn new(
        target: &'a dyn ReadTarget,
        artifact: &RawManifest,
        wanted: Wanted,
        limits: &'a Limits,
    ) -> Result<Self> {
        Ok(Self {
            target,
            limits,
            wanted,
            artifact: artifact.descriptor(),
            manifest: artifact.parse()?,
            next: Some(Step::Listed),
            listed: BTreeSet::new(),
        })
    }

    /// Returns what the artifact is; where platforms are wanted also what a single image runs on, by its config. A config that
    /// does not say it leaves it unknown.
    ///
    /// # Errors
    /// The target could not be asked.
    pub async fn facts(&self) -> Result<Facts> {
        #[derive(Deserialize)]
        struct Config {
            os: String,
            architecture: String,
            variant: Option<String>,
        }
        let mut facts = Facts::of(&self.manifest);
        // Of an index its manifest told that already.
        if !self.wanted.platforms || facts.kind != ArtifactKind::Image || !facts.platforms.is_empty() {
            return Ok(facts);
        }
        let Some(config) = &self.manifest.config else { return Ok(facts) };
        let stream = verified(self.target.fetch_blob(config, 0).await?, config);
        let bytes = collect(stream, MAX_CONFIG_BYTES).await?;
        if let Ok(Config { os, architecture, variant }) = serde_json::from_slice(&bytes) {
            let variant = variant.map(|variant| format!("/{variant}")).unwrap_or_default();
            facts.platforms.push(format!("{os}/{architecture}{variant}"));
        }
        Ok(facts)
    }

    /// Reads on, and returns what lies at the next place; `None` once there is no other.
    ///
    /// # Errors
    /// The target could not be asked, or there are more papers than are read.
    pub async fn more(&mut self) -> Result<Option<Vec<PaperEvidence>>> {
        let Some(step) = self.next else { return Ok(None) };
        self.next = match step {
            Step::Listed => Some(Step::Signatures),
            Step::Signatures => Some(Step::Attestations),
            Step::Attestations => Some(Step::FallbackTag),
            Step::FallbackTag => None,
        };
        let (target, digest, limits) = (self.target, &self.artifact.digest, self.limits);
        let found = match step {
            Step::Listed => {
                let mut found = Vec::new();
                if Facts::of(&self.manifest).kind == ArtifactKind::Chart {
                    found.extend(provenance::files(target, &self.manifest, &mut Budget::new(limits)).await?);
                }
                let listed = target.referrers(digest, None).await?;
                found.extend(self.referrers(listed).await?);
                found
            }
            Step::Signatures => {
                let layers = layers(target, digest, SIGNATURE, limits).await?;
                layers.into_iter().map(signature).collect()
            }
            Step::Attestations => {
                let layers = layers(target, digest, ATTESTATION, limits).await?;
                layers.into_iter().map(attestation).collect()
            }
            Step::FallbackTag => self.referrers(fallback_referrers(target, digest).await?).await?,
        };
        Ok(Some(found))
    }

    /// Reads the papers among referrers that were not listed before.
    async fn referrers(&mut self, listed: Vec<Descriptor>) -> Result<Vec<PaperEvidence>> {
        let known = self.listed.len();
        let listed = listed.into_iter().map(|each| each.digest);
        let new: BTreeSet<Digest> = listed.filter(|digest| !self.listed.contains(digest)).collect();
        self.listed.extend(new.iter().cloned());
        let left = Limits { papers: self.limits.papers.saturating_sub(known), ..*self.limits };
        let (subject, notation) = (&self.artifact.digest, self.wanted.notation);
        let attached = read_attached(self.target, subject, new, notation, &left).await?;
        Ok(attached.into_iter().map(|each| paper(each, &self.artifact)).collect())
    }
}

fn paper(attached: Attached, artifact: &Descriptor) -> PaperEvidence {
    let (name, media_type) = (attached.digest.to_string(), &attached.layer.media_type);
    let form = if Bundle::is_media_type(media_type) {
        let form = |bundle| PaperForm::Bundle(Box::new(bundle));
        attached.bytes.map(|bytes| Bundle::from_json(&bytes).map(form))
    } else {
        attached.bytes.map(|bytes| {
            NotationSignature::read(media_type, &bytes).map(|signature| PaperForm::Notation {
                signature: Box::new(signature),
                media_type: artifact.media_type.clone(),
                size: artifact.size,
            })
        })
    };
    let form = form.and_then(|read| read.map_err(|error| error.to_string()));
    PaperEvidence { name, form: form.unwrap_or_else(PaperForm::Unreadable) }
}

fn signature(layer: LegacyLayer) -> PaperEvidence {
    let form = layer.bytes.and_then(|bytes| {
        let bundle = Bundle::from_legacy_signature(&layer.descriptor.annotations)
            .map_err(|error| error.to_string())?;
        Ok(PaperForm::SimpleSigning { payload: bytes.to_vec(), bundle: Box::new(bundle) })
    });
    let form = form.unwrap_or_else(PaperForm::Unreadable);
    PaperEvidence { name: layer.descriptor.digest.to_string(), form }
}

fn attestation(layer: LegacyLayer) -> PaperEvidence {
    let form = layer.bytes.and_then(|bytes| {
        let bundle = Bundle::from_legacy_attestation(&bytes, &layer.descriptor.annotations);
        Ok(PaperForm::Bundle(Box::new(bundle.map_err(|error| error.to_string())?)))
    });
    let form = form.unwrap_or_else(PaperForm::Unreadable);
    PaperEvidence { name: layer.descriptor.digest.to_string(), form }
}

/// Reads what an artifact is and all that is attached to it, in both layouts; of a chart also its provenance file.
///
/// # Errors
/// The target could not be asked, or there are more papers than are read.
pub async fn evidence(
    target: &dyn ReadTarget,
    artifact: &Descriptor,
    wanted: Wanted,
    limits: &Limits,
) -> Result<(Facts, Vec<PaperEvidence>)> {
    let asked = Reference::Digest(artifact.digest.clone());
    let manifest = target.fetch_manifest(&asked, DEFAULT_MAX_MANIFEST_BYTES).await?;
    let mut reading = Reading::new(target, &manifest, wanted, limits)?;
    let facts = reading.facts().await?;
    let mut found = Vec::new();
    while let Some(more) = reading.more().await? {
        found.extend(more);
    }
    Ok((facts, found))
}
