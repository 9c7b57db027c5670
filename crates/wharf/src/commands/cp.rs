//! `wharf cp`

use std::num::{NonZeroU32, NonZeroUsize};

use wharf_client::Limits;
use wharf_content::{CopyOptions, Incomplete, PaperOptions, PlatformFilter};

use crate::carry::{Artifact, Carriage, Report, TagArgs, destination_tags};
use crate::cli::Output;
use crate::exit::{Status, Usage};
use crate::place::{FORMS, Place};
use crate::remote::{Connection, Identity};
use crate::{progress, terminal};

/// Copy an artifact with all its papers.
///
/// Everything attached goes along, byte for byte: referrers of every manifest and theirs in turn, cosign's older
/// signature tags, attestations in an index. The destination is asked for all of it before the tag is set; what did
/// not arrive fails the copy. What is there already is not sent, and a copy that was cut off goes on where it stopped.
#[derive(Debug, clap::Args)]
#[command(after_help = format!("\
{FORMS}

Examples:
  wharf cp registry.example.com/shop/web:1.4.0 localhost:5000/shop/web
  wharf cp registry.example.com/shop/web:1.4.0 tar:web.tar
  wharf cp tar:web.tar:1.4.0 localhost:5000/shop/web:stable
  wharf cp localhost:5000/shop/web layout:./mirror --tag-semver '>=1.2 <2'
  wharf cp localhost:5000/shop/web:1.4.0 layout:./web --platform linux/arm64
  wharf cp localhost:5000/shop/web:1.4.0 other.example.com/web --dry-run --output json"))]
pub(crate) struct Args {
    /// Where it comes from.
    #[arg(value_name = "SOURCE")]
    source: Place,

    /// Where it goes. Without a tag, it gets the source's.
    #[arg(value_name = "DESTINATION")]
    destination: Place,

    #[command(flatten)]
    tags: TagArgs,

    #[command(flatten)]
    how: How,

    /// Ask both sides, and write nothing.
    #[arg(long)]
    dry_run: bool,

    /// How to write the result.
    #[arg(short, long, value_enum, default_value_t, value_name = "FORM")]
    output: Output,

    #[command(flatten)]
    connection: Connection,
}

/// What goes along, and how fast.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct How {
    /// Leave everything behind that is attached.
    #[arg(long, conflicts_with = "artifact_types")]
    no_papers: bool,

    /// Of the referrers, only those of this artifact type; may be repeated.
    #[arg(long = "artifact-type", value_name = "TYPE")]
    artifact_types: Vec<String>,

    /// Only this platform, such as linux/amd64; may be repeated. One alone is copied as a manifest of its own; of
    /// several the index stays as it is, without what is for others.
    #[arg(long = "platform", value_name = "PLATFORM")]
    platforms: Vec<PlatformFilter>,

    /// Move cosign's signature tags at the destination even where that loses signatures made there.
    #[arg(long)]
    replace_signature_tags: bool,

    /// How many transfers run at once.
    #[arg(long, value_name = "COUNT", default_value = "4")]
    concurrency: Option<NonZeroUsize>,

    /// How many requests begin in a minute, at each registry.
    #[arg(long, value_name = "COUNT")]
    pub(crate) requests_per_minute: Option<NonZeroU32>,

    /// How many requests run at once, at each registry.
    #[arg(long, value_name = "COUNT")]
    pub(crate) requests_at_once: Option<NonZeroUsize>,
}

impl How {
    /// Returns how much is asked of each registry.
    pub(crate) fn limits(&self) -> Limits {
        Limits { requests_per_minute: self.requests_per_minute, requests_at_once: self.requests_at_once }
    }

    pub(crate) fn options(&self, dry_run: bool) -> CopyOptions {
        let mut options = CopyOptions {
            papers: if self.no_papers { PaperOptions::NONE } else { PaperOptions::ALL },
            platforms: self.platforms.clone(),
            replace_siblings: self.replace_signature_tags,
            dry_run,
            progress: progress::for_transfers(),
            ..CopyOptions::default()
        };
        options.papers.artifact_types.clone_from(&self.artifact_types);
        if let Some(concurrency) = self.concurrency {
            options.concurrency = concurrency;
        }
        options
    }
}

pub(crate) async fn run(args: Args) -> anyhow::Result<Status> {
    let mut options = args.how.options(args.dry_run);
    let patterns = args.tags.patterns()?;
    if patterns.is_some() && (args.source.reference().is_some() || args.destination.reference().is_some()) {
        return Err(Usage("where tags are chosen by a pattern, neither place names one".to_owned()).into());
    }
    let mut connection = args.connection.clone();
    connection.limits = args.how.limits();
    let identity = Identity::default();
    let source = args.source.open(&connection, &identity).await?;
    let destination = match args.dry_run {
        true => args.destination.create_dry(&connection, &identity).await?,
        false => args.destination.create(&connection, &identity).await?,
    };
    let carriage =
        Carriage { source: &*source, destination: &*destination, from: &args.source, to: &args.destination };
    let (report, error) = match patterns {
        Some(patterns) => carriage.many(&patterns, &options).await?,
        None => {
            let reference = args.source.named()?;
            if let Some(digest) = args.destination.reference().as_ref().and_then(wharf_oci::Reference::digest)
            {
                let found = source.resolve(&reference).await?.digest;
                if found != *digest {
                    let text = format!("{} is {found}, and the destination says {digest}", args.source);
                    return Err(Usage(text).into());
                }
            }
            options.tags = Some(destination_tags(&args.source, &args.destination));
            let mut report = Report::new(&args.source, &args.destination, args.dry_run);
            match carriage.one(&reference, &options).await {
                Ok(artifact) => {
                    report.artifacts.push(artifact);
                    (report, None)
                }
                Err(error) => {
                    let Some(incomplete) = error.cause::<Incomplete>() else { return Err(error.into()) };
                    report.artifacts.push(Artifact::incomplete(
                        args.source.clone(),
                        &incomplete.report,
                        &error,
                    ));
                    (report, Some(error))
                }
            }
        }
    };
    if !args.dry_run {
        destination.commit().await?;
    }
    match args.output {
        Output::Json => terminal::line(serde_json::to_string_pretty(&report)?),
        Output::Text => report.print(),
    }
    match error {
        Some(error) => Err(error.into()),
        None => Ok(Status::Done),
    }
}
