//! `wharf verify`: does an artifact satisfy the trust policy?

use std::path::PathBuf;

use anyhow::Context;
use jiff::Timestamp;
use wharf_content::ReadTarget as _;
use wharf_oci::ImageReference;
use wharf_trust::policy::{CheckOutcome, Decision, Evidence, Verdict};

use crate::cli::Output;
use crate::exit::{Status, Usage};
use crate::remote::{Connection, Identity};
use crate::terminal::{self, BAD, FAINT, GOOD, NOTE, styled};
use crate::{papers, trust_policy};

/// Verify an image, a chart or another artifact against a trust policy.
///
/// The reference is resolved once; signatures and attestations are read in every layout and verified without asking anybody
/// but the registry. The answer names each check, what met it, and why others did not.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  wharf verify registry.example.com/prod/app:1.4.0 --policy trust.yaml
  wharf verify registry.example.com/prod/app@sha256:… --policy trust.yaml --output json")]
pub(crate) struct Args {
    /// What to verify: HOST/REPOSITORY:TAG or HOST/REPOSITORY@DIGEST.
    reference: String,

    /// The trust policy, YAML or JSON.
    #[arg(long, value_name = "FILE")]
    policy: PathBuf,

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
    let reference: ImageReference = args.reference.parse().map_err(|error| Usage(format!("{error}")))?;
    let Some(asked) = reference.reference() else {
        return Err(Usage(format!("{reference} names neither a tag nor a digest")).into());
    };
    let repository = format!("{}/{}", reference.host, reference.repository);
    let registry = args.connection.registry(&repository, &args.identity).await?;
    let target = registry.repository(reference.repository.clone());
    let artifact = target.resolve(&asked).await.with_context(|| format!("cannot resolve {reference}"))?;
    let (kind, found) = papers::evidence(&target, &artifact).await.context("cannot read the papers")?;
    let evidence = Evidence {
        repository: &repository,
        kind,
        digest: &artifact.digest,
        pinned: reference.digest.is_some(),
        papers: &found,
    };
    let decision = policy.decide(&evidence, Timestamp::now());
    show(&args.reference, &decision, args.output)?;
    Ok(if decision.is_allowed() { Status::Done } else { Status::Signature })
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
