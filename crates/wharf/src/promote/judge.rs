//! The policy, asked the same at both ends.

use std::path::Path;

use jiff::Timestamp;
use wharf_content::Target;
use wharf_oci::{Descriptor, Digest};
use wharf_trust::policy::{Decision, Evidence, Policy};

use crate::exit::Usage;
use crate::place::Place;
use crate::{papers, trust_policy};

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
        let named = || repository_of(destination).or_else(|| repository_of(source));
        let repository = repository.map(str::to_owned).or_else(named).ok_or_else(|| {
            Usage(format!(
                "neither {source} nor {destination} has the name of a repository, by which a policy judges: give --as HOST/REPOSITORY"
            ))
        })?;
        Ok(Self { policy, digest, repository })
    }

    /// Decides on what lies at `place` and reads nothing else.
    pub(super) async fn decide(&self, place: &dyn Target, artifact: &Descriptor) -> anyhow::Result<Decision> {
        let (kind, found) = papers::evidence(place, artifact).await?;
        let evidence = Evidence {
            repository: &self.repository,
            kind,
            digest: &artifact.digest,
            // A promotion resolves once and goes by the digest from there on.
            pinned: true,
            papers: &found,
        };
        Ok(self.policy.decide(&evidence, Timestamp::now()))
    }
}

fn repository_of(place: &Place) -> Option<String> {
    match place {
        Place::Registry(reference) => Some(format!("{}/{}", reference.host, reference.repository)),
        Place::Layout(..) | Place::Tar(..) => None,
    }
}
