//! What a signature says of itself (signature-specification.md, "Signed Attributes").

use jiff::Timestamp;

use crate::error::{Error, Result};

/// The media type of the payload.
const PAYLOAD: &str = "application/vnd.cncf.notary.payload.v1+json";
/// The signing scheme of signers with certificates of their own.
const X509: &str = "notary.x509";
/// The signing scheme of authorities that sign for others and vouch for the time.
const SIGNING_AUTHORITY: &str = "notary.x509.signingAuthority";

/// The name of the signing scheme.
pub(super) const SCHEME: &str = "io.cncf.notary.signingScheme";
/// The name of the time at which, as the signer says, it signed.
pub(super) const SIGNING_TIME: &str = "io.cncf.notary.signingTime";
/// The name of the moment from which on the signature counts no more.
pub(super) const EXPIRY: &str = "io.cncf.notary.expiry";
/// The name of the countersignature by a timestamp authority; it is not signed.
pub(super) const TIMESTAMP: &str = "io.cncf.notary.timestampSignature";

/// The attributes as they were written, in whichever form.
#[derive(Debug, Clone)]
pub(super) struct Stated {
    pub(super) content_type: Option<String>,
    pub(super) scheme: Option<String>,
    pub(super) signing_time: Option<Timestamp>,
    pub(super) expiry: Option<Timestamp>,
    /// What must be understood.
    pub(super) critical: Vec<String>,
}

impl Stated {
    /// Checks that all that must be understood is, and returns from when on the signature counts no more.
    pub(super) fn check(&self) -> Result<Option<Timestamp>> {
        match self.scheme.as_deref() {
            Some(X509) => {}
            Some(SIGNING_AUTHORITY) => {
                return Err(Error::unsupported(format!(
                    "signing scheme `{SIGNING_AUTHORITY}` is not supported, only `{X509}`"
                )));
            }
            Some(other) => {
                let other = other.escape_default();
                return Err(Error::unsupported(format!("signing scheme `{other}` is not known")));
            }
            None => return Err(missing(SCHEME)),
        }
        let content_type = self.content_type.as_deref().ok_or_else(|| missing("content type"))?;
        if content_type != PAYLOAD {
            return Err(Error::unsupported(format!(
                "content type `{}` is not `{PAYLOAD}`",
                content_type.escape_default()
            )));
        }
        for (at, name) in self.critical.iter().enumerate() {
            let shown = name.escape_default();
            let present = match name.as_str() {
                SCHEME => true,
                EXPIRY => self.expiry.is_some(),
                _ => return Err(Error::unsupported(format!("`{shown}` is critical and not understood"))),
            };
            if !present || self.critical[..at].contains(name) {
                return Err(Error::malformed(format!("`{shown}` is critical, and absent or named twice")));
            }
        }
        let is_critical = |name: &str| self.critical.iter().any(|each| each == name);
        for (name, present) in [(SCHEME, true), (EXPIRY, self.expiry.is_some())] {
            if present && !is_critical(name) {
                return Err(Error::malformed(format!("`{name}` is not marked critical")));
            }
        }
        let signed_at = self.signing_time.ok_or_else(|| missing(SIGNING_TIME))?;
        if let Some(expiry) = self.expiry.filter(|expiry| *expiry <= signed_at) {
            return Err(Error::malformed(format!("signed {signed_at}, after it expired {expiry}")));
        }
        Ok(self.expiry)
    }
}

fn missing(name: &str) -> Error {
    Error::malformed(format!("`{name}` is missing"))
}
