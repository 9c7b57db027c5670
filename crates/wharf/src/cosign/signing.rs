//! With what is signed: the key, its password, and whether any service is asked.

use std::io::Read as _;

use anyhow::{Context as _, anyhow, bail, ensure};
use serde::Deserialize;
use wharf_trust::{Password, PrivateKey, Salt, SigningKey};

use super::{blob, kms};
use crate::cobra::flags::Given;

/// Returns the key of `--key`, and makes sure that nothing else than the key is needed.
pub(super) fn key(given: &Given) -> anyhow::Result<Box<dyn SigningKey>> {
    offline(given)?;
    let Some(reference) = given.text("key").filter(|key| !key.is_empty()) else {
        bail!(
            "signing without --key is not built in wharf yet: it needs an identity provider, a certificate authority and a log"
        );
    };
    load(reference).context("getting signer: reading key")
}

/// Returns the key of a reference: an encrypted file, a variable or a download, or a key that a plug-in keeps.
pub(crate) fn load(reference: &str) -> anyhow::Result<Box<dyn SigningKey>> {
    if let Some(plugin) = kms::Plugin::of(reference)? {
        return Ok(Box::new(plugin.into_key()?));
    }
    let text = blob::key_file(reference)?;
    if PrivateKey::is_encrypted_pem(&text) {
        let key = PrivateKey::from_encrypted_pem(&text, &password(Ask::Once)?).context("decrypt")?;
        return Ok(Box::new(key));
    }
    // cosign opens encrypted keys only; the plain ones of other tools are imported first.
    let label = String::from_utf8_lossy(&text);
    let label = label
        .lines()
        .find_map(|line| line.strip_prefix("-----BEGIN ")?.strip_suffix("-----").map(str::to_owned));
    match label {
        Some(label) => bail!("unsupported pem type: {label}"),
        None => bail!("invalid pem block"),
    }
}

/// Fails when the flags ask for a service: none is built.
fn offline(given: &Given) -> anyhow::Result<()> {
    let config = given.text("signing-config").filter(|path| !path.is_empty());
    if let Some(path) = config {
        ensure!(
            !given.is_given("use-signing-config"),
            "if any flags in the group [use-signing-config signing-config] are set none of the others can be; [signing-config use-signing-config] were all set"
        );
        ensure!(given.is_on("tlog-upload"), "{UPLOAD_WITH_CONFIG}");
        let text =
            blob::read(path).with_context(|| format!("error reading signing config from file {path}"))?;
        let services: SigningConfig =
            serde_json::from_slice(&text).with_context(|| format!("signing config {path}"))?;
        ensure!(
            services.rekor_tlog_urls.is_empty() && services.tsa_urls.is_empty(),
            "signing config {path} names a transparency log or a timestamp authority; wharf cannot ask one yet"
        );
        return Ok(());
    }
    if given.is_on("tlog-upload") {
        bail!(
            "writing to a transparency log is not built in wharf yet; sign offline with --use-signing-config=false --tlog-upload=false, \
             or with a --signing-config that names no log"
        );
    }
    ensure!(!given.is_on("use-signing-config"), "{UPLOAD_WITH_CONFIG}");
    Ok(())
}

const UPLOAD_WITH_CONFIG: &str = "--tlog-upload=false is not supported with --signing-config or --use-signing-config. Provide a signing config with --signing-config without a transparency log service, which can be created with `cosign signing-config create` or `curl https://raw.githubusercontent.com/sigstore/root-signing/refs/heads/main/targets/signing_config.v0.2.json | jq 'del(.rekorTlogUrls)'` for the public instance";

/// What of a signing config matters to somebody who stays offline.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SigningConfig {
    #[serde(default)]
    rekor_tlog_urls: Vec<serde_json::Value>,
    #[serde(default)]
    tsa_urls: Vec<serde_json::Value>,
}

/// Whether a password is new, and typed twice.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Ask {
    Once,
    Twice,
}

/// Returns the password: from `COSIGN_PASSWORD`, from the terminal, or all of standard input.
pub(super) fn password(ask: Ask) -> anyhow::Result<Password> {
    use std::io::IsTerminal as _;
    if let Some(set) = std::env::var_os("COSIGN_PASSWORD") {
        return Ok(Password::new(set.into_encoded_bytes()));
    }
    if !std::io::stdin().is_terminal() {
        let mut piped = Vec::new();
        std::io::stdin().read_to_end(&mut piped)?;
        return Ok(Password::new(piped));
    }
    let typed = Password::new(rpassword::prompt_password("Enter password for private key: ")?.into_bytes());
    if ask == Ask::Twice {
        let again =
            Password::new(rpassword::prompt_password("Enter password for private key again: ")?.into_bytes());
        ensure!(typed.is(&again), "passwords do not match");
    }
    Ok(typed)
}

/// Returns fresh randomness for one sealing.
pub(super) fn salt() -> anyhow::Result<Salt> {
    let mut salt = Salt { derivation: [0; 32], nonce: [0; 24] };
    getrandom::fill(&mut salt.derivation).map_err(|error| anyhow!("no randomness: {error}"))?;
    getrandom::fill(&mut salt.nonce).map_err(|error| anyhow!("no randomness: {error}"))?;
    Ok(salt)
}
