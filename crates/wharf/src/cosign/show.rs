//! `cosign tree`, `triangulate`, `download signature|attestation` and `clean`

use std::io::Write;

use anyhow::{Context as _, bail};
use wharf_content::{ErrorKind, ReadTarget as _, Target as _, sibling_tag};
use wharf_oci::Reference;
use wharf_trust::{SIGNATURE_ANNOTATION, predicate_type};

use super::image::Image;
use super::verifying::text;
use super::{note, one, tables, waiting};
use crate::cobra::Command;
use crate::cobra::flags::Kind::{Missing, Switch, Text, TextDefault};
use crate::cobra::flags::{Given, flag, short};
use crate::papers;

pub(super) const TREE: Command = Command {
    path: &["cosign", "tree"],
    usage: "[flags] IMAGE",
    about: "Display what is attached to an image: signatures, attestations and SBOMs, in both layouts",
    flags: &[tables::REGISTRY],
    run: tree,
};

pub(super) const TRIANGULATE: Command = Command {
    path: &["cosign", "triangulate"],
    usage: "[flags] IMAGE",
    about: "Outputs the located cosign image reference: where older versions store signatures",
    flags: &[
        tables::REGISTRY,
        &[flag(
            "type",
            TextDefault("signature"),
            "related attachment to triangulate (attestation|sbom|signature|digest)",
        )],
    ],
    run: triangulate,
};

pub(super) const DOWNLOAD_SIGNATURE: Command = Command {
    path: &["cosign", "download", "signature"],
    usage: "[flags] IMAGE",
    about: "Download signatures from the supplied container image",
    flags: &[tables::REGISTRY],
    run: download_signature,
};

pub(super) const DOWNLOAD_ATTESTATION: Command = Command {
    path: &["cosign", "download", "attestation"],
    usage: "[flags] IMAGE",
    about: "Download in-toto attestations from the supplied container image",
    flags: &[
        tables::REGISTRY,
        &[
            flag("predicate-type", Text, "download attestation with matching predicateType"),
            flag("platform", Missing, ""),
        ],
    ],
    run: download_attestation,
};

pub(super) const DOWNLOAD_SBOM: Command = Command {
    path: &["cosign", "download", "sbom"],
    usage: "[flags] IMAGE",
    about: "DEPRECATED: Download SBOMs from the supplied container image",
    flags: &[tables::REGISTRY, &[flag("platform", Missing, "")]],
    run: download_sbom,
};

pub(super) const CLEAN: Command = Command {
    path: &["cosign", "clean"],
    usage: "[flags] IMAGE",
    about: "Remove signatures, attestations and SBOMs from an image",
    flags: &[
        tables::REGISTRY,
        &[
            flag(
                "type",
                TextDefault("all"),
                "a type of clean: signature, attestation, sbom, referrer or all",
            ),
            short('f', "force", Switch, "do not prompt for confirmation"),
        ],
    ],
    run: clean,
};

/// What older versions attach, with its sign in the tree.
const KINDS: [(&str, &str); 3] = [("att", "💾 Attestations"), ("sig", "🔐 Signatures"), ("sbom", "📦 SBOMs")];

fn tree(given: &Given, arguments: &[String], out: &mut dyn Write) -> anyhow::Result<()> {
    let written = one(arguments)?;
    waiting(given, async {
        let image = Image::resolve(given, written).await?;
        let place = image.papers_repository();
        writeln!(out, "📦 Supply Chain Security Related artifacts for an image: {written}")?;
        let mut any = false;
        for (end, about) in KINDS {
            let layers = papers::layers(&image.papers, image.digest(), end).await?;
            let Some(tag) = sibling_tag(image.digest(), end).filter(|_| !layers.is_empty()) else { continue };
            any = true;
            writeln!(out, "└── {about} for an image tag: {place}:{tag}")?;
            for layer in layers {
                writeln!(out, "   └── 🍒 {}", layer.descriptor.digest)?;
            }
        }
        for paper in papers::bundles(&image.papers, image.digest()).await? {
            any = true;
            let kind = paper.claimed_type.as_deref().unwrap_or(wharf_trust::BUNDLE_V03);
            writeln!(
                out,
                "└── 🔗 {} artifacts via OCI referrer: {place}@{}",
                kind.escape_default(),
                paper.manifest
            )?;
            writeln!(out, "   └── 🍒 {}", paper.layer)?;
        }
        if !any {
            writeln!(out, "No Supply Chain Security Related Artifacts found for image {written}")?;
        }
        Ok(())
    })
}

fn triangulate(given: &Given, arguments: &[String], out: &mut dyn Write) -> anyhow::Result<()> {
    let written = one(arguments)?;
    note(
        "Command \"triangulate\" is deprecated, triangulate will be removed in v4.0.0 (see https://github.com/sigstore/cosign/issues/4696). \
         Instead, please use `oras discover` or `cosign tree` to show referring artifacts",
    );
    waiting(given, async {
        let image = Image::resolve(given, written).await?;
        let end = match given.text("type") {
            Some("signature") => "sig",
            Some("attestation") => "att",
            Some("sbom") => "sbom",
            Some("digest") => return Ok(writeln!(out, "{}@{}", image.repository(), image.digest())?),
            other => bail!("unknown attachment type {}", other.unwrap_or_default()),
        };
        let tag = sibling_tag(image.digest(), end).context("the digest is too long for a tag")?;
        Ok(writeln!(out, "{}:{tag}", image.papers_repository())?)
    })
}

fn download_signature(given: &Given, arguments: &[String], out: &mut dyn Write) -> anyhow::Result<()> {
    let written = one(arguments)?;
    waiting(given, async {
        let image = Image::resolve(given, written).await?;
        let bundles = papers::bundles(&image.papers, image.digest()).await?;
        for paper in bundles.iter().filter_map(|paper| paper.bundle.as_ref().ok()) {
            writeln!(out, "{}", String::from_utf8_lossy(&paper.to_json()))?;
        }
        let layers = papers::layers(&image.papers, image.digest(), papers::SIGNATURE).await?;
        for layer in &layers {
            let signature = layer.descriptor.annotations.get(SIGNATURE_ANNOTATION);
            let payload = wharf_trust::Base64(layer.bytes.to_vec()).to_string();
            writeln!(out, "{}", serde_json::json!({ "Base64Signature": signature, "Payload": payload }))?;
        }
        anyhow::ensure!(!bundles.is_empty() || !layers.is_empty(), "no signatures associated with {written}");
        Ok(())
    })
}

fn download_attestation(given: &Given, arguments: &[String], out: &mut dyn Write) -> anyhow::Result<()> {
    let written = one(arguments)?;
    let wanted = text(given, "predicate-type").map(predicate_type).transpose()?;
    waiting(given, async {
        let image = Image::resolve(given, written).await?;
        let mut any = false;
        for paper in papers::bundles(&image.papers, image.digest()).await? {
            let Ok(bundle) = &paper.bundle else { continue };
            if wanted.is_some() && paper.claimed_type.as_deref() != wanted {
                continue;
            }
            any = true;
            writeln!(out, "{}", String::from_utf8_lossy(&bundle.to_json()))?;
        }
        for layer in papers::layers(&image.papers, image.digest(), papers::ATTESTATION).await? {
            let claimed = layer.descriptor.annotations.get("predicateType").map(String::as_str);
            if wanted.is_none() || claimed == wanted {
                any = true;
                writeln!(out, "{}", String::from_utf8_lossy(&layer.bytes))?;
            }
        }
        anyhow::ensure!(any, "found no attestations");
        Ok(())
    })
}

fn download_sbom(given: &Given, arguments: &[String], out: &mut dyn Write) -> anyhow::Result<()> {
    let written = one(arguments)?;
    note(super::attach::SBOM_DEPRECATED);
    super::warning(
        "Downloading SBOMs this way does not ensure its authenticity. If you want to ensure a tamper-proof SBOM, download it using 'cosign download attestation <image uri>'.",
    );
    waiting(given, async {
        let image = Image::resolve(given, written).await?;
        let layers = papers::layers(&image.papers, image.digest(), papers::SBOM).await?;
        let [sbom] = layers.as_slice() else {
            bail!(if layers.is_empty() {
                "no sbom attached to reference"
            } else {
                "more than one SBOM is attached"
            });
        };
        note(&format!("Found SBOM of media type: {}", sbom.descriptor.media_type));
        Ok(out.write_all(&sbom.bytes)?)
    })
}

fn clean(given: &Given, arguments: &[String], _: &mut dyn Write) -> anyhow::Result<()> {
    let written = one(arguments)?;
    let (ends, referrers): (&[&str], bool) = match given.text("type") {
        Some("all") => (&["sig", "att", "sbom"], true),
        Some("signature") => (&["sig"], false),
        Some("attestation") => (&["att"], false),
        Some("sbom") => (&["sbom"], false),
        Some("referrer") => (&[], true),
        other => bail!("invalid clean type: {}", other.unwrap_or_default()),
    };
    waiting(given, async {
        let image = Image::resolve(given, written).await?;
        if !given.is_on("force") {
            super::warning(&format!(
                "this will remove all {} papers of {written}",
                given.text("type").unwrap_or_default()
            ));
            super::keys::confirm()?;
        }
        for tag in ends.iter().filter_map(|end| sibling_tag(image.digest(), end)) {
            let reference = Reference::Tag(tag);
            match image.papers.resolve(&reference).await {
                Ok(_) => image.papers.delete_manifest(&reference).await?,
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                Err(error) => return Err(error.into()),
            }
            note(&format!("Removed {reference} from {written}"));
        }
        if referrers {
            for paper in papers::bundles(&image.papers, image.digest()).await? {
                image.papers.delete_manifest(&Reference::Digest(paper.manifest.clone())).await?;
                note(&format!("Removed {}@{} from {written}", image.papers_repository(), paper.manifest));
            }
        }
        Ok(())
    })
}
