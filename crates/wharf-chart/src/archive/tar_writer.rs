//! Tar entries byte for byte as Go's `archive/tar` writes regular files with nothing but a name, mode, size and time.

/// Longest name in the plain field, and longest prefix before it.
const NAME_BYTES: usize = 100;
const PREFIX_BYTES: usize = 155;
const BLOCK: usize = 512;

/// Appends one regular file with mode 0644.
pub(super) fn append(out: &mut Vec<u8>, name: &str, data: &[u8], modified: u64) {
    if name.is_ascii() && name.len() <= NAME_BYTES {
        header(out, name.as_bytes(), b"", b'0', 0o644, data.len(), modified, true);
    } else if let Some((prefix, rest)) = split(name) {
        header(out, rest.as_bytes(), prefix.as_bytes(), b'0', 0o644, data.len(), modified, true);
    } else {
        let record = pax_record("path", name);
        let (folder, file) = name.rsplit_once('/').map_or(("", name), |(folder, file)| (folder, file));
        let extension = if folder.is_empty() {
            format!("PaxHeaders.0/{file}")
        } else {
            format!("{folder}/PaxHeaders.0/{file}")
        };
        let mut extension = ascii(&extension);
        extension.truncate(NAME_BYTES);
        while extension.last() == Some(&b'/') {
            extension.pop();
        }
        header(out, &extension, b"", b'x', 0, record.len(), 0, false);
        body(out, record.as_bytes());
        let mut short = ascii(name);
        short.truncate(NAME_BYTES);
        // A cut name must not end in a slash, which would make it a folder.
        if short.len() == NAME_BYTES && short.last() == Some(&b'/') {
            while short.last() == Some(&b'/') {
                short.pop();
            }
        }
        header(out, &short, b"", b'0', 0o644, data.len(), modified, true);
    }
    body(out, data);
}

/// Appends the two empty blocks that end an archive.
pub(super) fn finish(out: &mut Vec<u8>) {
    out.resize(out.len() + 2 * BLOCK, 0);
}

#[expect(clippy::too_many_arguments, reason = "the fields of one fixed header, used three times right above")]
fn header(
    out: &mut Vec<u8>,
    name: &[u8],
    prefix: &[u8],
    kind: u8,
    mode: u64,
    size: usize,
    modified: u64,
    devices: bool,
) {
    let mut block = [0u8; BLOCK];
    block[..name.len()].copy_from_slice(name);
    octal(&mut block[100..108], mode);
    octal(&mut block[108..116], 0);
    octal(&mut block[116..124], 0);
    octal(&mut block[124..136], size as u64);
    octal(&mut block[136..148], modified);
    block[156] = kind;
    block[257..265].copy_from_slice(b"ustar\x0000");
    if devices {
        octal(&mut block[329..337], 0);
        octal(&mut block[337..345], 0);
    }
    block[345..345 + prefix.len()].copy_from_slice(prefix);
    block[148..156].fill(b' ');
    let sum: u64 = block.iter().map(|byte| u64::from(*byte)).sum();
    octal(&mut block[148..155], sum);
    out.extend_from_slice(&block);
}

/// Octal digits filling the field but for the closing NUL.
fn octal(field: &mut [u8], mut value: u64) {
    let last = field.len() - 1;
    field[last] = 0;
    for digit in field[..last].iter_mut().rev() {
        *digit = b'0' + (value & 7) as u8;
        value >>= 3;
    }
}

fn body(out: &mut Vec<u8>, data: &[u8]) {
    out.extend_from_slice(data);
    out.resize(out.len().next_multiple_of(BLOCK), 0);
}

/// Splits a long name at a slash into prefix and name, if it fits.
fn split(name: &str) -> Option<(&str, &str)> {
    if !name.is_ascii() {
        return None;
    }
    let front = &name[..name.len().min(PREFIX_BYTES + 1)];
    let at = front.rfind('/').filter(|at| *at > 0)?;
    let (prefix, rest) = (&name[..at], &name[at + 1..]);
    (!rest.is_empty() && rest.len() <= NAME_BYTES).then_some((prefix, rest))
}

fn ascii(name: &str) -> Vec<u8> {
    name.bytes().filter(u8::is_ascii).collect()
}

/// `LENGTH KEY=VALUE\n`, where the length counts itself.
fn pax_record(key: &str, value: &str) -> String {
    let rest = format!(" {key}={value}\n");
    let mut length = rest.len() + 1;
    while length.to_string().len() + rest.len() != length {
        length = length.to_string().len() + rest.len();
    }
    format!("{length}{rest}")
}
