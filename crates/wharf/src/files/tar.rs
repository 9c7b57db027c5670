//! Tar entries byte for byte as Go's `archive/tar` writes those of a folder: USTAR, and PAX records where that is too small.

use std::io::{self, Write};

const BLOCK: usize = 512;
/// Longest name in the plain field, and longest prefix before it.
const NAME_BYTES: usize = 100;
const PREFIX_BYTES: usize = 155;
/// The largest size that 11 octal digits can say.
const OCTAL_SIZE: u64 = 0o777_7777_7777;

/// What an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    File,
    Symlink,
    Folder,
}

/// One entry. Owners are never told.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry<'a> {
    pub(super) name: &'a str,
    pub(super) kind: Kind,
    /// Permission bits, with set-user, set-group and sticky.
    pub(super) mode: u32,
    pub(super) size: u64,
    /// Seconds since 1970.
    pub(super) modified: u64,
    /// Where a link leads.
    pub(super) link: &'a str,
}

/// Writes the header of an entry. The content follows, then [`pad`].
pub(super) fn header(out: &mut dyn Write, entry: &Entry<'_>) -> io::Result<()> {
    let (prefix, name) = split(entry.name);
    let mut records = String::new();
    // In the order of their keys.
    if !fits(entry.link) {
        records.push_str(&record("linkpath", entry.link));
    }
    if prefix.is_none() && !fits(entry.name) {
        records.push_str(&record("path", entry.name));
    }
    if entry.size > OCTAL_SIZE {
        records.push_str(&record("size", &entry.size.to_string()));
    }
    if records.is_empty() {
        let mut block = block(entry, name.as_bytes(), entry.link.as_bytes(), entry.size);
        if let Some(prefix) = prefix {
            block[345..345 + prefix.len()].copy_from_slice(prefix.as_bytes());
        }
        return out.write_all(&sealed(block));
    }
    let (folder, file) = entry.name.rsplit_once('/').unwrap_or(("", entry.name));
    let extension = match folder {
        "" => format!("PaxHeaders.0/{file}"),
        folder => format!("{folder}/PaxHeaders.0/{file}"),
    };
    let mut extension = cut(&extension);
    while extension.last() == Some(&b'/') {
        extension.pop();
    }
    let size = records.len() as u64;
    let mut before = plain_block(&extension, 0, size, 0, b'x');
    before[257..265].copy_from_slice(b"ustar\x0000");
    out.write_all(&sealed(before))?;
    out.write_all(records.as_bytes())?;
    pad(out, size)?;
    let size = if entry.size > OCTAL_SIZE { 0 } else { entry.size };
    out.write_all(&sealed(block(entry, &cut(entry.name), &cut(entry.link), size)))
}

/// Fills the last block of a content.
pub(super) fn pad(out: &mut dyn Write, size: u64) -> io::Result<()> {
    // Below the size of a block.
    let over = (size % BLOCK as u64) as usize;
    if over == 0 { Ok(()) } else { out.write_all(&[0; BLOCK][over..]) }
}

/// Ends the archive.
pub(super) fn finish(out: &mut dyn Write) -> io::Result<()> {
    out.write_all(&[0; 2 * BLOCK])
}

fn block(entry: &Entry<'_>, name: &[u8], link: &[u8], size: u64) -> [u8; BLOCK] {
    let kind = match entry.kind {
        Kind::File => b'0',
        Kind::Symlink => b'2',
        Kind::Folder => b'5',
    };
    let mut block = plain_block(name, entry.mode, size, entry.modified, kind);
    block[157..157 + link.len()].copy_from_slice(link);
    block[257..265].copy_from_slice(b"ustar\x0000");
    octal(&mut block[329..337], 0);
    octal(&mut block[337..345], 0);
    block
}

fn plain_block(name: &[u8], mode: u32, size: u64, modified: u64, kind: u8) -> [u8; BLOCK] {
    let mut block = [0; BLOCK];
    block[..name.len()].copy_from_slice(name);
    octal(&mut block[100..108], u64::from(mode));
    octal(&mut block[108..116], 0);
    octal(&mut block[116..124], 0);
    octal(&mut block[124..136], size);
    octal(&mut block[136..148], modified);
    block[156] = kind;
    block
}

/// Sets the checksum, which counts its own field as blanks.
fn sealed(mut block: [u8; BLOCK]) -> [u8; BLOCK] {
    block[148..156].fill(b' ');
    let sum: u64 = block.iter().map(|&byte| u64::from(byte)).sum();
    octal(&mut block[148..155], sum);
    block
}

/// Writes a number in octal digits, with zeros before and a zero byte behind.
fn octal(field: &mut [u8], number: u64) {
    let digits = format!("{number:0width$o}", width = field.len() - 1);
    field[..digits.len()].copy_from_slice(digits.as_bytes());
}

fn fits(text: &str) -> bool {
    text.is_ascii() && text.len() <= NAME_BYTES
}

/// Splits a name into prefix and name, if it has to be and can be.
fn split(name: &str) -> (Option<&str>, &str) {
    if fits(name) || !name.is_ascii() {
        return (None, name);
    }
    let length = if name.len() > PREFIX_BYTES + 1 {
        PREFIX_BYTES + 1
    } else {
        name.len() - usize::from(name.ends_with('/'))
    };
    match name[..length].rfind('/') {
        Some(at) if at > 0 && (1..=NAME_BYTES).contains(&(name.len() - at - 1)) && at <= PREFIX_BYTES => {
            (Some(&name[..at]), &name[at + 1..])
        }
        _ => (None, name),
    }
}

/// Returns a PAX record, which begins with its own length (POSIX.1-2001, pax).
fn record(key: &str, value: &str) -> String {
    let rest = format!(" {key}={value}\n");
    let mut length = rest.len();
    loop {
        let all = length.to_string().len() + rest.len();
        if all == length {
            return format!("{length}{rest}");
        }
        length = all;
    }
}

/// Returns what fits into a field, without what is no ASCII.
fn cut(text: &str) -> Vec<u8> {
    let mut bytes: Vec<u8> = text.bytes().filter(u8::is_ascii).collect();
    bytes.truncate(NAME_BYTES);
    bytes
}
