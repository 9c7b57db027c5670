//! From a policy and what is known of an artifact to a decision.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use wharf_oci::Digest;

use super::approval::Intent;
use super::decision::{Check, CheckOutcome, Decision, Verdict};
use super::demand::{VexStatement, check_age, check_not_expired, vex};
use super::facts::Facts;
use super::file::{Level, Transparency};
use super::rule::{Attestation, Comparison, PgpKeys, Policy, Principal, Rule, Signed, Signer, Who};
use crate::bundle::Bundle;
use crate::error::{Error, ErrorKind, Result};
use crate::hash::Artifact;
use crate::notation::{NotationSignature, NotationSigners, Target};
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
    /// What it is, and what else it says of itself.
    pub facts: &'a Facts,
    /// Its digest, resolved once; what is decided holds for nothing else.
    pub digest: &'a Digest,
    /// Whether the caller named the digest, rather than a tag.
    pub pinned: bool,
    /// What is attached to it.
    pub papers: &'a [PaperEvidence],
    /// The promotion that is under way; where there is none, nobody needs to have asked for it.
    pub promotion: Option<Intent<'a>>,
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
    /// A signature of the Notary Project.
    Notation {
        /// The signature.
        signature: Box<NotationSignature>,
        /// The media type under which the artifact lies, which the signature must name.
        media_type: String,
        /// The length of the artifact's manifest in bytes, which it must name, too.
        size: u64,
    },
    /// Something that claims to be one of those and cannot be read, with the reason.
    Unreadable(String),
}

impl PaperForm {
    /// Whether it is a statement in which a text stands, a predicate type for one; nothing is verified.
    pub(super) fn mentions(&self, text: &str) -> bool {
        let Self::Bundle(bundle) = self else { return false };
        let payload = bundle.unverified_envelope().map(|envelope| &envelope.payload);
        payload.is_some_and(|payload| payload.windows(text.len()).any(|part| part == text.as_bytes()))
    }
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
            approvals: None,
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
        let mut checks = self.checks(rule, evidence, now);
        let approvals = match (&rule.promotion, &evidence.promotion) {
            (Some(wanted), Some(intent)) => {
                let (check, found) = self.approvals(wanted, intent, evidence.digest, now);
                checks.push(check);
                Some(found)
            }
            _ => None,
        };
        let worst = |outcome| checks.iter().any(|check| check.outcome == outcome);
        let verdict = match (worst(CheckOutcome::Failed), worst(CheckOutcome::Warned)) {
            (true, _) => Verdict::Deny,
            (false, true) => Verdict::Warn,
            (false, false) => Verdict::Allow,
        };
        Decision { approvals, ..decide(verdict, Some(rule), checks) }
    }

    /// Whether a signer signs with Notation: only then somebody needs to read signatures of the Notary Project.
    #[must_use]
    pub fn asks_for_notation(&self) -> bool {
        self.signers.values().any(|signer| matches!(signer.who, Who::Notation(_)))
    }

    /// Whether a rule matches by platform: only then somebody needs to read an image's config.
    #[must_use]
    pub fn asks_for_platforms(&self) -> bool {
        self.rules.iter().any(|rule| !rule.platforms.is_empty())
    }

    fn checks(&self, rule: &Rule, evidence: &Evidence<'_>, now: Timestamp) -> Vec<Check> {
        let mut checks = Vec::new();
        let mut plain = |level, demand: String, reasons: Vec<String>| {
            let outcome = match level {
                _ if reasons.is_empty() => CheckOutcome::Met,
                Level::Enforce => CheckOutcome::Failed,
                Level::Warn => CheckOutcome::Warned,
                Level::Off => return,
            };
            checks.push(Check { demand, outcome, by: Vec::new(), reasons });
        };
        if let Some(reason) = &rule.deny {
            plain(Level::Enforce, "not to be here at all".to_owned(), vec![reason.clone()]);
            return checks;
        }
        if rule.require_digest != Level::Off {
            let moves = (!evidence.pinned).then(|| "named by a tag, which can move".to_owned());
            plain(rule.require_digest, "named by digest".to_owned(), moves.into_iter().collect());
        }
        if let Some(fresh) = rule.freshness.as_ref().filter(|fresh| fresh.said.level != Level::Off) {
            plain(fresh.said.level, fresh.describe(), fresh.faults(evidence.facts, now));
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
            checks.extend(self.count(demand, signed, evidence, now, &mut |verifier, paper| {
                signature(verifier, paper, evidence.digest)
            }));
        }
        for attestation in &rule.attestations {
            let demand = format!("{} by {}", attestation.demand.name(), attestation.by.describe());
            let (said, reasons) = self.vex(attestation, evidence, now);
            let mut notes = BTreeSet::new();
            let check = self.count(demand, &attestation.by, evidence, now, &mut |verifier, paper| {
                let (proof, told) = attested(verifier, paper, evidence.digest, attestation, &said, now)?;
                notes.extend(told);
                Ok(proof)
            });
            checks.extend(check.map(|mut check| {
                if check.outcome == CheckOutcome::Met {
                    check.by.extend(notes);
                }
                check.reasons.extend(reasons);
                check
            }));
        }
        checks
    }

    /// Whether a paper may undo what another proves: then nobody has seen enough before all were read.
    #[must_use]
    pub fn weighs_papers(&self) -> bool {
        let mut attestations = self.rules.iter().flat_map(|rule| &rule.attestations);
        attestations.any(|attestation| attestation.demand.vex().is_some())
    }

    /// Returns what those who may say so say of findings, and why other papers say nothing.
    fn vex(
        &self,
        attestation: &Attestation,
        evidence: &Evidence<'_>,
        now: Timestamp,
    ) -> (Vec<VexStatement>, Vec<String>) {
        let (mut said, mut reasons) = (Vec::new(), Vec::new());
        let Some(signed) = attestation.demand.vex() else { return (said, reasons) };
        for paper in evidence.papers {
            // Most papers are about something else, which is no reason worth telling.
            if !paper.form.mentions(vex::TYPE) {
                continue;
            }
            let signers = signed.of.iter().filter_map(|name| Some((name, self.signers.get(name)?)));
            for (name, signer) in signers.filter(|(_, signer)| !signer.revoked) {
                let mut found = Vec::new();
                let judged =
                    self.judge(signer, signed, paper, evidence.digest, now, &mut |verifier, form| {
                        let PaperForm::Bundle(bundle) = form else { return unreadable("no statement") };
                        let (statement, proof) = about(verifier, bundle, evidence.digest)?;
                        found = vex::read(&statement, evidence.digest)?;
                        Ok(proof)
                    });
                match judged {
                    Ok(_) => {
                        said.append(&mut found);
                        break;
                    }
                    Err(error) => reasons.push(format!("{}: no VEX by {name}: {error}", paper.name)),
                }
            }
        }
        (said, reasons)
    }

    /// Counts the signers of whom some paper satisfies the demand.
    fn count(
        &self,
        demand: String,
        signed: &Signed,
        evidence: &Evidence<'_>,
        now: Timestamp,
        satisfies: &mut dyn FnMut(&Verifier<'_>, &PaperForm) -> Result<Proof>,
    ) -> Option<Check> {
        if signed.level == Level::Off {
            return None;
        }
        let (mut by, mut reasons) = (Vec::new(), Vec::new());
        let mut signers: Vec<Principal> = Vec::new();
        if evidence.papers.is_empty() {
            reasons.push("nothing is attached".to_owned());
        }
        for name in &signed.of {
            let Some(signer) = self.signers.get(name) else { continue };
            if signer.revoked {
                reasons.push(format!("{name} is revoked"));
                continue;
            }
            for paper in evidence.papers {
                let judged = self.judge(signer, signed, paper, evidence.digest, now, satisfies);
                let Judged { principal, note } = match judged {
                    Ok(judged) => judged,
                    Err(error) => {
                        reasons.push(format!("{}: not by {name}: {error}", paper.name));
                        continue;
                    }
                };
                // One key under two names is one signer.
                if signers.iter().any(|known| known.may_be(&principal)) {
                    reasons.push(format!("{}: {name} is {principal}, who counts already", paper.name));
                    continue;
                }
                signers.push(principal);
                by.push(format!("{} by {name}{note}", paper.name));
                break;
            }
        }
        let outcome = match (signers.len() >= signed.at_least, signed.level) {
            (true, _) => CheckOutcome::Met,
            (false, Level::Warn) => CheckOutcome::Warned,
            (false, _) => CheckOutcome::Failed,
        };
        Some(Check { demand, outcome, by, reasons })
    }

    pub(super) fn judge(
        &self,
        signer: &Signer,
        signed: &Signed,
        paper: &PaperEvidence,
        digest: &Digest,
        now: Timestamp,
        satisfies: &mut dyn FnMut(&Verifier<'_>, &PaperForm) -> Result<Proof>,
    ) -> Result<Judged> {
        let rules;
        let (expected, keyless) = match &signer.who {
            Who::Key(key) => (ExpectedSigner::Key(key), false),
            Who::Keyless(rule) => {
                rules = [rule.as_ref().clone()];
                (ExpectedSigner::Identity(&rules), true)
            }
            Who::Pgp(keys) => return by_pgp(keys, signer, signed, paper, now),
            Who::Notation(signers) => return by_notation(signers, signer, signed, paper, digest, now),
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
        let by_root = keyless || verifier.require_log || verifier.require_timestamp;
        if let Some(until) = self.root_good_until.filter(|until| by_root && now > *until) {
            let text = format!("the trust root was good until {until}, and needs to be looked after");
            return Err(Error::new(ErrorKind::Certificate, text));
        }
        let proof = satisfies(&verifier, &paper.form)?;
        check_times(&proof.times, signer, signed, now)?;
        Ok(Judged { principal: Principal::of(&proof.signer), note: String::new() })
    }
}

/// Who signed a paper that satisfies a demand.
pub(super) struct Judged {
    pub(super) principal: Principal,
    /// What else is to be told of the signer.
    note: String,
}

/// Verifies a provenance file. Nothing but the key vouches for it: no log, no proven time.
fn by_pgp(
    keys: &PgpKeys,
    signer: &Signer,
    signed: &Signed,
    paper: &PaperEvidence,
    now: Timestamp,
) -> Result<Judged> {
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
    let note = format!(" (OpenPGP key {fingerprint}, {})", by.names.join(", "));
    Ok(Judged { principal: Principal::OpenPgp { fingerprint }, note })
}

/// Verifies a signature of the Notary Project. Nobody keeps a log of them; an authority may vouch for the time.
fn by_notation(
    signers: &NotationSigners,
    signer: &Signer,
    signed: &Signed,
    paper: &PaperEvidence,
    digest: &Digest,
    now: Timestamp,
) -> Result<Judged> {
    let (signature, target) = match &paper.form {
        PaperForm::Notation { signature, media_type, size } => {
            (signature, Target { digest, media_type, size: *size })
        }
        PaperForm::Unreadable(reason) => return unreadable(reason),
        _ => return unreadable("no Notation signature"),
    };
    if signed.transparency == Transparency::Required {
        return Err(Error::new(ErrorKind::Log, "Notation signatures are in no transparency log"));
    }
    let by = signature.verify(signers, &target, now)?;
    if signed.timestamp && by.time.is_none() {
        let text = "no authority among the signer's timestampCertificates vouches for the time";
        return Err(Error::new(ErrorKind::Timestamp, text));
    }
    let (subject, certified_by) = (by.subject, by.certified_by);
    let mut note = format!(" (Notation: {subject}, certified by {certified_by}");
    let mut times = Vec::new();
    if let Some((at, authority)) = by.time {
        note.push_str(&format!(", signed before {at} as {authority} says"));
        times.push(ProvenTime { at, by: TimeSource::Authority(authority) });
    }
    note.push_str("; revocation not checked)");
    check_times(&times, signer, signed, now)?;
    Ok(Judged { principal: Principal::Certified { subject, key: by.key }, note })
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
            && (self.kinds.is_empty() || self.kinds.contains(&evidence.facts.kind))
            && self.fits_platforms(&evidence.facts.platforms)
    }

    /// What is of nobody knows which platform fits every rule: it must not slip through to a milder one.
    fn fits_platforms(&self, platforms: &[String]) -> bool {
        let is_wanted = |platform: &String| self.platforms.iter().any(|pattern| pattern.accepts(platform));
        self.platforms.is_empty() || platforms.is_empty() || platforms.iter().any(is_wanted)
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
        PaperForm::Notation { .. } => unreadable(NOTATION),
        PaperForm::Unreadable(reason) => unreadable(reason),
    }
}

const PROVENANCE: &str = "a provenance file, which only a pgp signer makes";
const NOTATION: &str = "a Notation signature, which only a notation signer makes";

fn attested(
    verifier: &Verifier<'_>,
    paper: &PaperForm,
    digest: &Digest,
    wanted: &Attestation,
    said: &[VexStatement],
    now: Timestamp,
) -> Result<(Proof, Vec<String>)> {
    let bundle = match paper {
        PaperForm::Bundle(bundle) => bundle,
        PaperForm::SimpleSigning { .. } => return unreadable("a signature, which says nothing else"),
        PaperForm::Provenance(_) => return unreadable(PROVENANCE),
        PaperForm::Notation { .. } => return unreadable(NOTATION),
        PaperForm::Unreadable(reason) => return unreadable(reason),
    };
    let (statement, proof) = about(verifier, bundle, digest)?;
    let notes = wanted.demand.check(&statement, said, now)?;
    for comparison in &wanted.values {
        comparison.check(&statement.predicate, now)?;
    }
    Ok((proof, notes))
}

/// The verified statement, which must be about the digest.
pub(super) fn about(verifier: &Verifier<'_>, bundle: &Bundle, digest: &Digest) -> Result<(Statement, Proof)> {
    let verified = verifier.verify_statement(bundle)?;
    verified.value().check_subject(&Artifact::from_oci(digest)?)?;
    Ok(verified.into_parts())
}

impl Comparison {
    fn check(&self, predicate: &serde_json::Value, now: Timestamp) -> Result<()> {
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
            let text = value.as_str();
            if let Some(days) = said.max_age_days {
                check_age(&said.pointer, text, days, now)?;
            }
            return if said.not_expired { check_not_expired(&said.pointer, text, now) } else { Ok(()) };
        }
        let text = value.to_string();
        let shown: String = text.chars().take(80).collect();
        differs(&shown)
    }
}
