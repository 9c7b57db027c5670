//! Passwords and secrets in memory.

use std::fmt;

use aws_lc_rs::{constant_time, digest};
use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use serde::Deserialize;
use zeroize::Zeroizing;

/// A password, secret or token: never printed, never serialised, wiped when dropped.
#[derive(Clone, Deserialize)]
#[serde(from = "String")]
pub(crate) struct Secret(Zeroizing<String>);

impl Secret {
    /// Returns a new secret of 32 random bytes, as 43 characters that need no quoting anywhere.
    pub(crate) fn generate() -> Result<Self, getrandom::Error> {
        let mut bytes = Zeroizing::new([0; 32]);
        getrandom::fill(&mut *bytes)?;
        Ok(BASE64URL_NOPAD.encode(&*bytes).into())
    }

    /// Returns the text: to be hashed, or shown to its owner once.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }

    /// Returns SHA-256 in lower-case hex: how secrets of robots are stored. Enough only because they are random.
    pub(crate) fn sha256_hex(&self) -> String {
        HEXLOWER.encode(digest::digest(&digest::SHA256, self.0.as_bytes()).as_ref())
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(Zeroizing::new(text))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Compares without telling by its duration where two texts differ.
pub(super) fn equal(left: &str, right: &str) -> bool {
    constant_time::verify_slices_are_equal(left.as_bytes(), right.as_bytes()).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ghsa_prh4_vhfh_24mj_cve_2025_48374_a_secret_does_not_print() {
        let secret = Secret::from("hunter2".to_owned());
        assert_eq!(format!("{secret:?} {secret:#?}"), "*** ***");
        assert_eq!(secret.expose(), "hunter2");
    }

    #[test]
    fn cve_2023_20902_secrets_compare_in_constant_time() {
        // The duration itself cannot be tested reliably; that only equal texts are equal can.
        assert!(equal("abc", "abc"));
        for (left, right) in [("abc", "abd"), ("abc", "ab"), ("", "a")] {
            assert!(!equal(left, right), "{left} {right}");
        }
    }
}
