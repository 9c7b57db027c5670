//! `wharf verify`: does an artifact satisfy the trust policy?

use std::path::{Path, PathBuf};

use anyhow::Context;
use jiff::Timestamp;
use wharf_content::Target;
use wharf_oci::{Descriptor, Reference};
use wharf_trust::policy::{CheckOutcome, Decision, Evidence, Verdict};

use crate::cli::Output;
use crate::exit::{Status, Usage};
use crate::place::{FORMS, Place};
use crate::remote::{Connection, Identity};
use crate::terminal::{self, BAD, FAINT, GOOD, NOTE, styled};
use crate::{papers, trust_policy};

/// Verify an image, a chart or another artifact against a trust policy.
///
/// The reference is resolved once; signatures and attestations are read in every layout and verified without asking anybody
/// but the registry. The answer names each check, what met it, and why others did not.
#[derive(Debug, clap::Args)]
#[command(after_help = format!("\
{FORMS}

Examples:
  wharf verify registry.example.com/prod/app:1.4.0 --policy trust.yaml
  wharf verify registry.example.com/prod/app@sha256:… --policy trust.yaml --output json
  wharf verify tar:app.tar:1.4.0 --policy trust.yaml --as registry.example.com/prod/app"))]
pub(crate) struct Args {
    /// What to verify, by tag or digest.
    #[arg(value_name = "PLACE")]
    place: Place,

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
    let target = args.place.open(&args.connection, &args.identity).await?;
    let asked = args.place.named()?;
    let artifact = target.resolve(&asked).await.with_context(|| format!("cannot resolve {}", args.place))?;
    let pinned = matches!(asked, Reference::Digest(_));
    let name = args.judged_as.as_deref();
    let decision = decide(&args.policy, name, &args.place, &*target, &artifact, pinned).await?;
    show(&args.place.to_string(), &decision, args.output)?;
    Ok(if decision.is_allowed() { Status::Done } else { Status::Signature })
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
    let policy = trust_policy::read(policy)?;
    let repository = judged_as.map(str::to_owned).or_else(|| place.repository()).ok_or_else(|| {
        Usage(format!(
            "{place} has no name of a repository, by which a policy judges: give --as HOST/REPOSITORY"
        ))
    })?;
    let (facts, found) =
        papers::evidence(target, artifact, &policy).await.context("cannot read the papers")?;
    let evidence = Evidence {
        repository: &repository,
        facts: &facts,
        digest: &artifact.digest,
        pinned,
        papers: &found,
        promotion: None,
    };
    Ok(policy.decide(&evidence, Timestamp::now()))
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
