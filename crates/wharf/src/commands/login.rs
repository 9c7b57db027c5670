//! `wharf login`

use std::io::{IsTerminal, Write};

use anyhow::Context;
use wharf_client::{Credential, Ping, Secret, Stored};

use crate::exit::{Status, Usage};
use crate::remote::{self, Connection, Identity};
use crate::terminal::{self, NAME, styled};

/// Log in to a registry.
///
/// The registry is asked whether it accepts the login; then it is stored where Docker, Podman, Helm and ORAS find it
/// too: with the credential helper that Docker's config.json names, else in that file.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  wharf login registry.example.com
  wharf login localhost:5000 -u admin
  echo \"$TOKEN\" | wharf login registry.example.com -u 'robot$shop+ci' --password-stdin")]
pub(crate) struct Args {
    /// The registry.
    #[arg(value_name = "HOST[:PORT]")]
    host: String,

    #[command(flatten)]
    identity: Identity,

    #[command(flatten)]
    connection: Connection,
}

pub(crate) async fn run(args: Args) -> anyhow::Result<Status> {
    let host = remote::host(&args.host)?;
    let username = match &args.identity.username {
        Some(username) => username.clone(),
        None => ask("Username: ")?,
    };
    if args.identity.password.is_some() {
        terminal::warning("a password on the command line can be seen by others; use --password-stdin");
    }
    let password = match args.identity.stated_password()? {
        Some(password) => password,
        None if std::io::stdin().is_terminal() => {
            Secret::new(rpassword::prompt_password("Password: ").context("cannot read the password")?)
        }
        None => Err(Usage("there is no terminal to ask for the password: use --password-stdin".to_owned()))?,
    };
    if username.is_empty() || password.is_empty() {
        return Err(Usage("user name and password must not be empty".to_owned()).into());
    }
    let credential = Credential::Basic { username: username.clone(), password };
    let registry = args.connection.registry_as(&host, credential.clone())?;
    let ping = registry.ping().await.with_context(|| format!("cannot log in to {host}"))?;

    let stored = remote::credential_store().store(&host, &credential).await?;
    terminal::line(format_args!("Login Succeeded: {username} at {}", styled(NAME, &host)));
    match stored {
        Stored::Helper(name) => terminal::line(format_args!("Stored by credential helper {name}")),
        Stored::File(path) => terminal::line(format_args!(
            "Stored in {}, not encrypted, readable by you only (a credential helper would be safer)",
            path.display()
        )),
    }
    if ping == Ping::Open {
        terminal::warning(format_args!("{host} also answers without a login"));
    }
    Ok(Status::Done)
}

fn ask(prompt: &str) -> anyhow::Result<String> {
    if !std::io::stdin().is_terminal() {
        return Err(Usage("there is no terminal to ask for the user name: use --username".to_owned()).into());
    }
    let mut stderr = std::io::stderr();
    stderr.write_all(prompt.as_bytes()).and_then(|()| stderr.flush())?;
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).context("cannot read the user name")?;
    Ok(line.trim().to_owned())
}
