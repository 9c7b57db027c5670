//! `wharf attach`

use wharf_content::PlatformFilter;
use wharf_content::resolve_platform;

use crate::artifact::{self, Parts};
use crate::cli::Output;
use crate::exit::{Status, Usage};
use crate::place::{FORMS, Place};
use crate::progress;
use crate::remote::{Connection, Identity};
use crate::terminal::{self, NAME, styled};

/// Attach files to an artifact: an SBOM, a report, a signature made elsewhere.
///
/// They become a referrer of it, which goes along wherever it is copied. Attaching the same twice changes nothing.
#[derive(Debug, clap::Args)]
#[command(after_help = format!("\
{FORMS}

Examples:
  wharf attach localhost:5000/shop/web:1.4.0 sbom.spdx.json:application/spdx+json --type application/spdx+json
  wharf attach localhost:5000/shop/web:1.4.0 scan.json --type application/vnd.acme.scan --platform linux/arm64
  wharf attach localhost:5000/shop/web:1.4.0 --type application/vnd.acme.approval --annotation by=ann"))]
pub(crate) struct Args {
    /// The artifact, by tag or digest.
    #[arg(value_name = "PLACE")]
    place: Place,

    /// Files or folders, each perhaps with a media type.
    #[arg(value_name = "FILE[:MEDIA_TYPE]")]
    files: Vec<String>,

    /// The artifact type.
    #[arg(long = "type", value_name = "TYPE")]
    artifact_type: String,

    /// An annotation of the manifest; may be repeated.
    #[arg(long = "annotation", value_name = "KEY=VALUE")]
    annotations: Vec<String>,

    /// Attach to the manifest of this platform and not to the index.
    #[arg(long, value_name = "PLATFORM")]
    platform: Option<PlatformFilter>,

    /// Pack, and write nothing.
    #[arg(long)]
    dry_run: bool,

    /// How to write the result.
    #[arg(short, long, value_enum, default_value_t, value_name = "FORM")]
    output: Output,

    #[command(flatten)]
    connection: Connection,
}

pub(crate) async fn run(args: Args) -> anyhow::Result<Status> {
    let annotations = artifact::annotations(&args.annotations)?;
    if args.files.is_empty() && annotations.is_empty() {
        return Err(Usage("there is nothing to attach: give a file or an --annotation".to_owned()).into());
    }
    let target = args.place.open(&args.connection, &Identity::default()).await?;
    let reference = args.place.named()?;
    let subject = match &args.platform {
        Some(platform) => resolve_platform(&*target, &reference, platform).await?.descriptor(),
        None => target.resolve(&reference).await?,
    };
    let parts = Parts {
        artifact_type: args.artifact_type,
        layers: artifact::pack(&args.files)?,
        subject: Some(subject.clone()),
        annotations,
    };
    let manifest = parts.manifest()?;
    if !args.dry_run {
        parts.push(&*target, &manifest, &[], &*progress::for_transfers()).await?;
    }
    match args.output {
        Output::Json => {
            let report = serde_json::json!({
                "subject": subject.digest, "digest": manifest.digest, "artifactType": parts.artifact_type,
                "dryRun": args.dry_run,
            });
            terminal::line(serde_json::to_string_pretty(&report)?);
        }
        Output::Text => {
            let verb = if args.dry_run { "Would join" } else { "Attached" };
            terminal::step(verb, format_args!("{} to {}", parts.artifact_type, styled(NAME, &args.place)));
            terminal::more(&manifest.digest);
        }
    }
    Ok(Status::Done)
}
