//! `wharf policy`: look at a trust policy and try it on stored papers, without any network.

use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use clap::Subcommand;
use jiff::Timestamp;
use serde::Deserialize;
use wharf_oci::Digest;
use wharf_trust::policy::{
    ArtifactKind, Evidence, Facts, Fate, Imported, PaperEvidence, PaperForm, Policy, Verdict,
    import_cluster_image_policies, import_containers_policy,
};
use wharf_trust::{Bundle, NotationSignature};

use super::verify::show;
use crate::cli::Output;
use crate::exit::{Status, Usage};
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
    /// (image, chart or artifact), `platforms`, `version`, `created`, `pinned`, `at` (the time of the decision) and `papers`:
    /// bundles beside the file of cases, and signatures by Notation, which need the manifest's `mediaType` and `size`.
    Test {
        /// The trust policy, YAML or JSON.
        policy: PathBuf,
        /// The cases, YAML or JSON.
        cases: PathBuf,
    },
    /// Put a policy of another tool into one of this kind.
    ///
    /// A file of ClusterImagePolicy documents (sigstore's policy-controller, v1alpha1 or v1beta1) or a containers policy.json.
    /// The policy goes to standard output or --to, and what became of each part to standard error. Where the result would
    /// demand less than the original, nothing is written without --weaker, and the status is 10.
    #[command(after_help = "\
Examples:
  wharf policy import cluster-image-policies.yaml --to trust.yaml
  wharf policy import /etc/containers/policy.json --weaker
  wharf policy import policies.yaml --trust-root trusted-root.json --output json")]
    Import {
        /// The policy, YAML or JSON.
        file: PathBuf,
        /// Write the policy here instead of to standard output.
        #[arg(long, value_name = "FILE")]
        to: Option<PathBuf>,
        /// The trusted root that stands for the authorities and logs that the original names.
        #[arg(long, value_name = "FILE")]
        trust_root: Option<String>,
        /// Write the policy although it demands less than the original.
        #[arg(long)]
        weaker: bool,
        /// How to report: json has the policy and what became of each part in one document.
        #[arg(short, long, value_enum, default_value_t, value_name = "FORM")]
        output: Output,
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
    platforms: Vec<String>,
    #[serde(default)]
    version: Option<String>,
    #[serde(default)]
    created: Option<Timestamp>,
    #[serde(default)]
    pinned: bool,
    #[serde(default)]
    at: Option<Timestamp>,
    /// Of the manifest, which Notation signatures name.
    #[serde(default)]
    media_type: Option<String>,
    #[serde(default)]
    size: Option<u64>,
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
        Command::Import { file, to, trust_root, weaker, output } => {
            let imported = read_foreign(file, trust_root.as_deref())?;
            let is_refused = imported.is_weaker() && !weaker;
            tell(&imported, *output)?;
            if is_refused {
                terminal::error(&[format!(
                    "{} demands more than can be said here; --weaker writes the policy in spite of that",
                    file.display()
                )]);
                return Ok(Status::Findings);
            }
            let text = yaml(&imported.policy)?;
            match to {
                Some(to) => {
                    std::fs::write(to, text).with_context(|| format!("cannot write {}", to.display()))?
                }
                None if *output == Output::Text => terminal::line(text.trim_end()),
                None => {}
            }
            Ok(Status::Done)
        }
    }
}

/// Reads a policy of another tool: documents of a cluster, or a policy.json.
fn read_foreign(file: &Path, root: Option<&str>) -> anyhow::Result<Imported> {
    let failed = || format!("cannot read {}", file.display());
    let text = std::fs::read(file).with_context(failed)?;
    let mut documents = Vec::new();
    for part in wharf_yaml::split_documents(&text).with_context(failed)? {
        let json = trust_policy::json(&part).with_context(failed)?;
        let value: serde_json::Value = serde_json::from_slice(&json)?;
        documents.extend((!value.is_null()).then_some(value));
    }
    let imported = match documents.as_slice() {
        [policy] if policy.get("kind").is_none() && policy.get("default").is_some() => {
            import_containers_policy(policy, root)
        }
        policies => import_cluster_image_policies(policies, root),
    };
    let imported = imported.map_err(|error| Usage(format!("{}: {error}", file.display())))?;
    Ok(imported)
}

fn tell(imported: &Imported, output: Output) -> anyhow::Result<()> {
    if output == Output::Json {
        terminal::line(serde_json::to_string_pretty(imported)?);
        return Ok(());
    }
    for item in &imported.items {
        let word = match item.fate {
            Fate::Taken => "taken",
            Fate::Apart => "apart",
            Fate::Stricter => "stricter",
            Fate::Unsaid => "unsaid",
        };
        terminal::note(format_args!("{word:>10}  {}: {}", item.path, item.text));
    }
    Ok(())
}

fn yaml(policy: &serde_json::Value) -> anyhow::Result<String> {
    let value = wharf_yaml::from_json(policy.to_string().as_bytes())?;
    Ok(wharf_yaml::to_yaml(&value)?)
}

fn test(policy: &Policy, path: &Path) -> anyhow::Result<Status> {
    let cases: Vec<Case> = serde_json::from_value(trust_policy::value(path)?)
        .with_context(|| format!("cannot read {}", path.display()))?;
    ensure!(!cases.is_empty(), "{} holds no case", path.display());
    let beside = path.parent().unwrap_or_else(|| Path::new("."));
    let mut wrong = 0;
    for case in &cases {
        let digest: Digest = case.digest.parse().with_context(|| format!("case {}", case.name))?;
        let papers = case
            .papers
            .iter()
            .map(|name| paper(case, &beside.join(name)))
            .collect::<anyhow::Result<Vec<_>>>()?;
        let facts = Facts {
            kind: case.kind,
            platforms: case.platforms.clone(),
            version: case.version.clone(),
            created: case.created,
        };
        let evidence = Evidence {
            repository: &case.repository,
            facts: &facts,
            digest: &digest,
            pinned: case.pinned,
            papers: &papers,
            promotion: None,
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

fn paper(case: &Case, path: &Path) -> anyhow::Result<PaperEvidence> {
    let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let form = if let Some(envelope) = NotationSignature::media_type_of(&bytes) {
        let (Some(media_type), Some(size)) = (case.media_type.clone(), case.size) else {
            return Err(Usage(format!(
                "case {}: {} is a Notation signature, which names the manifest's media type and size: give mediaType and size",
                case.name,
                path.display()
            ))
            .into());
        };
        NotationSignature::read(envelope, &bytes).map(|signature| {
            let signature = Box::new(signature);
            PaperForm::Notation { signature, media_type, size }
        })
    } else {
        Bundle::from_json(&bytes).map(|bundle| PaperForm::Bundle(Box::new(bundle)))
    };
    let form = form.unwrap_or_else(|error| PaperForm::Unreadable(error.to_string()));
    Ok(PaperEvidence { name: path.display().to_string(), form })
}
