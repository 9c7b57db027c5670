//! A place in the text, and looks around it.

use super::Token;

/// A place in the text; everything counts from zero, in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Mark {
    pub(crate) line: usize,
    pub(crate) column: usize,
    pub(crate) index: usize,
}

#[derive(Clone, Copy)]
pub(super) struct Cursor<'a> {
    text: &'a str,
    at: usize,
    mark: Mark,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0, mark: Mark::default() }
    }

    pub(super) fn mark(&self) -> Mark {
        self.mark
    }

    pub(super) fn at_end(&self) -> bool {
        self.at >= self.text.len()
    }

    /// The byte `ahead` bytes further, 0 behind the end; the text itself has no such byte.
    pub(super) fn byte(&self, ahead: usize) -> u8 {
        self.text.as_bytes().get(self.at + ahead).copied().unwrap_or(0)
    }

    /// Length in bytes of the line break that begins `ahead` bytes further, 0 for none.
    fn break_bytes(&self, ahead: usize) -> usize {
        match (self.byte(ahead), self.byte(ahead + 1), self.byte(ahead + 2)) {
            (b'\r', b'\n', _) => 2,
            (b'\r' | b'\n', ..) => 1,
            (0xc2, 0x85, _) => 2,
            (0xe2, 0x80, 0xa8 | 0xa9) => 3,
            _ => 0,
        }
    }

    pub(super) fn is_break(&self, ahead: usize) -> bool {
        self.break_bytes(ahead) > 0
    }

    pub(super) fn is_blank(&self, ahead: usize) -> bool {
        matches!(self.byte(ahead), b' ' | b'\t')
    }

    /// Blank, line break or end.
    pub(super) fn is_blankz(&self, ahead: usize) -> bool {
        matches!(self.byte(ahead), b' ' | b'\t' | 0) || self.is_break(ahead)
    }

    pub(super) fn is_breakz(&self) -> bool {
        self.at_end() || self.is_break(0)
    }

    /// Letter, digit, `_` or `-`.
    pub(super) fn is_word(&self) -> bool {
        matches!(self.byte(0), b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'_' | b'-')
    }

    /// `---` or `...` with something blank behind, at the start of a line.
    pub(super) fn document_indicator(&self) -> Option<Token<'static>> {
        let rest = &self.text.as_bytes()[self.at..];
        if self.mark.column != 0 || !self.is_blankz(3) {
            None
        } else if rest.starts_with(b"---") {
            Some(Token::DocumentStart)
        } else if rest.starts_with(b"...") {
            Some(Token::DocumentEnd)
        } else {
            None
        }
    }

    fn width(&self) -> usize {
        match self.byte(0) {
            0..=0x7f => 1,
            0x80..=0xdf => 2,
            0xe0..=0xef => 3,
            _ => 4,
        }
    }

    /// Passes one character.
    pub(super) fn skip(&mut self) {
        if !self.at_end() {
            self.at += self.width();
            self.mark.column += 1;
            self.mark.index += 1;
        }
    }

    /// Passes bytes of ASCII that are no line breaks, as long as they are wanted.
    pub(super) fn skip_ascii_while(&mut self, wanted: impl Fn(u8) -> bool) {
        let rest = &self.text.as_bytes()[self.at..];
        let is_end = |byte: &u8| !byte.is_ascii() || matches!(byte, b'\n' | b'\r') || !wanted(*byte);
        let count = rest.iter().position(is_end).unwrap_or(rest.len());
        self.at += count;
        self.mark.column += count;
        self.mark.index += count;
    }

    /// Passes what is left of the line, without the break.
    pub(super) fn skip_to_break(&mut self) {
        let rest = &self.text.as_bytes()[self.at..];
        let line = &rest[..memchr::memchr(b'\n', rest).unwrap_or(rest.len())];
        if line.is_ascii() && memchr::memchr(b'\r', line).is_none() {
            self.at += line.len();
            self.mark.column += line.len();
            self.mark.index += line.len();
            return;
        }
        loop {
            self.skip_ascii_while(|_| true);
            if self.is_breakz() {
                return;
            }
            self.skip();
        }
    }

    /// Passes one character and keeps it.
    pub(super) fn read(&mut self, out: &mut String) {
        let start = self.at;
        self.skip();
        out.push_str(&self.text[start..self.at]);
    }

    /// Where in the text this is, in bytes.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// The text from `start` up to here.
    pub(super) fn since(&self, start: usize) -> &'a str {
        &self.text[start..self.at]
    }

    /// Passes one line break, if there is one.
    pub(super) fn skip_line(&mut self) {
        let length = self.break_bytes(0);
        if length > 0 {
            self.mark.index += if self.byte(1) == b'\n' && length == 2 { 2 } else { 1 };
            self.at += length;
            self.mark.column = 0;
            self.mark.line += 1;
        }
    }

    /// Passes one line break and keeps it; all become `\n` but U+2028 and U+2029.
    pub(super) fn read_line(&mut self, out: &mut String) {
        let start = self.at;
        match self.break_bytes(0) {
            0 => return,
            3 => out.push_str(&self.text[start..start + 3]),
            _ => out.push('\n'),
        }
        self.skip_line();
    }

    /// Passes a comment up to the end of its line.
    pub(super) fn skip_comment(&mut self) {
        if self.byte(0) == b'#' {
            self.skip_to_break();
        }
    }

    /// Counts an unfinished last line.
    pub(super) fn end_line(&mut self) {
        if self.mark.column != 0 {
            self.mark.column = 0;
            self.mark.line += 1;
        }
    }
}
