//! The policy, asked the same at both ends.

use std::path::Path;

use jiff::Timestamp;
use wharf_content::{DEFAULT_MAX_MANIFEST_BYTES, Target};
use wharf_oci::{Descriptor, Digest, Reference};
use wharf_trust::policy::{Asked, Decision, Evidence, Intent, Policy};

use crate::exit::Usage;
use crate::papers::{self, Found};
use crate::place::Place;
use crate::trust_policy;

/// A policy, and the repository name by which it judges.
pub(crate) struct Judge {
    policy: Policy,
    /// The digest of the policy's file; keys in files beside it are not part of it.
    pub(crate) digest: Digest,
    /// `HOST/REPOSITORY`.
    pub(crate) repository: String,
}

impl Judge {
    /// Reads the policy.
    ///
    /// It judges by the name of the destination, at both ends: what it demands of what lies there. Where that is a file or
    /// a folder, by the name of the source; `repository` overrides both.
    pub(crate) fn read(
        file: &Path,
        repository: Option<&str>,
        source: &Place,
        destination: &Place,
    ) -> anyhow::Result<Self> {
        let (policy, digest) = trust_policy::read_with_digest(file)?;
        let named = || destination.repository().or_else(|| source.repository());
        let repository = repository.map(str::to_owned).or_else(named).ok_or_else(|| {
            Usage(format!(
                "neither {source} nor {destination} has the name of a repository, by which a policy judges: give --as HOST/REPOSITORY"
            ))
        })?;
        Ok(Self { policy, digest, repository })
    }

    /// Reads what lies at `place`, until that is enough.
    pub(super) async fn look(
        &self,
        place: &dyn Target,
        artifact: &Descriptor,
        enough: &mut (dyn FnMut(&Found) -> bool + Send),
    ) -> anyhow::Result<Found> {
        let asked = Reference::Digest(artifact.digest.clone());
        let manifest = place.fetch_manifest(&asked, DEFAULT_MAX_MANIFEST_BYTES).await?;
        papers::evidence(place, &manifest, &self.policy, enough).await
    }

    /// Decides on what was found under a name, as part of a promotion of `root`, and reads nothing else.
    pub(super) fn decide(&self, found: &Found, repository: &str, root: &Found, asked: &Asked) -> Decision {
        let evidence = Evidence {
            repository,
            facts: &found.facts,
            digest: &found.digest,
            // A promotion resolves once and goes by the digest from there on.
            pinned: true,
            papers: &found.papers,
            promotion: Some(Intent { root: &root.digest, papers: &root.papers, asked }),
        };
        self.policy.decide(&evidence, Timestamp::now())
    }
}
