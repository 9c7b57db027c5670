//! `cosign attest-blob`

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use anyhow::{Context as _, bail};
use jiff::Timestamp;
use wharf_trust::{HashAlgorithm, STATEMENT_V01, Statement, Subject};

use super::verifying::text;
use super::{blob, note, signing, tables, waiting};
use crate::cobra::Command;
use crate::cobra::flags::Kind::{Missing, Text};
use crate::cobra::flags::{Given, flag};
use crate::papers;
use crate::sigstore::Signer;

pub(super) const COMMAND: Command = Command {
    path: &["cosign", "attest-blob"],
    usage: "[flags] FILE",
    about: "Attest the supplied blob: sign a statement about it and write a bundle.\n\n\
            By key, or without one as whoever an identity provider vouches for. What services answer is verified before it is written.\n\
            Offline: --key with --use-signing-config=false --tlog-upload=false, or with a --signing-config without services.",
    flags: &[
        tables::SIGNING,
        tables::OLD_OUTPUTS,
        tables::PREDICATE_TYPE,
        tables::STATED,
        &[
            flag("bundle", Text, "write everything required to verify the blob to a FILE"),
            flag("hash", Text, "hash of the blob in hexadecimal, if the blob lies elsewhere"),
            flag("output-attestation", Missing, "").deprecated("please use --bundle"),
            flag("rfc3161-timestamp", Missing, "").deprecated("please use --bundle"),
        ],
    ],
    run,
};

fn run(given: &Given, arguments: &[String], _: &mut dyn Write) -> anyhow::Result<()> {
    check_source(given)?;
    let Some(place) = text(given, "bundle") else { bail!("must specify --bundle with --new-bundle-format") };
    let payload = if let Some(path) = text(given, "statement") {
        statement_file(path)?
    } else {
        let [path] = arguments else { bail!("accepts 1 arg(s), received {}", arguments.len()) };
        let digest = match text(given, "hash") {
            Some(hash) => hash.to_lowercase(),
            None => {
                note(&format!("Using payload from: {path}"));
                hex(blob::artifact(path, &[HashAlgorithm::Sha256], false)?
                    .digest(HashAlgorithm::Sha256)
                    .unwrap_or_default())
            }
        };
        let name = Path::new(path)
            .file_name()
            .map_or_else(|| path.clone(), |name| name.to_string_lossy().into_owned());
        statement(given, name, digest)?.to_json()
    };
    let within = "creating bundle: getting keypair and token";
    let plan = signing::plan(given).context(within)?;
    let bundle = waiting(given, async {
        let signer = Signer::open(plan).await.context(within)?;
        note("Signing artifact...");
        signer.statement(&payload).await.context("creating bundle: signing bundle")
    })?;
    blob::write_private(place, &bundle.to_json()).context("create bundle file")?;
    note(&format!("Wrote bundle to file {place}"));
    Ok(())
}

/// Fails unless exactly one of predicate and statement is given.
pub(super) fn check_source(given: &Given) -> anyhow::Result<()> {
    match (given.is_given("predicate"), given.is_given("statement")) {
        (false, false) => bail!("at least one of the flags in the group [predicate statement] is required"),
        (true, true) => bail!(
            "if any flags in the group [predicate statement] are set none of the others can be; [predicate statement] were all set"
        ),
        _ => Ok(()),
    }
}

/// Reads a statement that somebody else wrote; it is signed as it stands.
pub(super) fn statement_file(path: &str) -> anyhow::Result<Vec<u8>> {
    note(&format!("Using statement from: {path}"));
    let bytes = blob::read(path).context("could not read statement")?;
    Statement::from_json(&bytes).context("invalid statement")?;
    Ok(bytes)
}

/// Returns the statement that cosign would write: the predicate as it came, or wrapped where its type is cosign's own.
pub(super) fn statement(given: &Given, name: String, digest: String) -> anyhow::Result<Statement> {
    let path = given.text("predicate").unwrap_or_default();
    note(&format!("Using payload from: {path}"));
    let bytes = blob::read(path).context("getting predicate reader")?;
    let (predicate_type, predicate) =
        papers::predicate(given.text("type").unwrap_or_default(), path, &bytes, &now()?)?;
    Ok(Statement {
        statement_type: STATEMENT_V01.to_owned(),
        subject: vec![Subject {
            name,
            digest: BTreeMap::from([("sha256".to_owned(), digest)]),
            ..Subject::default()
        }],
        predicate_type,
        predicate,
    })
}

/// The time that is written down: `SOURCE_DATE_EPOCH` where builds are to be repeated, else now, to the second.
pub(super) fn now() -> anyhow::Result<String> {
    let at = match std::env::var("SOURCE_DATE_EPOCH") {
        Ok(text) => text.parse().ok().and_then(|seconds| Timestamp::from_second(seconds).ok()),
        Err(_) => Timestamp::from_second(Timestamp::now().as_second()).ok(),
    };
    at.map(|at| at.to_string()).context("SOURCE_DATE_EPOCH is no number of seconds")
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
