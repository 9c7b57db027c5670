//! Four eyes: what is promoted was asked for by one and agreed to by others.
//!
//! A request and its approvals are statements like any other, attached to what is promoted; a signer's name stands for the
//! key or identity that signed, and two of them are different only if those are. See `docs/formats/promotion.md`.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use wharf_oci::Digest;

use super::decision::{Check, CheckOutcome};
use super::demand::check_age;
use super::evaluate::{PaperEvidence, PaperForm, about};
use super::file::SignedFile;
use super::rule::{Policy, Principal, Signed, Signer, read_stating};
use crate::encoding::to_hex;
use crate::error::{Error, ErrorKind, Result};
use crate::hash::sha256;

/// The predicate type of a request.
pub const PROMOTION_REQUEST: &str = "https://wharf.dev/promotion-request/v1";
/// The predicate type of an approval.
pub const PROMOTION_APPROVAL: &str = "https://wharf.dev/promotion-approval/v1";

/// How long a request and an approval hold unless the policy says otherwise.
const DAYS: u32 = 30;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct PromotionFile {
    #[serde(default = "one")]
    approvals: usize,
    /// Who may approve.
    of: Vec<String>,
    /// Who may ask; whoever may approve, unless said.
    #[serde(default)]
    requested_by: Option<Vec<String>>,
    #[serde(default = "days")]
    max_age_days: u32,
}

fn one() -> usize {
    1
}

fn days() -> u32 {
    DAYS
}

/// What a rule demands of a promotion.
#[derive(Debug, Clone)]
pub(super) struct Promotion {
    requests: Signed,
    approvals: Signed,
    max_age_days: u32,
}

/// What a promotion is about to do. A request says the same, word for word, and so does an approval.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Asked {
    /// The name by which the policy judges: `HOST/REPOSITORY` of where it goes.
    pub repository: String,
    /// The tags of the version, sorted.
    pub tags: Vec<String>,
    /// The channels that move, sorted.
    pub channels: Vec<String>,
    /// The digest of the policy's file.
    pub policy: Digest,
    /// The images that go along with a chart, sorted by name.
    pub images: Vec<AskedImage>,
}

/// An image that goes along.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct AskedImage {
    /// As the chart names it, in full.
    pub name: String,
    /// What it was when the promotion was asked for.
    pub digest: String,
}

/// A promotion that is under way.
#[derive(Debug, Clone, Copy)]
pub struct Intent<'a> {
    /// What the promotion is of: requests and approvals are about this digest.
    pub root: &'a Digest,
    /// What is attached to it.
    pub papers: &'a [PaperEvidence],
    /// What is to be done.
    pub asked: &'a Asked,
}

/// Who asked, who agreed, and whether that is enough.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Approvals {
    /// How many approvals are demanded.
    pub needed: usize,
    /// The request that has the most approvals, and those.
    pub request: Option<Endorsement>,
    /// Each by somebody else, and none by who asked.
    pub approvals: Vec<Endorsement>,
    /// Every request that holds, the newest first.
    #[serde(skip)]
    pub requests: Vec<Endorsement>,
}

/// A statement in a promotion, and who made it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Endorsement {
    /// The policy's name of the signer.
    pub signer: String,
    /// Who that is.
    #[serde(flatten)]
    pub principal: Principal,
    /// When, as the signer says.
    pub at: String,
    /// The paper.
    pub paper: String,
    /// The SHA-256 of the statement that was signed.
    pub statement: String,
}

impl Asked {
    /// Returns the predicate of a request.
    #[must_use]
    pub fn request(&self, at: &str) -> Value {
        json!({ "asked": self, "requestedAt": at })
    }

    /// Returns the predicate of an approval of that request.
    #[must_use]
    pub fn approval(&self, request: &Endorsement, at: &str) -> Value {
        json!({ "asked": self, "request": { "sha256": request.statement }, "approvedAt": at })
    }
}

impl Approvals {
    /// Whether there are enough.
    #[must_use]
    pub fn are_enough(&self) -> bool {
        self.request.is_some() && self.approvals.len() >= self.needed
    }
}

impl Promotion {
    pub(super) fn read(file: PromotionFile, signers: &BTreeMap<String, Signer>) -> Result<Self> {
        let signed = |at_least, of| read_stating(SignedFile::of(at_least, of), signers);
        let requested_by = file.requested_by.unwrap_or_else(|| file.of.clone());
        let all_may_ask = file.of.iter().all(|name| requested_by.contains(name));
        // Whoever asks does not count among those who agree.
        if all_may_ask && requested_by.len() == file.of.len() && file.of.len() <= file.approvals {
            let text =
                format!("{} approvals and a request can never come from {}", file.approvals, file.of.len());
            return Err(Error::new(ErrorKind::Misuse, text));
        }
        Ok(Self {
            requests: signed(1, requested_by)?,
            approvals: signed(file.approvals, file.of)?,
            max_age_days: file.max_age_days,
        })
    }

    pub(super) fn describe(&self) -> String {
        let Self { requests, approvals, max_age_days } = self;
        format!(
            "a request by {}, and {} of {} who did not ask, within {max_age_days} days",
            requests.of.join(" or "),
            approvals.at_least,
            approvals.of.join(", ")
        )
    }
}

impl Policy {
    /// Looks for a request and its approvals.
    pub(super) fn approvals(
        &self,
        rule: &Promotion,
        intent: &Intent<'_>,
        judged: &Digest,
        now: Timestamp,
    ) -> (Check, Approvals) {
        let mut reasons = Vec::new();
        let goes_along = intent.asked.images.iter().any(|image| image.digest == judged.as_str());
        let mut requests = Vec::new();
        if judged == intent.root || goes_along {
            let statements = Statements { intent, kind: PROMOTION_REQUEST, at: "/requestedAt", rule, now };
            requests = self.endorsements(&statements, &rule.requests, None, &mut reasons);
            requests.sort_by(|a, b| b.at.cmp(&a.at));
        } else {
            reasons.push(format!("{judged} does not go along with {}", intent.root));
        }
        let mut best: Option<(Endorsement, Vec<Endorsement>)> = None;
        for request in &requests {
            let statements = Statements { intent, kind: PROMOTION_APPROVAL, at: "/approvedAt", rule, now };
            let found = self.endorsements(&statements, &rule.approvals, Some(request), &mut reasons);
            if best.as_ref().is_none_or(|(_, most)| found.len() > most.len()) {
                best = Some((request.clone(), found));
            }
        }
        if requests.is_empty() && reasons.is_empty() {
            reasons.push("nobody asked for it".to_owned());
        }
        let (request, approvals) = best.map_or((None, Vec::new()), |(request, found)| (Some(request), found));
        if request.is_some() && approvals.len() < rule.approvals.at_least {
            reasons.push(format!("{} of {} approvals", approvals.len(), rule.approvals.at_least));
        }
        let found = Approvals { needed: rule.approvals.at_least, request, approvals, requests };
        let met = found.are_enough();
        let said =
            |verb: &str, by: &Endorsement| format!("{} {verb} by {} ({})", by.paper, by.signer, by.principal);
        let mut by: Vec<String> = found.request.iter().map(|request| said("asked for", request)).collect();
        by.extend(found.approvals.iter().map(|approval| said("approved", approval)));
        let outcome = if met { CheckOutcome::Met } else { CheckOutcome::Failed };
        (Check { demand: rule.describe(), outcome, by, reasons }, found)
    }

    /// Finds statements of one kind. Approvals are of one request, each by somebody else and none by who asked.
    fn endorsements(
        &self,
        statements: &Statements<'_>,
        signed: &Signed,
        request: Option<&Endorsement>,
        reasons: &mut Vec<String>,
    ) -> Vec<Endorsement> {
        let Statements { intent, kind, at, rule, now } = *statements;
        let mut found: Vec<Endorsement> = Vec::new();
        for paper in intent.papers {
            // Most papers are about something else, which is no reason worth telling.
            let PaperForm::Bundle(bundle) = &paper.form else { continue };
            let Some(envelope) = bundle.unverified_envelope().filter(|_| paper.form.mentions(kind)) else {
                continue;
            };
            let statement = to_hex(&sha256(&envelope.payload));
            for name in &signed.of {
                let Some(signer) = self.signers.get(name).filter(|signer| !signer.revoked) else { continue };
                let mut time = String::new();
                let judged = self.judge(signer, signed, paper, intent.root, now, &mut |verifier, form| {
                    let PaperForm::Bundle(bundle) = form else {
                        return Err(Error::malformed("no statement"));
                    };
                    let (said, proof) = about(verifier, bundle, intent.root)?;
                    said.check_predicate_type(kind)?;
                    let predicate = &said.predicate;
                    let differs = |what: String| Err(Error::new(ErrorKind::Content, what));
                    if predicate.get("asked") != Some(&json!(intent.asked)) {
                        return differs("it is about another promotion".to_owned());
                    }
                    let of = predicate.pointer("/request/sha256").and_then(Value::as_str);
                    if let Some(request) = request.filter(|request| of != Some(&request.statement)) {
                        return differs(format!("it does not approve request {}", request.paper));
                    }
                    let said = predicate.pointer(at).and_then(Value::as_str);
                    check_age(at.trim_start_matches('/'), said, rule.max_age_days, now)?;
                    time = said.unwrap_or_default().to_owned();
                    Ok(proof)
                });
                let principal = match judged {
                    Ok(judged) => judged.principal,
                    Err(error) => {
                        reasons.push(format!("{}: not by {name}: {error}", paper.name));
                        continue;
                    }
                };
                if let Some(request) = request.filter(|request| request.principal.may_be(&principal)) {
                    reasons
                        .push(format!("{}: {name} is {}, who asked for it", paper.name, request.principal));
                    continue;
                }
                // Who approves twice is still one; who asks twice may have the later or the earlier approved.
                if request.is_some() && found.iter().any(|known| known.principal.may_be(&principal)) {
                    continue;
                }
                let (signer, paper) = (name.clone(), paper.name.clone());
                found.push(Endorsement { signer, principal, at: time, paper, statement: statement.clone() });
                break;
            }
        }
        found
    }
}

/// Which statements are looked for, and how they are judged.
struct Statements<'a> {
    intent: &'a Intent<'a>,
    kind: &'a str,
    /// Where the time stands.
    at: &'a str,
    rule: &'a Promotion,
    now: Timestamp,
}
