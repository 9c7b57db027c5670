//! Keys: public and private, as PEM, DER, or encrypted with a password.

mod encrypted;
mod pem;
mod private;
mod public;
mod scheme;
mod signing;

pub use encrypted::{Password, Salt};
pub use private::{KeyAlgorithm, PrivateKey};
pub use public::{KeyKind, PublicKey};
pub use scheme::SignatureScheme;
pub use signing::SigningKey;

pub(crate) use pem::{Block, blocks, write as write_pem};

/// Object identifiers, as their encoded contents.
pub(crate) mod oid {
    pub(crate) const EC: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
    pub(crate) const P256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
    pub(crate) const P384: &[u8] = &[0x2b, 0x81, 0x04, 0x00, 0x22];
    pub(crate) const P521: &[u8] = &[0x2b, 0x81, 0x04, 0x00, 0x23];
    pub(crate) const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
    pub(crate) const ED25519: &[u8] = &[0x2b, 0x65, 0x70];
}
