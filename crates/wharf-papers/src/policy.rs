//! The text of a trust policy.

use wharf_content::{Error, ErrorKind, Result};
use wharf_provenance::Keyring;
use wharf_trust::policy::Policy;
use wharf_yaml::Reader;

/// Turns the text of a policy, YAML or JSON, into the JSON that `wharf_trust::policy::Policy` reads. A name that comes
/// twice in one map is refused, and numbers stay as they were written.
///
/// # Errors
/// [`ErrorKind::Content`]: it is neither.
pub fn policy_json(text: &[u8]) -> Result<Vec<u8>> {
    let reader = Reader::new().strict(true).numbers(wharf_yaml::Numbers::AsWritten);
    let json = reader.read(text).and_then(|value| wharf_yaml::to_json(&value));
    json.map(Into::into).map_err(|error| Error::new(ErrorKind::Content, error.to_string()))
}

/// Checks that the OpenPGP keyrings of a policy can be read, which the policy itself does not do.
///
/// # Errors
/// [`ErrorKind::Content`], naming the keyring.
pub fn check_keyrings(policy: &Policy) -> Result<()> {
    for (name, keyring) in policy.keyrings() {
        Keyring::read(keyring)
            .map_err(|error| Error::new(ErrorKind::Content, format!("keyring {name}: {error}")))?;
    }
    Ok(())
}
