//! Characters out, with the column and indentation bookkeeping of libyaml's emitter.

use std::fmt::Write as _;

use super::scalar::{is_break, is_printable};

/// Text folds at spaces behind this column.
const WIDTH: usize = 80;
/// Columns a level is indented by.
const STEP: usize = 2;

pub(super) struct Writer {
    text: String,
    /// Characters on the current line.
    column: usize,
    /// `None` before the first level.
    indent: Option<usize>,
    /// The last thing written was white space (or nothing).
    whitespace: bool,
    /// Only indentation and indicators (`-`, `?`) stand on this line so far.
    indention: bool,
}

impl Writer {
    pub(super) fn new() -> Self {
        Self { text: String::new(), column: 0, indent: None, whitespace: true, indention: true }
    }

    pub(super) fn into_text(self) -> String {
        self.text
    }

    pub(super) fn indention(&self) -> bool {
        self.indention
    }

    /// Goes one level in and returns the level to restore.
    pub(super) fn increase_indent(&mut self, flow: bool, indentless: bool) -> Option<usize> {
        let outer = self.indent;
        self.indent = Some(match outer {
            None if flow => STEP,
            None => 0,
            Some(indent) if indentless => indent,
            Some(indent) => indent + STEP,
        });
        outer
    }

    pub(super) fn restore_indent(&mut self, outer: Option<usize>) {
        self.indent = outer;
    }

    /// Starts a line at the current indentation unless the writer stands there already.
    pub(super) fn write_indent(&mut self) {
        let indent = self.indent.unwrap_or(0);
        if !self.indention || self.column > indent || (self.column == indent && !self.whitespace) {
            self.line_end();
        }
        while self.column < indent {
            self.put(' ');
        }
        self.whitespace = true;
        self.indention = true;
    }

    pub(super) fn write_indicator(
        &mut self,
        indicator: &str,
        need_whitespace: bool,
        is_whitespace: bool,
        is_indention: bool,
    ) {
        if need_whitespace && !self.whitespace {
            self.put(' ');
        }
        for c in indicator.chars() {
            self.put(c);
        }
        self.whitespace = is_whitespace;
        self.indention = self.indention && is_indention;
    }

    pub(super) fn plain(&mut self, text: &str, fold: bool) {
        if !self.whitespace {
            self.put(' ');
        }
        self.folding(text, fold, false);
        self.whitespace = false;
        self.indention = false;
    }

    pub(super) fn single_quoted(&mut self, text: &str, fold: bool) {
        self.write_indicator("'", true, false, false);
        self.folding(text, fold, true);
        self.write_indicator("'", false, false, false);
        self.whitespace = false;
        self.indention = false;
    }

    /// The shared body of plain and single-quoted text.
    fn folding(&mut self, text: &str, fold: bool, quoted: bool) {
        let (mut spaces, mut breaks) = (false, false);
        let mut chars = text.char_indices().peekable();
        while let Some((at, c)) = chars.next() {
            let before_space = chars.peek().is_some_and(|(_, next)| *next == ' ');
            if c == ' ' {
                let inner = !quoted || (at > 0 && at < text.len() - 1);
                if fold && !spaces && self.column > WIDTH && inner && !before_space {
                    self.write_indent();
                } else {
                    self.put(c);
                }
                spaces = true;
            } else if is_break(c) {
                if !breaks && c == '\n' {
                    self.line_end();
                }
                self.write_break(c);
                self.indention = true;
                breaks = true;
            } else {
                if breaks {
                    self.write_indent();
                }
                if quoted && c == '\'' {
                    self.put(c);
                }
                self.put(c);
                self.indention = false;
                spaces = false;
                breaks = false;
            }
        }
    }

    pub(super) fn double_quoted(&mut self, text: &str, fold: bool) {
        self.write_indicator("\"", true, false, false);
        // libyaml looks for the byte order mark at the start of the text, wherever it stands.
        let escape_all = text.starts_with('\u{feff}');
        let mut spaces = false;
        let mut chars = text.char_indices().peekable();
        while let Some((at, c)) = chars.next() {
            if escape_all || !is_printable(c) || is_break(c) || matches!(c, '"' | '\\') {
                self.escaped(c);
                spaces = false;
            } else if c == ' ' {
                if fold && !spaces && self.column > WIDTH && at > 0 && at < text.len() - 1 {
                    self.write_indent();
                    if chars.peek().is_some_and(|(_, next)| *next == ' ') {
                        self.put('\\');
                    }
                } else {
                    self.put(c);
                }
                spaces = true;
            } else {
                self.put(c);
                spaces = false;
            }
        }
        self.write_indicator("\"", false, false, false);
        self.whitespace = false;
        self.indention = false;
    }

    fn escaped(&mut self, c: char) {
        self.put('\\');
        let short = match c {
            '\0' => '0',
            '\u{7}' => 'a',
            '\u{8}' => 'b',
            '\t' => 't',
            '\n' => 'n',
            '\u{b}' => 'v',
            '\u{c}' => 'f',
            '\r' => 'r',
            '\u{1b}' => 'e',
            '"' => '"',
            '\\' => '\\',
            '\u{85}' => 'N',
            '\u{a0}' => '_',
            '\u{2028}' => 'L',
            '\u{2029}' => 'P',
            _ => {
                let code = u32::from(c);
                let before = self.text.len();
                let _ = match code {
                    0..=0xff => write!(self.text, "x{code:02X}"),
                    0x100..=0xffff => write!(self.text, "u{code:04X}"),
                    _ => write!(self.text, "U{code:08X}"),
                };
                self.column += self.text.len() - before;
                return;
            }
        };
        self.put(short);
    }

    pub(super) fn literal(&mut self, text: &str) {
        self.write_indicator("|", true, false, false);
        if text.starts_with(|c: char| c == ' ' || is_break(c)) {
            self.write_indicator("2", false, false, false);
        }
        let mut ends = text.chars().rev();
        match (ends.next(), ends.next()) {
            (Some(last), _) if !is_break(last) => self.write_indicator("-", false, false, false),
            (Some(_), None) => self.write_indicator("+", false, false, false),
            (Some(_), Some(before)) if is_break(before) => self.write_indicator("+", false, false, false),
            _ => {}
        }
        self.line_end();
        self.indention = true;
        self.whitespace = true;
        let mut breaks = true;
        for c in text.chars() {
            if is_break(c) {
                self.write_break(c);
                self.indention = true;
                breaks = true;
            } else {
                if breaks {
                    self.write_indent();
                }
                self.put(c);
                self.indention = false;
                breaks = false;
            }
        }
    }

    fn write_break(&mut self, c: char) {
        if c == '\n' {
            self.line_end();
        } else {
            self.text.push(c);
            self.column = 0;
        }
    }

    fn put(&mut self, c: char) {
        self.text.push(c);
        self.column += 1;
    }

    fn line_end(&mut self) {
        self.text.push('\n');
        self.column = 0;
    }
}
