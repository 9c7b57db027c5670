//! The promotion attestation: who promoted what from where to where, by which policy, when.

use std::path::Path;

use anyhow::Context;
use serde_json::{Value, json};
use wharf_content::Target;
use wharf_oci::Descriptor;
use wharf_trust::SigningKey;
use wharf_trust::policy::Principal;

use crate::cosign;
use crate::papers::{Attested, attest_once, digest_set};
use crate::promote::report::ImageReport;
use crate::promote::{Promotion, Report};
use crate::publish::Channel;

/// The predicate type; `docs/formats/promotion.md` describes the predicate.
const PROMOTION: &str = "https://wharf.dev/promotion/v1";
/// The one member that two attestations of the same promotion differ in.
const TIME: &str = "promotedAt";

/// Signs as the promoter.
pub(crate) struct Signer {
    key: Box<dyn SigningKey>,
    /// Who that is, in words; the key is what proves it.
    promoter: Option<String>,
}

/// What is stated.
pub(super) struct Statement<'a> {
    pub(super) promotion: &'a Promotion,
    pub(super) report: &'a Report,
}

impl Signer {
    /// Reads and opens a private key as `cosign` does; its password is `COSIGN_PASSWORD`, or asked for.
    pub(crate) fn read(key: &Path, promoter: Option<String>) -> anyhow::Result<Self> {
        let name = key.to_str().context("the name of the key's file is not UTF-8")?;
        let key = cosign::load_private_key(name).with_context(|| format!("cannot open key {name}"))?;
        Ok(Self { key, promoter })
    }

    /// The key.
    pub(super) fn key(&self) -> &dyn SigningKey {
        &*self.key
    }

    /// Who that is for a policy.
    pub(super) fn principal(&self) -> Principal {
        Principal::Key { key: self.key.public().hint() }
    }

    /// Attaches the attestation, unless one by this key that says the same is there: a promotion that was cut off and
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
        attest_once(destination, artifact, &*self.key, (PROMOTION, stated), &says_the_same, at).await
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
