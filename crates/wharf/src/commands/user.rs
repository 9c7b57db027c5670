//! `wharf user`: the people who may log in.

use std::io::{IsTerminal as _, Read as _, Write as _};
use std::path::PathBuf;

use anyhow::{Context as _, ensure};
use clap::Subcommand;
use reqwest::Method;
use serde_json::{Value, json};
use wharf_content::{Error, ErrorKind};
use zeroize::Zeroizing;

use super::data;
use crate::api::{Api, Table, Target, text};
use crate::exit::{Status, Usage};
use crate::terminal;

/// The largest password or htpasswd file that is read, in bytes.
const MAX_INPUT: u64 = 1 << 20;

/// Manage users; most of it is for administrators.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  wharf user create ann --email ann@example.com --registry registry.example.com
  echo \"$PASSWORD\" | wharf user create ann --password-stdin
  wharf user passwd
  wharf user reset-password admin --data /srv/wharf
  wharf user import-htpasswd ./htpasswd")]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make a user; the password is asked for.
    Create {
        name: String,
        #[arg(long)]
        email: Option<String>,
        #[arg(long, value_name = "NAME")]
        real_name: Option<String>,
        /// Let them administer the whole system.
        #[arg(long)]
        admin: bool,
        /// Read the password of the new user from standard input.
        #[arg(long)]
        password_stdin: bool,
        #[command(flatten)]
        target: Target,
    },
    /// List users.
    List {
        /// Only those whose name contains this.
        #[arg(long, value_name = "PART")]
        name: Option<String>,
        #[command(flatten)]
        target: Target,
    },
    /// Change a user.
    Update {
        name: String,
        #[arg(long)]
        email: Option<String>,
        #[arg(long, value_name = "NAME")]
        real_name: Option<String>,
        /// Whether they administer the whole system.
        #[arg(long, value_name = "BOOL")]
        admin: Option<bool>,
        /// Whether they may not log in.
        #[arg(long, value_name = "BOOL")]
        disabled: Option<bool>,
        #[command(flatten)]
        target: Target,
    },
    /// Remove a user.
    Delete {
        name: String,
        #[command(flatten)]
        target: Target,
    },
    /// Change a password: your own, or as an administrator that of another.
    Passwd {
        /// Whose; you, when absent.
        name: Option<String>,
        /// Read the passwords from standard input: for your own the old one and the new one, each on a line.
        #[arg(long)]
        password_stdin: bool,
        #[command(flatten)]
        target: Target,
    },
    /// Give a user another password in the data folder of a stopped registry; a random one is shown.
    ResetPassword {
        name: String,
        /// The data folder
        #[arg(long, value_name = "DIR", env = "WHARF_DATA")]
        data: Option<PathBuf>,
        /// Read the password from standard input.
        #[arg(long)]
        password_stdin: bool,
    },
    /// Make users from an htpasswd file with bcrypt hashes (htpasswd -B).
    ImportHtpasswd {
        file: PathBuf,
        #[command(flatten)]
        target: Target,
    },
}

pub(crate) async fn run(args: Args) -> anyhow::Result<Status> {
    match args.command {
        Command::Create { name, email, real_name, admin, password_stdin, target } => {
            let mut passwords = Passwords::open(password_stdin)?;
            let password = passwords.new_password()?;
            let body =
                json!({ "username": name, "password": *password, "email": email, "realname": real_name });
            let api = target.connect().await?;
            api.send(Method::POST, "/users", Some(&body)).await?;
            if admin {
                let path = format!("{}/sysadmin", find(&api, &name).await?);
                api.send(Method::PUT, &path, Some(&json!({ "sysadmin_flag": true }))).await?;
            }
            target.done("Created", &name);
        }
        Command::List { name, target } => {
            let condition = name.map(|name| format!("username=~{name}"));
            let mut query = vec![("page_size", "100")];
            query.extend(condition.as_deref().map(|condition| ("q", condition)));
            let users = target.connect().await?.list("/users", &query).await?;
            target.show(&Value::Array(users), list);
        }
        Command::Update { name, email, real_name, admin, disabled, target } => {
            let api = target.connect().await?;
            let path = find(&api, &name).await?;
            let changes = [
                (email.is_some() || real_name.is_some())
                    .then(|| (path.clone(), json!({ "email": email, "realname": real_name }))),
                admin.map(|admin| (format!("{path}/sysadmin"), json!({ "sysadmin_flag": admin }))),
                disabled.map(|disabled| (format!("{path}/disabled"), json!({ "disabled": disabled }))),
            ];
            for (path, body) in changes.into_iter().flatten() {
                api.send(Method::PUT, &path, Some(&body)).await?;
            }
            target.done("Updated", &name);
        }
        Command::Delete { name, target } => {
            let api = target.connect().await?;
            let path = find(&api, &name).await?;
            api.send(Method::DELETE, &path, None).await?;
            target.done("Deleted", &name);
        }
        Command::Passwd { name, password_stdin, target } => {
            let api = target.connect().await?;
            let current = api.get("/users/current").await?;
            let own = name.as_ref().is_none_or(|name| current["username"] == name.as_str());
            let path = if own {
                format!("/users/{}", current["user_id"])
            } else {
                find(&api, name.as_deref().unwrap_or_default()).await?
            };
            let mut passwords = Passwords::open(password_stdin)?;
            let old = if own { Some(passwords.ask("Old password: ")?) } else { None };
            let new = passwords.new_password()?;
            let body = json!({ "old_password": old.as_deref(), "new_password": *new });
            api.send(Method::PUT, &format!("{path}/password"), Some(&body)).await?;
            target.done("Changed", &name.unwrap_or_else(|| text(&current, "username")));
        }
        Command::ResetPassword { name, data: folder, password_stdin } => {
            let folder = folder.or_else(data::default_folder).context("name the data folder with --data")?;
            ensure!(
                data::is_one(&folder),
                "{} holds no registry: there is no catalog in it",
                folder.display()
            );
            // While the blob store is open no server can use the folder.
            let (catalog, _blobs) = data::open(&folder)?;
            let given = match password_stdin {
                true => Some(Passwords::open(true)?.new_password()?),
                false => None,
            };
            let show = |secret: &str| {
                let mut out = anstream::stdout().lock();
                writeln!(out, "The password of {name:?} is now\n\n    {secret}\n")?;
                out.flush()
            };
            wharf_registry::reset_password(
                &*catalog,
                &name,
                given.as_ref().map(|given| given.as_str()),
                show,
            )
            .await?;
            terminal::step("Changed", &name);
        }
        Command::ImportHtpasswd { file, target } => {
            let opened =
                std::fs::File::open(&file).with_context(|| format!("cannot read {}", file.display()))?;
            let mut content = String::new();
            let read = opened.take(MAX_INPUT).read_to_string(&mut content);
            read.with_context(|| format!("cannot read {}", file.display()))?;
            let api = target.connect().await?;
            let report =
                api.send(Method::POST, "/users/htpasswd", Some(&json!({ "htpasswd": content }))).await?;
            target.show(&report, imported);
            if report["skipped"].as_array().is_some_and(|skipped| !skipped.is_empty()) {
                return Ok(Status::Failed);
            }
        }
    }
    Ok(Status::Done)
}

/// Returns the path of a user, found by name.
async fn find(api: &Api, name: &str) -> anyhow::Result<String> {
    let users = api.list("/users", &[("q", &format!("username={name}"))]).await?;
    let found = users.iter().find(|user| user["username"] == name);
    let found = found.ok_or_else(|| Error::new(ErrorKind::NotFound, format!("there is no user {name:?}")))?;
    Ok(format!("/users/{}", found["user_id"]))
}

fn list(users: &Value) {
    let mut table = Table::new(&["NAME", "REAL NAME", "E-MAIL", "STATE", "CREATED"]);
    for user in users.as_array().into_iter().flatten() {
        let state = match (user["disabled"] == true, user["sysadmin_flag"] == true) {
            (true, _) => "disabled",
            (false, true) => "administrator",
            (false, false) => "",
        };
        table.row([
            text(user, "username"),
            text(user, "realname"),
            text(user, "email"),
            state.to_owned(),
            text(user, "creation_time"),
        ]);
    }
    table.print();
}

fn imported(report: &Value) {
    for name in report["created"].as_array().into_iter().flatten() {
        terminal::step("Created", name.as_str().unwrap_or_default());
    }
    for skipped in report["skipped"].as_array().into_iter().flatten() {
        let name = text(skipped, "username");
        let name = if name.is_empty() { "?".to_owned() } else { name };
        terminal::step_noted(
            "Skipped",
            format_args!("{name}, line {}: {}", skipped["line"], text(skipped, "reason")),
        );
    }
}

/// Where passwords are read from: a terminal that does not show them, or standard input line by line.
struct Passwords {
    lines: Option<std::vec::IntoIter<Zeroizing<String>>>,
}

impl Passwords {
    fn open(stdin: bool) -> anyhow::Result<Self> {
        if !stdin {
            return Ok(Self { lines: None });
        }
        let mut text = Zeroizing::new(String::new());
        let read = std::io::stdin().take(MAX_INPUT).read_to_string(&mut text);
        read.context("cannot read the password from standard input")?;
        let lines: Vec<_> = text.lines().map(|line| Zeroizing::new(line.to_owned())).collect();
        Ok(Self { lines: Some(lines.into_iter()) })
    }

    fn ask(&mut self, prompt: &str) -> anyhow::Result<Zeroizing<String>> {
        match &mut self.lines {
            Some(lines) => {
                Ok(lines.next().ok_or_else(|| Usage("standard input held too few lines".to_owned()))?)
            }
            None if std::io::stdin().is_terminal() => {
                Ok(Zeroizing::new(rpassword::prompt_password(prompt).context("cannot read the password")?))
            }
            None => {
                Err(Usage("there is no terminal to ask for the password: use --password-stdin".to_owned())
                    .into())
            }
        }
    }

    /// Asks for a new password, on a terminal twice.
    fn new_password(&mut self) -> anyhow::Result<Zeroizing<String>> {
        let first = self.ask("New password: ")?;
        if self.lines.is_none() && *first != *self.ask("Once more: ")? {
            return Err(Usage("the two passwords differ".to_owned()).into());
        }
        Ok(first)
    }
}
