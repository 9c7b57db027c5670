//! `wharf repo`: what repositories hold.

use std::io::{IsTerminal as _, Write as _};

use anyhow::Context as _;
use clap::Subcommand;
use reqwest::Method;
use serde_json::Value;
use wharf_oci::Reference;

use crate::api::{Table, Target, encoded, repository_path, shown, text};
use crate::exit::{Status, Usage};
use crate::terminal;

/// See and remove what repositories hold.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  wharf repo list shop --registry registry.example.com
  wharf repo artifacts shop/charts/storefront
  wharf repo tags shop/charts/storefront --output json
  wharf repo delete shop/charts/storefront:1.0.0
  wharf repo delete shop/charts/storefront --yes")]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List the repositories of a project.
    List {
        project: String,
        /// Only those whose name contains this.
        #[arg(long, value_name = "PART")]
        name: Option<String>,
        #[command(flatten)]
        target: Target,
    },
    /// Show a repository.
    Show {
        #[arg(value_name = "PROJECT/REPOSITORY")]
        name: String,
        #[command(flatten)]
        target: Target,
    },
    /// List the artifacts of a repository, newest first.
    Artifacts {
        #[arg(value_name = "PROJECT/REPOSITORY")]
        name: String,
        /// Also what is listed in an index or attached to another artifact.
        #[arg(long)]
        all: bool,
        #[command(flatten)]
        target: Target,
    },
    /// List the tags of a repository.
    Tags {
        #[arg(value_name = "PROJECT/REPOSITORY")]
        name: String,
        #[command(flatten)]
        target: Target,
    },
    /// Remove a tag, an artifact with all its tags (by digest), or a whole repository.
    Delete {
        #[arg(value_name = "PROJECT/REPOSITORY[:TAG|@DIGEST]")]
        name: String,
        /// Do not ask before removing a whole repository.
        #[arg(short, long)]
        yes: bool,
        #[command(flatten)]
        target: Target,
    },
}

pub(crate) async fn run(args: Args) -> anyhow::Result<Status> {
    match args.command {
        Command::List { project, name, target } => {
            let condition = name.map(|name| format!("name=~{name}"));
            let mut query = vec![("page_size", "100")];
            query.extend(condition.as_deref().map(|condition| ("q", condition)));
            let path = format!("/projects/{}/repositories", encoded(&project));
            let repositories = target.connect().await?.list(&path, &query).await?;
            target.show(&Value::Array(repositories), repositories_table);
        }
        Command::Show { name, target } => {
            let repository = target.connect().await?.get(&repository_path(&name)?).await?;
            target.show(&repository, show);
        }
        Command::Artifacts { name, all, target } => {
            let path = format!("{}/artifacts", repository_path(&name)?);
            let all = if all { "true" } else { "false" };
            let artifacts =
                target.connect().await?.list(&path, &[("page_size", "100"), ("all", all)]).await?;
            target.show(&Value::Array(artifacts), artifacts_table);
        }
        Command::Tags { name, target } => {
            let path = format!("{}/tags", repository_path(&name)?);
            let tags = target.connect().await?.list(&path, &[("page_size", "100")]).await?;
            target.show(&Value::Array(tags), |tags| {
                let mut table = Table::new(&["TAG", "DIGEST", "SET"]);
                for tag in tags.as_array().into_iter().flatten() {
                    table.row([text(tag, "name"), text(tag, "digest"), text(tag, "push_time")]);
                }
                table.print();
            });
        }
        Command::Delete { name, yes, target } => {
            let (repository, reference) = split(&name)?;
            let path = repository_path(repository)?;
            let path = match &reference {
                Some(Reference::Tag(tag)) => format!("{path}/artifacts/{tag}/tags/{tag}"),
                Some(Reference::Digest(digest)) => format!("{path}/artifacts/{digest}"),
                None if yes => path,
                None => {
                    confirm(repository)?;
                    path
                }
            };
            target.connect().await?.send(Method::DELETE, &path, None).await?;
            target.done("Deleted", &name);
        }
    }
    Ok(Status::Done)
}

/// Cuts `PROJECT/REPOSITORY[:TAG|@DIGEST]`.
fn split(name: &str) -> anyhow::Result<(&str, Option<Reference>)> {
    let cut = name.split_once('@').or_else(|| name.rsplit_once(':').filter(|(_, tag)| !tag.contains('/')));
    let Some((repository, reference)) = cut else { return Ok((name, None)) };
    let reference = reference.parse().map_err(|error| Usage(format!("{name}: {error}")))?;
    Ok((repository, Some(reference)))
}

fn confirm(repository: &str) -> anyhow::Result<()> {
    if !std::io::stdin().is_terminal() {
        let text = format!("this removes all of {repository}: say --yes, or name a tag or digest");
        return Err(Usage(text).into());
    }
    let mut stderr = std::io::stderr();
    write!(stderr, "Remove {repository} with everything in it? Type its name to go on: ")?;
    stderr.flush()?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer).context("cannot read the answer")?;
    if answer.trim() == repository { Ok(()) } else { Err(Usage("nothing was removed".to_owned()).into()) }
}

fn repositories_table(repositories: &Value) {
    let mut table = Table::new(&["NAME", "ARTIFACTS", "PULLS", "PUSHED"]);
    for repository in repositories.as_array().into_iter().flatten() {
        table.row(
            ["name", "artifact_count", "pull_count", "update_time"].map(|field| text(repository, field)),
        );
    }
    table.print();
}

fn artifacts_table(artifacts: &Value) {
    let mut table = Table::new(&["DIGEST", "TYPE", "TAGS", "SIZE", "PUSHED"]);
    for artifact in artifacts.as_array().into_iter().flatten() {
        let tags = artifact["tags"].as_array().into_iter().flatten();
        let tags: Vec<String> = tags.map(|tag| text(tag, "name")).collect();
        table.row([
            text(artifact, "digest"),
            text(artifact, "type"),
            tags.join(","),
            artifact["size"].as_i64().map(shown).unwrap_or_default(),
            text(artifact, "push_time"),
        ]);
    }
    table.print();
}

fn show(repository: &Value) {
    for (label, field) in [
        ("Name", "name"),
        ("Description", "description"),
        ("Artifacts", "artifact_count"),
        ("Pulls", "pull_count"),
        ("Created", "creation_time"),
        ("Pushed", "update_time"),
    ] {
        terminal::line(format_args!("{:13}{}", format!("{label}:"), text(repository, field)));
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn what_is_removed_is_what_is_named() {
        assert_eq!(split("shop/a/b").unwrap(), ("shop/a/b", None));
        let (repository, reference) = split("shop/a:1.0").unwrap();
        assert_eq!((repository, reference.unwrap().to_string()), ("shop/a", "1.0".to_owned()));
        let digest = wharf_oci::Algorithm::Sha256.digest(b"x");
        let name = format!("shop/a@{digest}");
        let (repository, reference) = split(&name).unwrap();
        assert_eq!((repository, reference.unwrap().digest()), ("shop/a", Some(&digest)));
        assert!(split("shop/a:").is_err() && split("shop/a@sha256:1").is_err());
    }
}
