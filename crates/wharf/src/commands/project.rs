//! `wharf project`: projects and their members.

use clap::{Subcommand, ValueEnum};
use reqwest::Method;
use serde_json::{Value, json};

use super::project_policy;
use crate::api::{Api, Table, Target, encoded, quota, shown, text};
use crate::exit::Status;
use crate::terminal;

/// Manage projects and their members.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  wharf project create shop --registry registry.example.com
  wharf project create base --public --quota 100GiB
  wharf project members add shop ann --role developer
  wharf project policy set prod trust.yaml
  wharf project list --output json")]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make a project.
    Create {
        name: String,
        /// Let everyone pull.
        #[arg(long)]
        public: bool,
        /// How much it may store, such as 100GiB; administrators only.
        #[arg(long, value_name = "SIZE", value_parser = quota)]
        quota: Option<i64>,
        #[command(flatten)]
        target: Target,
    },
    /// List the projects that you may see.
    List {
        /// Only those whose name contains this.
        #[arg(long, value_name = "PART")]
        name: Option<String>,
        #[command(flatten)]
        target: Target,
    },
    /// Show a project.
    Show {
        name: String,
        #[command(flatten)]
        target: Target,
    },
    /// Change a project.
    Update {
        name: String,
        /// Let everyone pull.
        #[arg(long, conflicts_with = "private")]
        public: bool,
        /// Let members only pull.
        #[arg(long)]
        private: bool,
        /// How much it may store, such as 100GiB, or none; administrators only.
        #[arg(long, value_name = "SIZE", value_parser = quota)]
        quota: Option<i64>,
        #[command(flatten)]
        target: Target,
    },
    /// Remove an empty project.
    Delete {
        name: String,
        #[command(flatten)]
        target: Target,
    },
    /// Manage who may do what in a project.
    #[command(subcommand)]
    Members(Members),
    /// Manage the trust policy that decides what can be pulled.
    #[command(subcommand)]
    Policy(project_policy::Command),
}

#[derive(Debug, Subcommand)]
enum Members {
    /// List the members.
    List {
        project: String,
        #[command(flatten)]
        target: Target,
    },
    /// Add a user.
    Add {
        project: String,
        user: String,
        #[arg(long, value_enum)]
        role: Role,
        #[command(flatten)]
        target: Target,
    },
    /// Change the role of a member.
    Update {
        project: String,
        user: String,
        #[arg(long, value_enum)]
        role: Role,
        #[command(flatten)]
        target: Target,
    },
    /// Remove a member.
    Remove {
        project: String,
        user: String,
        #[command(flatten)]
        target: Target,
    },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Role {
    /// Everything in the project.
    ProjectAdmin,
    /// Reads, writes and deletes content.
    Maintainer,
    /// Reads and writes content.
    Developer,
    /// Reads content, members and settings.
    Guest,
    /// Reads content only.
    LimitedGuest,
}

impl Role {
    const fn id(self) -> u8 {
        let role = match self {
            Self::ProjectAdmin => wharf_access::Role::ProjectAdmin,
            Self::Maintainer => wharf_access::Role::Maintainer,
            Self::Developer => wharf_access::Role::Developer,
            Self::Guest => wharf_access::Role::Guest,
            Self::LimitedGuest => wharf_access::Role::LimitedGuest,
        };
        role.id()
    }
}

pub(crate) async fn run(args: Args) -> anyhow::Result<Status> {
    match args.command {
        Command::Create { name, public, quota, target } => {
            let mut body = json!({ "project_name": name, "metadata": { "public": public.to_string() } });
            if let Some(quota) = quota {
                body["storage_limit"] = quota.into();
            }
            target.connect().await?.send(Method::POST, "/projects", Some(&body)).await?;
            target.done("Created", &name);
        }
        Command::List { name, target } => {
            let mut query = vec![("page_size", "100")];
            query.extend(name.as_deref().map(|name| ("name", name)));
            let projects = target.connect().await?.list("/projects", &query).await?;
            target.show(&Value::Array(projects), list);
        }
        Command::Show { name, target } => {
            let api = target.connect().await?;
            let project = api.get(&path(&name)).await?;
            // Not everyone who sees a project sees its quota.
            let summary = api.get(&format!("{}/summary", path(&name))).await.unwrap_or_default();
            target.show(&json!({ "project": project, "summary": summary }), show);
        }
        Command::Update { name, public, private, quota, target } => {
            let mut body = json!({});
            if public || private {
                body["metadata"] = json!({ "public": public.to_string() });
            }
            if let Some(quota) = quota {
                body["storage_limit"] = quota.into();
            }
            target.connect().await?.send(Method::PUT, &path(&name), Some(&body)).await?;
            target.done("Updated", &name);
        }
        Command::Delete { name, target } => {
            target.connect().await?.send(Method::DELETE, &path(&name), None).await?;
            target.done("Deleted", &name);
        }
        Command::Members(command) => members(command).await?,
        Command::Policy(command) => project_policy::run(command).await?,
    }
    Ok(Status::Done)
}

async fn members(command: Members) -> anyhow::Result<()> {
    match command {
        Members::List { project, target } => {
            let path = format!("{}/members", path(&project));
            let members = target.connect().await?.list(&path, &[("page_size", "100")]).await?;
            target.show(&Value::Array(members), |members| {
                let mut table = Table::new(&["USER", "ROLE"]);
                for member in members.as_array().into_iter().flatten() {
                    table.row([text(member, "entity_name"), text(member, "role_name")]);
                }
                table.print();
            });
        }
        Members::Add { project, user, role, target } => {
            let body = json!({ "role_id": role.id(), "member_user": { "username": user } });
            let path = format!("{}/members", path(&project));
            target.connect().await?.send(Method::POST, &path, Some(&body)).await?;
            target.done("Added", &user);
        }
        Members::Update { project, user, role, target } => {
            let api = target.connect().await?;
            let path = member(&api, &project, &user).await?;
            api.send(Method::PUT, &path, Some(&json!({ "role_id": role.id() }))).await?;
            target.done("Updated", &user);
        }
        Members::Remove { project, user, target } => {
            let api = target.connect().await?;
            let path = member(&api, &project, &user).await?;
            api.send(Method::DELETE, &path, None).await?;
            target.done("Removed", &user);
        }
    }
    Ok(())
}

/// Returns the path of a member, found by user name.
async fn member(api: &Api, project: &str, user: &str) -> anyhow::Result<String> {
    let path = format!("{}/members", path(project));
    let members = api.list(&path, &[("page_size", "100"), ("entityname", user)]).await?;
    let found = members.iter().find(|member| member["entity_name"] == user);
    let found = found.ok_or_else(|| {
        let text = format!("{user} is no member of {project}");
        wharf_content::Error::new(wharf_content::ErrorKind::NotFound, text)
    })?;
    Ok(format!("{path}/{}", found["id"]))
}

fn path(name: &str) -> String {
    format!("/projects/{}", encoded(name))
}

fn list(projects: &Value) {
    let mut table = Table::new(&["NAME", "ACCESS", "REPOSITORIES", "OWNER", "CREATED"]);
    for project in projects.as_array().into_iter().flatten() {
        table.row([
            text(project, "name"),
            access(project).to_owned(),
            text(project, "repo_count"),
            text(project, "owner_name"),
            text(project, "creation_time"),
        ]);
    }
    table.print();
}

fn show(value: &Value) {
    let (project, quota) = (&value["project"], &value["summary"]["quota"]);
    terminal::line(format_args!("Name:          {}", text(project, "name")));
    terminal::line(format_args!("Access:        {}", access(project)));
    terminal::line(format_args!("Owner:         {}", text(project, "owner_name")));
    terminal::line(format_args!("Repositories:  {}", text(project, "repo_count")));
    if let (Some(hard), Some(used)) = (quota["hard"]["storage"].as_i64(), quota["used"]["storage"].as_i64()) {
        terminal::line(format_args!("Storage:       {} (quota: {})", shown(used), shown(hard)));
    }
    terminal::line(format_args!("Created:       {}", text(project, "creation_time")));
}

fn access(project: &Value) -> &'static str {
    if project["metadata"]["public"] == "true" { "public" } else { "private" }
}
