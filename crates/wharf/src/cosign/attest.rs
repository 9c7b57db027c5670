//! `cosign attest`

use std::io::Write;

use anyhow::{Context as _, ensure};
use wharf_trust::Statement;

use super::attest_blob::{check_source, now, statement, statement_file};
use super::image::Image;
use super::sign::warn_of_tag;
use super::verifying::text;
use super::{blob, note, one, signing, tables, waiting};
use crate::cobra::Command;
use crate::cobra::flags::Kind::{IgnoredSwitch, MissingSwitch, Switch, Text};
use crate::cobra::flags::{Given, flag, short};
use crate::papers;
use crate::sigstore::Signer;

pub(super) const COMMAND: Command = Command {
    path: &["cosign", "attest"],
    usage: "[flags] IMAGE",
    about: "Attest the supplied container image, chart or other artifact: sign a statement about it and attach it.\n\n\
            By key, or without one as whoever an identity provider vouches for. What services answer is verified before it is attached.\n\
            Offline: --key with --use-signing-config=false --tlog-upload=false, or with a --signing-config without services.",
    flags: &[
        tables::SIGNING,
        tables::REGISTRY,
        tables::PREDICATE_TYPE,
        tables::STATED,
        &[
            flag("no-upload", Switch, "do not upload the generated attestation"),
            flag("bundle", Text, "write everything required to verify the attestation to a FILE"),
            short('r', "recursive", MissingSwitch, ""),
            flag("replace", MissingSwitch, "").deprecated("attestations are added"),
            flag("record-creation-timestamp", IgnoredSwitch, "").deprecated("the new format always holds it"),
        ],
    ],
    run,
};

/// Media type of an envelope as a layer.
const ENVELOPE: &str = "application/vnd.dsse.envelope.v1+json";

fn run(given: &Given, arguments: &[String], out: &mut dyn Write) -> anyhow::Result<()> {
    let written = one(arguments)?;
    check_source(given)?;
    let plan = signing::plan(given).context("getting keypair and token")?;
    waiting(given, async {
        let signer = Signer::open(plan).await.context("getting keypair and token")?;
        let image = Image::resolve(given, written).await?;
        warn_of_tag(&image);
        let payload = match text(given, "statement") {
            Some(path) => statement_file(path)?,
            None => {
                ensure!(
                    image.digest().algorithm_name() == "sha256",
                    "{} is not a sha256 digest",
                    image.digest()
                );
                statement(given, image.repository(), image.digest().encoded().to_owned())?.to_json()
            }
        };
        let predicate_type = Statement::from_json(&payload)?.predicate_type;
        note("Signing artifact...");
        let bundle = signer.statement(&payload).await?;
        if !given.is_on("new-bundle-format") {
            let envelope = bundle.unverified_envelope().expect("a statement is signed in one");
            let bytes = serde_json::to_vec(envelope)?;
            if given.is_on("no-upload") {
                return Ok(writeln!(out, "{}", String::from_utf8_lossy(&bytes))?);
            }
            let mut annotations = bundle.to_legacy_annotations(signer.chain())?;
            annotations.insert("predicateType".to_owned(), predicate_type);
            papers::append(&image.papers, image.digest(), papers::ATTESTATION, ENVELOPE, bytes, annotations)
                .await?;
            return Ok(());
        }
        if let Some(place) = text(given, "bundle") {
            blob::write_private(place, &bundle.to_json()).context("create bundle file")?;
            note(&format!("Wrote bundle to file {place}"));
        }
        if given.is_on("no-upload") {
            return Ok(writeln!(out, "{}", String::from_utf8_lossy(&bundle.to_json()))?);
        }
        papers::attach(&image.papers, &image.descriptor, &bundle, &predicate_type, &now()?).await?;
        Ok(())
    })
}
