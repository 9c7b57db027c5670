//! `cosign sign-blob`

use std::io::Write;

use anyhow::{Context as _, ensure};
use wharf_trust::Bundle;

use super::verifying::text;
use super::{blob, note, signing, tables};
use crate::cobra::Command;
use crate::cobra::flags::Kind::{Ignored, Missing, SwitchOn, Text};
use crate::cobra::flags::{Given, flag};

const INSTEAD: &str =
    "please use --bundle to provide the output bundle location, which will include the signature";

pub(super) const COMMAND: Command = Command {
    path: &["cosign", "sign-blob"],
    usage: "[flags] FILE...",
    about: "Sign the supplied blob and write a bundle that holds the signature.\n\n\
            Only offline by key: with --use-signing-config=false --tlog-upload=false, or a --signing-config without services.",
    flags: &[
        tables::SIGNING,
        &[
            flag("bundle", Text, "write everything required to verify the blob to a FILE"),
            flag("output-signature", Text, "").deprecated(INSTEAD),
            flag("output", Text, "").deprecated(INSTEAD),
            flag("b64", SwitchOn, "")
                .deprecated("please use --bundle, which already base64 encodes content as appropriate"),
            flag("output-certificate", Missing, "").deprecated("please use --bundle"),
            flag("rfc3161-timestamp", Missing, "").deprecated("please use --bundle"),
            flag("signing-algorithm", Ignored, "the key decides"),
        ],
    ],
    run,
};

fn run(given: &Given, arguments: &[String], out: &mut dyn Write) -> anyhow::Result<()> {
    let bundle = text(given, "bundle");
    let new = given.is_on("new-bundle-format");
    ensure!(!new || bundle.is_some(), "must specify --bundle with --new-bundle-format");
    ensure!(new || bundle.is_none(), "bundles in the old format are not built in wharf");
    ensure!(!arguments.is_empty(), "requires at least 1 arg(s), only received 0");
    for path in arguments {
        sign(given, path, bundle, out).with_context(|| format!("signing {path}"))?;
    }
    Ok(())
}

fn sign(given: &Given, path: &str, bundle: Option<&str>, out: &mut dyn Write) -> anyhow::Result<()> {
    let key = signing::key(given).context("getting keypair and token")?;
    if path != "-" {
        note(&format!("Using payload from: {path}"));
    }
    let bytes = blob::read(path).context("getting payload")?;
    if let Some(place) = bundle {
        let bundle = Bundle::sign_artifact(&bytes, &*key)?;
        blob::write_private(place, &bundle.to_json()).context("create bundle file")?;
        note(&format!("Wrote bundle to file {place}"));
        return Ok(());
    }
    let mut signature = key.sign(key.public().default_scheme(), &bytes)?;
    let encoded = given.is_on("b64");
    if encoded {
        signature = wharf_trust::Base64(signature).to_string().into_bytes();
    }
    match text(given, "output-signature").or_else(|| text(given, "output")) {
        Some(place) => {
            blob::write_private(place, &signature).context("create signature file")?;
            note(&format!("Wrote signature to file {place}"));
        }
        None => {
            out.write_all(&signature)?;
            if encoded {
                writeln!(out)?;
            }
        }
    }
    Ok(())
}
