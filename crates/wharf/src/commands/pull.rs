//! `wharf pull`

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use futures_util::TryStreamExt;
use serde::{Deserialize, Serialize};
use tempfile::NamedTempFile;
use tokio::io::AsyncWriteExt;
use wharf_content::{
    DEFAULT_MAX_MANIFEST_BYTES, Outcome, PlatformFilter, Progress, ReadTarget, collect, resolve_platform,
    verified,
};
use wharf_oci::{Descriptor, Digest, Manifest, Reference, media_type};

use super::verify;
use crate::cli::Output;
use crate::exit::{Status, Usage};
use crate::files;
use crate::place::{FORMS, Place};
use crate::progress;
use crate::remote::{Connection, Identity};
use crate::terminal::{self, NAME, styled};

/// The longest config of a chart that is read, in bytes.
const MAX_CONFIG_BYTES: u64 = 1024 * 1024;

/// Pull the files of an artifact, or the archive of a chart.
///
/// Each file is verified before it appears under its name; nothing is written outside the folder. An image has layers
/// and no files: wharf cp keeps it whole.
#[derive(Debug, clap::Args)]
#[command(after_help = format!("\
{FORMS}

Examples:
  wharf pull localhost:5000/shop/reports:2026-11
  wharf pull localhost:5000/shop/storefront:1.4.0 --to ./charts
  wharf pull localhost:5000/shop/storefront:1.4.0 --policy trust.yaml
  wharf pull tar:report.tar:v1 --to ./out --overwrite"))]
pub(crate) struct Args {
    /// The artifact, by tag or digest.
    #[arg(value_name = "PLACE")]
    place: Place,

    /// The folder to write to; it is made where there is none.
    #[arg(long, value_name = "DIR", default_value = ".")]
    to: PathBuf,

    /// Replace files that are there.
    #[arg(long)]
    overwrite: bool,

    /// Of an index, the artifact of this platform.
    #[arg(long, value_name = "PLATFORM")]
    platform: Option<PlatformFilter>,

    /// Verify the artifact by this trust policy first, and pull exactly what was verified.
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,

    /// The name by which the policy judges, instead of that of the repository.
    #[arg(long = "as", value_name = "HOST/REPOSITORY", requires = "policy")]
    judged_as: Option<String>,

    /// Say what would be written, and write nothing.
    #[arg(long)]
    dry_run: bool,

    /// How to write the result.
    #[arg(short, long, value_enum, default_value_t, value_name = "FORM")]
    output: Output,

    #[command(flatten)]
    connection: Connection,
}

#[derive(Serialize)]
struct File {
    path: PathBuf,
    digest: Digest,
    size: u64,
}

pub(crate) async fn run(args: Args) -> anyhow::Result<Status> {
    let target = args.place.open(&args.connection, &Identity::default()).await?;
    let mut reference = args.place.named()?;
    if let Some(policy) = &args.policy {
        let artifact = target.resolve(&reference).await?;
        let pinned = matches!(reference, Reference::Digest(_));
        let decision =
            verify::decide(policy, args.judged_as.as_deref(), &args.place, &*target, &artifact, pinned);
        let decision = decision.await?;
        if !decision.is_allowed() {
            verify::show(&args.place.to_string(), &decision, args.output)?;
            return Ok(Status::Signature);
        }
        // What was verified is what is pulled, wherever the tag goes meanwhile.
        reference = Reference::Digest(artifact.digest);
    }
    let raw = match &args.platform {
        Some(platform) => resolve_platform(&*target, &reference, platform).await?,
        None => target.fetch_manifest(&reference, DEFAULT_MAX_MANIFEST_BYTES).await?,
    };
    let manifest = raw.parse()?;
    let named = named(&*target, &manifest, &args.place).await?;
    let progress = progress::for_transfers();
    let mut written = Vec::new();
    let mut places = Vec::new();
    for (name, layer) in &named {
        let path =
            files::place(&args.to, name, false).with_context(|| format!("the file is called {name:?}"))?;
        if path.exists() && !args.overwrite {
            bail!(Usage(format!("{} is there already; --overwrite replaces it", path.display())));
        }
        places.push(path.clone());
        written.push(File { path, digest: layer.digest.clone(), size: layer.size });
    }
    if !args.dry_run {
        for ((name, layer), path) in named.iter().zip(&places) {
            progress.started(layer);
            write(&*target, layer, name, path, &args.to, &*progress).await?;
            progress.finished(layer, Outcome::Carried);
        }
    }
    match args.output {
        Output::Json => {
            let report =
                serde_json::json!({ "digest": raw.digest, "files": written, "dryRun": args.dry_run });
            terminal::line(serde_json::to_string_pretty(&report)?);
        }
        Output::Text => {
            let verb = if args.dry_run { "Would pull" } else { "Pulled" };
            for File { path, size, .. } in &written {
                let path = path.strip_prefix(std::env::current_dir()?).unwrap_or(path).display();
                terminal::step(verb, format_args!("{} ({})", styled(NAME, path), terminal::size(*size)));
            }
            terminal::more(&raw.digest);
        }
    }
    Ok(Status::Done)
}

/// Returns the layers that are files, with their names: their titles, or what Helm calls a chart's.
async fn named(
    target: &dyn ReadTarget,
    manifest: &Manifest,
    place: &Place,
) -> anyhow::Result<Vec<(String, Descriptor)>> {
    let Some(config) = &manifest.config else {
        bail!(Usage(format!("{place} is an index: choose with --platform, or keep it whole with wharf cp")));
    };
    let chart = match config.media_type.as_str() {
        media_type::HELM_CONFIG => {
            let bytes = verified(target.fetch_blob(config, 0).await?, config);
            let bytes = collect(bytes, MAX_CONFIG_BYTES).await?;
            Some(serde_json::from_slice::<Chart>(&bytes).context("the chart's config names no chart")?)
        }
        _ => None,
    };
    let name_of = |layer: &Descriptor| match (layer.media_type.as_str(), &chart) {
        (media_type::HELM_CHART, Some(chart)) => Some(format!("{}-{}.tgz", chart.name, chart.version)),
        (media_type::HELM_PROVENANCE, Some(chart)) => {
            Some(format!("{}-{}.tgz.prov", chart.name, chart.version))
        }
        _ => layer.annotations.get(files::TITLE).cloned(),
    };
    let named: Vec<(String, Descriptor)> =
        manifest.layers.iter().filter_map(|layer| Some((name_of(layer)?, layer.clone()))).collect();
    if named.is_empty() {
        bail!(Usage(format!("{place} has no files, only layers without names; keep it whole with wharf cp")));
    }
    Ok(named)
}

#[derive(Deserialize)]
struct Chart {
    name: String,
    version: String,
}

/// Fetches a layer beside its place, verifies it, and puts it there.
async fn write(
    target: &dyn ReadTarget,
    layer: &Descriptor,
    name: &str,
    path: &Path,
    root: &Path,
    progress: &dyn Progress,
) -> anyhow::Result<()> {
    let folder = path.parent().unwrap_or(root);
    std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let temporary =
        NamedTempFile::new_in(folder).with_context(|| format!("cannot write to {}", folder.display()))?;
    let mut file = tokio::fs::File::from_std(temporary.reopen()?);
    let mut bytes = verified(target.fetch_blob(layer, 0).await?, layer);
    let mut at = 0;
    while let Some(piece) = bytes.try_next().await? {
        file.write_all(&piece).await.with_context(|| format!("cannot write {}", path.display()))?;
        at += piece.len() as u64;
        progress.advanced(&layer.digest, at);
    }
    file.flush().await?;
    if layer.annotations.get(files::UNPACK).is_some_and(|unpack| unpack == "true") {
        let content = layer.annotations.get(files::CONTENT_DIGEST).and_then(|digest| digest.parse().ok());
        let (name, root) = (name.to_owned(), root.to_owned());
        return tokio::task::spawn_blocking(move || {
            files::unpack(temporary.path(), &name, &root.join(&name), content.as_ref())
        })
        .await?;
    }
    let permissions = std::os::unix::fs::PermissionsExt::from_mode(0o644);
    temporary.as_file().set_permissions(permissions)?;
    temporary.persist(path).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(())
}
