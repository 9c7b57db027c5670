//! `wharf push`

use wharf_oci::Reference;

use crate::artifact::{self, Parts};
use crate::cli::Output;
use crate::exit::{Status, Usage};
use crate::place::{FORMS, Place};
use crate::progress;
use crate::remote::{Connection, Identity};
use crate::terminal::{self, NAME, styled};

/// Push files as an artifact.
///
/// The same files give the same digest, on any machine and at any time. Charts are for wharf publish.
#[derive(Debug, clap::Args)]
#[command(after_help = format!("\
{FORMS}

Examples:
  wharf push ./report.pdf localhost:5000/shop/reports:2026-11
  wharf push rules.yaml:application/yaml ./data localhost:5000/shop/rules:v3 --type application/vnd.acme.rules
  wharf push ./report.pdf tar:report.tar:v1 --annotation org.opencontainers.image.source=https://example.com"))]
pub(crate) struct Args {
    /// Files or folders, each perhaps with a media type, and the place they go to, last.
    #[arg(required = true, num_args = 2.., value_names = ["FILE[:MEDIA_TYPE]", "PLACE"])]
    words: Vec<String>,

    /// The artifact type.
    #[arg(long = "type", value_name = "TYPE", default_value = "application/vnd.unknown.artifact.v1")]
    artifact_type: String,

    /// An annotation of the manifest; may be repeated.
    #[arg(long = "annotation", value_name = "KEY=VALUE")]
    annotations: Vec<String>,

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
    let (place, files) = args.words.split_last().expect("there are at least two words");
    let place: Place = place.parse()?;
    let tags = match place.reference() {
        Some(Reference::Digest(_)) => {
            return Err(Usage(format!("{place} names a digest; what is packed has its own")).into());
        }
        Some(Reference::Tag(tag)) => vec![tag],
        None => Vec::new(),
    };
    let parts = Parts {
        artifact_type: args.artifact_type,
        layers: artifact::pack(files)?,
        subject: None,
        annotations: artifact::annotations(&args.annotations)?,
    };
    let manifest = parts.manifest()?;
    let mut sent = 0;
    if !args.dry_run {
        let target = place.create(&args.connection, &Identity::default()).await?;
        sent = parts.push(&*target, &manifest, &tags, &*progress::for_transfers()).await?;
    }
    match args.output {
        Output::Json => {
            let report = serde_json::json!({
                "reference": place.to_string(), "digest": manifest.digest, "sentBytes": sent, "dryRun": args.dry_run,
                "artifactType": parts.artifact_type,
                "layers": parts.layers.iter().map(|layer| &layer.descriptor).collect::<Vec<_>>(),
            });
            terminal::line(serde_json::to_string_pretty(&report)?);
        }
        Output::Text => {
            let verb = if args.dry_run { "Would push" } else { "Pushed" };
            let place = styled(NAME, &place);
            let files = parts.layers.len();
            let files = if files == 1 { "1 file".to_owned() } else { format!("{files} files") };
            terminal::step(verb, format_args!("{place} ({files}, {} sent)", terminal::size(sent)));
            terminal::more(&manifest.digest);
        }
    }
    Ok(Status::Done)
}
