//! In-toto statements that are signed with a key and attached, each once.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;
use wharf_content::Target;
use wharf_oci::{Descriptor, Digest};
use wharf_trust::{
    Bundle, Envelope, IN_TOTO_PAYLOAD, STATEMENT_V1, SigningKey, Statement, Subject, Verifier,
};

use super::{attach, bundles};

/// A statement as it is attached to its subject.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Attested {
    /// The manifest that attaches it.
    pub(crate) digest: Digest,
    /// Whether it was attached now; otherwise one that says the same was there.
    pub(crate) attached: bool,
}

/// Signs a statement about `artifact` and attaches it as a bundle, as cosign 3 does, unless one by the same key is there
/// whose predicate `says_the_same`: what was cut off and runs again signs once.
///
/// # Errors
/// The place could not be read or written.
pub(crate) async fn attest_once(
    place: &dyn Target,
    artifact: &Descriptor,
    key: &dyn SigningKey,
    (predicate_type, predicate): (&str, Value),
    says_the_same: &(dyn Fn(&Value) -> bool + Sync),
    created: &str,
) -> anyhow::Result<Attested> {
    let verifier = Verifier::key_only(key.public());
    let is_same = |bundle: &Bundle| {
        let Ok(verified) = verifier.verify_statement(bundle) else { return false };
        let stated = verified.value();
        let is_about = stated.subject.iter().any(|each| each.digest == digest_set(&artifact.digest));
        is_about && stated.predicate_type == predicate_type && says_the_same(&stated.predicate)
    };
    let found = bundles(place, &artifact.digest).await?;
    if let Some(same) = found.into_iter().find(|paper| paper.bundle.as_ref().is_ok_and(is_same)) {
        return Ok(Attested { digest: same.manifest, attached: false });
    }
    let statement = Statement {
        statement_type: STATEMENT_V1.to_owned(),
        subject: vec![Subject { digest: digest_set(&artifact.digest), ..Subject::default() }],
        predicate_type: predicate_type.to_owned(),
        predicate,
    };
    let envelope = Envelope::sign(IN_TOTO_PAYLOAD, &statement.to_json(), key)?;
    let bundle = Bundle::of_envelope(envelope, key.public());
    let digest = attach(place, artifact, &bundle, predicate_type, created).await?;
    Ok(Attested { digest, attached: true })
}

/// A digest as in-toto writes it: hexadecimal by algorithm.
pub(crate) fn digest_set(digest: &Digest) -> BTreeMap<String, String> {
    BTreeMap::from([(digest.algorithm_name().to_owned(), digest.encoded().to_owned())])
}
