//! `.helmignore`, as Helm reads it. It is not `.gitignore`.

use crate::Error;

/// The rules of a `.helmignore` file.
///
/// The first rule that decides wins. `!x` does not bring files back: it ignores **everything that `x` does not match**
/// and lets what matches go on to the next rule.
#[derive(Debug, Clone, Default)]
pub struct IgnoreRules {
    rules: Vec<Rule>,
}

#[derive(Debug, Clone)]
struct Rule {
    pattern: Vec<Token>,
    negated: bool,
    folders_only: bool,
    /// The pattern is held against the whole path, not the last part.
    whole_path: bool,
}

impl IgnoreRules {
    /// Returns the rules for a chart folder: those of its `.helmignore`, if it has one, and the built-in
    /// `templates/.?*`.
    ///
    /// # Errors
    /// `**`, and patterns that are malformed.
    pub fn for_chart(helmignore: Option<&[u8]>) -> Result<Self, Error> {
        let mut rules = Self::parse(helmignore.unwrap_or_default())?;
        rules.add("templates/.?*")?;
        Ok(rules)
    }

    /// Reads rules, one a line; `#` starts a comment line.
    ///
    /// # Errors
    /// `**`, and patterns that are malformed.
    pub fn parse(text: &[u8]) -> Result<Self, Error> {
        let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
        let mut rules = Self::default();
        for line in String::from_utf8_lossy(text).split('\n') {
            rules.add(line)?;
        }
        Ok(rules)
    }

    /// Whether a path below the chart's folder is left out; for a folder that means all it contains.
    #[must_use]
    pub fn ignores(&self, path: &str, is_folder: bool) -> bool {
        if matches!(path, "" | "." | "./") {
            return false;
        }
        for rule in &self.rules {
            let wrong_kind = rule.folders_only && !is_folder;
            if rule.negated {
                if wrong_kind || !rule.matches(path) {
                    return true;
                }
            } else if !wrong_kind && rule.matches(path) {
                return true;
            }
        }
        false
    }

    fn add(&mut self, line: &str) -> Result<(), Error> {
        let rule = line.trim();
        if rule.is_empty() || rule.starts_with('#') {
            return Ok(());
        }
        if rule.contains("**") {
            return Err(Error::malformed("double-star (**) syntax is not supported"));
        }
        if glob_matches(rule, "abc").is_none() {
            return Err(Error::malformed("syntax error in pattern"));
        }
        let (negated, rule) = rule.strip_prefix('!').map_or((false, rule), |rest| (true, rest));
        let (folders_only, rule) = rule.strip_suffix('/').map_or((false, rule), |rest| (true, rest));
        let (pattern, whole_path) = match rule.strip_prefix('/') {
            Some(rest) => (rest, true),
            None => (rule, rule.contains('/')),
        };
        // What is malformed once the marks are off matches nothing.
        let pattern = tokens(pattern);
        let never = Token::Set { negated: false, ranges: Vec::new() };
        let pattern = pattern.unwrap_or_else(|| vec![never]);
        self.rules.push(Rule { pattern, negated, folders_only, whole_path });
        Ok(())
    }
}

impl Rule {
    fn matches(&self, path: &str) -> bool {
        let subject = if self.whole_path { path } else { path.rsplit('/').next().unwrap_or(path) };
        matches(&self.pattern, subject)
    }
}

/// Matches a whole name against a pattern as Go's `path.Match` does; `None` if the pattern is malformed.
///
/// `*` and `?` stop at `/`, `[a-z]` and `[^a-z]` name characters, `\` takes the next character as it is. Go notices some
/// malformed patterns only where matching gets to them; here every one is noticed.
#[must_use]
pub fn glob_matches(pattern: &str, name: &str) -> Option<bool> {
    Some(matches(&tokens(pattern)?, name))
}

fn matches(tokens: &[Token], name: &str) -> bool {
    let char_at = |at: usize| name[at..].chars().next();
    // Positions of the last `*` and of the name where its match ends, to resume from.
    let (mut t, mut n) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while n < name.len() || t < tokens.len() {
        match (tokens.get(t), char_at(n)) {
            (Some(Token::Star), _) => {
                star = Some((t, n));
                t += 1;
                continue;
            }
            (Some(token), Some(c)) if token.takes(c) => {
                t += 1;
                n += c.len_utf8();
                continue;
            }
            _ => {}
        }
        match star.and_then(|(at, end)| Some((at, end, char_at(end)?))) {
            Some((at, end, c)) if c != '/' => {
                let end = end + c.len_utf8();
                star = Some((at, end));
                (t, n) = (at + 1, end);
            }
            _ => return false,
        }
    }
    true
}

#[derive(Debug, Clone)]
enum Token {
    Star,
    Any,
    One(char),
    Set { negated: bool, ranges: Vec<(char, char)> },
}

impl Token {
    fn takes(&self, c: char) -> bool {
        match self {
            Self::Star => false,
            Self::Any => c != '/',
            Self::One(wanted) => c == *wanted,
            Self::Set { negated, ranges } => {
                ranges.iter().any(|(low, high)| (*low..=*high).contains(&c)) != *negated
            }
        }
    }
}

fn tokens(pattern: &str) -> Option<Vec<Token>> {
    let mut out = Vec::new();
    let mut chars = pattern.chars().peekable();
    while let Some(c) = chars.next() {
        out.push(match c {
            '*' => Token::Star,
            '?' => Token::Any,
            '\\' => Token::One(chars.next()?),
            '[' => {
                let negated = chars.next_if_eq(&'^').is_some();
                let mut ranges = Vec::new();
                loop {
                    if !ranges.is_empty() && chars.next_if_eq(&']').is_some() {
                        break;
                    }
                    let mut bound = || match chars.next()? {
                        '-' | ']' => None,
                        '\\' => chars.next(),
                        c => Some(c),
                    };
                    let low = bound()?;
                    let high = if chars.next_if_eq(&'-').is_some() {
                        match chars.next()? {
                            '-' | ']' => return None,
                            '\\' => chars.next()?,
                            c => c,
                        }
                    } else {
                        low
                    };
                    ranges.push((low, high));
                }
                Token::Set { negated, ranges }
            }
            c => Token::One(c),
        });
    }
    Some(out)
}
