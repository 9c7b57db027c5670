//! X.509 certificates: what they say, whether they lead to a trusted authority, and whether a public log saw them.

mod authority;
mod certificate;
mod identity;
mod sct;

pub use authority::CertificateAuthority;
pub use certificate::Certificate;
pub use identity::{Claim, Identity, IdentityRule, TextRule};

pub(crate) use authority::{CODE_SIGNING, TIME_STAMPING};
pub(crate) use certificate::KeyUsage;
pub(crate) use sct::verify_embedded as verify_sct;
