//! What signs, wherever the private key lies.

use super::private::PrivateKey;
use super::public::PublicKey;
use super::scheme::SignatureScheme;
use crate::error::Result;

/// A key that signs: one at hand, or one that somebody else keeps and that is asked for each signature.
pub trait SigningKey: Send + Sync {
    /// Returns the public half.
    fn public(&self) -> &PublicKey;

    /// Signs a message. ECDSA signatures are DER `ECDSA-Sig-Value`, RFC 3279 section 2.2.3.
    ///
    /// # Errors
    /// This key does not sign by that scheme, or whoever keeps it does not sign.
    fn sign(&self, scheme: SignatureScheme, message: &[u8]) -> Result<Vec<u8>>;
}

impl SigningKey for PrivateKey {
    fn public(&self) -> &PublicKey {
        self.public()
    }

    fn sign(&self, scheme: SignatureScheme, message: &[u8]) -> Result<Vec<u8>> {
        self.sign(scheme, message)
    }
}
