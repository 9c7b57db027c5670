//! What a promotion did; its JSON is what `--output json` prints and the receipt holds.

use serde::Serialize;
use wharf_oci::Digest;
use wharf_trust::policy::Decision;

use crate::carry::Artifact;
use crate::papers::Attested;
use crate::promote::Promotion;
use crate::publish::Channel;

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Outcome {
    /// It is at the destination now, verified there, and the tags point at it.
    Promoted,
    /// All of that was so before.
    AlreadyThere,
    /// It would be promoted: the source satisfies the policy.
    WouldPromote,
    /// The policy is not satisfied. At the source: nothing was written. At the destination: no tag was moved.
    Refused,
}

/// What a promotion did.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Report {
    pub(crate) outcome: Outcome,
    pub(crate) source: String,
    pub(crate) destination: String,
    pub(crate) digest: Digest,
    pub(crate) at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) policy: Option<PolicyName>,
    pub(crate) verified: Decisions,
    /// What was copied; none where it did not come to that.
    pub(crate) copied: Option<Artifact>,
    /// The promotion attestation at the destination.
    pub(crate) attestation: Option<Attested>,
    pub(crate) tags: Vec<Channel>,
    pub(crate) channels: Vec<Channel>,
}

/// By which policy, and by which name it judged.
#[derive(Debug, Serialize)]
pub(crate) struct PolicyName {
    pub(crate) digest: Digest,
    pub(crate) repository: String,
}

/// What the policy said at either end; none where it was not asked.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Decisions {
    pub(crate) source: Option<Decision>,
    pub(crate) destination: Option<Decision>,
}

impl Report {
    /// Returns the report of a promotion that has got nowhere yet.
    pub(super) fn new(promotion: &Promotion, digest: &Digest) -> Self {
        let policy = promotion
            .judge
            .as_ref()
            .map(|judge| PolicyName { digest: judge.digest.clone(), repository: judge.repository.clone() });
        Self {
            outcome: Outcome::Refused,
            source: promotion.source.to_string(),
            destination: promotion.destination.to_string(),
            digest: digest.clone(),
            at: promotion.at.clone(),
            policy,
            verified: Decisions::default(),
            copied: None,
            attestation: None,
            tags: Vec::new(),
            channels: Vec::new(),
        }
    }
}
