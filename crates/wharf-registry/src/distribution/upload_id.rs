//! The ids of upload sessions.
//!
//! A session belongs to one principal and one repository. Its id says so itself, signed with the server's key, so there is no
//! table of sessions: an id that was given to someone else, or for another repository, is as unknown as one
//! that never was (CVE-2026-32589), and every id outlives a restart.

use aws_lc_rs::{constant_time, hmac};
use data_encoding::HEXLOWER;
use wharf_access::{Caller, Principal};
use wharf_oci::RepositoryName;
use wharf_storage::UploadId;

use crate::app::random;
use crate::error::Error;

const RANDOM_BYTES: usize = 16;
const SIGNATURE_BYTES: usize = 16;

/// Returns a fresh id: 32 hexadecimal digits of randomness, `-`, 32 of signature.
pub(super) fn fresh(
    key: &hmac::Key,
    repository: &RepositoryName,
    caller: &Caller,
) -> Result<UploadId, Error> {
    let random: [u8; RANDOM_BYTES] =
        random().map_err(|error| wharf_storage::Error::Damaged(error.to_string()))?;
    let signature = sign(key, &random, repository, caller);
    let text = format!("{}-{}", HEXLOWER.encode(&random), HEXLOWER.encode(&signature[..SIGNATURE_BYTES]));
    Ok(text.parse()?)
}

/// Returns the id with this text, if it was given to this caller for this repository.
pub(super) fn verify(
    key: &hmac::Key,
    text: &str,
    repository: &RepositoryName,
    caller: &Caller,
) -> Result<UploadId, Error> {
    let verified = text.split_once('-').is_some_and(|(random, signature)| {
        let (Ok(random), Ok(signature)) =
            (HEXLOWER.decode(random.as_bytes()), HEXLOWER.decode(signature.as_bytes()))
        else {
            return false;
        };
        let expected = sign(key, &random, repository, caller);
        random.len() == RANDOM_BYTES
            && constant_time::verify_slices_are_equal(&expected[..SIGNATURE_BYTES], &signature).is_ok()
    });
    let unknown = || wharf_storage::Error::not_found("upload", text.chars().take(128).collect::<String>());
    if verified { Ok(text.parse()?) } else { Err(unknown().into()) }
}

fn sign(key: &hmac::Key, random: &[u8], repository: &RepositoryName, caller: &Caller) -> [u8; 32] {
    let principal = match caller.principal {
        Principal::Anonymous => "anonymous".to_owned(),
        Principal::User(id) => format!("user {id}"),
        Principal::Robot(id) => format!("robot {id}"),
        Principal::System => "system".to_owned(),
    };
    let mut context = hmac::Context::with_key(key);
    // The first part has a fixed length and a name holds no NUL, so no two triples give the same text.
    for part in [random, repository.as_str().as_bytes(), b"\0", principal.as_bytes()] {
        context.update(part);
    }
    let mut signature = [0; 32];
    signature.copy_from_slice(context.sign().as_ref());
    signature
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn an_id_is_known_to_its_owner_and_repository_only() {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &[7; 32]);
        let (shop, other): (RepositoryName, RepositoryName) =
            ("shop/a".parse().unwrap(), "shop/b".parse().unwrap());
        let (ann, bob) = (Caller::named(Principal::User(1), "ann"), Caller::named(Principal::User(2), "bob"));
        let robot = Caller::named(Principal::Robot(1), "robot$1");
        let id = fresh(&key, &shop, &ann).unwrap();
        assert_eq!(verify(&key, id.as_str(), &shop, &ann).unwrap(), id);
        assert!(verify(&key, id.as_str(), &other, &ann).is_err());
        assert!(verify(&key, id.as_str(), &shop, &bob).is_err());
        assert!(verify(&key, id.as_str(), &shop, &robot).is_err());
        for bad in ["", "-", "../../etc/passwd", &id.as_str()[..64], &id.as_str().to_uppercase()] {
            assert!(verify(&key, bad, &shop, &ann).is_err(), "{bad}");
        }
    }
}
