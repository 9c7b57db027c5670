//! Identity tokens, as far as who signs reads them: the certificate authority is who verifies them.

use std::fmt;

use data_encoding::BASE64URL_NOPAD;
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::error::{Error, Result};

/// The longest token that is taken, in bytes.
const MAX_TOKEN_BYTES: usize = 64 << 10;

/// An OpenID Connect identity token (a JSON web token, RFC 7519). It is wiped when dropped, and does not print.
#[derive(Clone)]
pub struct IdentityToken {
    raw: Zeroizing<String>,
    subject: String,
    issuer: String,
}

#[derive(Deserialize)]
struct Claims {
    #[serde(default)]
    iss: String,
    #[serde(default)]
    sub: String,
    #[serde(default)]
    email: String,
    #[serde(default)]
    email_verified: serde_json::Value,
}

impl IdentityToken {
    /// Reads a token without verifying it.
    ///
    /// # Errors
    /// Not a token, or one that names nobody: neither a verified e-mail address nor a subject.
    pub fn parse(text: &str) -> Result<Self> {
        let text = text.trim();
        let bad = |what: &str| Error::malformed(format!("identity token: {what}"));
        if text.len() > MAX_TOKEN_BYTES {
            return Err(bad(&format!("{} bytes, more than {MAX_TOKEN_BYTES}", text.len())));
        }
        let mut parts = text.split('.');
        let (Some(_), Some(claims), Some(_), None) = (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(bad("not three parts with dots between them"));
        };
        let claims =
            BASE64URL_NOPAD.decode(claims.as_bytes()).map_err(|_| bad("the claims are not base64url"))?;
        let claims: Claims =
            serde_json::from_slice(&claims).map_err(|_| bad("the claims are not the JSON of a token"))?;
        // Some providers write the flag as text.
        let verified = claims.email_verified == true || claims.email_verified == "true";
        let subject = match (claims.email.is_empty(), claims.sub.is_empty()) {
            (false, _) if verified => claims.email,
            (false, _) => return Err(bad("the provider has not verified the e-mail address")),
            (true, false) => claims.sub,
            (true, true) => return Err(bad("neither `email` nor `sub`")),
        };
        Ok(Self { raw: Zeroizing::new(text.to_owned()), subject, issuer: claims.iss })
    }

    /// Returns the token, for the one place that sends it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.raw
    }

    /// Returns who the token is about: the e-mail address, else the subject. A certificate authority wants it signed
    /// with the key that it certifies.
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// Returns the provider that the token names; may be empty.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }
}

impl fmt::Debug for IdentityToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "IdentityToken({:?} by {:?})", self.subject, self.issuer)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn token(claims: &str) -> Result<IdentityToken> {
        let part = |text: &str| BASE64URL_NOPAD.encode(text.as_bytes());
        IdentityToken::parse(&format!("{}.{}.{}\n", part("{}"), part(claims), part("signature")))
    }

    #[test]
    fn a_verified_address_comes_before_the_subject() {
        let both = token(r#"{"iss":"https://i","sub":"7","email":"a@b","email_verified":true}"#).unwrap();
        assert_eq!((both.subject(), both.issuer()), ("a@b", "https://i"));
        assert_eq!(token(r#"{"sub":"7","email":"a@b","email_verified":"true"}"#).unwrap().subject(), "a@b");
        assert_eq!(token(r#"{"sub":"repo:a/b:ref"}"#).unwrap().subject(), "repo:a/b:ref");
        for claims in [r#"{"sub":"7","email":"a@b"}"#, r#"{"iss":"i"}"#, "[]", "{"] {
            assert!(token(claims).is_err(), "{claims}");
        }
        for text in ["", "a.b", "a.b.c.d", "e30.!!.e30"] {
            assert!(IdentityToken::parse(text).is_err(), "{text}");
        }
    }

    /// CVE-2025-66506: a token of dots was split into as many parts before anybody looked.
    #[test]
    fn a_token_of_dots_is_no_token() {
        for (dots, why) in [(60_000, "not three parts"), (1 << 20, "1048576 bytes, more than 65536")] {
            let error = IdentityToken::parse(&".".repeat(dots)).unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
        }
    }

    #[test]
    fn a_token_does_not_print() {
        let token = token(r#"{"sub":"7"}"#).unwrap();
        assert!(!format!("{token:?}").contains(token.expose()));
    }
}
