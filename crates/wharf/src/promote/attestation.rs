//! The promotion attestation: who promoted what from where to where, by which policy, when.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context;
use serde_json::{Value, json};
use wharf_content::Target;
use wharf_oci::{Descriptor, Digest};
use wharf_trust::{Bundle, Envelope, IN_TOTO_PAYLOAD, PrivateKey, STATEMENT_V1, Subject, Verifier};

use crate::promote::{Attested, Promotion, Report};
use crate::publish::Channel;
use crate::{cosign, papers};

/// The predicate type; `docs/formats/promotion.md` describes the predicate.
const PROMOTION: &str = "https://wharf.dev/promotion/v1";
/// The one member that two attestations of the same promotion differ in.
const TIME: &str = "promotedAt";

/// Signs as the promoter.
pub(crate) struct Signer {
    key: PrivateKey,
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

    /// Attaches the attestation, unless one by this key that says the same is there: a promotion that was cut off and
    /// runs again attests once.
    pub(super) async fn attest(
        &self,
        destination: &dyn Target,
        artifact: &Descriptor,
        statement: &Statement<'_>,
    ) -> anyhow::Result<Attested> {
        let predicate = self.predicate(statement);
        if let Some(digest) = self.find(destination, &artifact.digest, &predicate).await? {
            return Ok(Attested { digest, attached: false });
        }
        let at = &statement.promotion.at;
        let payload = wharf_trust::Statement {
            statement_type: STATEMENT_V1.to_owned(),
            subject: vec![Subject { digest: digest_set(&artifact.digest), ..Subject::default() }],
            predicate_type: PROMOTION.to_owned(),
            predicate: with_time(predicate, at),
        };
        let envelope = Envelope::sign(IN_TOTO_PAYLOAD, &payload.to_json(), &self.key)?;
        let bundle = Bundle::of_envelope(envelope, self.key.public());
        let digest = papers::attach(destination, artifact, &bundle, PROMOTION, at).await?;
        Ok(Attested { digest, attached: true })
    }

    /// Returns what says the same already, at whatever time.
    async fn find(
        &self,
        destination: &dyn Target,
        subject: &Digest,
        predicate: &Value,
    ) -> anyhow::Result<Option<Digest>> {
        let verifier = Verifier::key_only(self.key.public());
        let says_so = |bundle: &Bundle| {
            let Ok(verified) = verifier.verify_statement(bundle) else { return false };
            let stated = verified.value();
            let mut said = stated.predicate.clone();
            if let Some(members) = said.as_object_mut() {
                members.remove(TIME);
            }
            let is_about = stated.subject.iter().any(|each| each.digest == digest_set(subject));
            is_about && stated.predicate_type == PROMOTION && said == *predicate
        };
        let found = papers::bundles(destination, subject).await?;
        let same = found.into_iter().find(|paper| paper.bundle.as_ref().is_ok_and(says_so));
        Ok(same.map(|paper| paper.manifest))
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
        }
        predicate
    }
}

fn with_time(mut predicate: Value, at: &str) -> Value {
    predicate[TIME] = json!(at);
    predicate
}

/// A digest as in-toto writes it: hexadecimal by algorithm.
fn digest_set(digest: &Digest) -> BTreeMap<String, String> {
    BTreeMap::from([(digest.algorithm_name().to_owned(), digest.encoded().to_owned())])
}
