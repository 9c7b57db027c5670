//! `wharf policy`: look at a trust policy and try it on stored papers, without any network.

use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use clap::Subcommand;
use jiff::Timestamp;
use serde::Deserialize;
use wharf_oci::Digest;
use wharf_trust::Bundle;
use wharf_trust::policy::{ArtifactKind, Evidence, PaperEvidence, PaperForm, Policy, Verdict};

use super::verify::show;
use crate::cli::Output;
use crate::exit::Status;
use crate::terminal::{self, BAD, GOOD, styled};
use crate::trust_policy;

/// Look at a trust policy, and try it.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Say in words what a policy demands.
    Explain {
        /// The trust policy, YAML or JSON.
        policy: PathBuf,
    },
    /// Decide on stored cases and compare with what is expected.
    ///
    /// The cases are a list; each has `name`, `repository`, `digest`, `expect` (allow, warn or deny) and, where needed, `kind`
    /// (image, chart or artifact), `pinned`, `at` (the time of the decision) and `papers`: bundles beside the file of cases.
    Test {
        /// The trust policy, YAML or JSON.
        policy: PathBuf,
        /// The cases, YAML or JSON.
        cases: PathBuf,
    },
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Case {
    name: String,
    repository: String,
    digest: String,
    #[serde(default = "image")]
    kind: ArtifactKind,
    #[serde(default)]
    pinned: bool,
    #[serde(default)]
    at: Option<Timestamp>,
    #[serde(default)]
    papers: Vec<String>,
    expect: Verdict,
}

fn image() -> ArtifactKind {
    ArtifactKind::Image
}

pub(crate) fn run(args: &Args) -> anyhow::Result<Status> {
    match &args.command {
        Command::Explain { policy } => {
            for line in trust_policy::read(policy)?.explain() {
                terminal::line(line);
            }
            Ok(Status::Done)
        }
        Command::Test { policy, cases } => test(&trust_policy::read(policy)?, cases),
    }
}

fn test(policy: &Policy, path: &Path) -> anyhow::Result<Status> {
    let cases: Vec<Case> = serde_json::from_value(trust_policy::value(path)?)
        .with_context(|| format!("cannot read {}", path.display()))?;
    ensure!(!cases.is_empty(), "{} holds no case", path.display());
    let beside = path.parent().unwrap_or_else(|| Path::new("."));
    let mut wrong = 0;
    for case in &cases {
        let digest: Digest = case.digest.parse().with_context(|| format!("case {}", case.name))?;
        let papers =
            case.papers.iter().map(|name| paper(&beside.join(name))).collect::<anyhow::Result<Vec<_>>>()?;
        let evidence = Evidence {
            repository: &case.repository,
            kind: case.kind,
            digest: &digest,
            pinned: case.pinned,
            papers: &papers,
        };
        let decision = policy.decide(&evidence, case.at.unwrap_or_else(Timestamp::now));
        if decision.verdict == case.expect {
            terminal::step("as meant", format_args!("{}: {}", case.name, decision.verdict));
            continue;
        }
        wrong += 1;
        let verdict = styled(BAD, format_args!("{:>10}", "wrong"));
        terminal::line(format_args!(
            "{verdict}  {}: {}, expected {}",
            case.name, decision.verdict, case.expect
        ));
        show(&case.name, &decision, Output::Text)?;
    }
    let good = cases.len() - wrong;
    terminal::line(format_args!("{} of {} cases are decided as meant", styled(GOOD, good), cases.len()));
    Ok(if wrong == 0 { Status::Done } else { Status::Signature })
}

fn paper(path: &Path) -> anyhow::Result<PaperEvidence> {
    let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let form = match Bundle::from_json(&bytes) {
        Ok(bundle) => PaperForm::Bundle(Box::new(bundle)),
        Err(error) => PaperForm::Unreadable(error.to_string()),
    };
    Ok(PaperEvidence { name: path.display().to_string(), form })
}
