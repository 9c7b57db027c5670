//! Tags and directives.

use super::cursor::Mark;
use super::{RawTag, Scanner, TagPrefix, Token};
use crate::Error;

impl Scanner<'_> {
    pub(super) fn tag(&mut self) -> Result<(), Error> {
        let start = self.cursor.mark();
        let (handle, suffix) = if self.cursor.byte(1) == b'<' {
            self.cursor.skip();
            self.cursor.skip();
            let uri = self.uri("", start)?;
            if self.cursor.byte(0) != b'>' {
                return Err(Error::scan("did not find the expected '>'", self.cursor.mark(), start));
            }
            self.cursor.skip();
            (String::new(), uri)
        } else {
            let handle = self.handle(false, start)?;
            if handle.len() > 1 && handle.ends_with('!') {
                let suffix = self.uri("", start)?;
                (handle, suffix)
            } else {
                // No second mark: what was read belongs to the name. `!` alone has no handle.
                match self.uri(&handle, start)? {
                    suffix if suffix.is_empty() => (suffix, "!".to_owned()),
                    suffix => ("!".to_owned(), suffix),
                }
            }
        };
        if !self.cursor.is_blankz(0) {
            let problem = "did not find expected whitespace or line break";
            return Err(Error::scan(problem, self.cursor.mark(), start));
        }
        self.push(Token::Tag(Box::new(RawTag { handle, suffix })), start);
        Ok(())
    }

    fn handle(&mut self, directive: bool, start: Mark) -> Result<String, Error> {
        let mut handle = String::new();
        let missing = "did not find expected '!'";
        if self.cursor.byte(0) != b'!' {
            return Err(Error::scan(missing, self.cursor.mark(), start));
        }
        self.cursor.read(&mut handle);
        while self.cursor.is_word() {
            self.cursor.read(&mut handle);
        }
        if self.cursor.byte(0) == b'!' {
            self.cursor.read(&mut handle);
        } else if directive && handle != "!" {
            return Err(Error::scan(missing, self.cursor.mark(), start));
        }
        Ok(handle)
    }

    /// Reads the characters of an address behind what was already read of it (`head`, with its `!`).
    fn uri(&mut self, head: &str, start: Mark) -> Result<String, Error> {
        let mut bytes = head.get(1..).unwrap_or_default().as_bytes().to_vec();
        let mut any = !head.is_empty();
        loop {
            match self.cursor.byte(0) {
                b'%' => self.escaped_char(&mut bytes, start)?,
                byte if self.cursor.is_word() || b";/?:@&=+$,.!~*'()[]".contains(&byte) => {
                    bytes.push(byte);
                    self.cursor.skip();
                }
                _ => break,
            }
            any = true;
        }
        if !any {
            return Err(Error::scan("did not find expected tag URI", self.cursor.mark(), start));
        }
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Reads one character written as `%XX` for each of its bytes.
    fn escaped_char(&mut self, bytes: &mut Vec<u8>, start: Mark) -> Result<(), Error> {
        let mut left = None;
        while left != Some(0) {
            let digit = |ahead: usize| char::from(self.cursor.byte(ahead)).to_digit(16);
            let (b'%', Some(high), Some(low)) = (self.cursor.byte(0), digit(1), digit(2)) else {
                return Err(Error::scan("did not find URI escaped octet", self.cursor.mark(), start));
            };
            let byte = u8::try_from(high * 16 + low).unwrap_or_default();
            left = Some(match (left, byte) {
                (None, 0..=0x7f) => 0,
                (None, 0xc0..=0xdf) => 1,
                (None, 0xe0..=0xef) => 2,
                (None, 0xf0..=0xf7) => 3,
                (None, _) => {
                    let problem = "found an incorrect leading UTF-8 octet";
                    return Err(Error::scan(problem, self.cursor.mark(), start));
                }
                (Some(left), 0x80..=0xbf) => left - 1,
                (Some(_), _) => {
                    let problem = "found an incorrect trailing UTF-8 octet";
                    return Err(Error::scan(problem, self.cursor.mark(), start));
                }
            });
            bytes.push(byte);
            for _ in 0..3 {
                self.cursor.skip();
            }
        }
        Ok(())
    }

    pub(super) fn directive(&mut self) -> Result<(), Error> {
        let start = self.cursor.mark();
        self.cursor.skip();
        let mut name = String::new();
        while self.cursor.is_word() {
            self.cursor.read(&mut name);
        }
        let fail = |this: &Self, problem| Err(Error::scan(problem, this.cursor.mark(), start));
        if name.is_empty() {
            return fail(self, "could not find expected directive name");
        }
        if !self.cursor.is_blankz(0) {
            return fail(self, "found unexpected non-alphabetical character");
        }
        let token = match name.as_str() {
            "YAML" => {
                self.blanks();
                let major = self.version_number(start)?;
                if self.cursor.byte(0) != b'.' {
                    return fail(self, "did not find expected digit or '.' character");
                }
                self.cursor.skip();
                Token::VersionDirective { major, minor: self.version_number(start)? }
            }
            "TAG" => {
                self.blanks();
                let handle = self.handle(true, start)?;
                if !self.cursor.is_blank(0) {
                    return fail(self, "did not find expected whitespace");
                }
                self.blanks();
                let prefix = self.uri("", start)?;
                if !self.cursor.is_blankz(0) {
                    return fail(self, "did not find expected whitespace or line break");
                }
                Token::TagDirective(Box::new(TagPrefix { handle, prefix }))
            }
            _ => return fail(self, "found unknown directive name"),
        };
        self.blanks();
        self.cursor.skip_comment();
        if !self.cursor.is_breakz() {
            return fail(self, "did not find expected comment or line break");
        }
        self.cursor.skip_line();
        self.push(token, start);
        Ok(())
    }

    fn blanks(&mut self) {
        while self.cursor.is_blank(0) {
            self.cursor.skip();
        }
    }

    fn version_number(&mut self, start: Mark) -> Result<u8, Error> {
        let (mut value, mut length) = (0u8, 0);
        while let digit @ b'0'..=b'9' = self.cursor.byte(0) {
            length += 1;
            if length > 2 {
                return Err(Error::scan("found extremely long version number", self.cursor.mark(), start));
            }
            value = value * 10 + (digit - b'0');
            self.cursor.skip();
        }
        if length == 0 {
            return Err(Error::scan("did not find expected version number", self.cursor.mark(), start));
        }
        Ok(value)
    }
}
