use std::fmt::Write as _;

use crate::check::counts;

/// Rewrites an expression in Go's syntax to one that means the same to the `regex` crate.
///
/// The differences: `\d`, `\w`, `\s` and `\b` are ASCII in Go; a brace that is no repetition is itself; `\Q…\E` quotes;
/// inside a class `[`, `&`, `-` and `~` have no second meaning; `\<` is the character.
pub(crate) fn translate(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len() + 16);
    let chars: Vec<char> = pattern.chars().collect();
    let mut at = 0;
    while at < chars.len() {
        match chars[at] {
            '\\' => at = escape(&chars, at, &mut out, false),
            '[' => at = class(&chars, at, &mut out),
            '{' if counts(&chars[at..].iter().take(32).collect::<String>()).is_none() => {
                out.push_str("\\{");
                at += 1;
            }
            '(' if chars[at + 1..].starts_with(&['?', 'P', '=']) => {
                // No back references in Go either; leave it to be refused.
                out.push('(');
                at += 1;
            }
            other => {
                out.push(other);
                at += 1;
            }
        }
    }
    out
}

/// Translates the escape at `at` and returns where it ends.
fn escape(chars: &[char], at: usize, out: &mut String, in_class: bool) -> usize {
    let Some(next) = chars.get(at + 1) else {
        out.push('\\');
        return at + 1;
    };
    let ascii = match next {
        'd' => Some("0-9"),
        'w' => Some("0-9A-Za-z_"),
        's' => Some("\\t\\n\\x0C\\r "),
        _ => None,
    };
    if let Some(set) = ascii {
        if in_class {
            out.push_str(set);
        } else {
            out.push('[');
            out.push_str(set);
            out.push(']');
        }
        return at + 2;
    }
    let negated = match next {
        'D' => Some("[^0-9]"),
        'W' => Some("[^0-9A-Za-z_]"),
        'S' => Some("[^\\t\\n\\x0C\\r ]"),
        _ => None,
    };
    if let Some(set) = negated {
        out.push_str(set);
        return at + 2;
    }
    match next {
        '0'..='7' => {
            let digits: String =
                chars[at + 1..].iter().take(3).take_while(|c| ('0'..='7').contains(*c)).collect();
            let _ = write!(out, "\\x{{{:x}}}", u32::from_str_radix(&digits, 8).unwrap_or(0));
            return at + 1 + digits.len();
        }
        'b' if !in_class => out.push_str("(?-u:\\b)"),
        'B' if !in_class => out.push_str("\\B"),
        '<' | '>' => out.push(*next),
        'p' | 'P' => {
            let end = at + 2 + braced(&chars[at + 2..]);
            match &chars[at + 2..end] {
                // Twice turned round is the set itself.
                ['{', '^', name @ ..] => {
                    out.push_str(if *next == 'p' { "\\P{" } else { "\\p{" });
                    out.extend(name);
                }
                _ => out.extend(&chars[at..end]),
            }
            return end;
        }
        'x' => {
            let end = at + 2 + braced(&chars[at + 2..]);
            out.extend(&chars[at..end]);
            return end;
        }
        'Q' if !in_class => {
            let rest = &chars[at + 2..];
            let end = rest.windows(2).position(|pair| pair == ['\\', 'E']).unwrap_or(rest.len());
            let literal: String = rest[..end].iter().collect();
            out.push_str(&regex::escape(&literal));
            return (at + 2 + end + 2).min(chars.len());
        }
        other => {
            out.push('\\');
            out.push(*other);
        }
    }
    at + 2
}

/// How many characters belong to an escape after its letter: those in braces, or one.
fn braced(chars: &[char]) -> usize {
    match chars.first() {
        Some('{') => chars.iter().position(|c| *c == '}').map_or(chars.len(), |end| end + 1),
        other => usize::from(other.is_some()),
    }
}

/// Translates the class that begins at `at` and returns where it ends.
fn class(chars: &[char], at: usize, out: &mut String) -> usize {
    out.push('[');
    let mut at = at + 1;
    if chars.get(at) == Some(&'^') {
        out.push('^');
        at += 1;
    }
    let first = at;
    while at < chars.len() {
        // A bracket right at the start is a member.
        if chars[at] == ']' && at > first {
            out.push(']');
            return at + 1;
        }
        let posix = posix_end(&chars[at..]).filter(|_| chars[at..].starts_with(&['[', ':']));
        if let Some(end) = posix {
            out.extend(&chars[at..at + end]);
            at += end;
        } else if is_set(&chars[at..]) {
            at = escape(chars, at, out, true);
        } else {
            at = member(chars, at, out);
            // A hyphen makes a range only of two characters: behind a set or at the end it is itself.
            if let [to, last, ..] = &chars[at.min(chars.len())..]
                && *to == '-'
                && *last != ']'
            {
                out.push('-');
                at = member(chars, at + 1, out);
            }
        }
    }
    at
}

/// Whether a class has a set here, not a character: `\w`, `\p{Greek}`.
fn is_set(chars: &[char]) -> bool {
    matches!(chars, ['\\', 'd' | 'D' | 'w' | 'W' | 's' | 'S' | 'p' | 'P', ..])
}

/// Translates one character of a class and returns where it ends.
fn member(chars: &[char], at: usize, out: &mut String) -> usize {
    match chars[at] {
        '\\' => return escape(chars, at, out, true),
        c @ ('[' | ']' | '&' | '~' | '-' | '^') => out.extend(['\\', c]),
        other => out.push(other),
    }
    at + 1
}

fn posix_end(chars: &[char]) -> Option<usize> {
    let end = chars.windows(2).skip(2).position(|pair| pair == [':', ']'])?;
    Some(end + 4)
}

#[cfg(test)]
mod tests {
    use crate::compile;

    /// What `regexp.FindAllString` of Go 1.26 finds, joined by spaces.
    #[test]
    fn classes_and_escapes_mean_what_they_mean_in_go() {
        for (pattern, text, expected) in [
            (r"[\w-\.]", "a-b.c/,+1_", "a - b . c 1 _"),
            (r"[\d-x]", "a-b1x", "- 1 x"),
            (r"[\w-a]", "a-b.", "a - b"),
            (r"[\s-_]", "a-_b", "- _"),
            (r"[[:alpha:]-_]", "a-_1", "a - _"),
            (r"[+--]", "+,-.", "+ , -"),
            (r"[a\-z]", "a-bz", "a - z"),
            (r"[a&&b]", "a&c", "a &"),
            (r"[a~~b]", "a~c", "a ~"),
            (r"[]-}]", "[]^a}~", "] ^ a }"),
            (r"[^]a]", "]ab", "b"),
            (r"[\x{61}-\x63]", "abcd", "a b c"),
            (r"\x{61}\x{10FFFF}?", "ab", "a"),
            (r"\p{Greek}+", "abγδ", "γδ"),
            (r"\p{^Greek}+", "abγδ", "ab"),
            (r"\P{^Greek}+", "abγδ", "γδ"),
            (r"[\p{Greek}-a]", "a-βb", "a - β"),
            (r"\pL-", "a-1-", "a-"),
            (r"a{,2}", "aa{,2}", "a{,2}"),
        ] {
            let found = compile(pattern).unwrap_or_else(|error| panic!("{pattern}: {error}"));
            let found: Vec<&str> = found.find_iter(text).map(|found| found.as_str()).collect();
            assert_eq!(found.join(" "), expected, "{pattern}");
        }
    }
}
