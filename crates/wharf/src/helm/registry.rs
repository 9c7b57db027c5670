//! `helm registry login|logout`

use std::io::{IsTerminal, Read, Write};

use anyhow::{Context, anyhow, bail};
use wharf_client::{Credential, Secret};
use zeroize::Zeroizing;

use super::access::Access;
use super::warn;
use crate::cobra::Command;
use crate::cobra::flags::Kind::{Switch, Text};
use crate::cobra::flags::{Given, flag, short};
use crate::waiting::block_on;

pub(super) const LOGIN: Command = Command {
    path: &["helm", "registry", "login"],
    usage: "[host] [flags]",
    about: "log in to a registry",
    flags: &[&[
        flag("ca-file", Text, "PEM file of certificates that are trusted beside the system's"),
        flag("cert-file", Text, "PEM file of the client's certificate"),
        flag("insecure", Switch, "accept any certificate"),
        flag("key-file", Text, "PEM file of the client's key"),
        short('p', "password", Text, "password or identity token; others may see it here"),
        flag("password-stdin", Switch, "read the password or identity token from standard input"),
        flag("plain-http", Switch, "speak plain HTTP (with this machine that is so without saying)"),
        short('u', "username", Text, "user name"),
    ]],
    run: login,
};

pub(super) const LOGOUT: Command = Command {
    path: &["helm", "registry", "logout"],
    usage: "[host] [flags]",
    about: "forget the login to a registry",
    flags: &[],
    run: logout,
};

/// The longest password that is read from standard input, in bytes.
const MAX_PASSWORD: u64 = 64 * 1024;

fn login(given: &Given, arguments: &[String], out: &mut dyn Write) -> anyhow::Result<()> {
    let [place, ..] = arguments else { return LOGIN.wrong_arguments("requires at least 1 argument") };
    let credential = credential(given, out)?;
    // Helm 3 took a path and logged in to the host; Helm 4 warns and then refuses.
    let place = place.strip_prefix("oci://").unwrap_or(place);
    let host = place.split('/').next().unwrap_or(place);
    if host.len() != place.len() {
        let _ = writeln!(
            std::io::stderr(),
            "level=WARN msg=\"registry login currently only supports registry hostname, not a repository path\" \
             host={place} suggested={host}"
        );
    }
    let access = Access::of(given);
    block_on(async {
        let registry = access
            .registry_as(host, credential.clone())
            .map_err(|_| anyhow!("invalid reference: invalid registry {host:?}"))?;
        registry.ping().await.map_err(|error| anyhow!("authenticating to {host:?}: {error}"))?;
        access.logins().store(host, &credential).await?;
        Ok(())
    })?;
    writeln!(out, "Login Succeeded")?;
    Ok(())
}

fn credential(given: &Given, out: &mut dyn Write) -> anyhow::Result<Credential> {
    let mut username = given.text("username").unwrap_or_default().to_owned();
    let stated = given.text("password").unwrap_or_default();
    let password = if given.is_on("password-stdin") {
        password_from_input()?
    } else if stated.is_empty() {
        if username.is_empty() {
            username = ask("Username: ", out)?;
        }
        let (prompt, missing) = match username.is_empty() {
            true => ("Token: ", "token required"),
            false => ("Password: ", "password required"),
        };
        let password = ask_secretly(prompt, out)?;
        if password.is_empty() {
            bail!(missing);
        }
        password
    } else {
        warn("using --password via the CLI is insecure. Use --password-stdin");
        Secret::new(stated)
    };
    Ok(match username.is_empty() {
        true => Credential::IdentityToken(password),
        false => Credential::Basic { username, password },
    })
}

/// Reads a password from standard input, without the line's end.
pub(super) fn password_from_input() -> anyhow::Result<Secret> {
    let mut text = Zeroizing::new(String::new());
    std::io::stdin()
        .take(MAX_PASSWORD)
        .read_to_string(&mut text)
        .context("cannot read the password from standard input")?;
    let line = text.strip_suffix('\n').unwrap_or(&text);
    Ok(Secret::new(line.strip_suffix('\r').unwrap_or(line)))
}

fn ask(prompt: &str, out: &mut dyn Write) -> anyhow::Result<String> {
    write!(out, "{prompt}")?;
    out.flush()?;
    let mut line = String::new();
    if std::io::stdin().read_line(&mut line)? == 0 {
        bail!("EOF");
    }
    Ok(line.trim().to_owned())
}

/// Asks without showing what is typed.
pub(super) fn ask_secretly(prompt: &str, out: &mut dyn Write) -> anyhow::Result<Secret> {
    write!(out, "{prompt}")?;
    out.flush()?;
    if !std::io::stdin().is_terminal() {
        bail!("inappropriate ioctl for device");
    }
    let text = Zeroizing::new(rpassword::read_password()?);
    Ok(Secret::new(text.as_str()))
}

fn logout(given: &Given, arguments: &[String], out: &mut dyn Write) -> anyhow::Result<()> {
    let [host, ..] = arguments else { return LOGOUT.wrong_arguments("requires at least 1 argument") };
    let access = Access::of(given);
    block_on(async { Ok(access.logins().remove(host).await?) })?;
    writeln!(out, "Removing login credentials for {host}")?;
    Ok(())
}
