//! `wharf rm`

use std::collections::HashSet;

use anyhow::Context;
use wharf_content::{Paper, PaperKind, PaperOptions, Target, papers};
use wharf_oci::{Digest, Reference};

use crate::cli::Output;
use crate::exit::{Status, Usage};
use crate::place::{FORMS, Place};
use crate::remote::{Connection, Identity};
use crate::terminal::{self, NAME, styled};

/// How many papers of papers are removed at most.
const MAX_PAPERS: usize = 10_000;

/// Remove a tag, or an artifact with its tags.
///
/// By tag, the tag goes and the artifact stays. By digest, the artifact goes with every tag that points at it; with
/// --with-papers, all that is attached to it goes first. Blobs are for the garbage collection of the other side.
#[derive(Debug, clap::Args)]
#[command(after_help = format!("\
{FORMS}

Examples:
  wharf rm localhost:5000/shop/web:nightly
  wharf rm localhost:5000/shop/web:1.0.0 --artifact --with-papers --dry-run"))]
pub(crate) struct Args {
    /// What to remove, by tag or digest.
    #[arg(required = true, value_name = "PLACE")]
    places: Vec<Place>,

    /// Remove the artifact that the tag points at, and not the tag alone.
    #[arg(long)]
    artifact: bool,

    /// Remove what is attached to the artifact, too.
    #[arg(long)]
    with_papers: bool,

    /// Look, and remove nothing.
    #[arg(long)]
    dry_run: bool,

    /// How to write the result.
    #[arg(short, long, value_enum, default_value_t, value_name = "FORM")]
    output: Output,

    #[command(flatten)]
    connection: Connection,
}

pub(crate) async fn run(args: Args) -> anyhow::Result<Status> {
    let mut removed = Vec::new();
    for place in &args.places {
        let target = place.open(&args.connection, &Identity::default()).await?;
        let named = place.named()?;
        let found = target.resolve(&named).await?;
        let is_tag_only = matches!(named, Reference::Tag(_)) && !args.artifact;
        if is_tag_only && args.with_papers {
            return Err(Usage(format!(
                "{place} is a tag, and papers belong to the artifact: add --artifact, or name its digest"
            ))
            .into());
        }
        let mut references = Vec::new();
        if args.with_papers {
            references = attached(&*target, &found.digest).await?;
        }
        references.push(if is_tag_only { named } else { Reference::Digest(found.digest) });
        for reference in references {
            let what = place.with(reference.clone());
            if !args.dry_run {
                target.delete_manifest(&reference).await.with_context(|| format!("cannot remove {what}"))?;
            }
            removed.push(what.to_string());
        }
        if !args.dry_run {
            target.commit().await?;
        }
    }
    match args.output {
        Output::Json => {
            let report = serde_json::json!({ "removed": removed, "dryRun": args.dry_run });
            terminal::line(serde_json::to_string_pretty(&report)?);
        }
        Output::Text => {
            let verb = if args.dry_run { "Would drop" } else { "Removed" };
            removed.iter().for_each(|what| terminal::step(verb, styled(NAME, what)));
        }
    }
    Ok(Status::Done)
}

/// Returns everything attached to an artifact, what is attached to papers before them.
async fn attached(target: &dyn Target, root: &Digest) -> anyhow::Result<Vec<Reference>> {
    let mut found = Vec::new();
    let mut seen = HashSet::from([root.clone()]);
    let mut pending = vec![root.clone()];
    while let Some(digest) = pending.pop() {
        for Paper { kind, descriptor, .. } in papers(target, &digest, &PaperOptions::ALL).await? {
            // An attestation in an index belongs to the index.
            if kind != PaperKind::Attestation && seen.insert(descriptor.digest.clone()) {
                found.push(Reference::Digest(descriptor.digest.clone()));
                pending.push(descriptor.digest);
            }
        }
        if found.len() > MAX_PAPERS {
            return Err(Usage(format!("{root} has more than {MAX_PAPERS} papers")).into());
        }
    }
    found.reverse();
    Ok(found)
}
