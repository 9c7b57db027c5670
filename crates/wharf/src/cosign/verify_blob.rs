//! `cosign verify-blob`

use std::io::Write;

use anyhow::{Context as _, bail, ensure};
use wharf_trust::{Base64, Bundle, KeyKind};

use super::verifying::{Demands, text};
use super::{blob, note, one, tables};
use crate::cobra::Command;
use crate::cobra::flags::Kind::Text;
use crate::cobra::flags::{Given, flag};

pub(super) const COMMAND: Command = Command {
    path: &["cosign", "verify-blob"],
    usage: "[flags] FILE",
    about: "Verify a signature on the supplied blob, without asking anybody.\n\n\
            The blob is a path, - for standard input, or a digest such as sha256:… of a blob that lies elsewhere.",
    flags: &[
        tables::VERIFYING,
        tables::TIMESTAMP,
        &[
            flag("bundle", Text, "path to bundle FILE"),
            flag("signature", Text, "").deprecated("please use --bundle to provide a signature"),
        ],
    ],
    run,
};

fn run(given: &Given, arguments: &[String], _: &mut dyn Write) -> anyhow::Result<()> {
    let path = one(arguments)?;
    let (key, bundle) = (text(given, "key"), text(given, "bundle"));
    if key.is_none() && bundle.is_none() && text(given, "certificate").is_none() {
        bail!(
            "provide a key with --key or --sk, a certificate to verify against with --certificate, or a bundle with --bundle"
        );
    }
    let demands = Demands::read(given, "blob")?;
    match (bundle, text(given, "signature")) {
        (Some(bundle), None) => with_bundle(&demands, bundle, path)?,
        (None, Some(signature)) => with_signature(given, &demands, signature, path)?,
        (Some(_), Some(_)) => {
            bail!(
                "unsupported: signature may not be provided using --signature when using --new-bundle-format"
            )
        }
        (None, None) => bail!("missing flag '--signature'"),
    }
    note("Verified OK");
    Ok(())
}

fn with_bundle(demands: &Demands, bundle: &str, path: &str) -> anyhow::Result<()> {
    let bundle = read_bundle(demands, bundle)?;
    let whole = demands.key().is_some_and(|key| key.kind() == KeyKind::Ed25519);
    let artifact = blob::artifact(path, &bundle.wanted_hashes(), whole)?;
    demands.verifier().verify_artifact(&bundle, &artifact).context("failed to verify signature")?;
    Ok(())
}

/// Reads a bundle, also of the form that cosign 1 and 2 wrote.
pub(super) fn read_bundle(demands: &Demands, path: &str) -> anyhow::Result<Bundle> {
    let text = blob::read(path).with_context(|| format!("reading {path}"))?;
    let new = match Bundle::from_json(&text) {
        Ok(bundle) => {
            demands.refuse_old_flags()?;
            return Ok(bundle);
        }
        Err(reason) => reason,
    };
    match Bundle::from_local_payload(&text) {
        Ok(bundle) => demands.complete(bundle),
        Err(_) => Err(new.into()),
    }
}

/// The older way: the signature in a file or on the command line, without a log.
fn with_signature(given: &Given, demands: &Demands, signature: &str, path: &str) -> anyhow::Result<()> {
    let verifier = demands.verifier();
    ensure!(
        !verifier.require_log,
        "a signature without bundle has no proof of a log; give --insecure-ignore-tlog to do without"
    );
    let raw = blob::read(signature).unwrap_or_else(|_| signature.as_bytes().to_vec());
    let raw = match std::str::from_utf8(&raw).map(|text| text.trim().parse::<Base64>()) {
        Ok(Ok(decoded)) => decoded.0,
        _ => raw,
    };
    let bytes = blob::read(path)?;
    let Some(key) = demands.key() else {
        ensure!(
            text(given, "certificate").is_some(),
            "a signature without bundle needs --key or --certificate"
        );
        let mut bundle = demands.complete(Bundle::of_signature(&bytes, raw))?;
        if let Some(path) = text(given, "rfc3161-timestamp") {
            bundle.add_timestamp(super::bundle::timestamp(path)?);
        }
        let artifact = wharf_trust::Artifact::from_bytes(bytes);
        verifier.verify_artifact(&bundle, &artifact).context("failed to verify signature")?;
        return Ok(());
    };
    let schemes = key.accepted_schemes();
    ensure!(
        schemes.iter().any(|scheme| key.verify(*scheme, &bytes, &raw).is_ok()),
        "failed to verify signature: {signature} is not over {path} by key {}",
        key.hint()
    );
    Ok(())
}
