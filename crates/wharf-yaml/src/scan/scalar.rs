//! Scalars: plain, quoted, and blocks.

use std::borrow::Cow;

use super::cursor::Mark;
use super::{Scanner, Token, signed};
use crate::Error;

/// White space and line breaks seen between two pieces of a flow scalar.
#[derive(Default)]
struct Gap<'a> {
    blanks: &'a str,
    first_break: String,
    more_breaks: String,
    /// A line break was seen, so blanks are indentation.
    broken: bool,
}

impl Gap<'_> {
    /// Appends what the gap means: blanks as they are, one line break as a space, more as line breaks.
    fn close(&mut self, out: &mut String) {
        if self.broken {
            if self.first_break.starts_with('\n') {
                out.push_str(if self.more_breaks.is_empty() { " " } else { &self.more_breaks });
            } else {
                out.push_str(&self.first_break);
                out.push_str(&self.more_breaks);
            }
        } else {
            out.push_str(self.blanks);
        }
        *self = Self::default();
    }
}

impl<'a> Scanner<'a> {
    pub(super) fn plain_scalar(&mut self) -> Result<(), Error> {
        let start = self.cursor.mark();
        let indent = self.indent + 1;
        let in_flow = self.flow_level > 0;
        let first = self.cursor.at();
        // On its first line the scalar is what the text has; the end leaves out blanks behind it.
        let mut end = first;
        let mut joined = None::<String>;
        let mut gap = Gap::default();
        loop {
            if self.cursor.document_indicator().is_some() || self.cursor.byte(0) == b'#' {
                break;
            }
            let piece = self.cursor.at();
            while !self.cursor.is_blankz(0) {
                let byte = self.cursor.byte(0);
                if (byte == b':' && self.cursor.is_blankz(1)) || (in_flow && b",?[]{}".contains(&byte)) {
                    break;
                }
                self.cursor.skip();
                self.cursor.skip_ascii_while(|byte| {
                    !(matches!(byte, b' ' | b'\t' | b':' | 0) || in_flow && b",?[]{}".contains(&byte))
                });
            }
            if self.cursor.at() > piece {
                if gap.broken && joined.is_none() {
                    joined = Some(self.cursor.since(first)[..end - first].to_owned());
                }
                if let Some(joined) = &mut joined {
                    gap.close(joined);
                    joined.push_str(self.cursor.since(piece));
                } else {
                    gap.blanks = "";
                }
                end = self.cursor.at();
            }
            if !(self.cursor.is_blank(0) || self.cursor.is_break(0)) {
                break;
            }
            self.gap(&mut gap, Some((indent, start)))?;
            if !in_flow && signed(self.cursor.mark().column) < indent {
                break;
            }
        }
        if gap.broken {
            self.simple_key_allowed = true;
        }
        let text = match joined {
            Some(joined) => Cow::Owned(joined),
            None => Cow::Borrowed(&self.cursor.since(first)[..end - first]),
        };
        self.push(Token::Scalar { text, plain: true }, start);
        Ok(())
    }

    /// Takes blanks and line breaks; `tabs` says up to which column a tab would be indentation.
    fn gap(&mut self, gap: &mut Gap<'a>, tabs: Option<(i64, Mark)>) -> Result<(), Error> {
        let from = self.cursor.at();
        loop {
            if self.cursor.is_blank(0) {
                if let Some((indent, start)) = tabs
                    && gap.broken
                    && self.cursor.byte(0) == b'\t'
                    && signed(self.cursor.mark().column) < indent
                {
                    let problem = "found a tab character that violates indentation";
                    return Err(Error::scan(problem, self.cursor.mark(), start));
                }
                self.cursor.skip();
                if !gap.broken {
                    gap.blanks = self.cursor.since(from);
                }
            } else if self.cursor.is_break(0) {
                if gap.broken {
                    self.cursor.read_line(&mut gap.more_breaks);
                } else {
                    gap.blanks = "";
                    self.cursor.read_line(&mut gap.first_break);
                    gap.broken = true;
                }
            } else {
                return Ok(());
            }
        }
    }

    pub(super) fn flow_scalar(&mut self, single: bool) -> Result<(), Error> {
        let start = self.cursor.mark();
        let quote = if single { b'\'' } else { b'"' };
        self.cursor.skip();
        let inside = self.cursor;
        let ordinary = |byte: u8| byte != quote && byte != b'\\';
        self.cursor.skip_ascii_while(ordinary);
        if self.cursor.byte(0) == quote && !(single && self.cursor.byte(1) == b'\'') {
            // All on one line, with nothing to replace.
            let text = Cow::Borrowed(self.cursor.since(inside.at()));
            self.cursor.skip();
            self.push(Token::Scalar { text, plain: false }, start);
            return Ok(());
        }
        self.cursor = inside;
        let mut text = String::new();
        loop {
            if self.cursor.document_indicator().is_some() {
                return Err(Error::scan("found unexpected document indicator", self.cursor.mark(), start));
            }
            if self.cursor.at_end() {
                return Err(Error::scan("found unexpected end of stream", self.cursor.mark(), start));
            }
            let mut gap = Gap::default();
            while !self.cursor.is_blankz(0) {
                match self.cursor.byte(0) {
                    b'\'' if single && self.cursor.byte(1) == b'\'' => {
                        self.cursor.skip();
                        self.cursor.read(&mut text);
                    }
                    byte if byte == quote => break,
                    b'\\' if !single => {
                        self.cursor.skip();
                        if self.cursor.is_break(0) {
                            self.cursor.skip_line();
                            gap.broken = true;
                            break;
                        }
                        self.escape(&mut text, start)?;
                    }
                    _ => {
                        let from = self.cursor.at();
                        self.cursor.skip();
                        self.cursor.skip_ascii_while(|byte| ordinary(byte) && byte != b' ' && byte != b'\t');
                        text.push_str(self.cursor.since(from));
                    }
                }
            }
            if self.cursor.byte(0) == quote {
                break;
            }
            self.gap(&mut gap, None)?;
            gap.close(&mut text);
        }
        self.cursor.skip();
        self.push(Token::Scalar { text: text.into(), plain: false }, start);
        Ok(())
    }

    /// Reads what stands behind a backslash.
    fn escape(&mut self, text: &mut String, start: Mark) -> Result<(), Error> {
        let mut digits = 0;
        match self.cursor.byte(0) {
            b'0' => text.push('\0'),
            b'a' => text.push('\u{7}'),
            b'b' => text.push('\u{8}'),
            b't' | b'\t' => text.push('\t'),
            b'n' => text.push('\n'),
            b'v' => text.push('\u{b}'),
            b'f' => text.push('\u{c}'),
            b'r' => text.push('\r'),
            b'e' => text.push('\u{1b}'),
            byte @ (b' ' | b'"' | b'\'' | b'\\') => text.push(char::from(byte)),
            b'N' => text.push('\u{85}'),
            b'_' => text.push('\u{a0}'),
            b'L' => text.push('\u{2028}'),
            b'P' => text.push('\u{2029}'),
            b'x' => digits = 2,
            b'u' => digits = 4,
            b'U' => digits = 8,
            _ => return Err(Error::scan("found unknown escape character", self.cursor.mark(), start)),
        }
        self.cursor.skip();
        if digits == 0 {
            return Ok(());
        }
        let mut code = 0u32;
        for ahead in 0..digits {
            let Some(digit) = char::from(self.cursor.byte(ahead)).to_digit(16) else {
                return Err(Error::scan(
                    "did not find expected hexdecimal number",
                    self.cursor.mark(),
                    start,
                ));
            };
            code = (code << 4) | digit;
        }
        let Some(c) = char::from_u32(code) else {
            return Err(Error::scan(
                "found invalid Unicode character escape code",
                self.cursor.mark(),
                start,
            ));
        };
        text.push(c);
        for _ in 0..digits {
            self.cursor.skip();
        }
        Ok(())
    }

    pub(super) fn block_scalar(&mut self, literal: bool) -> Result<(), Error> {
        let start = self.cursor.mark();
        self.cursor.skip();
        let (mut keep, mut step) = (None, 0);
        for _ in 0..2 {
            match self.cursor.byte(0) {
                sign @ (b'+' | b'-') if keep.is_none() => {
                    keep = Some(sign == b'+');
                    self.cursor.skip();
                }
                b'0' if step == 0 => {
                    let problem = "found an indentation indicator equal to 0";
                    return Err(Error::scan(problem, self.cursor.mark(), start));
                }
                digit @ b'1'..=b'9' if step == 0 => {
                    step = i64::from(digit - b'0');
                    self.cursor.skip();
                }
                _ => break,
            }
        }
        while self.cursor.is_blank(0) {
            self.cursor.skip();
        }
        self.cursor.skip_comment();
        if !self.cursor.is_breakz() {
            let problem = "did not find expected comment or line break";
            return Err(Error::scan(problem, self.cursor.mark(), start));
        }
        self.cursor.skip_line();
        let mut indent = if step > 0 { self.indent.max(0) + step } else { 0 };
        let (mut text, mut last_break, mut more_breaks) = (String::new(), String::new(), String::new());
        self.block_breaks(&mut indent, &mut more_breaks, start)?;
        let mut after_indented = false;
        while signed(self.cursor.mark().column) == indent && !self.cursor.at_end() {
            // Folding joins two lines unless one of them is indented further.
            let indented = self.cursor.is_blank(0);
            if !literal && !after_indented && !indented && last_break.starts_with('\n') {
                if more_breaks.is_empty() {
                    text.push(' ');
                }
            } else {
                text.push_str(&last_break);
            }
            last_break.clear();
            text.push_str(&more_breaks);
            more_breaks.clear();
            after_indented = indented;
            let from = self.cursor.at();
            self.cursor.skip_to_break();
            text.push_str(self.cursor.since(from));
            self.cursor.read_line(&mut last_break);
            self.block_breaks(&mut indent, &mut more_breaks, start)?;
        }
        if keep != Some(false) {
            text.push_str(&last_break);
        }
        if keep == Some(true) {
            text.push_str(&more_breaks);
        }
        self.push(Token::Scalar { text: text.into(), plain: false }, start);
        Ok(())
    }

    /// Takes empty lines and indentation; finds out the indentation where it is not known (0).
    fn block_breaks(&mut self, indent: &mut i64, breaks: &mut String, start: Mark) -> Result<(), Error> {
        let mut deepest = 0;
        loop {
            let below = |column: usize, indent: i64| indent == 0 || signed(column) < indent;
            while below(self.cursor.mark().column, *indent) && self.cursor.byte(0) == b' ' {
                self.cursor.skip();
            }
            let column = self.cursor.mark().column;
            deepest = deepest.max(signed(column));
            if below(column, *indent) && self.cursor.byte(0) == b'\t' {
                let problem = "found a tab character where an indentation space is expected";
                return Err(Error::scan(problem, self.cursor.mark(), start));
            }
            if !self.cursor.is_break(0) {
                break;
            }
            self.cursor.read_line(breaks);
        }
        if *indent == 0 {
            *indent = deepest.max(self.indent + 1).max(1);
        }
        Ok(())
    }
}
