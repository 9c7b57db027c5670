//! From a policy and what is known of an artifact to a decision.

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use wharf_oci::Digest;

use super::decision::{Check, CheckOutcome, Decision, Verdict};
use super::file::{Level, Transparency};
use super::rule::{ArtifactKind, Attestation, Comparison, PgpKeys, Policy, Rule, Signed, Signer, Who};
use crate::bundle::Bundle;
use crate::error::{Error, ErrorKind, Result};
use crate::hash::Artifact;
use crate::simple::SimpleSigning;
use crate::statement::{COSIGN_SIGN, Statement};
use crate::verify::{ExpectedSigner, Proof, ProvenTime, TimeSource, Verifier};

/// How many papers of one artifact are looked at.
const MAX_PAPERS: usize = 1000;

/// What is known of an artifact. Nothing of it needs to be verified before.
#[derive(Debug, Clone)]
pub struct Evidence<'a> {
    /// `HOST/REPOSITORY`.
    pub repository: &'a str,
    /// What it is.
    pub kind: ArtifactKind,
    /// Its digest, resolved once; what is decided holds for nothing else.
    pub digest: &'a Digest,
    /// Whether the caller named the digest, rather than a tag.
    pub pinned: bool,
    /// What is attached to it.
    pub papers: &'a [PaperEvidence],
}

/// Something attached to an artifact.
#[derive(Debug, Clone)]
pub struct PaperEvidence {
    /// How it is called in a decision: its digest.
    pub name: String,
    /// What it is.
    pub form: PaperForm,
}

/// The forms of papers that a policy can use.
#[derive(Debug, Clone)]
pub enum PaperForm {
    /// A bundle with a statement, as a referrer; or an attestation of the older layout as a bundle.
    Bundle(Box<Bundle>),
    /// A simple-signing payload with its signature as a bundle.
    SimpleSigning {
        /// The signed bytes.
        payload: Vec<u8>,
        /// The signature.
        bundle: Box<Bundle>,
    },
    /// A chart's provenance file, as Helm writes it.
    Provenance(Arc<dyn ProvenanceFile>),
    /// Something that claims to be one of those and cannot be read, with the reason.
    Unreadable(String),
}

/// A provenance file with the archive that it must be about. OpenPGP is known outside this crate.
pub trait ProvenanceFile: fmt::Debug + Send + Sync {
    /// Verifies, with the keys of a keyring and as of a moment, that the file is signed and names the archive's digest.
    ///
    /// # Errors
    /// Why it does not, in words.
    fn verify(&self, keyring: &[u8], now: Timestamp) -> std::result::Result<OpenPgpSigner, String>;
}

/// The OpenPGP key that signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenPgpSigner {
    /// Its fingerprint, in hexadecimal.
    pub fingerprint: String,
    /// Who it says it belongs to.
    pub names: Vec<String>,
}

impl Policy {
    /// Decides on an artifact at a moment.
    #[must_use]
    pub fn decide(&self, evidence: &Evidence<'_>, now: Timestamp) -> Decision {
        let digest = evidence.digest.to_string();
        let decide = |verdict, rule: Option<&Rule>, checks| Decision {
            verdict,
            rule: rule.map(|rule| rule.name.clone()),
            digest: digest.clone(),
            checks,
        };
        if let Some(exception) =
            self.exceptions.iter().find(|each| each.digest == digest && now <= each.expires)
        {
            let by = vec![format!("{}, until {} ({})", exception.reason, exception.expires, exception.owner)];
            let check =
                Check { demand: "exception".to_owned(), outcome: CheckOutcome::Met, by, reasons: Vec::new() };
            return decide(Verdict::Allow, None, vec![check]);
        }
        let Some(rule) = self.rules.iter().find(|rule| rule.fits(evidence)) else {
            let met = if self.default == Verdict::Deny { CheckOutcome::Failed } else { CheckOutcome::Met };
            let reasons =
                vec![format!("no rule matches {}; the default is {}", evidence.repository, self.default)];
            let check = Check { demand: "a rule".to_owned(), outcome: met, by: Vec::new(), reasons };
            return decide(self.default, None, vec![check]);
        };
        let checks = self.checks(rule, evidence, now);
        let worst = |outcome| checks.iter().any(|check| check.outcome == outcome);
        let verdict = match (worst(CheckOutcome::Failed), worst(CheckOutcome::Warned)) {
            (true, _) => Verdict::Deny,
            (false, true) => Verdict::Warn,
            (false, false) => Verdict::Allow,
        };
        decide(verdict, Some(rule), checks)
    }

    fn checks(&self, rule: &Rule, evidence: &Evidence<'_>, now: Timestamp) -> Vec<Check> {
        let mut checks = Vec::new();
        if rule.require_digest {
            let outcome = if evidence.pinned { CheckOutcome::Met } else { CheckOutcome::Failed };
            let reasons =
                if evidence.pinned { Vec::new() } else { vec!["named by a tag, which can move".to_owned()] };
            checks.push(Check { demand: "named by digest".to_owned(), outcome, by: Vec::new(), reasons });
        }
        if evidence.papers.len() > MAX_PAPERS {
            let reasons =
                vec![format!("{} papers; at most {MAX_PAPERS} are looked at", evidence.papers.len())];
            let demand = "a bounded number of papers".to_owned();
            checks.push(Check { demand, outcome: CheckOutcome::Failed, by: Vec::new(), reasons });
            return checks;
        }
        if let Some(signed) = &rule.signatures {
            let demand = format!("signed by {}", signed.describe());
            checks.extend(self.count(demand, signed, evidence, now, &|verifier, paper| {
                signature(verifier, paper, evidence.digest)
            }));
        }
        for attestation in &rule.attestations {
            let demand = format!("{} by {}", attestation.predicate_type, attestation.by.describe());
            checks.extend(self.count(demand, &attestation.by, evidence, now, &|verifier, paper| {
                attested(verifier, paper, evidence.digest, attestation)
            }));
        }
        checks
    }

    /// Counts the signers of whom some paper satisfies the demand.
    fn count(
        &self,
        demand: String,
        signed: &Signed,
        evidence: &Evidence<'_>,
        now: Timestamp,
        satisfies: &dyn Fn(&Verifier<'_>, &PaperForm) -> Result<Proof>,
    ) -> Option<Check> {
        if signed.level == Level::Off {
            return None;
        }
        let (mut by, mut reasons, mut signers) = (Vec::new(), Vec::new(), 0);
        if evidence.papers.is_empty() {
            reasons.push("nothing is attached".to_owned());
        }
        for name in &signed.of {
            let Some(signer) = self.signers.get(name) else { continue };
            if signer.revoked {
                reasons.push(format!("{name} is revoked"));
                continue;
            }
            let good = evidence.papers.iter().find_map(|paper| {
                let judged = self.judge(signer, signed, paper, now, satisfies);
                let note = judged
                    .map_err(|error| reasons.push(format!("{}: not by {name}: {error}", paper.name)))
                    .ok()?;
                Some(format!("{} by {name}{note}", paper.name))
            });
            if let Some(good) = good {
                signers += 1;
                by.push(good);
            }
        }
        let outcome = match (signers >= signed.at_least, signed.level) {
            (true, _) => CheckOutcome::Met,
            (false, Level::Warn) => CheckOutcome::Warned,
            (false, _) => CheckOutcome::Failed,
        };
        Some(Check { demand, outcome, by, reasons })
    }

    /// Returns what is to be noted of the signer.
    fn judge(
        &self,
        signer: &Signer,
        signed: &Signed,
        paper: &PaperEvidence,
        now: Timestamp,
        satisfies: &dyn Fn(&Verifier<'_>, &PaperForm) -> Result<Proof>,
    ) -> Result<String> {
        let rules;
        let (expected, keyless) = match &signer.who {
            Who::Key(key) => (ExpectedSigner::Key(key), false),
            Who::Keyless(rule) => {
                rules = [rule.as_ref().clone()];
                (ExpectedSigner::Identity(&rules), true)
            }
            Who::Pgp(keys) => return by_pgp(keys, signer, signed, paper, now),
        };
        let verifier = Verifier {
            require_log: match signed.transparency {
                Transparency::Required => true,
                Transparency::IfKeyless => keyless,
                Transparency::None => false,
            },
            require_timestamp: signed.timestamp,
            require_sct: keyless,
            ..Verifier::new(expected, Some(&self.root), now)
        };
        let proof = satisfies(&verifier, &paper.form)?;
        check_times(&proof.times, signer, signed, now)?;
        Ok(String::new())
    }
}

/// Verifies a provenance file. Nothing but the key vouches for it: no log, no proven time.
fn by_pgp(
    keys: &PgpKeys,
    signer: &Signer,
    signed: &Signed,
    paper: &PaperEvidence,
    now: Timestamp,
) -> Result<String> {
    let PaperForm::Provenance(file) = &paper.form else {
        return unreadable("no provenance file, which alone OpenPGP keys sign");
    };
    if signed.transparency == Transparency::Required {
        return Err(Error::new(ErrorKind::Log, "provenance files are in no transparency log"));
    }
    if signed.timestamp {
        return Err(Error::new(ErrorKind::Timestamp, "provenance files have no signed timestamp"));
    }
    let by = file.verify(&keys.keyring, now).map_err(|reason| Error::new(ErrorKind::Signature, reason))?;
    let fingerprint = by.fingerprint.to_uppercase();
    if let Some(wanted) = keys.fingerprint.as_ref().filter(|wanted| **wanted != fingerprint) {
        return Err(Error::new(
            ErrorKind::Identity,
            format!("signed by OpenPGP key {fingerprint}, not {wanted}"),
        ));
    }
    check_times(&[], signer, signed, now)?;
    Ok(format!(" (OpenPGP key {fingerprint}, {})", by.names.join(", ")))
}

/// Checks that the signer is trusted at every proven time, and that the oldest of them is not too old.
fn check_times(times: &[ProvenTime], signer: &Signer, signed: &Signed, now: Timestamp) -> Result<()> {
    let proven: Vec<_> =
        times.iter().filter(|time| time.by != TimeSource::Clock).map(|time| time.at).collect();
    // Where nothing vouches for a time, the signature may have been made just now.
    let outside = |at: &Timestamp| !signer.period.contains(*at);
    if let Some(at) = proven
        .iter()
        .find(|at| outside(at))
        .or_else(|| Some(&now).filter(|now| proven.is_empty() && outside(now)))
    {
        return Err(Error::new(
            ErrorKind::Identity,
            format!("the signer is trusted {}, not at {at}", signer.period),
        ));
    }
    if let Some(max_age) = signed.max_age {
        let first = proven.iter().min();
        let first = first.ok_or_else(|| Error::new(ErrorKind::Timestamp, "nothing vouches for its age"))?;
        let age = now.duration_since(*first);
        if age > max_age {
            let (age, most) = (age.as_hours() / 24, max_age.as_hours() / 24);
            return Err(Error::new(
                ErrorKind::Timestamp,
                format!("made {first}, {age} days ago, more than {most}"),
            ));
        }
    }
    Ok(())
}

impl Rule {
    fn fits(&self, evidence: &Evidence<'_>) -> bool {
        self.repositories.iter().any(|pattern| pattern.accepts(evidence.repository))
            && (self.kinds.is_empty() || self.kinds.contains(&evidence.kind))
    }
}

fn unreadable<T>(reason: &str) -> Result<T> {
    Err(Error::malformed(reason))
}

/// A signature of the artifact itself: cosign's statement, or a simple-signing payload.
fn signature(verifier: &Verifier<'_>, paper: &PaperForm, digest: &Digest) -> Result<Proof> {
    match paper {
        PaperForm::Bundle(bundle) => {
            let (statement, proof) = about(verifier, bundle, digest)?;
            statement.check_predicate_type(COSIGN_SIGN)?;
            Ok(proof)
        }
        PaperForm::SimpleSigning { payload, bundle } => {
            let verified = verifier.verify_artifact(bundle, &Artifact::from_bytes(payload.clone()))?;
            let named = SimpleSigning::from_json(payload)?.digest;
            if named != digest.to_string() {
                let text = format!("the signature is about {}, not {digest}", named.escape_default());
                return Err(Error::new(ErrorKind::Content, text));
            }
            Ok(verified.into_parts().1)
        }
        PaperForm::Provenance(_) => unreadable(PROVENANCE),
        PaperForm::Unreadable(reason) => unreadable(reason),
    }
}

const PROVENANCE: &str = "a provenance file, which only a pgp signer makes";

fn attested(
    verifier: &Verifier<'_>,
    paper: &PaperForm,
    digest: &Digest,
    wanted: &Attestation,
) -> Result<Proof> {
    let bundle = match paper {
        PaperForm::Bundle(bundle) => bundle,
        PaperForm::SimpleSigning { .. } => return unreadable("a signature, which says nothing else"),
        PaperForm::Provenance(_) => return unreadable(PROVENANCE),
        PaperForm::Unreadable(reason) => return unreadable(reason),
    };
    let (statement, proof) = about(verifier, bundle, digest)?;
    statement.check_predicate_type(&wanted.predicate_type)?;
    for comparison in &wanted.values {
        comparison.check(&statement.predicate)?;
    }
    Ok(proof)
}

/// The verified statement, which must be about the digest.
fn about(verifier: &Verifier<'_>, bundle: &Bundle, digest: &Digest) -> Result<(Statement, Proof)> {
    let verified = verifier.verify_statement(bundle)?;
    verified.value().check_subject(&Artifact::from_oci(digest)?)?;
    Ok(verified.into_parts())
}

impl Comparison {
    fn check(&self, predicate: &serde_json::Value) -> Result<()> {
        let said = &self.said;
        let differs = |found: &str| {
            let demand = self.describe();
            Err(Error::new(ErrorKind::Content, format!("demanded {demand}; found {found}")))
        };
        let Some(value) = predicate.pointer(&said.pointer) else { return differs("nothing there") };
        let number = value.as_f64();
        let empty = match value {
            serde_json::Value::Array(items) => items.is_empty(),
            serde_json::Value::Object(fields) => fields.is_empty(),
            serde_json::Value::String(text) => text.is_empty(),
            serde_json::Value::Null => true,
            _ => false,
        };
        let good = said.equals.as_ref().is_none_or(|wanted| wanted == value)
            && said.one_of.as_ref().is_none_or(|all| all.contains(value))
            && self
                .pattern
                .as_ref()
                .is_none_or(|pattern| value.as_str().is_some_and(|text| pattern.accepts(text)))
            && said.at_most.is_none_or(|limit| number.is_some_and(|number| number <= limit))
            && said.at_least.is_none_or(|limit| number.is_some_and(|number| number >= limit))
            && !(said.not_empty && empty);
        if good {
            return Ok(());
        }
        let text = value.to_string();
        let shown: String = text.chars().take(80).collect();
        differs(&shown)
    }
}
