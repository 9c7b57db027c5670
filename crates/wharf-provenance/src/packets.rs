//! The row of packets that a binary keyring is: RFC 9580, section 4.2.

/// The tag of trust packets: notes of one GnuPG to itself, which stand between a name and its signatures.
const TRUST: u8 = 12;

/// Returns the packets but for trust packets. What cannot be followed stays as it is, for the parser to judge.
pub(crate) fn without_trust(mut bytes: &[u8]) -> Vec<u8> {
    let mut kept = Vec::with_capacity(bytes.len());
    while let Some((tag, len)) = header(bytes).filter(|(_, len)| *len <= bytes.len()) {
        let (packet, rest) = bytes.split_at(len);
        if tag != TRUST {
            kept.extend_from_slice(packet);
        }
        bytes = rest;
    }
    kept.extend_from_slice(bytes);
    kept
}

/// Returns the tag of the first packet and its length with its header; `None` where that is not known beforehand.
fn header(bytes: &[u8]) -> Option<(u8, usize)> {
    let first = *bytes.first()?;
    let number = |from: usize, count: usize| {
        bytes
            .get(from..from + count)
            .map(|part| part.iter().fold(0, |all, byte| all << 8 | usize::from(*byte)))
    };
    let (tag, head, body) = match first {
        0xc0.. => {
            let (head, body) = match number(1, 1)? {
                len @ ..192 => (2, len),
                len @ 192..224 => (3, (len - 192) * 256 + number(2, 1)? + 192),
                255 => (6, number(2, 4)?),
                _ => return None,
            };
            (first & 0x3f, head, body)
        }
        0x80.. => match first & 3 {
            3 => return None,
            kind => (first >> 2 & 0xf, 1 + (1 << kind), number(1, 1 << kind)?),
        },
        _ => return None,
    };
    Some((tag, body.checked_add(head)?))
}
