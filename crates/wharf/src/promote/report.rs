//! What a promotion did; its JSON is what `--output json` prints and the receipt holds.

use serde::Serialize;
use wharf_oci::Digest;
use wharf_trust::policy::Decision;

use super::member::Member;
use crate::carry::Artifact;
use crate::papers::Attested;
use crate::promote::Promotion;
use crate::publish::Channel;

/// The version of the document, in `docs/formats/promotion.md`.
const SCHEMA_VERSION: u32 = 1;

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
    /// Somebody asked for it; others must agree.
    Requested,
    /// Somebody would ask for it.
    WouldRequest,
    /// Somebody agreed, and more must.
    Approved,
    /// Somebody would agree, and more must.
    WouldApprove,
    /// The policy is not satisfied. At the source: nothing was written. At the destination: no tag was moved.
    Refused,
}

/// What a promotion did.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Report {
    schema_version: u32,
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
    /// The request that was written or found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) request: Option<Attested>,
    /// The approval that was written or found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) approval: Option<Attested>,
    /// The promotion attestation at the destination.
    pub(crate) attestation: Option<Attested>,
    pub(crate) tags: Vec<Channel>,
    pub(crate) channels: Vec<Channel>,
    /// The images that went along.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) images: Vec<ImageReport>,
    /// What stands in the way, where the decision does not say it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) note: Option<String>,
}

/// An image that went along.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ImageReport {
    /// As the chart names it, in full.
    pub(crate) name: String,
    /// Where it was found.
    pub(crate) source: String,
    pub(crate) destination: String,
    pub(crate) digest: Digest,
    pub(crate) verified: Decisions,
    pub(crate) copied: Option<Artifact>,
    pub(crate) tags: Vec<Channel>,
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
    /// Returns the report of a promotion that has got nowhere yet. The first member is what it is of.
    pub(super) fn new(promotion: &Promotion, members: &[Member]) -> Self {
        let policy = promotion
            .judge
            .as_ref()
            .map(|judge| PolicyName { digest: judge.digest.clone(), repository: judge.repository.clone() });
        let images = members.iter().filter_map(|member| {
            Some(ImageReport {
                name: member.image.as_ref()?.to_string(),
                source: member.from.to_string(),
                destination: member.to.to_string(),
                digest: member.artifact.digest.clone(),
                verified: Decisions::default(),
                copied: None,
                tags: Vec::new(),
            })
        });
        Self {
            schema_version: SCHEMA_VERSION,
            outcome: Outcome::Refused,
            source: promotion.source.to_string(),
            destination: promotion.destination.to_string(),
            digest: members[0].artifact.digest.clone(),
            at: promotion.at.clone(),
            policy,
            verified: Decisions::default(),
            copied: None,
            request: None,
            approval: None,
            attestation: None,
            tags: Vec::new(),
            channels: Vec::new(),
            images: images.collect(),
            note: None,
        }
    }

    /// Notes the decisions at the source, in the order of the members.
    pub(super) fn verified_source(&mut self, decisions: Vec<Decision>) {
        for (at, decision) in decisions.into_iter().enumerate() {
            self.verified_of(at).source = Some(decision);
        }
    }

    /// Notes the decisions at the destination, in the order of the members.
    pub(super) fn verified_destination(&mut self, decisions: Vec<Decision>) {
        for (at, decision) in decisions.into_iter().enumerate() {
            self.verified_of(at).destination = Some(decision);
        }
    }

    fn verified_of(&mut self, at: usize) -> &mut Decisions {
        if at == 0 { &mut self.verified } else { &mut self.images[at - 1].verified }
    }

    /// The tags of a member.
    pub(super) fn tags_of(&mut self, at: usize) -> &mut Vec<Channel> {
        if at == 0 { &mut self.tags } else { &mut self.images[at - 1].tags }
    }

    /// What was copied of a member.
    pub(super) fn copied_of(&mut self, at: usize) -> &mut Option<Artifact> {
        if at == 0 { &mut self.copied } else { &mut self.images[at - 1].copied }
    }

    /// Whether any tag moves.
    pub(super) fn moves(&self) -> bool {
        let of_images = self.images.iter().flat_map(|image| &image.tags);
        self.tags.iter().chain(&self.channels).chain(of_images).any(|tag| tag.moved)
    }
}
