//! `oras login`

use std::io::{IsTerminal, Read};

use anyhow::bail;
use wharf_client::{Credential, Secret};

use super::fault::{Fault, arguments, told};
use super::remote::Remote;
use super::status::{line, print};
use super::tables;
use super::target::check_registry;
use crate::cobra::Command;
use crate::cobra::flags::Given;
use crate::waiting::block_on;

pub(super) const COMMAND: Command = Command {
    path: &["oras", "login"],
    usage: "[flags] <registry>",
    about: "Log in to a remote registry

Example - With a password from standard input, or asked for on the terminal:
  oras login -u username --password-stdin localhost:5000
  oras login localhost:5000

Example - With an identity token:
  oras login --identity-token-stdin localhost:5000",
    flags: &[tables::COMMON, tables::REMOTE, tables::STDIN, tables::VERBOSE_IN_VAIN],
    run: |given, words, _| block_on(run(given, words)),
};

async fn run(given: &Given, words: &[String]) -> anyhow::Result<()> {
    arguments(&COMMAND, words, 1..=1, "the registry to log in to")?;
    let mut remote = Remote::parse(given, "")?;
    let host = &words[0];
    if remote.secret.is_empty() {
        if remote.username.is_empty() {
            remote.username = ask("Username: ", false)?.trim().to_owned();
        }
        let (prompt, missing) = match remote.username.is_empty() {
            true => ("Token: ", "token required"),
            false => ("Password: ", "password required"),
        };
        remote.secret = Secret::new(ask(prompt, true)?);
        if remote.secret.is_empty() {
            bail!(missing);
        }
    }
    check_registry(host)?;
    let credential = remote.credential();
    let registry = remote.registry_as(host, credential.clone())?;
    registry.ping().await.map_err(|error| {
        let fault = told(&error, None);
        let text = format!("failed to validate the credentials for {host}: {}", fault.text);
        Fault { from_registry: fault.from_registry, ..Fault::new(text) }
    })?;
    if credential != Credential::Anonymous {
        remote.store().store(host, &credential).await?;
    }
    line("Login Succeeded");
    Ok(())
}

/// Asks for a line; what is secret is not shown while it is typed.
fn ask(prompt: &str, secret: bool) -> anyhow::Result<String> {
    print(prompt);
    if secret && std::io::stdin().is_terminal() {
        return Ok(rpassword::read_password()?);
    }
    // Byte by byte: the next question reads on from there.
    let mut text = Vec::new();
    for byte in std::io::stdin().lock().bytes() {
        match byte? {
            b'\n' => break,
            byte => text.push(byte),
        }
    }
    let text = String::from_utf8(text)?;
    Ok(text.strip_suffix('\r').unwrap_or(&text).to_owned())
}
