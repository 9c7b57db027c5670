//! GnuPG's keybox files (`pubring.kbx`): the keys inside them.
//!
//! A keybox is a row of blobs, each with a length (4 bytes, big endian) and a type in front. Blobs of type 2 hold an
//! OpenPGP key, at an offset and with a length that stand at bytes 8 and 12.

use crate::{Error, ErrorKind};

/// The type of blobs that hold OpenPGP keys.
const OPENPGP: u8 = 2;

/// Whether the bytes are a keybox.
pub(crate) fn is_keybox(bytes: &[u8]) -> bool {
    bytes.get(8..12) == Some(b"KBXf")
}

/// Returns the OpenPGP keys one after another, as a binary keyring has them.
pub(crate) fn keys(mut bytes: &[u8]) -> Result<Vec<u8>, Error> {
    let broken = || Error::new(ErrorKind::Keyring, "keybox is malformed");
    let mut keys = Vec::new();
    while !bytes.is_empty() {
        let len = number(bytes, 0).ok_or_else(broken)?;
        // A blob has at least a length and a type; what is shorter would never end.
        let blob = bytes.get(..len).filter(|blob| blob.len() > 5).ok_or_else(broken)?;
        if blob[4] == OPENPGP {
            let (start, size) = (number(blob, 8).ok_or_else(broken)?, number(blob, 12).ok_or_else(broken)?);
            let end = start.checked_add(size).ok_or_else(broken)?;
            keys.extend_from_slice(blob.get(start..end).ok_or_else(broken)?);
        }
        bytes = &bytes[len..];
    }
    Ok(keys)
}

fn number(bytes: &[u8], at: usize) -> Option<usize> {
    let four: [u8; 4] = bytes.get(at..at.checked_add(4)?)?.try_into().ok()?;
    usize::try_from(u32::from_be_bytes(four)).ok()
}
