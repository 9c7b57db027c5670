//! in-toto statements: a predicate about subjects, each named by its digests.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::dsse::{Envelope, IN_TOTO_PAYLOAD};
use crate::encoding::from_hex;
use crate::error::{Error, ErrorKind, Result};
use crate::hash::{Artifact, HashAlgorithm};

/// Type of a statement of version 1.
pub const STATEMENT_V1: &str = "https://in-toto.io/Statement/v1";
/// Type of a statement of version 0.1, which cosign still writes for attestations.
pub const STATEMENT_V01: &str = "https://in-toto.io/Statement/v0.1";

/// What cosign 3 states when it signs an image: only that it does.
pub const COSIGN_SIGN: &str = "https://sigstore.dev/cosign/sign/v1";

const MAX_SUBJECTS: usize = 1024;
const MAX_DIGESTS: usize = 32;

/// A statement, read from the payload of an envelope.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Statement {
    /// [`STATEMENT_V1`] or [`STATEMENT_V01`].
    #[serde(rename = "_type")]
    pub statement_type: String,
    /// What the statement is about.
    #[serde(default)]
    pub subject: Vec<Subject>,
    /// What kind of thing it says: a URI.
    #[serde(rename = "predicateType", default)]
    pub predicate_type: String,
    /// What it says.
    #[serde(default)]
    pub predicate: Value,
}

/// One subject.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Subject {
    /// A name, which binds nothing.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Digests in hexadecimal by the name of their algorithm.
    #[serde(default)]
    pub digest: BTreeMap<String, String>,
    /// What else the signer said about the subject.
    #[serde(default, skip_serializing_if = "serde_json::Map::is_empty")]
    pub annotations: serde_json::Map<String, Value>,
}

impl Statement {
    /// Reads a statement.
    ///
    /// # Errors
    /// Not such a document, of another version, or with more subjects than anybody needs.
    pub fn from_json(text: &[u8]) -> Result<Self> {
        let read: Self = crate::json::read("statement", text)?;
        if read.statement_type != STATEMENT_V1 && read.statement_type != STATEMENT_V01 {
            return Err(Error::unsupported(format!(
                "statement: type `{}` is neither {STATEMENT_V1} nor {STATEMENT_V01}",
                read.statement_type.escape_default()
            )));
        }
        let digests = read.subject.iter().map(|each| each.digest.len()).max().unwrap_or_default();
        if read.subject.len() > MAX_SUBJECTS || digests > MAX_DIGESTS {
            return Err(Error::unsupported(format!(
                "statement: {} subjects with up to {digests} digests; at most {MAX_SUBJECTS} and {MAX_DIGESTS} are read",
                read.subject.len()
            )));
        }
        Ok(read)
    }

    /// Reads the statement in an envelope, after looking at the payload's type. Whoever calls this checks the signature first.
    pub(crate) fn in_envelope(envelope: &Envelope) -> Result<Self> {
        if envelope.payload_type != IN_TOTO_PAYLOAD {
            return Err(Error::new(
                ErrorKind::Content,
                format!(
                    "the envelope holds `{}`, not {IN_TOTO_PAYLOAD}",
                    envelope.payload_type.escape_default()
                ),
            ));
        }
        Self::from_json(&envelope.payload)
    }

    /// Checks that one subject is the artifact.
    ///
    /// # Errors
    /// Names the artifact and the digests that the statement is about.
    pub fn check_subject(&self, artifact: &Artifact) -> Result<&Subject> {
        let is = |subject: &&Subject| {
            subject.digest.iter().any(|(algorithm, hex)| {
                let known =
                    HashAlgorithm::named(algorithm).ok().and_then(|algorithm| artifact.digest(algorithm));
                known.is_some_and(|known| from_hex(hex).is_ok_and(|digest| digest == known))
            })
        };
        self.subject.iter().find(is).ok_or_else(|| {
            let all = self.subject.iter().flat_map(|each| &each.digest);
            let about: Vec<_> = all.take(4).map(|(name, hex)| format!("{name}:{hex}")).collect();
            let about = if about.is_empty() { "nothing".to_owned() } else { about.join(", ") };
            Error::new(
                ErrorKind::Content,
                format!("the statement is about {}, not {artifact}", about.escape_default()),
            )
        })
    }

    /// Checks that the predicate is of that type.
    ///
    /// # Errors
    /// Names both types.
    pub fn check_predicate_type(&self, wanted: &str) -> Result<()> {
        if self.predicate_type == wanted {
            return Ok(());
        }
        let found = self.predicate_type.escape_default();
        Err(Error::new(ErrorKind::Content, format!("the predicate is of type `{found}`, not `{wanted}`")))
    }

    /// Returns the JSON form that is signed.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("plain data always has a JSON form")
    }
}

/// Returns the predicate type of a short name that cosign knows (`slsaprovenance`, `spdxjson`, …), else the text itself.
///
/// # Errors
/// Neither a known name nor a URI.
pub fn predicate_type(name: &str) -> Result<&str> {
    Ok(match name {
        "custom" => "https://cosign.sigstore.dev/attestation/v1",
        "slsaprovenance" | "slsaprovenance02" => "https://slsa.dev/provenance/v0.2",
        "slsaprovenance1" => "https://slsa.dev/provenance/v1",
        "link" => "https://in-toto.io/Link/v1",
        "spdx" | "spdxjson" => "https://spdx.dev/Document",
        "cyclonedx" => "https://cyclonedx.org/bom",
        "openvex" => "https://openvex.dev/ns",
        "vuln" => "https://cosign.sigstore.dev/attestation/vuln/v1",
        uri if uri.split_once(':').is_some_and(|(scheme, rest)| !scheme.is_empty() && !rest.is_empty()) => {
            uri
        }
        other => {
            return Err(Error::new(
                ErrorKind::Misuse,
                format!("invalid predicate type: {}", other.escape_default()),
            ));
        }
    })
}
