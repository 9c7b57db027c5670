//! `helm repo add`

use std::fs::File;
use std::io::Write;

use anyhow::{Context, bail};
use wharf_chart::RepositoryEntry;

use crate::cobra::Command;
use crate::cobra::flags::Kind::{Ignored, Switch, Text};
use crate::cobra::flags::{Given, flag};
use crate::helm::files::write_private;
use crate::helm::places::Places;
use crate::helm::registry::{ask_secretly, password_from_input};
use crate::helm::repositories;
use crate::waiting::block_on;

pub(in crate::helm) const COMMAND: Command = Command {
    path: &["helm", "repo", "add"],
    usage: "[NAME] [URL] [flags]",
    about: "add a chart repository",
    flags: &[&[
        flag("allow-deprecated-repos", Switch, "allow official repositories that are gone"),
        flag("ca-file", Text, "PEM file of certificates that are trusted beside the system's"),
        flag("cert-file", Text, "PEM file of the client's certificate"),
        flag("force-update", Switch, "replace the repository of that name"),
        flag("insecure-skip-tls-verify", Switch, "accept any certificate"),
        flag("key-file", Text, "PEM file of the client's key"),
        flag(
            "pass-credentials",
            Switch,
            "send user name and password to other hosts that the index names, too",
        ),
        flag("password", Text, "password"),
        flag("password-stdin", Switch, "read the password from standard input"),
        flag("timeout", Ignored, "without effect: a server may be silent for two minutes"),
        flag("username", Text, "user name"),
    ]],
    run,
};

/// Official repositories that are gone, and where their charts are now.
const GONE: &[(&str, &str)] = &[
    ("//kubernetes-charts.storage.googleapis.com", "https://charts.helm.sh/stable"),
    ("//kubernetes-charts-incubator.storage.googleapis.com", "https://charts.helm.sh/incubator"),
];

fn run(given: &Given, arguments: &[String], out: &mut dyn Write) -> anyhow::Result<()> {
    let [name, url] = arguments else { return COMMAND.wrong_arguments("requires 2 arguments") };
    if !given.is_on("allow-deprecated-repos")
        && let Some((_, new)) = GONE.iter().find(|(old, _)| url.contains(old))
    {
        bail!("repo {url:?} is no longer available; try {new:?} instead");
    }
    let places = Places::of(given);
    let path = &places.repository_config;
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    }
    let lock_path = path.with_extension("lock");
    let lock = File::create(&lock_path).with_context(|| format!("cannot write {}", lock_path.display()))?;
    lock.lock().with_context(|| format!("cannot lock {}", lock_path.display()))?;

    let mut file = repositories::read(&places)?;
    let text = |name| given.text(name).unwrap_or_default().to_owned();
    let mut entry = RepositoryEntry {
        name: name.clone(),
        url: url.clone(),
        username: text("username"),
        password: text("password"),
        cert_file: text("cert-file"),
        key_file: text("key-file"),
        ca_file: text("ca-file"),
        insecure: given.is_on("insecure-skip-tls-verify"),
        pass_credentials: given.is_on("pass-credentials"),
    };
    if !entry.username.is_empty() && entry.password.is_empty() {
        let password = match given.is_on("password-stdin") {
            true => password_from_input()?,
            false => ask_secretly("Password: ", out)?,
        };
        entry.password = password.expose().to_owned();
    }
    if name.contains('/') {
        bail!("repository name ({name}) contains '/', please specify a different name without '/'");
    }
    if let Some(known) = file.find(name).filter(|_| !given.is_on("force-update")) {
        if *known != entry {
            bail!("repository name ({name}) already exists, please specify a different name");
        }
        writeln!(out, "{name:?} already exists with the same configuration, skipping")?;
        return Ok(());
    }
    let site = repositories::site(&entry)?;
    block_on(async {
        repositories::update_at(&places.repository_cache, &entry, &site).await.map_err(|error| {
            anyhow::anyhow!(
                "looks like {url:?} is not a valid chart repository or cannot be reached: {error:#}"
            )
        })
    })?;
    file.set(entry);
    write_private(path, file.to_yaml()?.as_bytes())?;
    writeln!(out, "{name:?} has been added to your repositories")?;
    Ok(())
}
