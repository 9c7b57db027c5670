//! `derivePassword`: the Master Password algorithm, on scrypt (RFC 7914) and HMAC-SHA-256 (RFC 2104).

use sha2::{Digest as _, Sha256};
use wharf_template::{FunctionTable, Value};

use crate::args::{Add, T, bytes, int, text};

const SEED: &[u8] = b"com.lyndir.masterpassword";
// The cost, block size and parallelism that the algorithm fixes.
const COST: usize = 32_768;
const BLOCK: usize = 8;
const LANES: usize = 2;

pub(crate) fn add(table: &mut FunctionTable) {
    const PARAMS: &[T] = &[T::Int, T::String, T::String, T::String, T::String];
    table.plain("derivePassword", PARAMS, |args| {
        let [counter, kind, password, user, site] = args else {
            return Ok(Value::Nil);
        };
        let kind = text(kind);
        let Some(templates) = templates(&kind) else {
            return Ok(format!("cannot find password template {kind}").into());
        };
        let counter = u32::try_from(int(counter)).unwrap_or_default();
        Ok(derive(counter, templates, bytes(password), bytes(user), bytes(site)).into())
    });
}

fn templates(kind: &str) -> Option<&'static [&'static str]> {
    Some(match kind {
        "maximum" => &["anoxxxxxxxxxxxxxxxxx", "axxxxxxxxxxxxxxxxxno"],
        "long" => &[
            "CvcvnoCvcvCvcv",
            "CvcvCvcvnoCvcv",
            "CvcvCvcvCvcvno",
            "CvccnoCvcvCvcv",
            "CvccCvcvnoCvcv",
            "CvccCvcvCvcvno",
            "CvcvnoCvccCvcv",
            "CvcvCvccnoCvcv",
            "CvcvCvccCvcvno",
            "CvcvnoCvcvCvcc",
            "CvcvCvcvnoCvcc",
            "CvcvCvcvCvccno",
            "CvccnoCvccCvcv",
            "CvccCvccnoCvcv",
            "CvccCvccCvcvno",
            "CvcvnoCvccCvcc",
            "CvcvCvccnoCvcc",
            "CvcvCvccCvccno",
            "CvccnoCvcvCvcc",
            "CvccCvcvnoCvcc",
            "CvccCvcvCvccno",
        ],
        "medium" => &["CvcnoCvc", "CvcCvcno"],
        "short" => &["Cvcn"],
        "basic" => &["aaanaaan", "aannaaan", "aaannaaa"],
        "pin" => &["nnnn"],
        _ => return None,
    })
}

fn characters(class: u8) -> &'static [u8] {
    match class {
        b'V' => b"AEIOU",
        b'C' => b"BCDFGHJKLMNPQRSTVWXYZ",
        b'v' => b"aeiou",
        b'c' => b"bcdfghjklmnpqrstvwxyz",
        b'a' => b"AEIOUaeiouBCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz",
        b'n' => b"0123456789",
        b'o' => b"@&%?,=[]_:-+*$#!'^~;()/.",
        _ => b"AEIOUaeiouBCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz0123456789!@#$%^&*()",
    }
}

fn derive(counter: u32, templates: &[&str], password: &[u8], user: &[u8], site: &[u8]) -> String {
    let length = |text: &[u8]| u32::try_from(text.len()).unwrap_or(u32::MAX).to_be_bytes();
    let salt = [SEED, &length(user), user].concat();
    let key = scrypt(password, &salt);
    let seed = hmac(&key, &[SEED, &length(site), site, &counter.to_be_bytes()]);
    let template = templates[usize::from(seed[0]) % templates.len()];
    let pick = |(class, byte): (u8, &u8)| {
        let set = characters(class);
        char::from(set[usize::from(*byte) % set.len()])
    };
    template.bytes().zip(&seed[1..]).map(pick).collect()
}

fn hmac(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let mut block = [0_u8; 64];
    if key.len() > 64 {
        block[..32].copy_from_slice(&Sha256::digest(key));
    } else {
        block[..key.len()].copy_from_slice(key);
    }
    let mut inner = Sha256::new();
    inner.update(block.map(|byte| byte ^ 0x36));
    for part in parts {
        inner.update(part);
    }
    let mut outer = Sha256::new();
    outer.update(block.map(|byte| byte ^ 0x5c));
    outer.update(inner.finalize());
    outer.finalize().into()
}

/// PBKDF2 with one iteration (RFC 8018), which is all that scrypt asks for.
fn stretch(password: &[u8], salt: &[u8], length: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(length + 32);
    let mut index: u32 = 1;
    while out.len() < length {
        out.extend_from_slice(&hmac(password, &[salt, &index.to_be_bytes()]));
        index += 1;
    }
    out.truncate(length);
    out
}

fn scrypt(password: &[u8], salt: &[u8]) -> Vec<u8> {
    let lane_bytes = 128 * BLOCK;
    let mut lanes = stretch(password, salt, lane_bytes * LANES);
    for lane in lanes.chunks_exact_mut(lane_bytes) {
        let mut words: Vec<u32> = lane
            .chunks_exact(4)
            .map(|word| u32::from_le_bytes([word[0], word[1], word[2], word[3]]))
            .collect();
        mix(&mut words);
        for (bytes, word) in lane.chunks_exact_mut(4).zip(words) {
            bytes.copy_from_slice(&word.to_le_bytes());
        }
    }
    stretch(password, &lanes, 64)
}

/// RFC 7914, section 5: scryptROMix.
fn mix(words: &mut [u32]) {
    let mut seen: Vec<Vec<u32>> = Vec::with_capacity(COST);
    for _ in 0..COST {
        seen.push(words.to_vec());
        block_mix(words);
    }
    for _ in 0..COST {
        let place = words[words.len() - 16] as usize % COST;
        for (word, other) in words.iter_mut().zip(&seen[place]) {
            *word ^= other;
        }
        block_mix(words);
    }
}

/// RFC 7914, section 4: scryptBlockMix.
fn block_mix(words: &mut [u32]) {
    let mut current = [0_u32; 16];
    current.copy_from_slice(&words[words.len() - 16..]);
    let half = words.len() / 2;
    let mut out = vec![0_u32; words.len()];
    for (index, chunk) in words.chunks_exact(16).enumerate() {
        for (word, other) in current.iter_mut().zip(chunk) {
            *word ^= other;
        }
        salsa(&mut current);
        let start = index / 2 * 16 + if index % 2 == 1 { half } else { 0 };
        out[start..start + 16].copy_from_slice(&current);
    }
    words.copy_from_slice(&out);
}

/// RFC 7914, section 3: Salsa20/8 core.
fn salsa(block: &mut [u32; 16]) {
    const ROUNDS: [[usize; 4]; 8] = [
        [0, 4, 8, 12],
        [5, 9, 13, 1],
        [10, 14, 2, 6],
        [15, 3, 7, 11],
        [0, 1, 2, 3],
        [5, 6, 7, 4],
        [10, 11, 8, 9],
        [15, 12, 13, 14],
    ];
    let mut x = *block;
    for _ in 0..4 {
        for [a, b, c, d] in ROUNDS {
            x[b] ^= x[a].wrapping_add(x[d]).rotate_left(7);
            x[c] ^= x[b].wrapping_add(x[a]).rotate_left(9);
            x[d] ^= x[c].wrapping_add(x[b]).rotate_left(13);
            x[a] ^= x[d].wrapping_add(x[c]).rotate_left(18);
        }
    }
    for (word, mixed) in block.iter_mut().zip(x) {
        *word = word.wrapping_add(mixed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The value is what Sprig 3.3.0 gives.
    #[test]
    fn a_derived_password_is_that_of_sprig() {
        let templates = templates("long").expect("long is a known type");
        assert_eq!(derive(1, templates, b"password", b"user", b"example.com"), "ZedaFaxcZaso9*");
    }
}
