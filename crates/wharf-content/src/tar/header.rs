//! The 512-byte headers of a tar (POSIX.1-2017, pax, "ustar Interchange Format"; GNU's long names and large numbers).

/// The unit of a tar, in bytes.
pub(super) const BLOCK: u64 = 512;

/// A header as it stands.
#[derive(Debug)]
pub(super) struct Header {
    pub(super) name: String,
    /// The bytes that follow, without the padding.
    pub(super) size: u64,
    pub(super) kind: u8,
}

impl Header {
    /// Reads a block; `None` for one of zeros, which ends a tar.
    pub(super) fn parse(block: &[u8; BLOCK as usize]) -> Result<Option<Self>, &'static str> {
        if block.iter().all(|byte| *byte == 0) {
            return Ok(None);
        }
        let stated = number(&block[148..156]).ok_or("the checksum of a header is no number")?;
        if stated != checksum(block) {
            return Err("the checksum of a header is wrong");
        }
        let name = text(&block[..100]);
        let prefix = if &block[257..263] == b"ustar\0" { text(&block[345..500]) } else { String::new() };
        let kind = block[156];
        let size = match kind {
            // Links, folders and devices have no content, whatever their header says.
            b'1'..=b'6' => 0,
            _ => number(&block[124..136]).ok_or("the size in a header is no number")?,
        };
        Ok(Some(Self { name: if prefix.is_empty() { name } else { format!("{prefix}/{name}") }, size, kind }))
    }
}

/// Returns the bytes of the header, or headers, of a file. They depend on its name and size only.
pub(super) fn file(name: &str, size: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    let short = if name.len() <= 100 {
        name.to_owned()
    } else {
        // A pax header before it has the whole name.
        let record = pax_record("path", name);
        bytes.extend(header("PaxHeaders/name", record.len() as u64, b'x'));
        bytes.extend(record.as_bytes());
        bytes.resize(bytes.len().next_multiple_of(BLOCK as usize), 0);
        name.chars().take(100).collect()
    };
    bytes.extend(header(&short, size, b'0'));
    bytes
}

fn header(name: &str, size: u64, kind: u8) -> [u8; BLOCK as usize] {
    let mut block = [0; BLOCK as usize];
    let mut put = |at: usize, text: &[u8]| block[at..at + text.len()].copy_from_slice(text);
    put(0, name.as_bytes());
    put(100, b"0000644\0");
    put(108, b"0000000\0");
    put(116, b"0000000\0");
    if size < 1 << 33 {
        put(124, format!("{size:011o}\0").as_bytes());
    } else {
        // More than eleven octal digits: binary, as GNU does, and as everybody reads.
        put(128, &size.to_be_bytes());
        put(124, &[0x80]);
    }
    put(136, b"00000000000\0");
    put(156, &[kind]);
    put(257, b"ustar\0");
    put(263, b"00");
    let sum = checksum(&block);
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    block
}

/// A record says its own length, which depends on how many digits that has.
fn pax_record(key: &str, value: &str) -> String {
    let rest = key.len() + value.len() + 3;
    let mut len = rest + 1;
    while rest + len.to_string().len() != len {
        len += 1;
    }
    format!("{len} {key}={value}\n")
}

/// Iterates over the records of a pax header; `None` for what is none.
pub(super) fn pax_records(mut bytes: &[u8]) -> impl Iterator<Item = Option<(&str, &str)>> {
    std::iter::from_fn(move || {
        if bytes.is_empty() {
            return None;
        }
        let record = (|| {
            let space = bytes.iter().take(20).position(|byte| *byte == b' ')?;
            let len: usize = std::str::from_utf8(&bytes[..space]).ok()?.parse().ok()?;
            let record = bytes.get(space + 1..len)?.strip_suffix(b"\n")?;
            bytes = &bytes[len..];
            std::str::from_utf8(record).ok()?.split_once('=')
        })();
        if record.is_none() {
            bytes = &[];
        }
        Some(record)
    })
}

/// The sum of all bytes, with the field of the sum as spaces.
fn checksum(block: &[u8; BLOCK as usize]) -> u64 {
    let sum: u64 = block.iter().map(|byte| u64::from(*byte)).sum();
    let field: u64 = block[148..156].iter().map(|byte| u64::from(*byte)).sum();
    sum - field + 8 * u64::from(b' ')
}

/// Reads an octal number, or GNU's binary one.
fn number(field: &[u8]) -> Option<u64> {
    if field[0] & 0x80 != 0 {
        let (high, low) = field.split_at(field.len().checked_sub(8)?);
        let is_small = high.iter().enumerate().all(|(at, byte)| *byte == if at == 0 { 0x80 } else { 0 });
        return is_small.then(|| low.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)));
    }
    let text = std::str::from_utf8(field).ok()?.trim_matches([' ', '\0']);
    if text.is_empty() { Some(0) } else { u64::from_str_radix(text, 8).ok() }
}

/// The text before the first NUL. A name that is no text is nobody's here.
pub(super) fn text(field: &[u8]) -> String {
    let end = field.iter().position(|byte| *byte == 0).unwrap_or(field.len());
    String::from_utf8_lossy(&field[..end]).into_owned()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn block(bytes: &[u8]) -> &[u8; 512] {
        bytes.try_into().unwrap()
    }

    #[test]
    fn a_header_is_read_as_it_was_written() {
        for size in [0, 1, (1 << 33) - 1, 1 << 33, u64::MAX >> 1] {
            let bytes = file("blobs/sha256/abc", size);
            let header = Header::parse(block(&bytes)).unwrap().unwrap();
            assert_eq!((header.name.as_str(), header.size, header.kind), ("blobs/sha256/abc", size, b'0'));
        }
        assert!(Header::parse(&[0; 512]).unwrap().is_none());
    }

    #[test]
    fn a_long_name_stands_in_a_pax_header() {
        let name = format!("blobs/sha512/{}", "a".repeat(128));
        let bytes = file(&name, 7);
        assert_eq!(bytes.len(), 3 * 512);
        let header = Header::parse(block(&bytes[..512])).unwrap().unwrap();
        assert_eq!(header.kind, b'x');
        let records: Vec<_> = pax_records(&bytes[512..512 + header.size as usize]).collect();
        assert_eq!(records, [Some(("path", name.as_str()))]);
    }

    #[test]
    fn a_changed_header_is_told_by_its_checksum() {
        let mut bytes = file("oci-layout", 30);
        bytes[0] ^= 1;
        assert!(Header::parse(block(&bytes)).is_err());
    }

    #[test]
    fn records_that_lie_about_their_length_end_the_list() {
        for bad in ["999 path=x\n", "0 path=x\n", "x", "7 a=b\n", "99999999999999999999 a=b\n"] {
            assert_eq!(pax_records(bad.as_bytes()).collect::<Vec<_>>(), [None], "{bad:?}");
        }
    }
}
