//! In-toto statements that are signed and attached, each once.

use std::collections::BTreeMap;

use anyhow::{Context as _, ensure};
use serde::Serialize;
use serde_json::{Value, json};
use wharf_content::Target;
use wharf_oci::{Descriptor, Digest};
use wharf_trust::{Bundle, STATEMENT_V1, Statement, Subject};

use super::{attach, bundles};
use crate::sigstore::Signer;

/// The type of predicates of which nothing is known but that somebody stated them.
const CUSTOM: &str = "https://cosign.sigstore.dev/attestation/v1";

/// A statement as it is attached to its subject.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Attested {
    /// The manifest that attaches it.
    pub(crate) digest: Digest,
    /// Whether it was attached now; otherwise one that says the same was there.
    pub(crate) attached: bool,
}

/// Signs a statement about `artifact` and attaches it as a bundle, as cosign 3 does, unless one by the same signer is there
/// whose predicate `says_the_same`: what was cut off and runs again signs once.
///
/// # Errors
/// The place could not be read or written.
pub(crate) async fn attest_once(
    place: &dyn Target,
    artifact: &Descriptor,
    signer: &Signer,
    (predicate_type, predicate): (&str, Value),
    says_the_same: &(dyn Fn(&Value) -> bool + Sync),
    created: &str,
) -> anyhow::Result<Attested> {
    let is_same = |bundle: &Bundle| {
        let Some(stated) = signer.own(bundle) else { return false };
        let is_about = stated.subject.iter().any(|each| each.digest == digest_set(&artifact.digest));
        is_about && stated.predicate_type == predicate_type && says_the_same(&stated.predicate)
    };
    let found = bundles(place, &artifact.digest).await?;
    if let Some(same) = found.into_iter().find(|paper| paper.bundle.as_ref().is_ok_and(is_same)) {
        return Ok(Attested { digest: same.manifest, attached: false });
    }
    let bundle = sign(&artifact.digest, signer, (predicate_type, predicate)).await?;
    let digest = attach(place, artifact, &bundle, predicate_type, created).await?;
    Ok(Attested { digest, attached: true })
}

/// Signs a statement about a digest.
///
/// # Errors
/// The key does not sign, or a service that is asked does not answer or not well.
pub(crate) async fn sign(
    subject: &Digest,
    signer: &Signer,
    (predicate_type, predicate): (&str, Value),
) -> anyhow::Result<Bundle> {
    let statement = Statement {
        statement_type: STATEMENT_V1.to_owned(),
        subject: vec![Subject { digest: digest_set(subject), ..Subject::default() }],
        predicate_type: predicate_type.to_owned(),
        predicate,
    };
    signer.statement(&statement.to_json()).await
}

/// Returns the predicate type that `kind` means, and what cosign makes of a predicate's file: the JSON object that it is,
/// or text wrapped where the type is cosign's own.
///
/// # Errors
/// Not such a file, or no such type.
pub(crate) fn predicate(kind: &str, name: &str, bytes: &[u8], at: &str) -> anyhow::Result<(String, Value)> {
    let uri = wharf_trust::predicate_type(kind)?;
    let text = || std::str::from_utf8(bytes).with_context(|| format!("predicate {name} is not text"));
    let predicate = if uri == CUSTOM {
        json!({ "Data": text()?, "Timestamp": at })
    } else if kind == "spdx" {
        Value::String(text()?.to_owned())
    } else {
        let read: Value = serde_json::from_slice(bytes)
            .with_context(|| format!("invalid JSON payload for predicate type {uri}"))?;
        ensure!(read.is_object(), "invalid JSON payload for predicate type {uri}: {name} holds no object");
        read
    };
    Ok((uri.to_owned(), predicate))
}

/// A digest as in-toto writes it: hexadecimal by algorithm.
pub(crate) fn digest_set(digest: &Digest) -> BTreeMap<String, String> {
    BTreeMap::from([(digest.algorithm_name().to_owned(), digest.encoded().to_owned())])
}
