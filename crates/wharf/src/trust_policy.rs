//! Trust policies from files: YAML or JSON, with the keys and roots that they name lying beside them.

use std::path::Path;

use anyhow::Context;
use serde_json::Value;
use wharf_oci::{Algorithm, Digest};
use wharf_provenance::Keyring;
use wharf_trust::policy::Policy;

use crate::exit::Usage;

/// Reads a policy. Files that it names are looked for beside it, unless their path is absolute.
pub(crate) fn read(path: &Path) -> anyhow::Result<Policy> {
    read_with_digest(path).map(|(policy, _)| policy)
}

/// Reads a policy with the digest of its file as it lies there.
pub(crate) fn read_with_digest(path: &Path) -> anyhow::Result<(Policy, Digest)> {
    let text = std::fs::read(path).with_context(|| format!("cannot read policy {}", path.display()))?;
    let json = json(&text).with_context(|| format!("cannot read policy {}", path.display()))?;
    let beside = path.parent().unwrap_or_else(|| Path::new("."));
    let mut failed = None;
    let policy = Policy::from_json(&json, &mut |name| {
        let named = beside.join(name);
        std::fs::read(&named).or_else(|error| {
            failed = Some(anyhow::Error::new(error).context(format!("cannot read {}", named.display())));
            Ok(Vec::new())
        })
    });
    match (policy, failed) {
        (_, Some(error)) => Err(error.context(format!("policy {} names a file", path.display()))),
        (Ok(policy), None) => {
            for (name, keyring) in policy.keyrings() {
                Keyring::read(keyring)
                    .map_err(|error| Usage(format!("{}: keyring {name}: {error}", path.display())))?;
            }
            Ok((policy, Algorithm::Sha256.digest(&text)))
        }
        (Err(error), None) => Err(Usage(format!("{}: {error}", path.display())).into()),
    }
}

/// Turns YAML into JSON; a name that comes twice in one map is refused.
pub(crate) fn json(text: &[u8]) -> anyhow::Result<Vec<u8>> {
    Ok(wharf_papers::policy_json(text)?)
}

/// Reads a list of cases, YAML or JSON.
pub(crate) fn value(path: &Path) -> anyhow::Result<Value> {
    let text = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(serde_json::from_slice(&json(&text).with_context(|| format!("cannot read {}", path.display()))?)?)
}
