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

/// Translates the class that begins at `at` and returns where it ends.
fn class(chars: &[char], at: usize, out: &mut String) -> usize {
    out.push('[');
    let mut at = at + 1;
    if chars.get(at) == Some(&'^') {
        out.push('^');
        at += 1;
    }
    // A bracket right at the start is a member.
    if chars.get(at) == Some(&']') {
        out.push_str("\\]");
        at += 1;
    }
    while at < chars.len() {
        match chars[at] {
            ']' => {
                out.push(']');
                return at + 1;
            }
            '[' if chars.get(at + 1) == Some(&':') && posix_end(&chars[at..]).is_some() => {
                let end = at + posix_end(&chars[at..]).unwrap_or(0);
                out.extend(&chars[at..end]);
                at = end;
            }
            '\\' => at = escape(chars, at, out, true),
            c @ ('[' | '&' | '~') => {
                out.push('\\');
                out.push(c);
                at += 1;
            }
            '-' if matches!(chars.get(at + 1), Some('-' | ']'))
                || matches!(chars.get(at - 1), Some('[' | '^')) =>
            {
                out.push_str("\\-");
                at += 1;
            }
            other => {
                out.push(other);
                at += 1;
            }
        }
    }
    at
}

fn posix_end(chars: &[char]) -> Option<usize> {
    let end = chars.windows(2).skip(2).position(|pair| pair == [':', ']'])?;
    Some(end + 4)
}
