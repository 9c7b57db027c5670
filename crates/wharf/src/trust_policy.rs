//! Trust policies from files: YAML or JSON, with the keys and roots that they name lying beside them.

use std::path::Path;

use anyhow::Context;
use serde_json::Value;
use wharf_oci::{Algorithm, Digest};
use wharf_trust::policy::Policy;

use crate::cosign;
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
        load(beside, name).or_else(|error| {
            failed = Some(error);
            Ok(Vec::new())
        })
    });
    match (policy, failed) {
        (_, Some(error)) => Err(error.context(format!("policy {} names a file or a key", path.display()))),
        (Ok(policy), None) => {
            wharf_papers::check_keyrings(&policy)
                .map_err(|error| Usage(format!("{}: {error}", path.display())))?;
            Ok((policy, Algorithm::Sha256.digest(&text)))
        }
        (Err(error), None) => Err(Usage(format!("{}: {error}", path.display())).into()),
    }
}

/// Returns the bytes of a file beside the policy, or, as PEM, the public key that a key-management system keeps.
fn load(beside: &Path, name: &str) -> anyhow::Result<Vec<u8>> {
    if name.contains("://") {
        return Ok(cosign::public_key_of_plugin(name)?.to_pem().into_bytes());
    }
    let named = beside.join(name);
    std::fs::read(&named).with_context(|| format!("cannot read {}", named.display()))
}

/// Returns the text of a policy that names no file: what it names is put into it, as far as that is keys and a trusted
/// root. One that names none is returned as it lies there.
pub(crate) fn standing_alone(path: &Path) -> anyhow::Result<String> {
    // Says what is wrong with it in the words of every other command.
    read(path)?;
    let text = std::fs::read(path).with_context(|| format!("cannot read policy {}", path.display()))?;
    let json = json(&text).with_context(|| format!("cannot read policy {}", path.display()))?;
    if named_files(&json).is_empty() {
        return String::from_utf8(text).with_context(|| format!("{} is not UTF-8", path.display()));
    }
    let beside = path.parent().unwrap_or_else(|| Path::new("."));
    let mut policy: Value = serde_json::from_slice(&json)?;
    let signers = policy.get_mut("signers").and_then(Value::as_object_mut);
    for signer in signers.into_iter().flat_map(serde_json::Map::values_mut) {
        for (kind, file, inside) in
            [("key", "file", "pem"), ("key", "kms", "pem"), ("pgp", "keyring", "armor")]
        {
            let Some(members) = signer.get_mut(kind).and_then(Value::as_object_mut) else { continue };
            let Some(name) = members.get(file).and_then(Value::as_str) else { continue };
            // A keyring that is not armoured is no text, and stays named: that is told below.
            let Ok(text) = String::from_utf8(load(beside, name)?) else { continue };
            members.remove(file);
            members.insert(inside.to_owned(), text.into());
        }
        for certificates in ["certificates", "timestampCertificates"] {
            let list = signer.get_mut("notation").and_then(|notation| notation.get_mut(certificates));
            for certificate in list.and_then(Value::as_array_mut).into_iter().flatten() {
                let Some(members) = certificate.as_object_mut() else { continue };
                let Some(name) = members.get("file").and_then(Value::as_str) else { continue };
                // Certificates that are not PEM are no text, and stay named, too.
                let Ok(text) = String::from_utf8(load(beside, name)?) else { continue };
                members.remove("file");
                members.insert("pem".to_owned(), text.into());
            }
        }
    }
    if let Some(members) = policy.get_mut("trustRoot").and_then(Value::as_object_mut)
        && let Some(name) = members.get("file").and_then(Value::as_str)
    {
        let root: Value = serde_json::from_slice(&load(beside, name)?)
            .with_context(|| format!("cannot read the trusted root {name}"))?;
        members.retain(|name, _| name != "file" && name != "sha256");
        members.insert("inline".to_owned(), root);
    }
    let text = serde_json::to_string_pretty(&policy)?;
    match named_files(text.as_bytes()).first() {
        None => Ok(text + "\n"),
        Some(name) => Err(Usage(format!(
            "{}: names the file {name}, which is no text that could be put into it; a project's policy stands alone",
            path.display()
        ))
        .into()),
    }
}

/// Returns the files that a policy names.
fn named_files(json: &[u8]) -> Vec<String> {
    let mut names = Vec::new();
    // Whether the policy is good is not the question here.
    let _ = Policy::from_json(json, &mut |name| {
        names.push(name.to_owned());
        Ok(Vec::new())
    });
    names
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
