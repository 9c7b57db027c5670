//! `cosign generate-key-pair`, `import-key-pair` and `public-key`

use std::io::{BufRead as _, Write};
use std::path::Path;

use anyhow::{Context as _, bail};
use wharf_trust::{KeyAlgorithm, PrivateKey, PublicKey};

use super::signing::{self, Ask, password, salt};
use super::verifying::text;
use super::{blob, kms, note, tables, warning};
use crate::cobra::Command;
use crate::cobra::flags::Kind::{Missing, MissingSwitch, Switch, Text, TextDefault};
use crate::cobra::flags::{Given, flag, short};

pub(super) const GENERATE: Command = Command {
    path: &["cosign", "generate-key-pair"],
    usage: "[flags]",
    about: "Generates a key-pair for signing.\n\nThe password comes from COSIGN_PASSWORD, the terminal, or standard input.",
    flags: &[&[
        flag("output-key-prefix", TextDefault("cosign"), "name used for generated .pub and .key files"),
        flag(
            "kms",
            Text,
            "create key pair in KMS service to use for signing: SCHEME://KEY, by the plug-in sigstore-kms-SCHEME",
        ),
    ]],
    run: generate,
};

pub(super) const IMPORT: Command = Command {
    path: &["cosign", "import-key-pair"],
    usage: "[flags]",
    about: "Imports a PEM-encoded RSA, EC or Ed25519 private key for signing.\n\nThe password comes from COSIGN_PASSWORD, the terminal, or standard input.",
    flags: &[&[
        short('k', "key", Text, "import key pair to use for signing"),
        short('o', "output-key-prefix", TextDefault("import-cosign"), "name used for outputted key pairs"),
        short('y', "yes", Switch, "skip confirmation prompts for overwriting existing key"),
    ]],
    run: import,
};

pub(super) const PUBLIC: Command = Command {
    path: &["cosign", "public-key"],
    usage: "[flags]",
    about: "Gets a public key from the key-pair and writes it to a file or to standard output.",
    flags: &[&[
        flag("key", Text, tables::PRIVATE_KEY),
        flag("outfile", Text, "where to write it, instead of standard output"),
        flag("sk", MissingSwitch, ""),
        flag("slot", Missing, ""),
    ]],
    run: public,
};

fn generate(given: &Given, arguments: &[String], _: &mut dyn Write) -> anyhow::Result<()> {
    if let Some(place) = arguments.first() {
        bail!("keys outside files are not built in wharf yet: {place}");
    }
    let prefix = given.text("output-key-prefix").unwrap_or_default();
    if let Some(reference) = text(given, "kms") {
        let plugin = kms::Plugin::of(reference)?;
        let plugin = plugin.with_context(|| {
            format!(
                "parsing input key resource id: expected format: [plugin name]://[key ref], got: {reference}"
            )
        })?;
        let public = format!("{prefix}.pub");
        blob::write_private(&public, plugin.create()?.to_pem().as_bytes())?;
        note(&format!("Public key written to {public}"));
        return Ok(());
    }
    let key = PrivateKey::generate(KeyAlgorithm::EcdsaP256)?;
    write_pair(&key, prefix, false)
}

fn import(given: &Given, _: &[String], _: &mut dyn Write) -> anyhow::Result<()> {
    let Some(path) = text(given, "key") else { bail!("no key to import: --key is empty") };
    let key = PrivateKey::from_pem(&blob::read(path)?)?;
    write_pair(&key, given.text("output-key-prefix").unwrap_or_default(), given.is_on("yes"))
}

/// Encrypts and writes both halves; an existing key is only replaced when that is confirmed.
fn write_pair(key: &PrivateKey, prefix: &str, confirmed: bool) -> anyhow::Result<()> {
    let (private, public) = (format!("{prefix}.key"), format!("{prefix}.pub"));
    let sealed = key.to_encrypted_pem(&password(Ask::Twice)?, &salt()?);
    if !confirmed && Path::new(&private).exists() {
        warning(&format!("File {private} already exists. Overwrite?"));
        confirm()?;
    }
    blob::write_private(&private, sealed.as_bytes())?;
    note(&format!("Private key written to {private}"));
    blob::write_public(&public, key.public().to_pem().as_bytes())?;
    note(&format!("Public key written to {public}"));
    Ok(())
}

pub(super) fn confirm() -> anyhow::Result<()> {
    let _ = write!(std::io::stderr(), "Are you sure you would like to continue? [y/N] ");
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    match answer.trim().to_lowercase().as_str() {
        "y" | "yes" => Ok(()),
        _ => bail!("user declined the prompt"),
    }
}

fn public(given: &Given, _: &[String], out: &mut dyn Write) -> anyhow::Result<()> {
    let Some(reference) = text(given, "key") else {
        bail!("exactly one of: key reference (--key), or hardware token (--sk) must be provided");
    };
    let plugin = kms::Plugin::of(reference)?;
    let key = match plugin {
        Some(plugin) => plugin.public().context("loading key")?,
        // A public key is its own public half.
        None => match PublicKey::from_pem(&blob::key_file(reference)?) {
            Ok(key) => key,
            Err(_) => signing::load(reference).context("loading key")?.public().clone(),
        },
    };
    match text(given, "outfile") {
        Some(path) => {
            blob::write_private(path, key.to_pem().as_bytes())?;
            note(&format!("Public key written to {path}"));
        }
        None => write!(out, "{}", key.to_pem())?,
    }
    Ok(())
}
