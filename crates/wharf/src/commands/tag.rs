//! `wharf tag`

use anyhow::Context;
use wharf_oci::Tag;

use crate::cli::Output;
use crate::exit::Status;
use crate::place::{FORMS, Place};
use crate::remote::{Connection, Identity};
use crate::terminal::{self, NAME, styled};

/// Point tags at an artifact.
#[derive(Debug, clap::Args)]
#[command(after_help = format!("\
{FORMS}

Examples:
  wharf tag localhost:5000/shop/web:1.4.0 stable latest
  wharf tag layout:./web@sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a v1"))]
pub(crate) struct Args {
    /// The artifact, by tag or digest.
    #[arg(value_name = "PLACE")]
    place: Place,

    /// The tags; each moves from where it pointed.
    #[arg(required = true, value_name = "TAG")]
    tags: Vec<Tag>,

    /// Look, and write nothing.
    #[arg(long)]
    dry_run: bool,

    /// How to write the result.
    #[arg(short, long, value_enum, default_value_t, value_name = "FORM")]
    output: Output,

    #[command(flatten)]
    connection: Connection,
}

pub(crate) async fn run(args: Args) -> anyhow::Result<Status> {
    let target = args.place.open(&args.connection, &Identity::default()).await?;
    let digest = target.resolve(&args.place.named()?).await?.digest;
    for tag in args.tags.iter().filter(|_| !args.dry_run) {
        target.tag(&digest, tag).await.with_context(|| format!("cannot set tag {tag}"))?;
    }
    if !args.dry_run {
        target.commit().await?;
    }
    match args.output {
        Output::Json => {
            let report = serde_json::json!({ "digest": digest, "tags": args.tags, "dryRun": args.dry_run });
            terminal::line(serde_json::to_string_pretty(&report)?);
        }
        Output::Text => {
            let verb = if args.dry_run { "Would tag" } else { "Tagged" };
            let tags = args.tags.iter().map(|tag| styled(NAME, tag)).collect::<Vec<_>>().join(", ");
            terminal::step(verb, format_args!("{} as {tags}", args.place));
            terminal::more(digest);
        }
    }
    Ok(Status::Done)
}
