//! Signing a text.

use pgp::composed::{ArmorOptions, DetachedSignature};
use pgp::crypto::hash::HashAlgorithm;
use pgp::packet::{SignatureConfig, SignatureType, Subpacket, SubpacketData};
use pgp::types::{KeyDetails, KeyVersion, Password, Timestamp};

use crate::{Error, ErrorKind, Key, cleartext};

/// Signs a text with SHA-512 and returns it clear-signed. `now` is in seconds since 1970.
///
/// # Errors
/// The key has no secret half, the passphrase is wrong, or the key is of a kind that cannot sign this way.
pub fn sign(text: &str, key: &Key, passphrase: &[u8], now: u32) -> Result<String, Error> {
    let failed = |text: String| Error::new(ErrorKind::Keyring, text);
    let Some(secret) = &key.secret else {
        let text = "provided key is not a private key. Try providing a keyring with secret keys";
        return Err(failed(text.to_owned()));
    };
    let secret = &secret.primary_key;
    if secret.version() != KeyVersion::V4 {
        return Err(failed(format!("keys of version {:?} cannot sign here", secret.version())));
    }
    let (canonical, shown) = cleartext::prepare(text);
    let in_words = |error: pgp::errors::Error| failed(format!("openpgp: {error}"));
    let mut config = SignatureConfig::v4(SignatureType::Text, secret.algorithm(), HashAlgorithm::Sha512);
    config.hashed_subpackets = vec![
        Subpacket::regular(SubpacketData::SignatureCreationTime(Timestamp::from_secs(now)))
            .map_err(in_words)?,
        Subpacket::regular(SubpacketData::IssuerFingerprint(secret.fingerprint())).map_err(in_words)?,
    ];
    config.unhashed_subpackets =
        vec![Subpacket::regular(SubpacketData::IssuerKeyId(secret.legacy_key_id())).map_err(in_words)?];
    let password = Password::from(passphrase);
    let signature = config.sign(secret, &password, canonical.as_bytes()).map_err(in_words)?;
    let armoured =
        DetachedSignature::new(signature).to_armored_string(ArmorOptions::default()).map_err(in_words)?;
    Ok(cleartext::assemble("SHA512", &shown, &armoured))
}
