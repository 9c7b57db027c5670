//! `cosign login`

use std::io::{Read as _, Write};

use anyhow::{Context as _, ensure};
use wharf_client::{Credential, Secret, Stored};

use super::verifying::text;
use super::{note, one};
use crate::cobra::Command;
use crate::cobra::flags::Kind::{Switch, Text};
use crate::cobra::flags::{Given, flag, short};
use crate::remote::credential_store;
use crate::waiting::block_on;

pub(super) const COMMAND: Command = Command {
    path: &["cosign", "login"],
    usage: "[OPTIONS] [SERVER]",
    about: "Log in to a registry\n\nThe login is kept where Docker keeps it; nothing is asked of the registry.\n\n\
            Example:\n  cosign login registry.example.com -u AzureDiamond -p hunter2",
    flags: &[&[
        short('u', "username", Text, "Username"),
        short('p', "password", Text, "Password"),
        flag("password-stdin", Switch, "Take the password from stdin"),
    ]],
    run,
};

fn run(given: &Given, arguments: &[String], _: &mut dyn Write) -> anyhow::Result<()> {
    let host = crate::remote::host(one(arguments)?)?;
    let mut password = text(given, "password").unwrap_or_default().to_owned();
    if given.is_on("password-stdin") {
        password.clear();
        std::io::stdin().read_to_string(&mut password).context("reading the password from stdin")?;
        password.truncate(password.trim_end_matches(['\r', '\n']).len());
    }
    let username = text(given, "username").unwrap_or_default();
    ensure!(!username.is_empty() && !password.is_empty(), "username and password required");
    let credential = Credential::Basic { username: username.to_owned(), password: Secret::new(password) };
    let stored = block_on(async { Ok(credential_store().store(&host, &credential).await?) })?;
    match stored {
        Stored::File(path) => note(&format!("logged in via {}", path.display())),
        Stored::Helper(name) => note(&format!("logged in via docker-credential-{name}")),
    }
    Ok(())
}
