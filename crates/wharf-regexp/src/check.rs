//! What Go's parser refuses, found in the order in which it does.

/// The most that `{n,m}` may repeat.
const MAX_REPEAT: u32 = 1000;
/// The most open groups.
const MAX_OPEN: usize = 1000;

/// Returns what Go's parser says about an expression it refuses.
pub(crate) fn check(pattern: &str) -> Result<(), String> {
    let mut checker = Checker { pattern, rest: pattern, open: 0, has_operand: false };
    checker.run()
}

struct Checker<'p> {
    pattern: &'p str,
    rest: &'p str,
    /// Groups not yet closed.
    open: usize,
    /// Whether there is something before the cursor that can be repeated.
    has_operand: bool,
}

fn fault(words: &str, part: &str) -> String {
    format!("{words}: `{part}`")
}

/// The part of `text` that lies before `rest`, its tail.
fn before<'p>(text: &'p str, rest: &str) -> &'p str {
    &text[..text.len() - rest.len()]
}

impl<'p> Checker<'p> {
    fn run(&mut self) -> Result<(), String> {
        let mut last_repeat: Option<&str> = None;
        while let Some(c) = self.rest.chars().next() {
            let start = self.rest;
            let mut repeat = None;
            match c {
                '(' => self.group()?,
                '|' => self.step(1, false),
                ')' if self.open == 0 => return Err(fault("unexpected )", self.pattern)),
                ')' => {
                    self.open -= 1;
                    self.step(1, true);
                }
                '[' => {
                    self.rest = class(self.rest)?;
                    self.has_operand = true;
                }
                '*' | '+' | '?' => {
                    self.rest = &self.rest[1..];
                    self.repeat(start, last_repeat)?;
                    repeat = Some(start);
                }
                '{' => match counts(self.rest) {
                    None => self.step(1, true),
                    Some((least, most, rest)) => {
                        let is_wrong =
                            least > MAX_REPEAT || most.is_some_and(|most| most > MAX_REPEAT || least > most);
                        if is_wrong {
                            return Err(fault("invalid repeat count", before(start, rest)));
                        }
                        self.rest = rest;
                        self.repeat(start, last_repeat)?;
                        repeat = Some(start);
                    }
                },
                '\\' => self.escape()?,
                other => self.step(other.len_utf8(), true),
            }
            last_repeat = repeat;
        }
        if self.open > 0 {
            return Err(fault("missing closing )", self.pattern));
        }
        Ok(())
    }

    fn step(&mut self, bytes: usize, is_operand: bool) {
        self.rest = &self.rest[bytes..];
        self.has_operand = is_operand;
    }

    fn repeat(&mut self, start: &str, last: Option<&str>) -> Result<(), String> {
        self.rest = self.rest.strip_prefix('?').unwrap_or(self.rest);
        if let Some(last) = last {
            return Err(fault("invalid nested repetition operator", before(last, self.rest)));
        }
        if !self.has_operand {
            return Err(fault("missing argument to repetition operator", before(start, self.rest)));
        }
        Ok(())
    }

    fn group(&mut self) -> Result<(), String> {
        let start = self.rest;
        let Some(after) = start.strip_prefix("(?") else {
            self.step(1, false);
            return self.opened();
        };
        if let Some(name) = after.strip_prefix("P<").or_else(|| after.strip_prefix('<')) {
            let Some((name, rest)) = name.split_once('>') else {
                return Err(fault("invalid named capture", start));
            };
            if name.is_empty() || !name.bytes().all(|c| c == b'_' || c.is_ascii_alphanumeric()) {
                return Err(fault("invalid named capture", before(start, rest)));
            }
            self.rest = rest;
            self.has_operand = false;
            return self.opened();
        }
        let (mut negative, mut saw_flag) = (false, false);
        let mut chars = after.chars();
        while let Some(c) = chars.next() {
            match c {
                'i' | 'm' | 's' | 'U' => saw_flag = true,
                '-' if !negative => (negative, saw_flag) = (true, false),
                ':' | ')' if !negative || saw_flag => {
                    self.rest = chars.as_str();
                    if c == ':' {
                        self.has_operand = false;
                        return self.opened();
                    }
                    return Ok(());
                }
                _ => break,
            }
        }
        Err(fault("invalid or unsupported Perl syntax", before(start, chars.as_str())))
    }

    fn opened(&mut self) -> Result<(), String> {
        self.open += 1;
        if self.open > MAX_OPEN {
            return Err(fault("expression nests too deeply", self.pattern));
        }
        Ok(())
    }

    fn escape(&mut self) -> Result<(), String> {
        let start = self.rest;
        self.has_operand = true;
        let mut chars = start[1..].chars();
        match chars.next() {
            Some('A' | 'b' | 'B' | 'z' | 'd' | 'D' | 's' | 'S' | 'w' | 'W') => self.rest = chars.as_str(),
            Some('Q') => {
                let literal = &start[2..];
                self.rest = literal.find("\\E").map_or("", |end| &literal[end + 2..]);
            }
            Some('p' | 'P') => self.rest = property(start)?,
            _ => self.rest = character(start)?,
        }
        Ok(())
    }
}

/// Reads `{n}`, `{n,}` or `{n,m}`; figures too long to count are too large.
pub(crate) fn counts(text: &str) -> Option<(u32, Option<u32>, &str)> {
    let (body, rest) = text[1..].split_once('}')?;
    let number = |text: &str| {
        let is_number = !text.is_empty()
            && text.bytes().all(|c| c.is_ascii_digit())
            && (text.len() == 1 || !text.starts_with('0'));
        is_number.then(|| text.parse().unwrap_or(u32::MAX))
    };
    match body.split_once(',') {
        None => {
            let count = number(body)?;
            Some((count, Some(count), rest))
        }
        Some((least, "")) => Some((number(least)?, None, rest)),
        Some((least, most)) => Some((number(least)?, Some(number(most)?), rest)),
    }
}

/// Reads `\pL` or `\p{Name}` and returns what follows.
fn property(text: &str) -> Result<&str, String> {
    let mut chars = text[2..].chars();
    let rest = match chars.next() {
        Some('{') => match chars.as_str().split_once('}') {
            Some((_, rest)) => rest,
            None => return Err(fault("invalid character class range", text)),
        },
        Some(_) => chars.as_str(),
        None => return Err(fault("invalid character class range", text)),
    };
    let whole = before(text, rest);
    match regex::Regex::new(&whole.replacen("{^", "{", 1)) {
        Ok(_) => Ok(rest),
        Err(_) => Err(fault("invalid character class range", whole)),
    }
}

/// Reads an escape that stands for one character and returns what follows.
fn character(text: &str) -> Result<&str, String> {
    let mut chars = text[1..].chars();
    let Some(c) = chars.next() else {
        return Err(fault("trailing backslash at end of expression", ""));
    };
    let rest = chars.as_str();
    let is_octal = |c: char| ('0'..='7').contains(&c);
    match c {
        '1'..='7' if !rest.starts_with(is_octal) => {}
        '0'..='7' => {
            let more = rest.bytes().take(2).take_while(|c| is_octal(char::from(*c))).count();
            return Ok(&rest[more..]);
        }
        'x' => {
            if let Some(braced) = rest.strip_prefix('{') {
                let digits = braced.bytes().take_while(u8::is_ascii_hexdigit).count();
                let value = u32::from_str_radix(&braced[..digits], 16);
                if digits > 0 && value.is_ok_and(|v| v <= 0x0010_ffff) && braced[digits..].starts_with('}') {
                    return Ok(&braced[digits + 1..]);
                }
                let end = braced[digits..].chars().next().map_or(0, char::len_utf8);
                return Err(fault("invalid escape sequence", before(text, &braced[digits + end..])));
            }
            let digits = rest.bytes().take(2).take_while(u8::is_ascii_hexdigit).count();
            if digits == 2 {
                return Ok(&rest[2..]);
            }
            let end = rest[digits..].chars().next().map_or(0, char::len_utf8);
            return Err(fault("invalid escape sequence", before(text, &rest[digits + end..])));
        }
        'a' | 'f' | 'n' | 'r' | 't' | 'v' => return Ok(rest),
        c if c.is_ascii() && !c.is_ascii_alphanumeric() => return Ok(rest),
        _ => {}
    }
    Err(fault("invalid escape sequence", before(text, rest)))
}

/// Reads the class that `text` begins with and returns what follows.
fn class(text: &str) -> Result<&str, String> {
    let mut rest = &text[1..];
    rest = rest.strip_prefix('^').unwrap_or(rest);
    let mut is_first = true;
    while is_first || !rest.starts_with(']') {
        is_first = false;
        if rest.starts_with("[:")
            && let Some((name, after)) = rest[2..].split_once(":]")
        {
            const NAMES: [&str; 14] = [
                "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct",
                "space", "upper", "word", "xdigit",
            ];
            if !NAMES.contains(&name.strip_prefix('^').unwrap_or(name)) {
                return Err(fault("invalid character class range", before(rest, after)));
            }
            rest = after;
            continue;
        }
        if rest.starts_with("\\p") || rest.starts_with("\\P") {
            rest = property(rest)?;
            continue;
        }
        if rest.starts_with('\\') && rest[1..].starts_with(['d', 'D', 's', 'S', 'w', 'W']) {
            rest = &rest[2..];
            continue;
        }
        let range = rest;
        let low;
        (low, rest) = member(rest, text)?;
        if rest.starts_with('-') && rest.len() >= 2 && !rest.starts_with("-]") {
            let high;
            (high, rest) = member(&rest[1..], text)?;
            if high < low {
                return Err(fault("invalid character class range", before(range, rest)));
            }
        }
    }
    Ok(&rest[1..])
}

/// Reads one character of a class, `whole`.
fn member<'p>(text: &'p str, whole: &str) -> Result<(u32, &'p str), String> {
    let Some(c) = text.chars().next() else {
        return Err(fault("missing closing ]", whole));
    };
    if c != '\\' {
        return Ok((c.into(), &text[c.len_utf8()..]));
    }
    let rest = character(text)?;
    Ok((code(before(text, rest)), rest))
}

/// Returns the character that an escape stands for.
fn code(escape: &str) -> u32 {
    let body = &escape[1..];
    match body.as_bytes() {
        [b'0'..=b'7', ..] => u32::from_str_radix(body, 8).unwrap_or(0),
        [b'x', ..] => u32::from_str_radix(body[1..].trim_matches(['{', '}']), 16).unwrap_or(0),
        b"a" => 7,
        b"f" => 12,
        b"n" => 10,
        b"r" => 13,
        b"t" => 9,
        b"v" => 11,
        _ => body.chars().next().map_or(0, u32::from),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Recorded from `regexp.Compile` of Go 1.26.
    #[test]
    fn what_go_refuses_is_refused_in_its_words() {
        let cases = [
            ("(a", "missing closing ): `(a`"),
            ("a)", "unexpected ): `a)`"),
            ("[a", "missing closing ]: `[a`"),
            ("x[]a", "missing closing ]: `[]a`"),
            ("*a", "missing argument to repetition operator: `*`"),
            ("(|*)", "missing argument to repetition operator: `*`"),
            ("a**", "invalid nested repetition operator: `**`"),
            ("a{2}{3}", "invalid nested repetition operator: `{2}{3}`"),
            ("a{1001}", "invalid repeat count: `{1001}`"),
            ("a{3,2}", "invalid repeat count: `{3,2}`"),
            ("\\y", "invalid escape sequence: `\\y`"),
            ("\\1", "invalid escape sequence: `\\1`"),
            ("\\xg", "invalid escape sequence: `\\xg`"),
            ("a\\", "trailing backslash at end of expression: ``"),
            ("[z-a]", "invalid character class range: `z-a`"),
            ("[[:foo:]]", "invalid character class range: `[:foo:]`"),
            ("\\p{Foo}", "invalid character class range: `\\p{Foo}`"),
            ("(?=a)", "invalid or unsupported Perl syntax: `(?=`"),
            ("(?!a)", "invalid or unsupported Perl syntax: `(?!`"),
            ("(?<=a)b", "invalid named capture: `(?<=a)b`"),
            ("(?i", "invalid or unsupported Perl syntax: `(?i`"),
            ("(?i)*", "missing argument to repetition operator: `*`"),
            ("\\x{zz}", "invalid escape sequence: `\\x{z`"),
            ("\\p", "invalid character class range: `\\p`"),
            ("[a-\\d]", "invalid escape sequence: `\\d`"),
            ("\\C", "invalid escape sequence: `\\C`"),
            ("(?P<n-x>a)", "invalid named capture: `(?P<n-x>`"),
        ];
        for (pattern, expected) in cases {
            assert_eq!(check(pattern), Err(expected.to_owned()), "{pattern}");
        }
        for pattern in
            ["", "a{,2}", "a{", "[]a]", "[^]]", "(?i)a", "(?U)a+?", "\\Q*\\E", "[a-]", "a{01}", "\\012", "x|"]
        {
            assert_eq!(check(pattern), Ok(()), "{pattern}");
        }
    }
}
