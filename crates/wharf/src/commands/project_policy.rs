//! `wharf project policy`: the trust policy of a project, which decides what can be pulled from it.

use std::path::PathBuf;

use clap::Subcommand;
use reqwest::Method;
use serde_json::{Value, json};

use crate::api::{Target, encoded, text};
use crate::cli::Output;
use crate::terminal;
use crate::trust_policy;

#[derive(Debug, Subcommand)]
#[command(after_help = "\
Only what satisfies the policy can then be pulled, by tag and by digest, with its children and blobs. Signatures and
attestations stay readable, and so does everything for those who may push there, as they have to sign it.

Examples:
  wharf project policy set prod trust.yaml --registry registry.example.com
  wharf project policy set prod trust.yaml --dry-run
  wharf project policy show prod > trust.yaml
  wharf project policy remove prod")]
pub(crate) enum Command {
    /// Set the policy in place of the one that the project has.
    ///
    /// Keys and trusted roots that it names as files are put into it: a project's policy stands alone.
    Set {
        project: String,
        /// The trust policy, YAML or JSON, as `wharf verify --policy` reads it.
        file: PathBuf,
        /// The host in the names HOST/REPOSITORY by which it judges; by default the one under which the registry is known.
        #[arg(long = "as", value_name = "HOST[:PORT]")]
        host: Option<String>,
        /// Have it checked, and set nothing.
        #[arg(long)]
        dry_run: bool,
        #[command(flatten)]
        target: Target,
    },
    /// Show the policy, in a form that can be set again.
    Show {
        project: String,
        #[command(flatten)]
        target: Target,
    },
    /// Remove the policy: everything can be pulled again.
    Remove {
        project: String,
        #[command(flatten)]
        target: Target,
    },
}

pub(crate) async fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Set { project, file, host, dry_run, target } => {
            let text = trust_policy::standing_alone(&file)?;
            let mut body = json!({ "text": text, "dry_run": dry_run });
            if let Some(host) = host {
                body["host"] = host.into();
            }
            let set = target.connect().await?.send(Method::PUT, &path(&project), Some(&body)).await?;
            target.show(&set, |set| {
                terminal::step(if dry_run { "Would set" } else { "Set" }, &project);
                terminal::more(self::text(set, "digest"));
                terminal::more(format_args!(
                    "judges by names such as {}/{project}/…",
                    self::text(set, "host")
                ));
                explanation(set).for_each(terminal::more);
            });
        }
        Command::Show { project, target } => {
            let policy = target.connect().await?.get(&path(&project)).await?;
            match target.output {
                Output::Json => terminal::line(format_args!("{policy:#}")),
                Output::Text => show(&project, &policy),
            }
        }
        Command::Remove { project, target } => {
            target.connect().await?.send(Method::DELETE, &path(&project), None).await?;
            target.done("Removed", &format!("policy of {project}"));
        }
    }
    Ok(())
}

/// Shows the text with what is to be said about it as comments, so that it is a policy all the same.
fn show(project: &str, policy: &Value) {
    let field = |name| text(policy, name);
    terminal::line(format_args!("# policy of {project}: {}", field("digest")));
    terminal::line(format_args!("# judges by names such as {}/{project}/…", field("host")));
    terminal::line(format_args!("# set by {} at {}", field("username"), field("set_time")));
    for line in explanation(policy) {
        terminal::line(format_args!("#   {line}"));
    }
    terminal::line(field("text").trim_end());
}

fn explanation(policy: &Value) -> impl Iterator<Item = &str> {
    policy["explanation"].as_array().into_iter().flatten().filter_map(Value::as_str)
}

fn path(project: &str) -> String {
    format!("/projects/{}/policy", encoded(project))
}
