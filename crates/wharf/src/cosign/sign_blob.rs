//! `cosign sign-blob`

use std::io::Write;

use anyhow::{Context as _, ensure};
use wharf_trust::{Base64, Bundle};

use super::verifying::text;
use super::{blob, note, signing, tables, waiting};
use crate::cobra::Command;
use crate::cobra::flags::Kind::{SwitchOn, Text, TextDefault};
use crate::cobra::flags::{Given, flag};
use crate::sigstore::Signer;

const INSTEAD: &str =
    "please use --bundle to provide the output bundle location, which will include the signature";

pub(super) const COMMAND: Command = Command {
    path: &["cosign", "sign-blob"],
    usage: "[flags] FILE...",
    about: "Sign the supplied blob and write a bundle that holds the signature.\n\n\
            By key, or without one as whoever an identity provider vouches for. What services answer is verified before it is written.\n\
            Offline: --key with --use-signing-config=false --tlog-upload=false, or with a --signing-config without services.",
    flags: &[
        tables::SIGNING,
        &[
            flag("bundle", Text, "write everything required to verify the blob to a FILE"),
            flag(
                "signing-algorithm",
                TextDefault("ecdsa-sha2-256-nistp256"),
                "the kind of a fresh key; a key of --key has one already",
            ),
            flag("output-signature", Text, "").deprecated(INSTEAD),
            flag("output", Text, "").deprecated(INSTEAD),
            flag("b64", SwitchOn, "")
                .deprecated("please use --bundle, which already base64 encodes content as appropriate"),
            flag("output-certificate", Text, "").deprecated(
                "please use --bundle to provide the output bundle location, which will include the certificate",
            ),
            flag("rfc3161-timestamp", Text, "").deprecated(
                "please use --bundle to provide the output bundle location, which will include the signed timestamp",
            ),
        ],
    ],
    run,
};

fn run(given: &Given, arguments: &[String], out: &mut dyn Write) -> anyhow::Result<()> {
    let bundle = text(given, "bundle");
    ensure!(
        !given.is_on("new-bundle-format") || bundle.is_some(),
        "must specify --bundle with --new-bundle-format"
    );
    ensure!(!arguments.is_empty(), "requires at least 1 arg(s), only received 0");
    for path in arguments {
        sign(given, path, out).with_context(|| format!("signing {path}"))?;
    }
    Ok(())
}

fn sign(given: &Given, path: &str, out: &mut dyn Write) -> anyhow::Result<()> {
    let plan = signing::plan(given).context("getting keypair and token")?;
    if path != "-" {
        note(&format!("Using payload from: {path}"));
    }
    let bytes = blob::read(path).context("getting payload")?;
    let (signer, bundle) = waiting(given, async {
        let signer = Signer::open(plan).await.context("getting keypair and token")?;
        note("Signing artifact...");
        let bundle = signer.artifact(&bytes).await.context("signing bundle")?;
        Ok((signer, bundle))
    })?;
    let place = text(given, "bundle");
    if given.is_on("new-bundle-format") {
        let place = place.context("must specify --bundle with --new-bundle-format")?;
        blob::write_private(place, &bundle.to_json()).context("create bundle file")?;
        note(&format!("Wrote bundle to file {place}"));
        return Ok(());
    }
    if let Some(place) = place {
        let old = bundle.to_legacy_file(signer.key().public()).context("creating legacy bundle")?;
        blob::write_private(place, &old).context("create bundle file")?;
        note(&format!("Wrote bundle to file {place}"));
    }
    write_parts(given, &bundle, out)
}

/// Writes the parts of a signature one by one, as before there were bundles.
fn write_parts(given: &Given, bundle: &Bundle, out: &mut dyn Write) -> anyhow::Result<()> {
    let encoded = given.is_on("b64");
    let form = |bytes: &[u8]| match encoded {
        true => Base64::from(bytes).to_string().into_bytes(),
        false => bytes.to_vec(),
    };
    let signature = form(bundle.signature()?);
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
    if let (Some(place), Some(certificate)) =
        (text(given, "output-certificate"), bundle.unverified_certificate()?)
    {
        blob::write_private(place, &form(certificate.to_pem().as_bytes()))
            .context("create certificate file")?;
        note(&format!("Wrote certificate to file {place}"));
    }
    if let (Some(place), Some(stamp)) = (text(given, "rfc3161-timestamp"), bundle.legacy_timestamp()) {
        blob::write_private(place, stamp.as_bytes()).context("create timestamp file")?;
        note(&format!("Wrote timestamp to file {place}"));
    }
    Ok(())
}
