//! `cosign copy`

use std::io::Write;

use anyhow::{Context as _, bail};
use wharf_client::RemoteRepository;
use wharf_content::{CopyOptions, ErrorKind, PaperOptions, ReadTarget as _};
use wharf_oci::{Digest, Reference, Tag};

use super::image::{self, Image};
use super::{note, tables, waiting_for_blobs};
use crate::cobra::Command;
use crate::cobra::flags::Kind::{List, Missing, Switch};
use crate::cobra::flags::{Given, flag, short};

pub(super) const COMMAND: Command = Command {
    path: &["cosign", "copy"],
    usage: "[flags] SOURCE DESTINATION",
    about: "Copy the supplied container image and everything attached to it, in both layouts, byte for byte.",
    flags: &[
        tables::REGISTRY,
        &[
            short('f', "force", Switch, "overwrite destination image(s), if necessary"),
            flag("sig-only", Switch, "only copy the image and its signatures of the older layout")
                .deprecated("use --only=sig"),
            flag(
                "only",
                List,
                "only copy the image, without its tag, and these of the older layout: sig, att, sbom",
            ),
            flag(
                "platform",
                Missing,
                "what was signed is the whole index; `wharf cp --platform` takes one image out of it",
            ),
        ],
    ],
    run,
};

fn run(given: &Given, arguments: &[String], _: &mut dyn Write) -> anyhow::Result<()> {
    let [from, to] = arguments else { bail!("accepts 2 arg(s), received {}", arguments.len()) };
    let only = only(given)?;
    waiting_for_blobs(given, async {
        let source = Image::resolve(given, from).await?;
        let (reference, destination) = image::place(given, to).await?;
        let asked = Reference::Digest(source.digest().clone());
        if !only.is_empty() {
            let none =
                CopyOptions { tags: Some(Vec::new()), papers: PaperOptions::NONE, ..CopyOptions::default() };
            wharf_content::copy(&source.target, &asked, &destination, &none).await?;
            for end in only {
                copy_sibling(given, &source, end, &destination).await?;
            }
            return Ok(());
        }
        let tags: Vec<_> = reference.tag.iter().cloned().collect();
        for tag in &tags {
            check_absent(given, &destination, tag, source.digest()).await?;
        }
        let options = CopyOptions {
            tags: Some(tags),
            papers: PaperOptions::ALL,
            replace_siblings: given.is_on("force"),
            ..CopyOptions::default()
        };
        wharf_content::copy(&source.target, &asked, &destination, &options).await?;
        note(&format!(
            "Copied {}@{} to {to} with everything attached to it",
            source.repository(),
            source.digest()
        ));
        Ok(())
    })
}

/// The ends of the sibling tags that alone are to be copied; none: everything is.
fn only(given: &Given) -> anyhow::Result<Vec<&str>> {
    const KNOWN: [&str; 3] = ["sig", "sbom", "att"];
    let mut ends: Vec<&str> = given.texts("only").iter().map(String::as_str).collect();
    if let Some(other) = ends.iter().find(|end| !KNOWN.contains(end)) {
        bail!(
            "invalid value for --only: {other}, only the following values are supported: [{}]",
            KNOWN.join(" ")
        );
    }
    ends.extend(given.is_on("sig-only").then_some("sig"));
    Ok(ends)
}

/// Copies what lies under a sibling tag, if anything does.
async fn copy_sibling(
    given: &Given,
    source: &Image,
    end: &str,
    destination: &RemoteRepository,
) -> anyhow::Result<()> {
    let tag = wharf_content::sibling_tag(source.digest(), end).context("the digest is too long for a tag")?;
    let found = match source.papers.resolve(&Reference::Tag(tag.clone())).await {
        Ok(found) => found,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    check_absent(given, destination, &tag, &found.digest).await?;
    note(&format!("Copying {}:{tag} to {}:{tag}...", source.papers.name(), destination.name()));
    let options = CopyOptions { tags: Some(vec![tag]), papers: PaperOptions::NONE, ..CopyOptions::default() };
    wharf_content::copy(&source.papers, &Reference::Digest(found.digest), destination, &options).await?;
    Ok(())
}

/// Fails where a tag points at other content, unless that may be overwritten.
async fn check_absent(
    given: &Given,
    destination: &RemoteRepository,
    tag: &Tag,
    digest: &Digest,
) -> anyhow::Result<()> {
    match destination.resolve(&Reference::Tag(tag.clone())).await {
        Ok(there) if there.digest != *digest && !given.is_on("force") => {
            bail!("image {}:{tag} already exists. Use `-f` to overwrite", destination.name());
        }
        Ok(_) => Ok(()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error.into()),
    }
}
