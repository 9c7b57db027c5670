//! `oras repo ls`

use anyhow::Context;
use serde::Serialize;
use wharf_client::Credential;

use crate::cobra::Command;
use crate::cobra::flags::Kind::Text;
use crate::cobra::flags::{Given, flag};
use crate::oras::fault::{Fault, arguments, told};
use crate::oras::format::{Format, USUAL};
use crate::oras::remote::Remote;
use crate::oras::status::line;
use crate::oras::tables;
use crate::oras::target::{RemoteReference, check_registry};
use crate::waiting::block_on;

/// How many pages of the list are read.
const MAX_PAGES: usize = 10_000;

pub(crate) const COMMAND: Command = Command {
    path: &["oras", "repo|repository", "ls|list"],
    usage: "[flags] <registry>",
    about: "List the repositories under the registry

Example - All repositories, and those below a namespace:
  oras repo ls localhost:5000
  oras repo ls localhost:5000/example-namespace

Example - Those after a name:
  oras repo ls --last \"last_repo\" localhost:5000

Example - [Experimental] For a script:
  oras repo ls localhost:5000 --format json
  oras repo ls localhost:5000 --format go-template --template '{{.repositories}}'",
    flags: &[
        tables::COMMON,
        tables::REMOTE,
        tables::STDIN,
        tables::FORMAT,
        tables::VERBOSE_IN_VAIN,
        &[flag("last", Text, "start after the repository specified by `last`")],
    ],
    run: |given, words, _| block_on(run(given, words)),
};

/// The result for programs.
#[derive(Serialize)]
struct Repositories {
    registry: String,
    repositories: Vec<String>,
}

async fn run(given: &Given, words: &[String]) -> anyhow::Result<()> {
    arguments(&COMMAND, words, 1..=1, "the target registry to list repositories from")?;
    let remote = Remote::parse(given, "")?;
    let format = Format::parse(given, "format", USUAL)?;
    let (host, namespace) = place(&words[0]).context("could not parse repository path")?;
    let registry = remote.registry(&host, &words[0]).await?;
    let config = (*registry.credential() == Credential::Anonymous).then(|| remote.config_file());
    let last = given.text("last").filter(|last| !last.is_empty());
    let (mut found, mut cursor) = (Vec::new(), None);
    for _ in 0..MAX_PAGES {
        let page = registry.repositories(cursor.as_ref(), last).await;
        let (names, next) = page.map_err(|error| {
            let fault = told(&error, config.as_deref());
            let what = match namespace.as_str() {
                "" => format!("could not list repositories for {host:?}"),
                prefix => format!("could not list repositories for {host:?} with prefix {prefix:?}"),
            };
            let text =
                if fault.from_registry { fault.text.clone() } else { format!("{what}\n{}", fault.text) };
            Fault { text, ..fault }
        })?;
        found.extend(names.into_iter().filter(|name| name.starts_with(&namespace)));
        cursor = next;
        if cursor.is_none() {
            break;
        }
    }
    let repositories = found;
    if format.is_text() {
        for name in &repositories {
            line(name.strip_prefix(&namespace).unwrap_or(name));
        }
        return Ok(());
    }
    format.write(&Repositories { registry: host, repositories }).map(drop)
}

/// Splits `REGISTRY[/NAMESPACE]`; the namespace comes back with a slash at its end.
fn place(text: &str) -> anyhow::Result<(String, String)> {
    let trimmed = text.strip_suffix('/').unwrap_or(text);
    if !trimmed.contains('/') {
        check_registry(trimmed)?;
        return Ok((trimmed.to_owned(), String::new()));
    }
    let parsed = RemoteReference::parse(trimmed)?;
    anyhow::ensure!(parsed.reference.is_empty(), "tags or digests should not be provided");
    Ok((parsed.registry, format!("{}/", parsed.repository)))
}
