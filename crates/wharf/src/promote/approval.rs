//! Four eyes: asking for a promotion, and agreeing to one that somebody else asked for.

use anyhow::Context;
use serde_json::Value;
use wharf_trust::policy::{
    Decision, Endorsement, PROMOTION_APPROVAL, PROMOTION_REQUEST, PaperEvidence, PaperForm,
};

use super::member::Member;
use super::{Court, Outcome, Promotion, Report, Signer};
use crate::exit::Usage;
use crate::papers::{self, Attested, Found};

impl Promotion {
    /// Signs a request and attaches it at the source, unless one by this signer is there; then nothing more is done.
    pub(super) async fn request(
        &self,
        court: &Court<'_>,
        members: &[Member],
        found: &mut [Found],
        decisions: &mut [Decision],
        report: &mut Report,
    ) -> anyhow::Result<()> {
        let signer = self.signer()?;
        self.check_demanded(&decisions[0])?;
        if decisions.iter().any(is_refused) {
            return Ok(());
        }
        let own = signer.by.principal()?;
        let request = open_requests(&decisions[0]).find(|request| request.principal == own);
        let request = match request.cloned() {
            Some(request) => Some(Attested { digest: request.paper.parse()?, attached: false }),
            None => {
                let said = (PROMOTION_REQUEST, court.asked.request(&self.at));
                let holds = |decision: &Decision, statement: &str| {
                    open_requests(decision).any(|request| request.statement == statement)
                };
                self.endorse(court, members, found, said, &holds).await?
            }
        };
        decisions.clone_from_slice(&court.decide(members, found));
        report.outcome = match request {
            Some(_) if self.dry_run => Outcome::WouldRequest,
            Some(_) => Outcome::Requested,
            None => {
                report.note = Some(format!("the policy lets nobody ask with {own}"));
                Outcome::Refused
            }
        };
        report.request = request.filter(|_| !self.dry_run);
        Ok(())
    }

    /// Signs an approval of the newest request by somebody else and attaches it at the source, unless that is done.
    /// Returns whether to go on: what is then allowed is carried out.
    pub(super) async fn approve(
        &self,
        court: &Court<'_>,
        members: &[Member],
        found: &mut [Found],
        decisions: &mut [Decision],
        report: &mut Report,
    ) -> anyhow::Result<bool> {
        let signer = self.signer()?;
        self.check_demanded(&decisions[0])?;
        if decisions.iter().any(is_refused) {
            return Ok(false);
        }
        let own = signer.by.principal()?;
        let approvals = decisions[0].approvals.iter().flat_map(|approvals| &approvals.approvals);
        let mut done = None;
        for approval in approvals.filter(|approval| approval.principal == own) {
            done = Some(Attested { digest: approval.paper.parse()?, attached: false });
        }
        if done.is_none() {
            let other = open_requests(&decisions[0]).find(|request| !request.principal.may_be(&own)).cloned();
            let Some(request) = other else {
                report.note = Some(match open_requests(&decisions[0]).next() {
                    Some(_) => format!("{own} asked for it, and somebody else must agree"),
                    None => "nobody asked for this promotion: the same with --request first".to_owned(),
                });
                return Ok(false);
            };
            let said = (PROMOTION_APPROVAL, court.asked.approval(&request, &self.at));
            let holds = |decision: &Decision, statement: &str| {
                let mut all = decision.approvals.iter().flat_map(|approvals| &approvals.approvals);
                all.any(|approval| approval.statement == statement)
            };
            done = self.endorse(court, members, found, said, &holds).await?;
            if done.is_none() {
                report.note = Some(format!("the policy lets nobody approve with {own}"));
            }
        }
        decisions.clone_from_slice(&court.decide(members, found));
        let is_approved = done.is_some();
        report.approval = done.filter(|_| !self.dry_run);
        if is_approved && decisions[0].waits_for_approval() {
            report.outcome = if self.dry_run { Outcome::WouldApprove } else { Outcome::Approved };
        }
        Ok(is_approved)
    }

    /// Signs a statement about what is promoted, and attaches it at the source if the policy then counts it: what counts
    /// for nothing is not written. In a dry run it is only looked at.
    async fn endorse(
        &self,
        court: &Court<'_>,
        members: &[Member],
        found: &mut [Found],
        (kind, predicate): (&str, Value),
        holds: &(dyn Fn(&Decision, &str) -> bool + Sync),
    ) -> anyhow::Result<Option<Attested>> {
        let root = &members[0];
        let bundle = papers::sign(&root.artifact.digest, &self.signer()?.by, (kind, predicate)).await?;
        let payload = bundle.unverified_envelope().context("a statement has an envelope")?.payload.to_vec();
        let statement = wharf_oci::Algorithm::Sha256.digest(&payload).encoded().to_owned();
        let form = PaperForm::Bundle(Box::new(bundle.clone()));
        found[0].papers.push(PaperEvidence { name: "the statement that is signed now".to_owned(), form });
        let decision = &court.decide(&members[..1], found)[0];
        if !holds(decision, &statement) {
            return Ok(None);
        }
        if self.dry_run {
            return Ok(Some(Attested { digest: root.artifact.digest.clone(), attached: false }));
        }
        let digest = papers::attach(&*root.source, &root.artifact, &bundle, kind, &self.at)
            .await
            .with_context(|| format!("cannot attach the statement at {}", self.source))?;
        root.source.commit().await?;
        if let Some(paper) = found[0].papers.last_mut() {
            paper.name = digest.to_string();
        }
        Ok(Some(Attested { digest, attached: true }))
    }

    fn signer(&self) -> anyhow::Result<&Signer> {
        self.signer.as_ref().ok_or_else(|| Usage("--request and --approve need --key".to_owned()).into())
    }

    /// Fails where the policy's rule demands no approval: then there is nothing to ask for.
    fn check_demanded(&self, decision: &Decision) -> anyhow::Result<()> {
        if decision.approvals.is_some() {
            return Ok(());
        }
        let rule = decision.rule.as_deref().unwrap_or("its default");
        Err(Usage(format!(
            "the policy demands no approval here (rule {rule}): promote without --request and --approve"
        ))
        .into())
    }
}

/// Whether something else is missing than that somebody asks or agrees.
fn is_refused(decision: &Decision) -> bool {
    !decision.is_allowed() && !decision.waits_for_approval()
}

fn open_requests(decision: &Decision) -> impl Iterator<Item = &Endorsement> {
    decision.approvals.iter().flat_map(|approvals| &approvals.requests)
}
