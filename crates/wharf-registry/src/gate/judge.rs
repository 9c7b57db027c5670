//! Decisions by the trust policies of projects, remembered for as long as they hold.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use jiff::{SignedDuration, Timestamp};
use quick_cache::sync::Cache;
use tokio::sync::Semaphore;
use wharf_content::ErrorKind;
use wharf_oci::{Descriptor, Digest, RepositoryName};
use wharf_papers::{Limits, Wanted, check_keyrings, evidence, policy_json};
use wharf_storage::catalog::{Papers, ProjectPolicy};
use wharf_trust::policy::{Check, CheckOutcome, Decision, Evidence, Facts, PaperEvidence, Policy, Verdict};

use super::stored::Stored;
use crate::App;
use crate::error::Error;

/// Decisions that are remembered.
const DECISIONS: usize = 8192;
/// Policies that are kept parsed.
const POLICIES: usize = 256;
/// How long a decision is remembered at most, whatever it rests on.
const AT_MOST: SignedDuration = SignedDuration::from_mins(5);
/// Decisions that are being made at a time; more wait.
const AT_ONCE: usize = 4;
/// How often a decision is begun anew because the papers changed meanwhile.
const ATTEMPTS: usize = 3;
/// How many reasons of one check are kept.
const REASONS: usize = 8;
/// What is read of the papers of one artifact. Attestations hold whole SBOMs; four at a time fit into memory.
const LIMITS: Limits = Limits { papers: 1000, paper_bytes: 32 << 20, total_bytes: 64 << 20 };

/// What a decision rests on, all of it: the same key has the same answer, but for the time.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    policy: Digest,
    host: String,
    repository: RepositoryName,
    digest: Digest,
    pinned: bool,
    /// The state of the papers.
    state: Digest,
}

/// A decision, and by which policy.
#[derive(Debug)]
pub(crate) struct Judged {
    pub(crate) policy: Digest,
    pub(crate) decision: Decision,
    /// The first moment at which it may be another.
    until: Timestamp,
}

/// Makes decisions, and remembers them.
pub(super) struct Judge {
    decisions: Cache<Key, Arc<Judged>>,
    policies: Cache<Digest, Arc<Policy>>,
    places: Semaphore,
}

impl Judge {
    pub(super) fn new() -> Self {
        Self {
            decisions: Cache::new(DECISIONS),
            policies: Cache::new(POLICIES),
            places: Semaphore::const_new(AT_ONCE),
        }
    }

    /// Returns what the project's policy says of a manifest, or `None` where the project has none. `pinned` says that it
    /// was asked for by digest.
    pub(super) async fn judge(
        &self,
        app: &App,
        repository: &RepositoryName,
        digest: &Digest,
        pinned: bool,
    ) -> Result<Option<Arc<Judged>>, Error> {
        for _ in 0..ATTEMPTS {
            let state = app.catalog.paper_state(repository, digest).await?;
            let Some((policy, host)) = state.policy else { return Ok(None) };
            let key = Key {
                policy,
                host,
                repository: repository.clone(),
                digest: digest.clone(),
                pinned,
                state: state.state,
            };
            // One of many who ask at once decides; the others wait for that.
            let guard = match self.decisions.get_value_or_guard_async(&key).await {
                Ok(judged) if Timestamp::now() < judged.until => return Ok(Some(judged)),
                Ok(judged) => {
                    self.decisions.remove_if(&key, |known| Arc::ptr_eq(known, &judged));
                    continue;
                }
                Err(guard) => guard,
            };
            let papers = app.catalog.papers(repository, digest).await?;
            let Some(policy) = papers.policy.clone() else { return Ok(None) };
            let is = (&policy.digest, &policy.host, &papers.state);
            if is != (&key.policy, &key.host, &key.state) {
                // Changed since; what is remembered must be what was asked for.
                continue;
            }
            app.metrics.gate.decided();
            let (judged, complete) = self.decide(app, &key, &policy, papers).await?;
            let judged = Arc::new(judged);
            if complete {
                // It fails only where the entry was taken out meanwhile.
                let _ = guard.insert(Arc::clone(&judged));
            }
            return Ok(Some(judged));
        }
        // Somebody keeps changing the papers, or the decision holds for no time at all: decide, and remember nothing.
        let papers = app.catalog.papers(repository, digest).await?;
        let Some(policy) = papers.policy.clone() else { return Ok(None) };
        let key = Key {
            policy: policy.digest.clone(),
            host: policy.host.clone(),
            repository: repository.clone(),
            digest: digest.clone(),
            pinned,
            state: papers.state.clone(),
        };
        app.metrics.gate.decided();
        Ok(Some(Arc::new(self.decide(app, &key, &policy, papers).await?.0)))
    }

    /// Returns the policy by which a decision that still holds is remembered to allow a manifest.
    pub(super) async fn known_good(
        &self,
        app: &App,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<Option<Digest>, Error> {
        let state = app.catalog.paper_state(repository, digest).await?;
        let Some((policy, host)) = state.policy else { return Ok(None) };
        let mut key = Key {
            policy,
            host,
            repository: repository.clone(),
            digest: digest.clone(),
            pinned: true,
            state: state.state,
        };
        for pinned in [true, false] {
            key.pinned = pinned;
            let known = self.decisions.get(&key);
            if known.is_some_and(|judged| judged.decision.is_allowed() && Timestamp::now() < judged.until) {
                return Ok(Some(key.policy));
            }
        }
        Ok(None)
    }

    /// Decides, off the threads that serve everybody; says, too, whether all that there was could be read.
    async fn decide(
        &self,
        app: &App,
        key: &Key,
        policy: &ProjectPolicy,
        papers: Papers,
    ) -> Result<(Judged, bool), Error> {
        let _place = self.places.acquire().await.expect("nobody closes it");
        let parsed = self.policy(policy)?;
        let descriptor = papers.manifests.first().map(|(media_type, digest, bytes)| {
            Descriptor::new(media_type.clone(), digest.clone(), bytes.len() as u64)
        });
        let artifact = descriptor
            .filter(|artifact| artifact.digest == key.digest)
            .ok_or_else(|| wharf_storage::Error::not_found("manifest", &key.digest))?;
        let target =
            Stored::new(key.repository.to_string(), key.digest.clone(), papers, Arc::clone(&app.blobs));
        let incomplete = Arc::clone(&target.incomplete);
        // All of it: every answer to the same question must name the same papers, whatever was attached first.
        let found = match evidence(&target, &artifact, Wanted::by(&parsed), &LIMITS).await {
            Ok(found) => Ok(found),
            Err(error) if matches!(error.kind(), ErrorKind::Limit | ErrorKind::Content) => {
                Err(error.to_string())
            }
            Err(error) => {
                let context = format!("the papers of {} in {}", key.digest, key.repository);
                return Err(wharf_storage::Error::Io { context, source: Box::new(error) }.into());
            }
        };
        let (owned, now) = (key.clone(), Timestamp::now());
        let steady = parsed.steady_until(now);
        let decided = tokio::task::spawn_blocking(move || match found {
            Ok((facts, papers)) => decide(&parsed, &owned, &facts, &papers, now),
            Err(reason) => refusal(&owned.digest, "papers that can be read", reason),
        });
        let mut decision = decided.await.map_err(|error| {
            wharf_storage::Error::Damaged(format!("a decision on {} ended early: {error}", key.digest))
        })?;
        for check in &mut decision.checks {
            shorten(&mut check.reasons);
            shorten(&mut check.by);
        }
        let at_most = now.saturating_add(AT_MOST).unwrap_or(now);
        let until = steady.map_or(at_most, |steady| steady.min(at_most));
        Ok((Judged { policy: key.policy.clone(), decision, until }, !incomplete.load(Ordering::Relaxed)))
    }

    fn policy(&self, policy: &ProjectPolicy) -> Result<Arc<Policy>, Error> {
        if let Some(known) = self.policies.get(&policy.digest) {
            return Ok(known);
        }
        // It was checked when it was set; an older or newer Wharf may have understood more.
        let parsed = parse(&policy.text).map_err(|problem| {
            wharf_storage::Error::Damaged(format!("policy {} cannot be read: {problem}", policy.digest))
        })?;
        let parsed = Arc::new(parsed);
        self.policies.insert(policy.digest.clone(), Arc::clone(&parsed));
        Ok(parsed)
    }
}

/// Reads the text of a policy that stands alone.
///
/// # Errors
/// Says what is wrong with it.
pub(crate) fn parse(text: &[u8]) -> Result<Policy, String> {
    let json = policy_json(text).map_err(|error| error.to_string())?;
    let mut named = None;
    let policy = Policy::from_json(&json, &mut |file| {
        named.get_or_insert_with(|| file.to_owned());
        Ok(Vec::new())
    });
    match (policy, named) {
        (_, Some(file)) => Err(format!(
            "it names the file {file:?}, and a project's policy stands alone: give keys and certificates as `pem`, keyrings as `armor`, a trusted root as `inline`"
        )),
        (policy, None) => {
            let policy = policy.map_err(|error| error.to_string())?;
            check_keyrings(&policy).map_err(|error| error.to_string())?;
            Ok(policy)
        }
    }
}

fn decide(policy: &Policy, key: &Key, facts: &Facts, papers: &[PaperEvidence], now: Timestamp) -> Decision {
    let repository = format!("{}/{}", key.host, key.repository);
    let evidence = Evidence {
        repository: &repository,
        facts,
        digest: &key.digest,
        pinned: key.pinned,
        papers,
        promotion: None,
    };
    policy.decide(&evidence, now)
}

fn refusal(digest: &Digest, demand: &str, reason: String) -> Decision {
    let check = Check {
        demand: demand.to_owned(),
        outcome: CheckOutcome::Failed,
        by: Vec::new(),
        reasons: vec![reason],
    };
    Decision {
        verdict: Verdict::Deny,
        rule: None,
        digest: digest.to_string(),
        checks: vec![check],
        approvals: None,
    }
}

fn shorten(lines: &mut Vec<String>) {
    if lines.len() > REASONS {
        let more = lines.len() - REASONS;
        lines.truncate(REASONS);
        lines.push(format!("and {more} more"));
    }
}
