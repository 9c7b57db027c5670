//! `wharf gc`: garbage collection now.

use reqwest::Method;
use serde_json::json;

use crate::api::{Target, shown, text};
use crate::exit::Status;
use crate::terminal;

/// Collect garbage of a running registry now: what no tag, index or manifest needs any more.
///
/// Pushes and pulls go on meanwhile. The registry also does this by itself, in the interval of its settings.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  wharf gc --dry-run --registry registry.example.com
  wharf gc --output json")]
pub(crate) struct Args {
    /// Only tell what would go.
    #[arg(long)]
    dry_run: bool,

    #[command(flatten)]
    target: Target,
}

pub(crate) async fn run(args: Args) -> anyhow::Result<Status> {
    let api = args.target.connect().await?;
    let run = api.send(Method::POST, "/system/gc", Some(&json!({ "dry_run": args.dry_run }))).await?;
    args.target.show(&run, |run| {
        let verb = if args.dry_run { "Would free" } else { "Freed" };
        let bytes = run["freed_bytes"].as_i64().map(shown).unwrap_or_default();
        let (manifests, blobs) = (text(run, "manifests"), text(run, "blobs"));
        terminal::step(verb, format_args!("{bytes}: {manifests} manifests, {blobs} blobs"));
    });
    Ok(Status::Done)
}
