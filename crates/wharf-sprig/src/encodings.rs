//! Base64, base32 and checksums.

use data_encoding::{BASE32, BASE64, Encoding};
use sha2::Digest;
use wharf_template::{FunctionTable, Value};

use crate::args::{Add, T, bytes};

pub(crate) fn add(table: &mut FunctionTable) {
    const S: &[T] = &[T::String];
    table.plain("b64enc", S, |args| Ok(BASE64.encode(bytes(&args[0])).into()));
    table.plain("b32enc", S, |args| Ok(BASE32.encode(bytes(&args[0])).into()));
    table.plain("b64dec", S, |args| Ok(decode(&BASE64, "base64", bytes(&args[0]))));
    table.plain("b32dec", S, |args| Ok(decode(&BASE32, "base32", bytes(&args[0]))));
    table.plain("sha256sum", S, |args| Ok(hex(&sha2::Sha256::digest(bytes(&args[0]))).into()));
    table.plain("sha512sum", S, |args| Ok(hex(&sha2::Sha512::digest(bytes(&args[0]))).into()));
    table.plain("sha1sum", S, |args| Ok(hex(&sha1(bytes(&args[0]))).into()));
    table.plain("adler32sum", S, |args| Ok(adler32(bytes(&args[0])).to_string().into()));
}

fn hex(bytes: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(bytes)
}

/// Decodes, or returns the text of the error, as Sprig does. Line ends are skipped, as in Go.
pub(crate) fn decode(encoding: &Encoding, name: &str, input: &[u8]) -> Value {
    match decode_bytes(encoding, input) {
        Ok(bytes) => Value::str(bytes),
        Err(at) => format!("illegal {name} data at input byte {at}").into(),
    }
}

/// Decodes; the error is the place of the first byte that Go would refuse.
pub(crate) fn decode_bytes(encoding: &Encoding, input: &[u8]) -> Result<Vec<u8>, usize> {
    let (kept, places): (Vec<u8>, Vec<usize>) = input
        .iter()
        .enumerate()
        .filter(|(_, byte)| !matches!(byte, b'\n' | b'\r'))
        .map(|(at, byte)| (*byte, at))
        .unzip();
    // Go does not mind bits set in the last character that belong to no byte.
    let mut specification = encoding.specification();
    specification.check_trailing_bits = false;
    let lenient = specification.encoding().unwrap_or_else(|_| encoding.clone());
    lenient.decode(&kept).map_err(|error| {
        let at = match error.kind {
            data_encoding::DecodeKind::Length => kept.len() - kept.len() % encoding.encode(b"a").len(),
            _ => error.position,
        };
        places.get(at).copied().unwrap_or(input.len())
    })
}

/// SHA-1, needed for nothing but the function of that name.
fn sha1(input: &[u8]) -> [u8; 20] {
    let mut state: [u32; 5] = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476, 0xc3d2_e1f0];
    let mut message = input.to_vec();
    message.push(0x80);
    let padding = (64 + 56 - message.len() % 64) % 64;
    message.resize(message.len() + padding, 0);
    message.extend_from_slice(&(input.len() as u64 * 8).to_be_bytes());
    for block in message.chunks_exact(64) {
        let mut words = [0_u32; 80];
        for (word, bytes) in words.iter_mut().zip(block.chunks_exact(4)) {
            *word = u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
        }
        for at in 16..80 {
            words[at] = (words[at - 3] ^ words[at - 8] ^ words[at - 14] ^ words[at - 16]).rotate_left(1);
        }
        let [mut a, mut b, mut c, mut d, mut e] = state;
        for (at, word) in words.iter().enumerate() {
            let (f, k) = match at {
                0..20 => ((b & c) | (!b & d), 0x5a82_7999),
                20..40 => (b ^ c ^ d, 0x6ed9_eba1),
                40..60 => ((b & c) | (b & d) | (c & d), 0x8f1b_bcdc),
                _ => (b ^ c ^ d, 0xca62_c1d6_u32),
            };
            let next = a.rotate_left(5).wrapping_add(f).wrapping_add(e).wrapping_add(k).wrapping_add(*word);
            (a, b, c, d, e) = (next, a, b.rotate_left(30), c, d);
        }
        for (value, add) in state.iter_mut().zip([a, b, c, d, e]) {
            *value = value.wrapping_add(add);
        }
    }
    let mut out = [0; 20];
    for (bytes, word) in out.chunks_exact_mut(4).zip(state) {
        bytes.copy_from_slice(&word.to_be_bytes());
    }
    out
}

fn adler32(input: &[u8]) -> u32 {
    let (mut low, mut high) = (1_u32, 0_u32);
    for byte in input {
        low = (low + u32::from(*byte)) % 65521;
        high = (high + low) % 65521;
    }
    high << 16 | low
}
