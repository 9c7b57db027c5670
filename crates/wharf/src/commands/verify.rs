//! `wharf verify`: does an artifact satisfy the trust policy?

use std::path::{Path, PathBuf};

use anyhow::Context;
use futures_util::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use wharf_content::{DEFAULT_MAX_MANIFEST_BYTES, RawManifest, Target};
use wharf_oci::{Descriptor, Reference};
use wharf_trust::policy::{CheckOutcome, Decision, Evidence, Policy, Verdict};

use crate::cli::Output;
use crate::exit::{Status, Usage};
use crate::place::{FORMS, Place};
use crate::remote::{Connection, Identity};
use crate::terminal::{self, BAD, FAINT, GOOD, NOTE, styled};
use crate::{papers, trust_policy};

/// How many artifacts are verified at the same time.
const AT_ONCE: usize = 8;

/// Verify images, charts and other artifacts against a trust policy.
///
/// Each reference is resolved once; signatures and attestations are read in every layout and verified without asking anybody
/// but the registry. The answer names each check, what met it, and why others did not.
#[derive(Debug, clap::Args)]
#[command(after_help = format!("\
{FORMS}

Examples:
  wharf verify registry.example.com/prod/app:1.4.0 --policy trust.yaml
  wharf verify registry.example.com/prod/app@sha256:… --policy trust.yaml --output json
  wharf verify registry.example.com/prod/app:1.4.0 registry.example.com/prod/db:2.0.1 --policy trust.yaml
  wharf verify tar:app.tar:1.4.0 --policy trust.yaml --as registry.example.com/prod/app

Of several artifacts the decisions come in their order, as JSON in a list; the command fails where one of them is denied."))]
pub(crate) struct Args {
    /// What to verify, by tag or digest; several are verified at the same time.
    #[arg(required = true, value_name = "PLACE")]
    places: Vec<Place>,

    /// The trust policy, YAML or JSON.
    #[arg(long, value_name = "FILE")]
    policy: PathBuf,

    /// The name by which the policy judges, instead of that of the repository; a file or a folder needs one.
    #[arg(long = "as", value_name = "HOST/REPOSITORY")]
    judged_as: Option<String>,

    /// How the decision is written.
    #[arg(short, long, value_enum, default_value_t)]
    output: Output,

    #[command(flatten)]
    connection: Connection,

    #[command(flatten)]
    identity: Identity,
}

pub(crate) async fn run(args: Args) -> anyhow::Result<Status> {
    let policy = trust_policy::read(&args.policy)?;
    // What is not even named is said before the first is asked for.
    for place in &args.places {
        place.named()?;
    }
    let decisions = stream::iter(&args.places).map(|place| one(&args, &policy, place));
    let decisions: Vec<Decision> = decisions.buffered(AT_ONCE).try_collect().await?;
    if args.output == Output::Json && decisions.len() > 1 {
        terminal::line(serde_json::to_string_pretty(&decisions)?);
    } else {
        for (place, decision) in args.places.iter().zip(&decisions) {
            show(&place.to_string(), decision, args.output)?;
        }
    }
    Ok(if decisions.iter().all(Decision::is_allowed) { Status::Done } else { Status::Signature })
}

async fn one(args: &Args, policy: &Policy, place: &Place) -> anyhow::Result<Decision> {
    let target = place.open(&args.connection, &args.identity).await?;
    let asked = place.named()?;
    let artifact = target.fetch_manifest(&asked, DEFAULT_MAX_MANIFEST_BYTES).await;
    let artifact = artifact.with_context(|| format!("cannot resolve {place}"))?;
    let pinned = matches!(asked, Reference::Digest(_));
    by(policy, args.judged_as.as_deref(), place, &*target, &artifact, pinned).await
}

/// Decides by the policy in a file on an artifact that lies at a place, and reads nothing else.
pub(super) async fn decide(
    policy: &Path,
    judged_as: Option<&str>,
    place: &Place,
    target: &dyn Target,
    artifact: &Descriptor,
    pinned: bool,
) -> anyhow::Result<Decision> {
    let asked = Reference::Digest(artifact.digest.clone());
    let artifact = target.fetch_manifest(&asked, DEFAULT_MAX_MANIFEST_BYTES).await?;
    by(&trust_policy::read(policy)?, judged_as, place, target, &artifact, pinned).await
}

async fn by(
    policy: &Policy,
    judged_as: Option<&str>,
    place: &Place,
    target: &dyn Target,
    artifact: &RawManifest,
    pinned: bool,
) -> anyhow::Result<Decision> {
    let repository = judged_as.map(str::to_owned).or_else(|| place.repository()).ok_or_else(|| {
        Usage(format!(
            "{place} has no name of a repository, by which a policy judges: give --as HOST/REPOSITORY"
        ))
    })?;
    let mut decision = None;
    let mut enough = |found: &papers::Found| {
        let evidence = Evidence {
            repository: &repository,
            facts: &found.facts,
            digest: &found.digest,
            pinned,
            papers: &found.papers,
            promotion: None,
        };
        decision.insert(policy.decide(&evidence, Timestamp::now())).is_met()
    };
    papers::evidence(target, artifact, policy, &mut enough).await.context("cannot read the papers")?;
    Ok(decision.expect("it was asked at least once, and whenever something was found"))
}

/// Writes a decision.
pub(super) fn show(name: &str, decision: &Decision, output: Output) -> anyhow::Result<()> {
    if output == Output::Json {
        terminal::line(serde_json::to_string_pretty(decision)?);
        return Ok(());
    }
    let style = match decision.verdict {
        Verdict::Allow => GOOD,
        Verdict::Warn => NOTE,
        Verdict::Deny => BAD,
    };
    let rule = decision.rule.as_ref().map_or_else(|| "no rule".to_owned(), |rule| format!("rule {rule}"));
    terminal::line(format_args!(
        "{}  {name} by {rule}",
        styled(style, format_args!("{:>10}", decision.verdict.to_string()))
    ));
    terminal::more(&decision.digest);
    for check in &decision.checks {
        let (style, word) = match check.outcome {
            CheckOutcome::Met => (GOOD, "met"),
            CheckOutcome::Warned => (NOTE, "not met"),
            CheckOutcome::Failed => (BAD, "not met"),
        };
        terminal::line(format_args!("{}  {}", styled(style, format_args!("{word:>10}")), check.demand));
        for by in &check.by {
            terminal::more(by);
        }
        // Where a demand is met, why other papers did not meet it is only noise.
        for reason in check.reasons.iter().filter(|_| check.outcome != CheckOutcome::Met) {
            terminal::line(format_args!("{:12}{}", "", styled(FAINT, reason)));
        }
    }
    Ok(())
}
