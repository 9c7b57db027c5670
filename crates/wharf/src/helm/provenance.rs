//! Provenance files: who signed an archive, verified and made.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, bail};
use wharf_chart::{Metadata, Provenance};
use wharf_provenance::{Key, Keyring, MAX_KEYRING_BYTES, sign, verify};
use zeroize::Zeroizing;

use super::namespace::variable;
use super::values::reason;
use crate::cobra::flags::Given;

/// The longest provenance file, in bytes.
pub(super) const MAX_PROVENANCE: u64 = 1 << 20;
/// The longest line of a passphrase file, in bytes.
const MAX_PASSPHRASE: u64 = 64 * 1024;

/// Reads the keyring that `--keyring` names, else GnuPG's.
pub(super) fn keyring(given: &Given) -> anyhow::Result<Keyring> {
    let path = given.text("keyring").map_or_else(default_keyring, PathBuf::from);
    let failed = |error: std::io::Error| anyhow!("open {}: {}", path.display(), reason(&error));
    let size = std::fs::metadata(&path).map_err(failed)?.len();
    if size > MAX_KEYRING_BYTES {
        bail!("{} has {size} bytes, at most {MAX_KEYRING_BYTES} are read", path.display());
    }
    Ok(Keyring::read(&std::fs::read(&path).map_err(failed)?)?)
}

/// GnuPG's keyring of old; where there is none, its keybox, which Helm cannot read.
fn default_keyring() -> PathBuf {
    let home = match variable("GNUPGHOME") {
        Some(home) => PathBuf::from(home),
        None => PathBuf::from(variable("HOME").unwrap_or_default()).join(".gnupg"),
    };
    let (old, keybox) = (home.join("pubring.gpg"), home.join("pubring.kbx"));
    if !old.exists() && keybox.exists() { keybox } else { old }
}

/// What a verification found, as it is told.
pub(super) struct Verified {
    names: Vec<String>,
    fingerprint: String,
    digest: String,
}

impl Verified {
    pub(super) fn text(&self) -> String {
        let names: String = self.names.iter().map(|name| format!("Signed by: {name}\n")).collect();
        format!(
            "{names}Using Key With Fingerprint: {}\nChart Hash Verified: {}\n",
            self.fingerprint, self.digest
        )
    }
}

/// Verifies an archive of that name by its provenance file, with the keys that the flags name.
pub(super) fn check(
    given: &Given,
    file_name: &str,
    archive: &[u8],
    provenance: &[u8],
) -> anyhow::Result<Verified> {
    let keyring = keyring(given).map_err(|error| anyhow!("failed to load keyring: {error:#}"))?;
    let signed = verify(provenance, &keyring, seconds()?)?;
    let digest = Provenance::parse(&signed.text)?.check_archive(file_name, archive)?;
    Ok(Verified { names: signed.by.names(), fingerprint: signed.by.fingerprint(), digest })
}

/// Verifies a packed chart here by the provenance file beside it.
pub(super) fn check_file(given: &Given, path: &Path) -> anyhow::Result<Verified> {
    let shown = path.display();
    match std::fs::metadata(path) {
        Err(error) => bail!("stat {shown}: {}", reason(&error)),
        Ok(metadata) if metadata.is_dir() => bail!("unpacked charts cannot be verified"),
        Ok(_) => {}
    }
    if !path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("tgz")) {
        bail!("chart must be a tgz file");
    }
    let beside = PathBuf::from(format!("{shown}.prov"));
    let absent = |error: std::io::Error| {
        let beside = beside.display();
        anyhow!("could not load provenance file {beside}: stat {beside}: {}", reason(&error))
    };
    let size = std::fs::metadata(&beside).map_err(absent)?.len();
    if size > MAX_PROVENANCE {
        bail!("{} has {size} bytes, at most {MAX_PROVENANCE} are read", beside.display());
    }
    let provenance = std::fs::read(&beside).map_err(absent)?;
    let archive = std::fs::read(path).map_err(|error| anyhow!("open {shown}: {}", reason(&error)))?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    check(given, &name, &archive, &provenance)
}

/// A key that signs archives.
pub(super) struct Signer {
    key: Key,
    passphrase: Zeroizing<Vec<u8>>,
}

impl Signer {
    /// Finds the key that the flags name, and asks for its passphrase if it has one.
    pub(super) fn of(given: &Given, out: &mut dyn Write) -> anyhow::Result<Self> {
        let name = given.text("key").unwrap_or_default();
        if name.is_empty() {
            bail!("--key is required for signing a package");
        }
        if given.text("keyring").is_some_and(str::is_empty) {
            bail!("--keyring is required for signing a package");
        }
        let keyring = keyring(given)?;
        let key = keyring.find(name)?.context("private key not found")?.clone();
        if !key.is_secret() {
            bail!("provided key is not a private key. Try providing a keyring with secret keys");
        }
        let passphrase = match given.text("passphrase-file").filter(|path| !path.is_empty()) {
            Some(path) => from_file(path)?,
            None if key.needs_passphrase() => ask(&key, out)?,
            None => Zeroizing::default(),
        };
        Ok(Self { key, passphrase })
    }

    /// Returns the provenance file of an archive.
    pub(super) fn provenance(
        &self,
        metadata: &Metadata,
        file_name: &str,
        archive: &[u8],
    ) -> anyhow::Result<String> {
        let text = Provenance::of_archive(metadata, file_name, archive).to_text()?;
        Ok(sign(&text, &self.key, &self.passphrase, seconds()?)?)
    }
}

/// Reads the first line of a file, or of standard input for `-`.
fn from_file(path: &str) -> anyhow::Result<Zeroizing<Vec<u8>>> {
    let source: Box<dyn Read> = match path {
        "-" => Box::new(std::io::stdin()),
        path => {
            Box::new(std::fs::File::open(path).map_err(|error| anyhow!("open {path}: {}", reason(&error)))?)
        }
    };
    let mut line = Zeroizing::new(Vec::new());
    BufReader::new(source.take(MAX_PASSPHRASE)).read_until(b'\n', &mut line)?;
    if line.is_empty() {
        bail!("EOF");
    }
    while line.last().is_some_and(|byte| matches!(byte, b'\n' | b'\r')) {
        line.pop();
    }
    Ok(line)
}

fn ask(key: &Key, out: &mut dyn Write) -> anyhow::Result<Zeroizing<Vec<u8>>> {
    let name = key.names().into_iter().next().unwrap_or_else(|| "Unknown".to_owned());
    let secret = super::registry::ask_secretly(&format!("Password for key {name:?} >  "), out)?;
    writeln!(out)?;
    Ok(Zeroizing::new(secret.expose().as_bytes().to_vec()))
}

fn seconds() -> anyhow::Result<u32> {
    u32::try_from(jiff::Timestamp::now().as_second()).context("the clock is beyond OpenPGP's calendar")
}
