//! Statements that a policy is shown, for the tests and the bench.

use serde_json::Value;
use wharf_trust::policy::{PaperEvidence, PaperForm};
use wharf_trust::{Bundle, Envelope, IN_TOTO_PAYLOAD, PrivateKey, STATEMENT_V1, Statement, Subject};

/// What is judged: the SHA-256 of `hello`.
pub(crate) const DIGEST: &str = "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";

/// A statement about a digest, signed by a key.
pub(crate) fn paper(key: &PrivateKey, kind: &str, predicate: Value, digest: &str) -> PaperEvidence {
    let digest = [("sha256".to_owned(), digest.trim_start_matches("sha256:").to_owned())].into();
    let statement = Statement {
        statement_type: STATEMENT_V1.into(),
        subject: vec![Subject { digest, ..Subject::default() }],
        predicate_type: kind.into(),
        predicate,
    };
    let envelope = Envelope::sign(IN_TOTO_PAYLOAD, &statement.to_json(), key).unwrap();
    PaperEvidence {
        name: format!("paper {kind}"),
        form: PaperForm::Bundle(Box::new(Bundle::of_envelope(envelope, key.public()))),
    }
}
