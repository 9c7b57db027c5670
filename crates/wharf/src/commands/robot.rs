//! `wharf robot`: accounts for programs.

use clap::Subcommand;
use reqwest::Method;
use serde_json::{Value, json};
use wharf_content::{Error, ErrorKind};

use crate::api::{Api, Table, Target, duration, encoded, text, time};
use crate::exit::{Status, Usage};
use crate::terminal::{self, NAME, styled};

/// Manage robot accounts, of a project or of the system.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
A grant is PROJECT[/PATTERN]:ACTIONS. In PATTERN, '*' matches within a component and '**' any number of components.
ACTIONS are pull, push, delete, or RESOURCE/ACTION in Harbor's words, separated by commas.

Examples:
  wharf robot create ci --project shop --grant 'shop/charts/**:pull,push' --days 90
  wharf robot create mirror --grant '*:pull' --never-ends
  wharf robot rotate ci --project shop --overlap 24h
  wharf robot list --project shop")]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make a robot and show its secret, this once.
    Create {
        name: String,
        /// The project that it belongs to; without, it belongs to the system.
        #[arg(long)]
        project: Option<String>,
        /// What it may do; may be given several times.
        #[arg(long = "grant", value_name = "GRANT", required = true, value_parser = grant)]
        grants: Vec<Value>,
        #[arg(long)]
        description: Option<String>,
        /// After how many days it ends.
        #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(i64).range(1..=36_500))]
        days: i64,
        /// Let it live on until it is removed.
        #[arg(long, conflicts_with = "days")]
        never_ends: bool,
        #[command(flatten)]
        target: Target,
    },
    /// List robots.
    List {
        /// Those of this project; without, those of the system.
        #[arg(long)]
        project: Option<String>,
        #[command(flatten)]
        target: Target,
    },
    /// Show a robot.
    Show {
        name: String,
        #[arg(long)]
        project: Option<String>,
        #[command(flatten)]
        target: Target,
    },
    /// Give a robot a new secret and show it, this once.
    Rotate {
        name: String,
        #[arg(long)]
        project: Option<String>,
        /// How long the old secret stays valid, such as 24h; not at all when absent.
        #[arg(long, value_name = "TIME", value_parser = duration)]
        overlap: Option<i64>,
        #[command(flatten)]
        target: Target,
    },
    /// Remove a robot.
    Delete {
        name: String,
        #[arg(long)]
        project: Option<String>,
        #[command(flatten)]
        target: Target,
    },
}

pub(crate) async fn run(args: Args) -> anyhow::Result<Status> {
    match args.command {
        Command::Create { name, project, grants, description, days, never_ends, target } => {
            let body = json!({
                "name": name,
                "description": description,
                "duration": if never_ends { -1 } else { days },
                "permissions": grants,
            });
            let api = target.connect().await?;
            let made = api.send(Method::POST, &path(project.as_deref()), Some(&body)).await?;
            target.show(&made, |made| {
                let end = made["expires_at"].as_i64().map(time).unwrap_or_default();
                terminal::step("Created", format_args!("{}, ends {end}", text(made, "name")));
                secret(made);
            });
        }
        Command::List { project, target } => {
            let api = target.connect().await?;
            let robots = api.list(&path(project.as_deref()), &[("page_size", "100")]).await?;
            target.show(&Value::Array(robots), list);
        }
        Command::Show { name, project, target } => {
            let api = target.connect().await?;
            let (_, robot) = find(&api, project.as_deref(), &name).await?;
            target.show(&robot, show);
        }
        Command::Rotate { name, project, overlap, target } => {
            let api = target.connect().await?;
            let (path, robot) = find(&api, project.as_deref(), &name).await?;
            let body = json!({ "overlap_seconds": overlap });
            let mut answer = api.send(Method::PATCH, &path, Some(&body)).await?;
            answer["name"] = robot["name"].clone();
            target.show(&answer, |answer| {
                terminal::step("Rotated", text(answer, "name"));
                secret(answer);
            });
        }
        Command::Delete { name, project, target } => {
            let api = target.connect().await?;
            let (path, robot) = find(&api, project.as_deref(), &name).await?;
            api.send(Method::DELETE, &path, None).await?;
            target.done("Deleted", &text(&robot, "name"));
        }
    }
    Ok(Status::Done)
}

/// Reads `PROJECT[/PATTERN]:ACTIONS` into a permission of the API.
fn grant(text: &str) -> Result<Value, String> {
    const FORM: &str = "expected PROJECT[/PATTERN]:ACTIONS, such as shop/charts/**:pull,push";
    let (place, actions) = text.rsplit_once(':').ok_or(FORM)?;
    let (project, pattern) = match place.split_once('/') {
        Some((project, pattern)) => (project, Some(pattern)),
        None => (place, None),
    };
    if project.is_empty() || pattern == Some("") {
        return Err(FORM.to_owned());
    }
    let mut access = Vec::new();
    for action in actions.split(',') {
        let pairs: &[(&str, &str)] = match action {
            "pull" => {
                &[("repository", "pull"), ("repository", "read"), ("artifact", "read"), ("tag", "list")]
            }
            "push" => &[("repository", "push")],
            "delete" => &[("artifact", "delete"), ("tag", "delete")],
            other => {
                &[other.split_once('/').ok_or_else(|| format!("action {other:?} is unknown; {FORM}"))?]
            }
        };
        for (resource, action) in pairs {
            let known = resource.parse::<wharf_access::Resource>().map_err(|error| error.to_string());
            known.and_then(|_| action.parse::<wharf_access::Action>().map_err(|error| error.to_string()))?;
            access.push(json!({ "resource": resource, "action": action }));
        }
    }
    Ok(json!({ "kind": "project", "namespace": project, "repositories": pattern, "access": access }))
}

/// Returns the path of a robot and the robot, found by its short or full name.
async fn find(api: &Api, project: Option<&str>, name: &str) -> anyhow::Result<(String, Value)> {
    let full = match (name.starts_with("robot$"), project) {
        (true, None) if name.contains('+') => {
            return Err(Usage(format!("{name} belongs to a project: name it with --project")).into());
        }
        (true, _) => name.to_owned(),
        (false, Some(project)) => format!("robot${project}+{name}"),
        (false, None) => format!("robot${name}"),
    };
    let path = path(project);
    let robots = api.list(&path, &[("page_size", "100"), ("q", &format!("name={full}"))]).await?;
    let robot = robots.into_iter().find(|robot| robot["name"] == full.as_str());
    let robot = robot.ok_or_else(|| Error::new(ErrorKind::NotFound, format!("there is no robot {full}")))?;
    Ok((format!("{path}/{}", robot["id"]), robot))
}

fn path(project: Option<&str>) -> String {
    project.map_or_else(|| "/robots".to_owned(), |project| format!("/projects/{}/robots", encoded(project)))
}

fn secret(answer: &Value) {
    terminal::line(format_args!("    Secret  {}", styled(NAME, text(answer, "secret"))));
    terminal::more("it is not shown again");
}

fn list(robots: &Value) {
    let mut table = Table::new(&["NAME", "ENDS", "STATE", "GRANTS", "DESCRIPTION"]);
    for robot in robots.as_array().into_iter().flatten() {
        let grants: Vec<String> = permissions(robot).collect();
        table.row([
            text(robot, "name"),
            robot["expires_at"].as_i64().map(time).unwrap_or_default(),
            if robot["disable"] == true { "disabled" } else { "" }.to_owned(),
            grants.join(" "),
            text(robot, "description"),
        ]);
    }
    table.print();
}

fn show(robot: &Value) {
    terminal::line(format_args!("Name:         {}", text(robot, "name")));
    terminal::line(format_args!("Description:  {}", text(robot, "description")));
    terminal::line(format_args!(
        "Ends:         {}",
        robot["expires_at"].as_i64().map(time).unwrap_or_default()
    ));
    terminal::line(format_args!("Disabled:     {}", text(robot, "disable")));
    for grant in permissions(robot) {
        terminal::line(format_args!("Grant:        {grant}"));
    }
}

/// Returns the grants of a robot in the form in which they are given, with every action in Harbor's words.
fn permissions(robot: &Value) -> impl Iterator<Item = String> + '_ {
    robot["permissions"].as_array().into_iter().flatten().map(|permission| {
        let actions = permission["access"].as_array().into_iter().flatten();
        let actions: Vec<String> = actions
            .map(|access| format!("{}/{}", text(access, "resource"), text(access, "action")))
            .collect();
        let pattern = text(permission, "repositories");
        let separator = if pattern.is_empty() { "" } else { "/" };
        format!("{}{separator}{pattern}:{}", text(permission, "namespace"), actions.join(","))
    })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn grants_are_read_and_shown_alike() {
        let read = grant("shop/charts/**:push,delete,member/list").unwrap();
        let robot = json!({ "permissions": [read] });
        let shown: Vec<_> = permissions(&robot).collect();
        assert_eq!(shown, ["shop/charts/**:repository/push,artifact/delete,tag/delete,member/list"]);
        assert_eq!(grant(&shown[0]).unwrap(), read);
        assert!(grant("*:pull").unwrap()["repositories"].is_null());
        for bad in ["shop", ":pull", "shop/:pull", "shop:fly", "shop:member/fly", "shop:"] {
            assert!(grant(bad).is_err(), "{bad}");
        }
    }
}
