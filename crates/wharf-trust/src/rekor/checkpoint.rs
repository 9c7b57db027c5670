//! Checkpoints: signed notes of a log's size and root (C2SP `signed-note` and `tlog-checkpoint`).

use super::entry::log;
use crate::encoding::from_base64;
use crate::error::{Error, Result};
use crate::hash::sha256;
use crate::key::{KeyKind, PublicKey};
use crate::root::TransparencyLog;

const MAX_SIGNATURES: usize = 64;

/// A note that was read but not yet believed.
pub(super) struct Note<'a> {
    /// Everything that is signed, the last line feed included.
    text: &'a str,
    origin: &'a str,
    size: u64,
    root: Vec<u8>,
    signatures: Vec<NoteSignature<'a>>,
}

struct NoteSignature<'a> {
    name: &'a str,
    hint: [u8; 4],
    signature: Vec<u8>,
}

impl<'a> Note<'a> {
    pub(super) fn parse(note: &'a str) -> Result<Self> {
        let bad = |what: &str| Error::malformed(format!("checkpoint: {what}"));
        let split = note.rfind("\n\n").ok_or_else(|| bad("no empty line before the signatures"))?;
        let (text, signatures) = (&note[..=split], &note[split + 2..]);
        let mut lines = text.lines();
        let origin = lines.next().filter(|line| !line.is_empty()).ok_or_else(|| bad("no origin"))?;
        let size = lines.next().filter(|line| line.bytes().all(|byte| byte.is_ascii_digit()));
        let size =
            size.and_then(|line| line.parse().ok()).ok_or_else(|| bad("no size in the second line"))?;
        let root = lines.next().and_then(|line| from_base64(line).ok()).filter(|root| root.len() == 32);
        let root = root.ok_or_else(|| bad("no root hash in the third line"))?;

        let mut read = Vec::new();
        for line in signatures.lines() {
            let parts = line.strip_prefix("\u{2014} ").and_then(|rest| rest.split_once(' '));
            let (name, value) = parts.ok_or_else(|| bad("a line that is no signature"))?;
            let bytes = from_base64(value)?;
            let (hint, signature) =
                bytes.split_first_chunk().ok_or_else(|| bad("a signature without a hint"))?;
            read.push(NoteSignature { name, hint: *hint, signature: signature.to_vec() });
            if read.len() > MAX_SIGNATURES {
                return Err(bad(&format!("more than {MAX_SIGNATURES} signatures")));
            }
        }
        if read.is_empty() {
            return Err(bad("no signature"));
        }
        Ok(Self { text, origin, size, root, signatures: read })
    }

    /// Checks that the log signed the note and returns size and root. Signatures of others, witnesses for example, are passed over.
    pub(super) fn verify(self, from: &TransparencyLog) -> Result<(u64, [u8; 32])> {
        let host = host(&from.base_url);
        // Rekor 1 names a tree behind its host and hints at its key by the key's digest; Rekor 2 follows the specification.
        let first = self
            .origin
            .rsplit_once(" - ")
            .is_some_and(|(_, tree)| !tree.is_empty() && tree.bytes().all(|byte| byte.is_ascii_digit()));
        if !first && self.origin != host {
            return Err(log(format!(
                "the checkpoint is of `{}`, not of `{host}`",
                self.origin.escape_default()
            )));
        }
        let hint = if first { from.key.fingerprint() } else { key_hash(&from.key, host) };
        let own = |each: &&NoteSignature<'_>| each.hint == hint[..4] && (first || each.name == host);
        let scheme = from.key.default_scheme();
        let mut own = self.signatures.iter().filter(own).peekable();
        if own.peek().is_none() {
            return Err(log(format!("the checkpoint has no signature of {}", from.base_url)));
        }
        if !own.any(|each| from.key.verify(scheme, self.text.as_bytes(), &each.signature).is_ok()) {
            return Err(log(format!("the checkpoint's signature of {} does not verify", from.base_url)));
        }
        Ok((self.size, self.root.try_into().expect("read as 32 bytes")))
    }
}

/// The host of a base URL, without port and path.
fn host(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let rest = rest.split(['/', '?', '#']).next().unwrap_or_default();
    rest.rsplit_once(':').map_or(rest, |(host, _)| host)
}

/// The key hash of a signed note; only its first four bytes are written. Whole, it is the id of a log of Rekor 2.
pub(crate) fn key_hash(key: &PublicKey, name: &str) -> [u8; 32] {
    let name = format!("{name}\n");
    match key.kind() {
        KeyKind::Ed25519 => sha256(&[name.as_bytes(), &[1], key.raw()].concat()),
        KeyKind::Rsa => sha256(&[name.as_bytes(), b"\xffPKIX-RSA-PKCS#1v1.5", key.as_der()].concat()),
        KeyKind::EcdsaP256 | KeyKind::EcdsaP384 | KeyKind::EcdsaP521 => key.fingerprint(),
    }
}
