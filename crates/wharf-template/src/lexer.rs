//! Template text in, items out. Follows the token rules of Go's `text/template/parse`.

/// What an [`Item`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ItemKind {
    Error,
    Bool,
    Char,
    CharConstant,
    Complex,
    Assign,
    Declare,
    Eof,
    Field,
    Identifier,
    LeftDelim,
    LeftParen,
    Number,
    Pipe,
    RawString,
    RightDelim,
    RightParen,
    Space,
    String,
    Text,
    Variable,
    Block,
    Break,
    Continue,
    Dot,
    Define,
    Else,
    End,
    If,
    Nil,
    Range,
    Template,
    With,
}

impl ItemKind {
    fn is_keyword(self) -> bool {
        self as u8 >= Self::Block as u8
    }

    fn keyword(word: &[u8]) -> Option<Self> {
        Some(match word {
            b"block" => Self::Block,
            b"break" => Self::Break,
            b"continue" => Self::Continue,
            b"define" => Self::Define,
            b"else" => Self::Else,
            b"end" => Self::End,
            b"if" => Self::If,
            b"nil" => Self::Nil,
            b"range" => Self::Range,
            b"template" => Self::Template,
            b"with" => Self::With,
            _ => return None,
        })
    }
}

/// One token: its kind, where it begins, and its text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Item<'s> {
    pub(crate) kind: ItemKind,
    pub(crate) pos: usize,
    pub(crate) val: &'s [u8],
}

impl Item<'_> {
    /// Describes the item for an error message.
    pub(crate) fn describe(&self) -> String {
        match self.kind {
            ItemKind::Eof => "EOF".to_owned(),
            kind if kind.is_keyword() => format!("<{}>", String::from_utf8_lossy(self.val)),
            _ if self.val.len() > 10 => {
                let cut = crate::printf::truncate_runes(self.val, 10);
                format!("{}...", crate::printf::quote(cut))
            }
            _ => crate::printf::quote(self.val),
        }
    }
}

/// The ASCII letters and digits, and the underscore.
static IS_WORD: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 128 {
        table[byte] = (byte as u8).is_ascii_alphanumeric() || byte as u8 == b'_';
        byte += 1;
    }
    table
};

const LEFT: &[u8] = b"{{";
const RIGHT: &[u8] = b"}}";
/// The trim marker and the space beside it.
const TRIM_LEN: usize = 2;

/// Splits template text into items.
pub(crate) struct Lexer<'s> {
    input: &'s [u8],
    pos: usize,
    start: usize,
    paren_depth: i32,
    inside_action: bool,
    /// Why the lexer stopped, once it has given an error item.
    failure: Option<String>,
}

impl<'s> Lexer<'s> {
    pub(crate) fn new(input: &'s [u8]) -> Self {
        Self { input, pos: 0, start: 0, paren_depth: 0, inside_action: false, failure: None }
    }

    pub(crate) fn input(&self) -> &'s [u8] {
        self.input
    }

    /// Returns the line that an offset is in, counted from one.
    pub(crate) fn line(&self, pos: usize) -> u32 {
        u32::try_from(1 + memchr::memchr_iter(b'\n', &self.input[..pos]).count()).unwrap_or(u32::MAX)
    }

    /// Returns the text of the error item given.
    pub(crate) fn failure(&self) -> &str {
        self.failure.as_deref().unwrap_or_default()
    }

    /// Returns the next item; after an error or the end, the end again and again.
    pub(crate) fn next_item(&mut self) -> Item<'s> {
        if self.failure.is_some() {
            return Item { kind: ItemKind::Eof, pos: self.start, val: b"EOF" };
        }
        if self.inside_action { self.inside_action() } else { self.text() }
    }

    fn text(&mut self) -> Item<'s> {
        loop {
            let Some(found) = find(&self.input[self.pos..], LEFT) else {
                self.pos = self.input.len();
                if self.pos > self.start {
                    return self.item(ItemKind::Text);
                }
                return Item { kind: ItemKind::Eof, pos: self.pos, val: b"" };
            };
            if found > 0 {
                self.pos += found;
                let mut trim = 0;
                if has_left_trim(&self.input[self.pos + LEFT.len()..]) {
                    let text = &self.input[self.start..self.pos];
                    trim = text.len() - trim_end(text).len();
                }
                self.pos -= trim;
                let item = self.item(ItemKind::Text);
                self.pos += trim;
                self.ignore();
                if !item.val.is_empty() {
                    return item;
                }
            }
            if let Some(item) = self.left_delim() {
                return item;
            }
        }
    }

    /// Takes the left delimiter; `None` after a comment, which leaves the lexer in text again.
    fn left_delim(&mut self) -> Option<Item<'s>> {
        self.pos += LEFT.len();
        let after_marker = if has_left_trim(&self.input[self.pos..]) { TRIM_LEN } else { 0 };
        if self.input[self.pos + after_marker..].starts_with(b"/*") {
            self.pos += after_marker;
            self.ignore();
            return self.comment();
        }
        let item = self.item(ItemKind::LeftDelim);
        self.inside_action = true;
        self.pos += after_marker;
        self.ignore();
        self.paren_depth = 0;
        Some(item)
    }

    fn comment(&mut self) -> Option<Item<'s>> {
        self.pos += 2;
        let Some(end) = find(&self.input[self.pos..], b"*/") else {
            return Some(self.error("unclosed comment"));
        };
        self.pos += end + 2;
        let Some(trim) = self.at_right_delim() else {
            return Some(self.error("comment ends before closing delimiter"));
        };
        self.start = self.pos;
        if trim {
            self.pos += TRIM_LEN;
        }
        self.pos += RIGHT.len();
        if trim {
            self.skip_spaces();
        }
        self.ignore();
        None
    }

    fn right_delim(&mut self) -> Item<'s> {
        let trim = self.at_right_delim() == Some(true);
        if trim {
            self.pos += TRIM_LEN;
            self.ignore();
        }
        self.pos += RIGHT.len();
        let item = self.item(ItemKind::RightDelim);
        if trim {
            self.skip_spaces();
            self.ignore();
        }
        self.inside_action = false;
        item
    }

    fn inside_action(&mut self) -> Item<'s> {
        let Some(&first) = self.input.get(self.pos) else {
            return self.error("unclosed action");
        };
        // Nothing else begins a right delimiter.
        if (first == b'}' || is_space(first)) && self.at_right_delim().is_some() {
            if self.paren_depth == 0 {
                return self.right_delim();
            }
            return self.error("unclosed left paren");
        }
        if IS_WORD[usize::from(first)] && !first.is_ascii_digit() {
            return self.identifier();
        }
        let Some(r) = self.next() else {
            return self.error("unclosed action");
        };
        match r {
            ' ' | '\t' | '\r' | '\n' => self.space(),
            '=' => self.item(ItemKind::Assign),
            ':' => {
                if self.next() != Some('=') {
                    return self.error("expected :=");
                }
                self.item(ItemKind::Declare)
            }
            '|' => self.item(ItemKind::Pipe),
            '"' => self.quoted('"', ItemKind::String, "unterminated quoted string"),
            '\'' => self.quoted('\'', ItemKind::CharConstant, "unterminated character constant"),
            '`' => match memchr::memchr(b'`', &self.input[self.pos..]) {
                Some(length) => {
                    self.pos += length + 1;
                    self.item(ItemKind::RawString)
                }
                None => self.error("unterminated raw quoted string"),
            },
            '$' => self.field_or_variable(ItemKind::Variable),
            '.' if self.pos < self.input.len() && !self.input[self.pos].is_ascii_digit() => {
                self.field_or_variable(ItemKind::Field)
            }
            '.' | '+' | '-' | '0'..='9' => {
                self.backup(r);
                self.number()
            }
            r if is_alphanumeric(r) => {
                self.backup(r);
                self.identifier()
            }
            '(' => {
                self.paren_depth += 1;
                self.item(ItemKind::LeftParen)
            }
            ')' => {
                self.paren_depth -= 1;
                if self.paren_depth < 0 {
                    return self.error("unexpected right paren");
                }
                self.item(ItemKind::RightParen)
            }
            r if r == ' ' || r.is_ascii_graphic() => self.item(ItemKind::Char),
            r => {
                let text = format!("unrecognized character in action: {}", unicode_name(r));
                self.error(&text)
            }
        }
    }

    /// A run of spaces, the first of which is already taken. The last one belongs to a trim marker if one follows.
    fn space(&mut self) -> Item<'s> {
        let mut count = 1;
        while self.pos < self.input.len() && is_space(self.input[self.pos]) {
            self.pos += 1;
            count += 1;
        }
        if has_right_trim(&self.input[self.pos - 1..])
            && self.input[self.pos - 1 + TRIM_LEN..].starts_with(RIGHT)
        {
            self.pos -= 1;
            if count == 1 {
                return self.right_delim();
            }
        }
        self.item(ItemKind::Space)
    }

    fn identifier(&mut self) -> Item<'s> {
        if let Some(error) = self.word() {
            return error;
        }
        let word = &self.input[self.start..self.pos];
        match ItemKind::keyword(word) {
            Some(kind) => self.item(kind),
            None if word == b"true" || word == b"false" => self.item(ItemKind::Bool),
            None => self.item(ItemKind::Identifier),
        }
    }

    fn field_or_variable(&mut self, kind: ItemKind) -> Item<'s> {
        if self.at_terminator() {
            return self.item(if kind == ItemKind::Variable { kind } else { ItemKind::Dot });
        }
        match self.word() {
            Some(error) => error,
            None => self.item(kind),
        }
    }

    /// Runs over letters and digits, then checks that something sensible follows.
    fn word(&mut self) -> Option<Item<'s>> {
        let stopped_at = loop {
            let rest = &self.input[self.pos..];
            self.pos += rest.iter().position(|byte| !IS_WORD[usize::from(*byte)]).unwrap_or(rest.len());
            if self.at_terminator() {
                return None;
            }
            match self.next() {
                Some(r) if is_alphanumeric(r) => {}
                Some(r) => {
                    self.backup(r);
                    break Some(r);
                }
                None => break None,
            }
        };
        let text = format!(
            "bad character {}",
            stopped_at.map_or_else(|| "U+FFFFFFFFFFFFFFFF".to_owned(), unicode_name)
        );
        Some(self.error(&text))
    }

    fn at_terminator(&self) -> bool {
        match self.input.get(self.pos) {
            None | Some(b' ' | b'\t' | b'\r' | b'\n' | b'.' | b',' | b'|' | b':' | b')' | b'(') => true,
            Some(_) => self.input[self.pos..].starts_with(RIGHT),
        }
    }

    fn quoted(&mut self, quote: char, kind: ItemKind, unterminated: &str) -> Item<'s> {
        loop {
            while self.input.get(self.pos).is_some_and(|byte| !matches!(byte, b'\\' | b'\n' | b'"' | b'\'')) {
                self.pos += 1;
            }
            match self.next() {
                Some('\\') => {
                    if matches!(self.next(), None | Some('\n')) {
                        return self.error(unterminated);
                    }
                }
                None | Some('\n') => return self.error(unterminated),
                Some(r) if r == quote => return self.item(kind),
                Some(_) => {}
            }
        }
    }

    fn number(&mut self) -> Item<'s> {
        if !self.scan_number() {
            return self.bad_number();
        }
        if matches!(self.input.get(self.pos), Some(b'+' | b'-')) {
            if !self.scan_number() || self.input[self.pos - 1] != b'i' {
                return self.bad_number();
            }
            return self.item(ItemKind::Complex);
        }
        self.item(ItemKind::Number)
    }

    fn bad_number(&mut self) -> Item<'s> {
        let text = format!("bad number syntax: {}", crate::printf::quote(&self.input[self.start..self.pos]));
        self.error(&text)
    }

    fn scan_number(&mut self) -> bool {
        self.accept(b"+-");
        let mut digits: &[u8] = b"0123456789_";
        if self.accept(b"0") {
            if self.accept(b"xX") {
                digits = b"0123456789abcdefABCDEF_";
            } else if self.accept(b"oO") {
                digits = b"01234567_";
            } else if self.accept(b"bB") {
                digits = b"01_";
            }
        }
        self.accept_run(digits);
        if self.accept(b".") {
            self.accept_run(digits);
        }
        let exponent: &[u8] = match digits.len() {
            11 => b"eE",
            23 => b"pP",
            _ => b"",
        };
        if self.accept(exponent) {
            self.accept(b"+-");
            self.accept_run(b"0123456789_");
        }
        self.accept(b"i");
        if let Some(r) = self.peek_rune()
            && is_alphanumeric(r)
        {
            self.next();
            return false;
        }
        true
    }

    fn accept(&mut self, valid: &[u8]) -> bool {
        let found = self.input.get(self.pos).is_some_and(|byte| valid.contains(byte));
        self.pos += usize::from(found);
        found
    }

    fn accept_run(&mut self, valid: &[u8]) {
        while self.accept(valid) {}
    }

    /// Tells whether a right delimiter follows, and if so whether it trims.
    fn at_right_delim(&self) -> Option<bool> {
        let rest = &self.input[self.pos..];
        if has_right_trim(rest) && rest[TRIM_LEN..].starts_with(RIGHT) {
            return Some(true);
        }
        rest.starts_with(RIGHT).then_some(false)
    }

    fn peek_rune(&self) -> Option<char> {
        decode_rune(&self.input[self.pos..]).map(|(r, _)| r)
    }

    fn next(&mut self) -> Option<char> {
        let (r, width) = decode_rune(&self.input[self.pos..])?;
        self.pos += width;
        Some(r)
    }

    /// Steps back over a rune just taken (never a newline, and never replaced by U+FFFD).
    fn backup(&mut self, r: char) {
        self.pos -=
            if r == char::REPLACEMENT_CHARACTER && !self.input[..self.pos].ends_with("\u{fffd}".as_bytes()) {
                1
            } else {
                r.len_utf8()
            };
    }

    fn skip_spaces(&mut self) {
        while self.pos < self.input.len() && is_space(self.input[self.pos]) {
            self.pos += 1;
        }
    }

    fn ignore(&mut self) {
        self.start = self.pos;
    }

    fn item(&mut self, kind: ItemKind) -> Item<'s> {
        let item = Item { kind, pos: self.start, val: &self.input[self.start..self.pos] };
        self.start = self.pos;
        item
    }

    fn error(&mut self, text: &str) -> Item<'s> {
        self.failure = Some(text.to_owned());
        Item { kind: ItemKind::Error, pos: self.start, val: b"" }
    }
}

/// Decodes the first rune; an invalid byte counts as U+FFFD of width one.
pub(crate) fn decode_rune(bytes: &[u8]) -> Option<(char, usize)> {
    let first = *bytes.first()?;
    if first < 0x80 {
        return Some((char::from(first), 1));
    }
    let head = &bytes[..bytes.len().min(4)];
    let valid = match std::str::from_utf8(head) {
        Ok(text) => text,
        Err(error) => std::str::from_utf8(&head[..error.valid_up_to()]).unwrap_or_default(),
    };
    match valid.chars().next() {
        Some(r) => Some((r, r.len_utf8())),
        None => Some((char::REPLACEMENT_CHARACTER, 1)),
    }
}

fn unicode_name(r: char) -> String {
    let code = u32::from(r);
    if crate::printf::is_print(r) { format!("U+{code:04X} '{r}'") } else { format!("U+{code:04X}") }
}

fn is_alphanumeric(r: char) -> bool {
    r == '_' || r.is_alphanumeric()
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

fn has_left_trim(bytes: &[u8]) -> bool {
    bytes.len() >= 2 && bytes[0] == b'-' && is_space(bytes[1])
}

fn has_right_trim(bytes: &[u8]) -> bool {
    bytes.len() >= 2 && is_space(bytes[0]) && bytes[1] == b'-'
}

fn trim_end(mut text: &[u8]) -> &[u8] {
    while let [rest @ .., last] = text
        && is_space(*last)
    {
        text = rest;
    }
    text
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    memchr::memchr_iter(needle[0], haystack).find(|at| haystack[*at..].starts_with(needle))
}
