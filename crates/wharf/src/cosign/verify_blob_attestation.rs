//! `cosign verify-blob-attestation`

use std::io::Write;

use anyhow::{Context as _, bail, ensure};
use wharf_trust::{Artifact, Bundle, HashAlgorithm, Statement, predicate_type};

use super::verifying::{Demands, text};
use super::{blob, note, tables};
use crate::cobra::Command;
use crate::cobra::flags::Kind::{Missing, SwitchOn, Text};
use crate::cobra::flags::{Given, flag};

pub(super) const COMMAND: Command = Command {
    path: &["cosign", "verify-blob-attestation"],
    usage: "[flags] [FILE]",
    about: "Verify an attestation on the supplied blob, without asking anybody.",
    flags: &[
        tables::VERIFYING,
        tables::TIMESTAMP,
        tables::PREDICATE_TYPE,
        &[
            flag("bundle", Text, "path to bundle FILE"),
            flag(
                "check-claims",
                SwitchOn,
                "whether the statement must be about the blob; if not, only its signature is verified",
            ),
            flag("digest", Text, "digest of the blob, instead of the blob"),
            flag("digestAlg", Text, "algorithm of that digest"),
            flag("signature", Missing, "").deprecated("please use --bundle to provide a signature"),
        ],
    ],
    run,
};

fn run(given: &Given, arguments: &[String], _: &mut dyn Write) -> anyhow::Result<()> {
    let claims = given.is_on("check-claims");
    let digest = (text(given, "digest"), text(given, "digestAlg"));
    ensure!(arguments.len() <= 1, "accepts at most 1 arg(s), received {}", arguments.len());
    let path = arguments.first();
    ensure!(
        path.is_some() || !claims || digest.0.is_some(),
        "no path to blob passed in, run `cosign verify-blob-attestation -h` for more help"
    );
    let Some(bundle) = text(given, "bundle") else {
        bail!("please specify path to the bundle with --bundle")
    };
    let demands = Demands::read(given, "blob attestation")?;
    let bundle = super::verify_blob::read_bundle(&demands, bundle)?;
    let artifact = match (path, digest) {
        _ if !claims => None,
        (_, (Some(digest), Some(algorithm))) => Some(blob::digest(algorithm, digest)?),
        (_, (Some(_), None) | (None, Some(_))) => bail!("--digest and --digestAlg belong together"),
        (Some(path), _) => Some(blob::artifact(path, &HashAlgorithm::ALL, false)?),
        (None, _) => None,
    };
    let statement = verify(&demands, &bundle, artifact.as_ref()).context("failed to verify signature")?;
    let kind = given.text("type").unwrap_or_default();
    let wanted = predicate_type(kind)?;
    ensure!(
        statement.predicate_type == wanted,
        "invalid predicate type, expected {kind} got {}",
        statement.predicate_type
    );
    note("Verified OK");
    Ok(())
}

fn verify(demands: &Demands, bundle: &Bundle, artifact: Option<&Artifact>) -> anyhow::Result<Statement> {
    let verified = demands.verifier().verify_statement(bundle)?;
    if let Some(artifact) = artifact {
        verified.value().check_subject(artifact)?;
    }
    Ok(verified.into_parts().0)
}
