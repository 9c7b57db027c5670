//! The promotion attestation: who promoted what from where to where, by which policy, when.

use serde_json::{Value, json};
use wharf_content::Target;
use wharf_oci::Descriptor;

use crate::papers::{Attested, attest_once, digest_set};
use crate::promote::report::ImageReport;
use crate::promote::{Promotion, Report};
use crate::publish::Channel;
use crate::sigstore;

/// The predicate type; `docs/formats/promotion.md` describes the predicate.
const PROMOTION: &str = "https://wharf.dev/promotion/v1";
/// The one member that two attestations of the same promotion differ in.
const TIME: &str = "promotedAt";

/// Signs as the promoter.
pub(crate) struct Signer {
    /// The key or the identity.
    pub(crate) by: sigstore::Signer,
    /// Who that is, in words; the signature is what proves it.
    pub(crate) promoter: Option<String>,
}

/// What is stated.
pub(super) struct Statement<'a> {
    pub(super) promotion: &'a Promotion,
    pub(super) report: &'a Report,
}

impl Signer {
    /// Attaches the attestation, unless one by this signer that says the same is there: a promotion that was cut off and
    /// runs again attests once.
    pub(super) async fn attest(
        &self,
        destination: &dyn Target,
        artifact: &Descriptor,
        statement: &Statement<'_>,
    ) -> anyhow::Result<Attested> {
        let predicate = self.predicate(statement);
        let at = &statement.promotion.at;
        let mut stated = predicate.clone();
        stated[TIME] = json!(at);
        let says_the_same = |said: &Value| {
            let mut said = said.clone();
            if let Some(members) = said.as_object_mut() {
                members.remove(TIME);
            }
            said == predicate
        };
        attest_once(destination, artifact, &self.by, (PROMOTION, stated), &says_the_same, at).await
    }

    fn predicate(&self, statement: &Statement<'_>) -> Value {
        let Statement { promotion, report } = statement;
        let names = |tags: &[Channel]| tags.iter().map(|tag| tag.name.to_string()).collect::<Vec<_>>();
        let mut predicate = json!({
            "source": report.source,
            "destination": report.destination,
            "tags": names(&report.tags),
            "channels": names(&report.channels),
        });
        if !report.images.is_empty() {
            let image = |image: &ImageReport| {
                json!({
                    "name": image.name,
                    "digest": digest_set(&image.digest),
                    "source": image.source,
                    "destination": image.destination,
                })
            };
            predicate["images"] = report.images.iter().map(image).collect();
        }
        if let Some(promoter) = &self.promoter {
            predicate["promoter"] = json!(promoter);
        }
        if let (Some(judge), Some(decision)) = (&promotion.judge, &report.verified.destination) {
            predicate["policy"] = json!({
                "digest": digest_set(&judge.digest),
                "repository": judge.repository,
                "rule": decision.rule,
                "verdict": decision.verdict,
            });
            if let Some(approvals) = &decision.approvals {
                predicate["requestedBy"] = json!(approvals.request);
                predicate["approvedBy"] = json!(approvals.approvals);
            }
        }
        predicate
    }
}
