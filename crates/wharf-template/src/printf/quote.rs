//! Go's quoting of strings and characters.

use crate::lexer::decode_rune;

/// Quotes a string as Go's `%q` does.
pub fn quote(text: &[u8]) -> String {
    quote_with(text, '"', false)
}

/// Reports whether Go's `unicode.IsPrint` holds: letters, marks, numbers, punctuation, symbols and the space.
pub fn is_print(r: char) -> bool {
    if r.is_ascii() {
        return matches!(r, ' '..='~');
    }
    // Rust's debug text escapes exactly what is not printable, once a letter before it carries a combining mark.
    let mut buffer = String::from("a");
    buffer.push(r);
    !format!("{buffer:?}").contains('\\')
}

pub(super) fn quote_with(text: &[u8], mark: char, ascii_only: bool) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push(mark);
    let mut rest = text;
    while let Some((r, width)) = decode_rune(rest) {
        if r == char::REPLACEMENT_CHARACTER && width == 1 {
            out.push_str(&format!("\\x{:02x}", rest[0]));
        } else {
            push_escaped(&mut out, r, mark, ascii_only);
        }
        rest = &rest[width..];
    }
    out.push(mark);
    out
}

fn push_escaped(out: &mut String, r: char, mark: char, ascii_only: bool) {
    if r == mark || r == '\\' {
        out.push('\\');
        out.push(r);
        return;
    }
    if (r.is_ascii() || !ascii_only) && is_print(r) {
        out.push(r);
        return;
    }
    match r {
        '\u{7}' => out.push_str("\\a"),
        '\u{8}' => out.push_str("\\b"),
        '\u{c}' => out.push_str("\\f"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        '\u{b}' => out.push_str("\\v"),
        r if r < ' ' || r == '\u{7f}' => out.push_str(&format!("\\x{:02x}", u32::from(r))),
        r if u32::from(r) < 0x10000 => out.push_str(&format!("\\u{:04x}", u32::from(r))),
        r => out.push_str(&format!("\\U{:08x}", u32::from(r))),
    }
}

/// Reports whether a string can be written between back quotes.
pub(super) fn can_backquote(text: &[u8]) -> bool {
    std::str::from_utf8(text).is_ok_and(|text| {
        text.chars().all(|r| r != '\u{feff}' && r != '`' && r != '\u{7f}' && (r >= ' ' || r == '\t'))
    })
}

/// Returns the first `count` runes.
pub(crate) fn truncate_runes(text: &[u8], count: usize) -> &[u8] {
    let mut end = 0;
    for _ in 0..count {
        match decode_rune(&text[end..]) {
            Some((_, width)) => end += width,
            None => break,
        }
    }
    &text[..end]
}

/// Returns the number of runes; an invalid byte counts as one.
pub(super) fn count_runes(text: &[u8]) -> usize {
    match std::str::from_utf8(text) {
        Ok(text) => text.chars().count(),
        Err(_) => {
            let (mut rest, mut count) = (text, 0);
            while let Some((_, width)) = decode_rune(rest) {
                rest = &rest[width..];
                count += 1;
            }
            count
        }
    }
}
