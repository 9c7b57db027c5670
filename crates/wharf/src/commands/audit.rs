//! `wharf audit`: who did what.

use std::time::Duration;

use serde_json::Value;

use crate::api::{Api, Target, address, encoded, text};
use crate::cli::Output;
use crate::exit::Status;
use crate::terminal::{self, BAD, FAINT, GOOD, styled};

/// How often the registry is asked for new entries.
const INTERVAL: Duration = Duration::from_secs(1);

/// Show the audit log, oldest of the shown first.
///
/// With --output json, each entry is a JSON object on a line of its own.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  wharf audit --registry registry.example.com
  wharf audit --project shop --follow
  wharf audit --user ann --since 2026-11-01T00:00:00Z --last 1000 --output json")]
pub(crate) struct Args {
    /// Only of this project; its administrators may see that much.
    #[arg(long)]
    project: Option<String>,

    /// Only by this account.
    #[arg(long, value_name = "NAME")]
    user: Option<String>,

    /// Only of this kind, such as pull_artifact, create_tag or login_user.
    #[arg(long)]
    operation: Option<String>,

    /// Only at or after this time, such as 2026-11-21T10:00:00Z.
    #[arg(long, value_name = "TIME")]
    since: Option<String>,

    /// How many entries, the newest.
    #[arg(long, default_value_t = 50, value_name = "COUNT")]
    last: usize,

    /// Go on and show what happens.
    #[arg(short, long)]
    follow: bool,

    #[command(flatten)]
    target: Target,
}

pub(crate) async fn run(args: Args) -> anyhow::Result<Status> {
    let api = args.target.connect().await?;
    let mut seen = 0;
    let mut entries = read(&api, &args, seen, args.last).await?;
    loop {
        for entry in entries.iter().rev() {
            show(entry, args.target.output);
            seen = seen.max(entry["id"].as_i64().unwrap_or(0));
        }
        if !args.follow {
            return Ok(Status::Done);
        }
        tokio::time::sleep(INTERVAL).await;
        entries = read(&api, &args, seen, usize::MAX).await?;
    }
}

/// Reads the newest entries down to the one seen last, newest first.
async fn read(api: &Api, args: &Args, seen: i64, most: usize) -> anyhow::Result<Vec<Value>> {
    let path = match &args.project {
        Some(project) => format!("/projects/{}/logs", encoded(project)),
        None => "/audit-logs".to_owned(),
    };
    let mut query = vec![("page_size", "100")];
    for (name, value) in [("username", &args.user), ("operation", &args.operation), ("since", &args.since)] {
        query.extend(value.as_deref().map(|value| (name, value)));
    }
    let mut next = Some(address(&path, &query));
    let mut entries = Vec::new();
    while let Some(page) = next {
        let (page, after) = api.page(&page).await?;
        let fresh: Vec<Value> =
            page.into_iter().filter(|entry| entry["id"].as_i64().is_some_and(|id| id > seen)).collect();
        // A page without anything new is followed by none with.
        next = after.filter(|_| !fresh.is_empty() && entries.len() + fresh.len() < most);
        entries.extend(fresh);
    }
    entries.truncate(most);
    Ok(entries)
}

fn show(entry: &Value, output: Output) {
    if output == Output::Json {
        terminal::line(entry);
        return;
    }
    let clean = |field: &str| text(entry, field).chars().filter(|c| !c.is_control()).collect::<String>();
    let (style, outcome) = if entry["operation_result"] == true {
        (GOOD, String::new())
    } else {
        (BAD, format!(" ({})", clean("outcome")))
    };
    let count = match entry["count"].as_u64() {
        Some(count) if count > 1 => format!(" ×{count}"),
        _ => String::new(),
    };
    terminal::line(format_args!(
        "{}  {}  {}  {}{count}{outcome}  {}",
        styled(FAINT, clean("op_time")),
        styled(style, format_args!("{:16}", clean("event"))),
        clean("username"),
        clean("resource"),
        styled(FAINT, clean("client_address")),
    ));
}
