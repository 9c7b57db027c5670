//! `wharf inspect`

use std::collections::HashSet;
use std::pin::Pin;

use serde::Serialize;
use serde_json::Value;
use wharf_content::{DEFAULT_MAX_MANIFEST_BYTES, PaperKind, PaperOptions, ReadTarget, papers};
use wharf_oci::{Descriptor, Digest, Reference, Tag};

use crate::cli::Output;
use crate::exit::Status;
use crate::place::{FORMS, Place};
use crate::remote::{Connection, Identity};
use crate::terminal::{self, FAINT, NAME, styled};

/// How many manifests are shown at most.
const MAX: usize = 2_000;

/// Show an artifact: what it is made of, and everything attached to it.
#[derive(Debug, clap::Args)]
#[command(after_help = format!("\
{FORMS}

Examples:
  wharf inspect localhost:5000/shop/web:1.4.0
  wharf inspect tar:web.tar:1.4.0 --output json
  wharf inspect localhost:5000/shop/web:1.4.0 --raw"))]
pub(crate) struct Args {
    /// The artifact, by tag or digest.
    #[arg(value_name = "PLACE")]
    place: Place,

    /// Write the manifest as it is, byte for byte, and nothing else.
    #[arg(long, conflicts_with = "output")]
    raw: bool,

    /// How to write the result.
    #[arg(short, long, value_enum, default_value_t, value_name = "FORM")]
    output: Output,

    #[command(flatten)]
    connection: Connection,
}

/// A manifest with what it leads to.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Node {
    digest: Digest,
    media_type: String,
    size: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    artifact_type: Option<String>,
    /// How it is reached from the one above.
    #[serde(skip_serializing_if = "Option::is_none")]
    relation: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    platform: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tag: Option<Tag>,
    #[serde(skip_serializing_if = "Option::is_none")]
    manifest: Option<Value>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    blobs: Vec<Descriptor>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    children: Vec<Self>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    papers: Vec<Self>,
}

pub(crate) async fn run(args: Args) -> anyhow::Result<Status> {
    let target = args.place.open(&args.connection, &Identity::default()).await?;
    let reference = args.place.named()?;
    let root = target.fetch_manifest(&reference, DEFAULT_MAX_MANIFEST_BYTES).await?;
    if args.raw {
        use std::io::Write;
        std::io::stdout().write_all(&root.bytes)?;
        return Ok(Status::Done);
    }
    let mut seen = HashSet::new();
    let tree = node(&*target, root.descriptor(), None, &mut seen).await?;
    match args.output {
        Output::Json => terminal::line(serde_json::to_string_pretty(&tree)?),
        Output::Text => {
            terminal::line(styled(NAME, &args.place));
            print(&tree, "");
        }
    }
    Ok(Status::Done)
}

/// Reads a manifest with everything below it; one that was seen already is named and not followed.
fn node<'a>(
    target: &'a dyn ReadTarget,
    descriptor: Descriptor,
    relation: Option<&'static str>,
    seen: &'a mut HashSet<Digest>,
) -> Pin<Box<dyn Future<Output = anyhow::Result<Node>> + Send + 'a>> {
    Box::pin(async move {
        let platform = descriptor.platform.as_ref().map(|platform| {
            let variant = platform.variant.iter().map(|variant| format!("/{variant}")).collect::<String>();
            format!("{}/{}{variant}", platform.os, platform.architecture)
        });
        let mut node = Node {
            digest: descriptor.digest.clone(),
            media_type: descriptor.media_type.clone(),
            size: descriptor.size,
            artifact_type: descriptor.artifact_type,
            relation,
            platform,
            tag: None,
            manifest: None,
            blobs: Vec::new(),
            children: Vec::new(),
            papers: Vec::new(),
        };
        if seen.len() >= MAX || !seen.insert(descriptor.digest.clone()) {
            return Ok(node);
        }
        let reference = Reference::Digest(descriptor.digest.clone());
        let raw = match target.fetch_manifest(&reference, DEFAULT_MAX_MANIFEST_BYTES).await {
            Ok(raw) => raw,
            // An index may list what is not there.
            Err(error) if error.kind() == wharf_content::ErrorKind::NotFound && relation.is_some() => {
                node.relation = Some("absent");
                return Ok(node);
            }
            Err(error) => return Err(error.into()),
        };
        let parsed = raw.parse()?;
        node.artifact_type = parsed.effective_artifact_type().map(str::to_owned);
        if relation.is_none() {
            node.manifest = serde_json::from_slice(&raw.bytes).ok();
        }
        node.blobs = parsed.blobs().cloned().collect();
        let found = papers(target, &descriptor.digest, &PaperOptions::ALL).await?;
        let attestations: HashSet<Digest> = found
            .iter()
            .filter(|paper| paper.kind == PaperKind::Attestation)
            .map(|paper| paper.descriptor.digest.clone())
            .collect();
        for child in parsed.manifests {
            let relation = if attestations.contains(&child.digest) { "attestation" } else { "child" };
            node.children.push(self::node(target, child, Some(relation), seen).await?);
        }
        for paper in found.into_iter().filter(|paper| paper.kind != PaperKind::Attestation) {
            let relation = if paper.tag.is_some() { "by tag" } else { "referrer" };
            let below = self::node(target, paper.descriptor, Some(relation), seen).await?;
            node.papers.push(Node { tag: paper.tag, ..below });
        }
        Ok(node)
    })
}

fn print(node: &Node, indent: &str) {
    let clean = |text: &str| text.chars().filter(|c| !c.is_control()).collect::<String>();
    let kind = clean(node.artifact_type.as_deref().unwrap_or(&node.media_type));
    let details =
        [node.relation, node.platform.as_deref()].into_iter().flatten().collect::<Vec<_>>().join(", ");
    let details = if details.is_empty() { details } else { format!("  [{}]", clean(&details)) };
    terminal::line(format_args!("{indent}{}  {kind}{details}", styled(FAINT, &node.digest)));
    let inner = format!("{indent}  ");
    for blob in &node.blobs {
        let title = blob.annotations.get(crate::files::TITLE).map(|title| clean(title)).unwrap_or_default();
        let size = terminal::size(blob.size);
        terminal::line(format_args!(
            "{inner}{:.19}  {size:>10}  {} {title}",
            blob.digest.as_str(),
            clean(&blob.media_type)
        ));
    }
    node.children.iter().chain(&node.papers).for_each(|below| print(below, &inner));
}
