//! Verifying a clear-signed text.

use pgp::composed::{Deserializable, DetachedSignature};
use pgp::crypto::hash::HashAlgorithm;
use pgp::crypto::public_key::PublicKeyAlgorithm;
use pgp::packet::{Signature, SignatureType};
use pgp::types::KeyDetails;

use crate::cleartext::Cleartext;
use crate::{Error, ErrorKind, Key, Keyring};

/// A text whose signature was verified, and whose it is.
#[derive(Clone, Debug)]
pub struct Signed<'k> {
    /// The text, lines ended by line feeds.
    pub text: String,
    /// The key that signed it, or whose subkey did.
    pub by: &'k Key,
}

/// Verifies a clear-signed text. `now` is in seconds since 1970.
///
/// The key must be in the keyring, vouch for itself and for the subkey that signed, and be neither revoked nor expired.
///
/// # Errors
/// Text that is not clear-signed, a signature by somebody else or over something else, a key that must not be used.
pub fn verify<'k>(signed: &[u8], keyring: &'k Keyring, now: u32) -> Result<Signed<'k>, Error> {
    let malformed = |text: String| Error::new(ErrorKind::Malformed, text);
    let text = std::str::from_utf8(signed).map_err(|_| malformed("signature block not found".to_owned()))?;
    let cleartext = Cleartext::find(text)?;
    let (signature, _) = DetachedSignature::from_armor_single(cleartext.signature.as_bytes())
        .map_err(|error| malformed(format!("openpgp: {error}")))?;
    let signature = signature.signature;
    check_kind(&signature)?;
    let canonical = cleartext.canonical();
    let mut error = refused("signature made by unknown entity");
    for key in keyring.keys() {
        match key.verify(&signature, canonical.as_bytes(), now) {
            None => {}
            Some(Ok(())) => return Ok(Signed { text: cleartext.text(), by: key }),
            Some(Err(own)) => error = own,
        }
    }
    Err(error)
}

fn refused(text: &str) -> Error {
    Error::new(ErrorKind::Signature, format!("openpgp: {text}"))
}

fn check_kind(signature: &Signature) -> Result<(), Error> {
    if !matches!(signature.typ(), Some(SignatureType::Text | SignatureType::Binary)) {
        return Err(refused("invalid signature: it is none over a document"));
    }
    match signature.hash_alg() {
        None | Some(HashAlgorithm::Md5 | HashAlgorithm::Sha1 | HashAlgorithm::Ripemd160) => {
            Err(refused("invalid signature: its hash function is not accepted"))
        }
        Some(_) => Ok(()),
    }
}

impl Key {
    /// Verifies a signature by this key or a subkey of it; `None` if it is by another.
    fn verify(&self, signature: &Signature, data: &[u8], now: u32) -> Option<Result<(), Error>> {
        let primary = &self.public.primary_key;
        if is_issuer(signature, primary) {
            return Some(
                self.check_primary(now).and_then(|()| check(signature, signature.verify(primary, data), now)),
            );
        }
        let subkey = self.public.public_subkeys.iter().find(|subkey| is_issuer(signature, &subkey.key))?;
        Some(self.check_primary(now).and_then(|()| {
            subkey
                .verify_bindings(primary)
                .map_err(|_| refused("invalid signature: the subkey is not bound to its key"))?;
            let newest = subkey.signatures.iter().max_by_key(|binding| created(binding));
            if let Some(binding) = newest {
                if binding.typ() == Some(SignatureType::SubkeyRevocation) {
                    return Err(refused("signature made by revoked key"));
                }
                if !binding.key_flags().sign() {
                    return Err(refused("invalid signature: the subkey is not for signing"));
                }
                check_age(seconds(subkey.key.created_at()), binding, now)?;
            }
            check(signature, signature.verify(&subkey.key, data), now)
        }))
    }

    /// Checks that the key vouches for itself, and is neither revoked nor expired.
    fn check_primary(&self, now: u32) -> Result<(), Error> {
        let primary = &self.public.primary_key;
        let details = &self.public.details;
        if details.revocation_signatures.iter().any(|revocation| revocation.verify_key(primary).is_ok()) {
            return Err(refused("signature made by revoked key"));
        }
        let bound = details.users.iter().filter(|user| user.verify_bindings(primary).is_ok());
        let newest = bound
            .flat_map(|user| &user.signatures)
            .filter(|signature| signature.is_certification() && is_issuer(signature, primary))
            .max_by_key(|signature| created(signature));
        match newest {
            Some(own) => check_age(seconds(primary.created_at()), own, now),
            None => Err(refused("invalid signature: the key does not vouch for any of its names")),
        }
    }
}

fn check(signature: &Signature, result: pgp::errors::Result<()>, now: u32) -> Result<(), Error> {
    result.map_err(|_| {
        let algorithm = match signature.config().map(|config| config.pub_alg) {
            Some(PublicKeyAlgorithm::RSA) => "RSA ",
            Some(PublicKeyAlgorithm::DSA) => "DSA ",
            Some(PublicKeyAlgorithm::ECDSA) => "ECDSA ",
            Some(PublicKeyAlgorithm::EdDSALegacy) => "EdDSA ",
            Some(PublicKeyAlgorithm::Ed25519) => "Ed25519 ",
            _ => "",
        };
        refused(&format!("invalid signature: {algorithm}verification failure"))
    })?;
    let made = created(signature);
    let lasts = signature.signature_expiration_time().map_or(0, |time| time.as_secs());
    if lasts != 0 && u64::from(made) + u64::from(lasts) < u64::from(now) {
        return Err(refused("signature expired"));
    }
    Ok(())
}

/// Checks the age that a key's own signature gives it.
fn check_age(key_created: u32, own: &Signature, now: u32) -> Result<(), Error> {
    let lasts = own.key_expiration_time().map_or(0, |time| time.as_secs());
    if lasts != 0 && u64::from(key_created) + u64::from(lasts) < u64::from(now) {
        return Err(refused("key expired"));
    }
    Ok(())
}

fn created(signature: &Signature) -> u32 {
    signature.created().map_or(0, seconds)
}

fn seconds(time: pgp::types::Timestamp) -> u32 {
    time.as_secs()
}

/// Whether a signature says that this key made it.
fn is_issuer(signature: &Signature, key: &impl KeyDetails) -> bool {
    let prints = signature.issuer_fingerprint();
    if !prints.is_empty() {
        return prints.contains(&&key.fingerprint());
    }
    signature.issuer_key_id().contains(&&key.legacy_key_id())
}
