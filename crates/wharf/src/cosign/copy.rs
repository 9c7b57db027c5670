//! `cosign copy`

use std::io::Write;

use anyhow::{bail, ensure};
use wharf_content::{CopyOptions, ErrorKind, PaperOptions, ReadTarget as _};
use wharf_oci::Reference;

use super::image::{self, Image};
use super::{note, tables, waiting_for_blobs};
use crate::cobra::Command;
use crate::cobra::flags::Kind::{Missing, Switch, Text};
use crate::cobra::flags::{Given, flag, short};

pub(super) const COMMAND: Command = Command {
    path: &["cosign", "copy"],
    usage: "[flags] SOURCE DESTINATION",
    about: "Copy the supplied container image and everything attached to it, in both layouts, byte for byte.",
    flags: &[
        tables::REGISTRY,
        &[
            short('f', "force", Switch, "overwrite destination image(s), if necessary"),
            flag("sig-only", Missing, ""),
            flag("only", Text, "custom string array to only copy specific items: not built"),
            flag("platform", Missing, ""),
        ],
    ],
    run,
};

fn run(given: &Given, arguments: &[String], _: &mut dyn Write) -> anyhow::Result<()> {
    let [from, to] = arguments else { bail!("accepts 2 arg(s), received {}", arguments.len()) };
    ensure!(!given.is_given("only"), "--only is not built in wharf yet; see docs/COMPATIBILITY.md");
    waiting_for_blobs(given, async {
        let source = Image::resolve(given, from).await?;
        let (reference, destination) = image::place(given, to).await?;
        let tags: Vec<_> = reference.tag.iter().cloned().collect();
        for tag in &tags {
            match destination.resolve(&Reference::Tag(tag.clone())).await {
                Ok(there) if there.digest != *source.digest() && !given.is_on("force") => {
                    bail!("image {to} already exists. Use `-f` to overwrite");
                }
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(error.into()),
            }
        }
        let options = CopyOptions {
            tags: Some(tags),
            papers: PaperOptions::ALL,
            replace_siblings: given.is_on("force"),
            ..CopyOptions::default()
        };
        let asked = Reference::Digest(source.digest().clone());
        wharf_content::copy(&source.target, &asked, &destination, &options).await?;
        note(&format!(
            "Copied {}@{} to {to} with everything attached to it",
            source.repository(),
            source.digest()
        ));
        Ok(())
    })
}
