//! Base64, base32 and checksums.

use data_encoding::{BASE32, BASE64};
use sha2::Digest;
use wharf_template::{FunctionTable, Value};

use crate::args::{Add, T, bytes};

pub(crate) fn add(table: &mut FunctionTable) {
    const S: &[T] = &[T::String];
    table.plain("b64enc", S, |args| Ok(BASE64.encode(bytes(&args[0])).into()));
    table.plain("b32enc", S, |args| Ok(BASE32.encode(bytes(&args[0])).into()));
    table.plain("b64dec", S, |args| Ok(decode("base64", decode_base64, bytes(&args[0]))));
    table.plain("b32dec", S, |args| Ok(decode("base32", decode_base32, bytes(&args[0]))));
    table.plain("sha256sum", S, |args| Ok(hex(&sha2::Sha256::digest(bytes(&args[0]))).into()));
    table.plain("sha512sum", S, |args| Ok(hex(&sha2::Sha512::digest(bytes(&args[0]))).into()));
    table.plain("sha1sum", S, |args| Ok(hex(&sha1(bytes(&args[0]))).into()));
    table.plain("adler32sum", S, |args| Ok(adler32(bytes(&args[0])).to_string().into()));
}

fn hex(bytes: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(bytes)
}

/// Decodes, or returns the text of the error, as Sprig does.
fn decode(name: &str, decode: fn(&[u8]) -> Result<Vec<u8>, usize>, input: &[u8]) -> Value {
    match decode(input) {
        Ok(bytes) => Value::str(bytes),
        Err(at) => format!("illegal {name} data at input byte {at}").into(),
    }
}

/// Decodes base64, with line ends anywhere; the error is the place that Go names.
pub(crate) fn decode_base64(input: &[u8]) -> Result<Vec<u8>, usize> {
    let is_line_end = |byte: u8| matches!(byte, b'\n' | b'\r');
    let mut out = Vec::with_capacity(input.len() / 4 * 3);
    let mut at = 0;
    let skip = |mut at: usize| {
        while input.get(at).is_some_and(|byte| is_line_end(*byte)) {
            at += 1;
        }
        at
    };
    loop {
        let (mut group, mut count) = (0_u32, 0);
        while count < 4 {
            at = skip(at);
            let Some(byte) = input.get(at) else {
                return if count == 0 { Ok(out) } else { Err(at - count) };
            };
            at += 1;
            if *byte == b'=' {
                return padding(input, at, group, count, skip).map(|last| {
                    out.extend_from_slice(&last);
                    out
                });
            }
            let digit = digit64(*byte).ok_or(at - 1)?;
            group = group << 6 | digit;
            count += 1;
        }
        out.extend_from_slice(&group.to_be_bytes()[1..]);
    }
}

/// Takes the padding after `count` digits, the first `=` of which is taken, and what they decode to.
fn padding(
    input: &[u8],
    at: usize,
    group: u32,
    count: usize,
    skip: impl Fn(usize) -> usize,
) -> Result<Vec<u8>, usize> {
    let mut at = at;
    match count {
        0 | 1 => return Err(at - 1),
        2 => {
            at = skip(at);
            match input.get(at) {
                None => return Err(input.len()),
                Some(b'=') => at += 1,
                Some(_) => return Err(at - 1),
            }
        }
        _ => {}
    }
    at = skip(at);
    if at < input.len() {
        return Err(at);
    }
    let bytes = (group << (6 * (4 - count))).to_be_bytes();
    Ok(bytes[1..count].to_vec())
}

fn digit64(byte: u8) -> Option<u32> {
    let place = match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    };
    Some(u32::from(place))
}

/// Decodes base32, with line ends anywhere; the error is the place that Go names.
fn decode_base32(input: &[u8]) -> Result<Vec<u8>, usize> {
    let digits: Vec<u8> = input.iter().copied().filter(|byte| !matches!(byte, b'\n' | b'\r')).collect();
    let mut out = Vec::with_capacity(digits.len() / 8 * 5);
    for (start, group) in digits.chunks(8).enumerate().map(|(index, group)| (index * 8, group)) {
        let mut bits: u64 = 0;
        let mut count = 0;
        for (index, byte) in group.iter().enumerate() {
            let rest = digits.len() - start - index - 1;
            if *byte == b'=' && index >= 2 && rest < 8 {
                if rest + index < 7 {
                    return Err(digits.len());
                }
                let after = &digits[start + index + 1..];
                if let Some(bad) =
                    (0..7 - index).find(|place| after.get(*place).is_some_and(|byte| *byte != b'='))
                {
                    return Err((start + index + bad + 1).saturating_sub(1));
                }
                break;
            }
            let digit = match byte {
                b'A'..=b'Z' => byte - b'A',
                b'2'..=b'7' => byte - b'2' + 26,
                _ => return Err(start + index),
            };
            bits = bits << 5 | u64::from(digit);
            count += 1;
        }
        if count < 8 && !group.contains(&b'=') {
            return Err(start);
        }
        if matches!(count, 1 | 3 | 6) {
            return Err(start + count);
        }
        let bytes = (bits << (5 * (8 - count))).to_be_bytes();
        out.extend_from_slice(&bytes[3..3 + count * 5 / 8]);
    }
    Ok(out)
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
