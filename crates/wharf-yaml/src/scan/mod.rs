//! From text to tokens, by the rules of YAML 1.1 as go-yaml v2 has them.
//!
//! Block structure becomes tokens of its own: a change of indentation gives block starts and ends, and a `:` behind
//! something that began on the same line turns that something into a key afterwards.

mod cursor;
mod input;
mod scalar;
mod tag;

use std::borrow::Cow;
use std::collections::VecDeque;

use crate::Error;
use cursor::Cursor;
pub(crate) use cursor::Mark;
pub(crate) use input::decode;

/// Longest distance between the start of a key and its `:`, in characters.
const MAX_KEY_CHARS: usize = 1024;

#[derive(Debug, PartialEq)]
pub(crate) enum Token<'a> {
    VersionDirective { major: u8, minor: u8 },
    TagDirective(Box<TagPrefix>),
    DocumentStart,
    DocumentEnd,
    StreamEnd,
    BlockSequenceStart,
    BlockMappingStart,
    BlockEnd,
    FlowSequenceStart,
    FlowSequenceEnd,
    FlowMappingStart,
    FlowMappingEnd,
    BlockEntry,
    FlowEntry,
    Key,
    Value,
    Alias(String),
    Anchor(String),
    Tag(Box<RawTag>),
    Scalar { text: Cow<'a, str>, plain: bool },
}

/// A tag as it is written: a handle, or none, and what follows it.
#[derive(Debug, PartialEq)]
pub(crate) struct RawTag {
    pub(crate) handle: String,
    pub(crate) suffix: String,
}

/// What a handle stands for.
#[derive(Debug, PartialEq)]
pub(crate) struct TagPrefix {
    pub(crate) handle: String,
    pub(crate) prefix: String,
}

/// A token and where it stands.
#[derive(Debug)]
pub(crate) struct Placed<'a> {
    pub(crate) token: Token<'a>,
    pub(crate) start: Mark,
}

/// Something that becomes a key if a `:` follows.
#[derive(Debug, Clone, Copy)]
struct SimpleKey {
    possible: bool,
    /// Whether the parser is made to wait until it is known to be a key or not.
    listed: bool,
    /// Nothing but a key can stand here.
    required: bool,
    /// Number of the token it begins with, counted from the start of the text.
    token: usize,
    mark: Mark,
}

pub(crate) struct Scanner<'a> {
    cursor: Cursor<'a>,
    queue: VecDeque<Placed<'a>>,
    /// Tokens taken out of the queue so far.
    taken: usize,
    flow_level: usize,
    /// Column of the innermost block, -1 outside all.
    indent: i64,
    indents: Vec<i64>,
    simple_key_allowed: bool,
    /// Whether the first token in the queue is known to be the next one.
    is_settled: bool,
    /// One slot for the block context and one for each open flow collection.
    simple_keys: Vec<SimpleKey>,
}

impl<'a> Scanner<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        let cursor = Cursor::new(text);
        let none =
            SimpleKey { possible: false, listed: false, required: false, token: 0, mark: cursor.mark() };
        Self {
            cursor,
            queue: VecDeque::new(),
            taken: 0,
            flow_level: 0,
            indent: -1,
            indents: Vec::new(),
            simple_key_allowed: true,
            is_settled: false,
            simple_keys: vec![none],
        }
    }

    /// Returns the next token without taking it.
    pub(crate) fn peek(&mut self) -> Result<&Placed<'a>, Error> {
        // The first queued token may still become a key, which would put another token before it.
        while !self.is_settled {
            if self.queue.is_empty() || self.head_may_be_key()? {
                self.fetch()?;
            } else {
                self.is_settled = true;
            }
        }
        self.queue
            .front()
            .ok_or_else(|| Error::scan("did not find expected token", self.cursor.mark(), self.cursor.mark()))
    }

    /// Takes the next token.
    pub(crate) fn take(&mut self) -> Result<Placed<'a>, Error> {
        self.peek()?;
        self.is_settled = false;
        self.taken += 1;
        self.queue
            .pop_front()
            .ok_or_else(|| Error::scan("did not find expected token", self.cursor.mark(), self.cursor.mark()))
    }

    fn head_may_be_key(&mut self) -> Result<bool, Error> {
        let taken = self.taken;
        match self.simple_keys.iter().position(|key| key.possible && key.listed && key.token == taken) {
            Some(index) => self.key_is_valid(index),
            None => Ok(false),
        }
    }

    /// Whether the candidate can still become a key; forgets it if not.
    fn key_is_valid(&mut self, index: usize) -> Result<bool, Error> {
        let here = self.cursor.mark();
        let key = &mut self.simple_keys[index];
        if !key.possible {
            return Ok(false);
        }
        if key.mark.line < here.line || key.mark.index + MAX_KEY_CHARS < here.index {
            if key.required {
                return Err(Error::scan("could not find expected ':'", here, key.mark));
            }
            key.possible = false;
            return Ok(false);
        }
        Ok(true)
    }

    /// The slot of the innermost collection; there is always one.
    fn innermost_key(&mut self) -> &mut SimpleKey {
        let last = self.simple_keys.len() - 1;
        &mut self.simple_keys[last]
    }

    fn save_simple_key(&mut self) -> Result<(), Error> {
        if !self.simple_key_allowed {
            return Ok(());
        }
        let mark = self.cursor.mark();
        let required = self.flow_level == 0 && self.indent == signed(mark.column);
        self.remove_simple_key()?;
        let token = self.taken + self.queue.len();
        *self.innermost_key() = SimpleKey { possible: true, listed: true, required, token, mark };
        Ok(())
    }

    fn remove_simple_key(&mut self) -> Result<(), Error> {
        let here = self.cursor.mark();
        let key = self.innermost_key();
        if key.possible && key.required {
            return Err(Error::scan("could not find expected ':'", here, key.mark));
        }
        key.possible = false;
        Ok(())
    }

    /// Opens a block at the column if it is deeper than the current one; `at` is the queue position for its token.
    fn roll_indent(&mut self, column: usize, at: Option<usize>, token: Token<'a>, mark: Mark) {
        if self.flow_level > 0 || self.indent >= signed(column) {
            return;
        }
        self.indents.push(self.indent);
        self.indent = signed(column);
        let placed = Placed { token, start: mark };
        match at {
            Some(at) if at <= self.queue.len() => self.queue.insert(at, placed),
            _ => self.queue.push_back(placed),
        }
    }

    /// Closes the blocks deeper than the column.
    fn unroll_indent(&mut self, column: i64) {
        if self.flow_level > 0 {
            return;
        }
        while self.indent > column {
            self.push(Token::BlockEnd, self.cursor.mark());
            self.indent = self.indents.pop().unwrap_or(-1);
        }
    }

    fn push(&mut self, token: Token<'a>, start: Mark) {
        self.queue.push_back(Placed { token, start });
    }

    /// Takes `length` characters as the token.
    fn indicator(&mut self, token: Token<'a>, length: usize) {
        let start = self.cursor.mark();
        for _ in 0..length {
            self.cursor.skip();
        }
        self.push(token, start);
    }

    fn fetch(&mut self) -> Result<(), Error> {
        self.skip_to_token();
        let mark = self.cursor.mark();
        self.unroll_indent(signed(mark.column));
        let flow = self.flow_level > 0;
        let c = &self.cursor;
        if c.at_end() {
            return self.stream_end();
        }
        if mark.column == 0 {
            if c.byte(0) == b'%' {
                self.unroll_indent(-1);
                self.remove_simple_key()?;
                self.simple_key_allowed = false;
                return self.directive();
            }
            if let Some(token) = c.document_indicator() {
                self.unroll_indent(-1);
                self.remove_simple_key()?;
                self.simple_key_allowed = false;
                self.indicator(token, 3);
                return Ok(());
            }
        }
        match c.byte(0) {
            b'[' => self.flow_start(Token::FlowSequenceStart),
            b'{' => self.flow_start(Token::FlowMappingStart),
            b']' => self.flow_end(Token::FlowSequenceEnd),
            b'}' => self.flow_end(Token::FlowMappingEnd),
            b',' => {
                self.remove_simple_key()?;
                self.simple_key_allowed = true;
                self.indicator(Token::FlowEntry, 1);
                Ok(())
            }
            b'-' if c.is_blankz(1) => self.block_entry(),
            b'?' if flow || c.is_blankz(1) => self.key(),
            b':' if flow || c.is_blankz(1) => self.value(),
            b'*' => self.anchor(true),
            b'&' => self.anchor(false),
            b'!' => {
                self.save_simple_key()?;
                self.simple_key_allowed = false;
                self.tag()
            }
            byte @ (b'|' | b'>') if !flow => {
                self.remove_simple_key()?;
                self.simple_key_allowed = true;
                self.block_scalar(byte == b'|')
            }
            byte @ (b'\'' | b'"') => {
                self.save_simple_key()?;
                self.simple_key_allowed = false;
                self.flow_scalar(byte == b'\'')
            }
            byte => {
                let starts_plain = match byte {
                    b'-' => !c.is_blank(1),
                    b'?' | b':' => !flow && !c.is_blankz(1),
                    b'#' | b'|' | b'>' | b'%' | b'@' | b'`' => false,
                    _ => !c.is_blankz(0),
                };
                if !starts_plain {
                    return Err(Error::scan("found character that cannot start any token", mark, mark));
                }
                self.save_simple_key()?;
                self.simple_key_allowed = false;
                self.plain_scalar()
            }
        }
    }

    /// Skips white space, comments and line ends; a line end allows keys again in block context.
    fn skip_to_token(&mut self) {
        loop {
            // Tabs may separate, but not where a key could begin.
            let tabs = self.flow_level > 0 || !self.simple_key_allowed;
            self.cursor.skip_ascii_while(|byte| byte == b' ' || (byte == b'\t' && tabs));
            self.cursor.skip_comment();
            if !self.cursor.is_break(0) {
                return;
            }
            self.cursor.skip_line();
            if self.flow_level == 0 {
                self.simple_key_allowed = true;
            }
        }
    }

    fn stream_end(&mut self) -> Result<(), Error> {
        self.cursor.end_line();
        self.unroll_indent(-1);
        self.remove_simple_key()?;
        self.simple_key_allowed = false;
        self.push(Token::StreamEnd, self.cursor.mark());
        Ok(())
    }

    fn flow_start(&mut self, token: Token<'a>) -> Result<(), Error> {
        self.save_simple_key()?;
        let mark = self.cursor.mark();
        let token_number = self.taken + self.queue.len();
        self.simple_keys.push(SimpleKey {
            possible: false,
            listed: false,
            required: false,
            token: token_number,
            mark,
        });
        self.flow_level += 1;
        self.simple_key_allowed = true;
        self.indicator(token, 1);
        Ok(())
    }

    fn flow_end(&mut self, token: Token<'a>) -> Result<(), Error> {
        self.remove_simple_key()?;
        if self.flow_level > 0 {
            self.flow_level -= 1;
            let inner = self.simple_keys.pop();
            // go-yaml finds candidates by the number of their token, and a collection without content still has that of
            // its own beginning here: so an empty one is no longer waited for as a key.
            for key in &mut self.simple_keys {
                key.listed &= inner.is_none_or(|inner| inner.token != key.token);
            }
        }
        self.simple_key_allowed = false;
        self.indicator(token, 1);
        Ok(())
    }

    fn block_entry(&mut self) -> Result<(), Error> {
        let mark = self.cursor.mark();
        if self.flow_level == 0 {
            if !self.simple_key_allowed {
                return Err(Error::scan(
                    "block sequence entries are not allowed in this context",
                    mark,
                    mark,
                ));
            }
            self.roll_indent(mark.column, None, Token::BlockSequenceStart, mark);
        }
        self.remove_simple_key()?;
        self.simple_key_allowed = true;
        self.indicator(Token::BlockEntry, 1);
        Ok(())
    }

    fn key(&mut self) -> Result<(), Error> {
        let mark = self.cursor.mark();
        if self.flow_level == 0 {
            if !self.simple_key_allowed {
                return Err(Error::scan("mapping keys are not allowed in this context", mark, mark));
            }
            self.roll_indent(mark.column, None, Token::BlockMappingStart, mark);
        }
        self.remove_simple_key()?;
        self.simple_key_allowed = self.flow_level == 0;
        self.indicator(Token::Key, 1);
        Ok(())
    }

    fn value(&mut self) -> Result<(), Error> {
        let innermost = self.simple_keys.len() - 1;
        if self.key_is_valid(innermost)? {
            let key = self.simple_keys[innermost];
            // A key whose first token is gone already comes too late, behind everything.
            let at = key.token.checked_sub(self.taken);
            let place = at.map_or(self.queue.len(), |at| at.min(self.queue.len()));
            self.queue.insert(place, Placed { token: Token::Key, start: key.mark });
            self.roll_indent(key.mark.column, at, Token::BlockMappingStart, key.mark);
            self.simple_keys[innermost].possible = false;
            self.simple_key_allowed = false;
        } else {
            let mark = self.cursor.mark();
            if self.flow_level == 0 {
                if !self.simple_key_allowed {
                    return Err(Error::scan("mapping values are not allowed in this context", mark, mark));
                }
                self.roll_indent(mark.column, None, Token::BlockMappingStart, mark);
            }
            self.simple_key_allowed = self.flow_level == 0;
        }
        self.indicator(Token::Value, 1);
        Ok(())
    }

    fn anchor(&mut self, alias: bool) -> Result<(), Error> {
        self.save_simple_key()?;
        self.simple_key_allowed = false;
        let start = self.cursor.mark();
        self.cursor.skip();
        let mut name = String::new();
        while self.cursor.is_word() {
            self.cursor.read(&mut name);
        }
        let ends = self.cursor.is_blankz(0) || b"?:,]}%@`".contains(&self.cursor.byte(0));
        if name.is_empty() || !ends {
            let problem = "did not find expected alphabetic or numeric character";
            return Err(Error::scan(problem, self.cursor.mark(), start));
        }
        self.push(if alias { Token::Alias(name) } else { Token::Anchor(name) }, start);
        Ok(())
    }
}

/// Columns against -1 for "outside".
fn signed(column: usize) -> i64 {
    i64::try_from(column).unwrap_or(i64::MAX)
}
