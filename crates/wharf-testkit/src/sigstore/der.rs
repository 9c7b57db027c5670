//! Distinguished encoding rules, as far as the fake writes and reads them.

pub(super) const INTEGER: u8 = 0x02;
pub(super) const OCTET_STRING: u8 = 0x04;
pub(super) const NULL: u8 = 0x05;
pub(super) const OID: u8 = 0x06;
pub(super) const UTF8: u8 = 0x0c;
pub(super) const GENERALIZED_TIME: u8 = 0x18;
pub(super) const SEQUENCE: u8 = 0x30;
pub(super) const SET: u8 = 0x31;
pub(super) const FIRST: u8 = 0xa0;

/// Writes the parts one after another inside one element.
pub(super) fn wrap(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let contents = parts.concat();
    let mut out = vec![tag];
    match u8::try_from(contents.len()) {
        Ok(short) if short < 0x80 => out.push(short),
        _ => {
            let bytes: Vec<u8> =
                contents.len().to_be_bytes().into_iter().skip_while(|byte| *byte == 0).collect();
            out.push(0x80 | u8::try_from(bytes.len()).unwrap());
            out.extend(bytes);
        }
    }
    out.extend(contents);
    out
}

/// One element: its tag, its contents and all of its bytes.
#[derive(Clone, Copy)]
pub(super) struct Element<'a> {
    pub(super) tag: u8,
    pub(super) contents: &'a [u8],
    pub(super) whole: &'a [u8],
}

/// Reads elements one after another; `None` where the bytes are not that.
pub(super) fn elements(mut input: &[u8]) -> Option<Vec<Element<'_>>> {
    let mut found = Vec::new();
    while !input.is_empty() {
        let (tag, first) = (*input.first()?, usize::from(*input.get(1)?));
        let (length, head) = match first {
            0..=0x7f => (first, 2),
            0x81..=0x84 => {
                let bytes = input.get(2..2 + (first & 0x7f))?;
                let length = bytes.iter().fold(0, |sum, byte| (sum << 8) | usize::from(*byte));
                (length, 2 + (first & 0x7f))
            }
            _ => return None,
        };
        let whole = input.get(..head.checked_add(length)?)?;
        found.push(Element { tag, contents: &whole[head..], whole });
        input = &input[whole.len()..];
    }
    Some(found)
}
