//! Private keys encrypted with a password, in cosign's file format.
//!
//! PEM whose bytes are JSON: scrypt derives a key from the password, and NaCl's secretbox (XSalsa20 and Poly1305) seals
//! the PKCS #8 key. The parameters stand in the file, so they are bounded before any memory is taken.

use std::fmt;

use poly1305::Poly1305;
use poly1305::universal_hash::KeyInit;
use salsa20::XSalsa20;
use salsa20::cipher::{KeyIvInit, StreamCipher};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{blocks, write_pem};
use crate::encoding::Base64;
use crate::error::{Error, ErrorKind, Result};

const LABEL: &str = "ENCRYPTED SIGSTORE PRIVATE KEY";
const OLD_LABEL: &str = "ENCRYPTED COSIGN PRIVATE KEY";
/// What cosign writes today; 64 MiB of memory.
const COST: u32 = 65_536;
/// 1 GiB would be 2^20 with `r` of 8; nobody writes more than cosign does, so four times that is room enough.
const MAX_MEMORY_BYTES: u64 = 256 << 20;
const TAG_BYTES: usize = 16;

/// A password. It is wiped when dropped, and does not print. The empty one is legal.
#[derive(Clone, Default)]
pub struct Password(Zeroizing<Vec<u8>>);

impl Password {
    /// Takes the bytes of a password.
    #[must_use]
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// Whether it is the empty one.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether both are the same, without telling by time where they differ.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        aws_lc_rs::constant_time::verify_slices_are_equal(&self.0, &other.0).is_ok()
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(..)")
    }
}

/// Fresh randomness for one sealing: never used twice with the same password.
#[derive(Clone)]
pub struct Salt {
    /// Salt of the key derivation.
    pub derivation: [u8; 32],
    /// Nonce of the cipher.
    pub nonce: [u8; 24],
}

#[derive(Serialize, Deserialize)]
struct Sealed {
    kdf: Derivation,
    cipher: Cipher,
    ciphertext: Base64,
}

#[derive(Serialize, Deserialize)]
struct Derivation {
    name: String,
    params: Cost,
    salt: Base64,
}

#[derive(Serialize, Deserialize)]
struct Cost {
    #[serde(rename = "N")]
    n: u32,
    r: u32,
    p: u32,
}

#[derive(Serialize, Deserialize)]
struct Cipher {
    name: String,
    nonce: Base64,
}

pub(super) fn is_label(label: &str) -> bool {
    label == LABEL || label == OLD_LABEL
}

/// Decrypts a key file to its PKCS #8 bytes.
pub(super) fn open(text: &[u8], password: &Password) -> Result<Zeroizing<Vec<u8>>> {
    let block = blocks(text)?.into_iter().next().expect("at least one block");
    if !is_label(&block.label) {
        return Err(Error::unsupported(format!(
            "`{}` is not the PEM label of an encrypted key ({LABEL})",
            block.label.escape_default()
        )));
    }
    let sealed: Sealed = serde_json::from_slice(&block.bytes)
        .map_err(|error| Error::malformed("encrypted key: not the JSON that cosign writes").because(error))?;
    if sealed.kdf.name != "scrypt" || sealed.cipher.name != "nacl/secretbox" {
        return Err(Error::unsupported(format!(
            "encrypted key: derived by `{}`, sealed by `{}`; only scrypt and nacl/secretbox are known",
            sealed.kdf.name.escape_default(),
            sealed.cipher.name.escape_default()
        )));
    }
    let nonce: [u8; 24] = sealed.cipher.nonce.as_ref().try_into().map_err(|_| {
        Error::malformed(format!("encrypted key: a nonce of {} bytes, not 24", sealed.cipher.nonce.len()))
    })?;
    let key = derive(password, &sealed.kdf.salt, &sealed.kdf.params)?;
    let Some((tag, body)) = sealed.ciphertext.split_at_checked(TAG_BYTES) else {
        return Err(Error::malformed("encrypted key: the ciphertext ends inside its tag"));
    };
    let mut plain = Zeroizing::new(body.to_vec());
    let expected = apply(&key, &nonce, &mut plain, Direction::Open);
    aws_lc_rs::constant_time::verify_slices_are_equal(&expected, tag)
        .map_err(|_| Error::new(ErrorKind::Password, "the password does not open the key"))?;
    Ok(plain)
}

/// Encrypts PKCS #8 bytes to a key file.
pub(super) fn seal(pkcs8: &[u8], password: &Password, salt: &Salt) -> String {
    let params = Cost { n: COST, r: 8, p: 1 };
    let key = derive(password, &salt.derivation, &params).expect("the parameters are within the bounds");
    let mut body = pkcs8.to_vec();
    let tag = apply(&key, &salt.nonce, &mut body, Direction::Seal);
    let sealed = Sealed {
        kdf: Derivation { name: "scrypt".into(), params, salt: salt.derivation.as_slice().into() },
        cipher: Cipher { name: "nacl/secretbox".into(), nonce: salt.nonce.as_slice().into() },
        ciphertext: [tag.as_slice(), &body].concat().into(),
    };
    let json = serde_json::to_vec(&sealed).expect("plain data always has a JSON form");
    write_pem(LABEL, &json).to_string()
}

fn derive(password: &Password, salt: &[u8], cost: &Cost) -> Result<Zeroizing<[u8; 32]>> {
    let refused = || {
        Error::unsupported(format!(
            "encrypted key: scrypt with N={}, r={}, p={}; at most {MAX_MEMORY_BYTES} bytes of memory and p=4 are given",
            cost.n, cost.r, cost.p
        ))
    };
    let memory = u64::from(cost.n).saturating_mul(u64::from(cost.r)).saturating_mul(128);
    if !cost.n.is_power_of_two()
        || cost.n < 2
        || memory > MAX_MEMORY_BYTES
        || !(1..=4).contains(&cost.p)
        || cost.r == 0
    {
        return Err(refused());
    }
    let log = u8::try_from(cost.n.trailing_zeros()).expect("below 32");
    let params = scrypt::Params::new(log, cost.r, cost.p).map_err(|_| refused())?;
    let mut key = Zeroizing::new([0; 32]);
    scrypt::scrypt(&password.0, salt, &params, key.as_mut_slice()).map_err(|_| refused())?;
    Ok(key)
}

#[derive(PartialEq, Eq)]
enum Direction {
    Seal,
    Open,
}

/// Runs the cipher over the body in place and returns the tag of the ciphertext.
///
/// The first 32 bytes of the key stream are the one-time key of the tag; the body is enciphered with what follows.
fn apply(key: &[u8; 32], nonce: &[u8; 24], body: &mut [u8], direction: Direction) -> [u8; TAG_BYTES] {
    let mut cipher = XSalsa20::new(key.into(), nonce.into());
    let mut once = Zeroizing::new([0_u8; 32]);
    cipher.apply_keystream(once.as_mut_slice());
    let tag = |body: &[u8]| Poly1305::new((&*once).into()).compute_unpadded(body).into();
    if direction == Direction::Open {
        let tag = tag(body);
        cipher.apply_keystream(body);
        return tag;
    }
    cipher.apply_keystream(body);
    tag(body)
}
