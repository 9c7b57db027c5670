use regex::bytes::Regex;

/// A pattern of `.Files.Glob`: `*` and `?` stop at slashes, `**` does not, `[a-z]`, `[!x]`, `{a,b}`.
pub(crate) enum Glob {
    Pattern(Regex),
    /// `prefix**suffix`, of which Helm's library lets one begin before the other ends: `a/**/b` matches `a/b`.
    Ends(Vec<u8>, Vec<u8>),
}

impl Glob {
    /// Compiles a pattern; one that is not well formed matches everything, as in Helm.
    pub(crate) fn new(pattern: &str) -> Option<Self> {
        if let Some((prefix, suffix)) = pattern.split_once("**") {
            let suffix = suffix.trim_start_matches('*');
            let is_text =
                |text: &str| !text.is_empty() && !text.contains(['*', '?', '[', ']', '{', '}', '\\']);
            if is_text(prefix) && is_text(suffix) {
                return Some(Self::Ends(prefix.into(), suffix.into()));
            }
        }
        let text = translate(pattern).unwrap_or_else(|| ".*".to_owned());
        Regex::new(&format!("(?s)^(?:{text})$")).ok().map(Self::Pattern)
    }

    pub(crate) fn matches(&self, path: &[u8]) -> bool {
        match self {
            Self::Pattern(pattern) => pattern.is_match(path),
            Self::Ends(prefix, suffix) => path.starts_with(prefix) && path.ends_with(suffix),
        }
    }
}

fn translate(pattern: &str) -> Option<String> {
    let mut out = String::new();
    let mut chars = pattern.chars().peekable();
    let mut open = 0_usize;
    while let Some(c) = chars.next() {
        match c {
            '*' => {
                let mut stars = 1;
                while chars.next_if_eq(&'*').is_some() {
                    stars += 1;
                }
                out.push_str(if stars > 1 { ".*" } else { "[^/]*" });
            }
            '?' => out.push_str("[^/]"),
            '{' => {
                open += 1;
                out.push_str("(?:");
            }
            '}' if open > 0 => {
                open -= 1;
                out.push(')');
            }
            ',' if open > 0 => out.push('|'),
            '[' => out.push_str(&class(&mut chars)?),
            '\\' => out.extend(chars.next().map(|c| regex::escape(&c.to_string()))),
            other => out.push_str(&regex::escape(&other.to_string())),
        }
    }
    // What is open at the end is closed there.
    out.push_str(&")".repeat(open));
    Some(out)
}

/// Reads what follows `[`: one range, or characters as they are.
fn class(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Option<String> {
    let mut out = "[".to_owned();
    if chars.next_if_eq(&'!').is_some() {
        out.push('^');
    }
    let mut next = || match chars.next()? {
        '\\' => Some((chars.next()?, true)),
        c => Some((c, false)),
    };
    let escaped = |c: char| regex::escape(&c.to_string());
    let (first, is_escaped) = next()?;
    if first == ']' && !is_escaped {
        return None;
    }
    out.push_str(&escaped(first));
    let mut member = next()?;
    if member == ('-', false) {
        let (last, _) = next()?;
        if last == ']' || next()? != (']', false) || last < first {
            return None;
        }
        return Some(format!("{out}-{}]", escaped(last)));
    }
    while member != (']', false) {
        out.push_str(&escaped(member.0));
        member = next()?;
    }
    Some(out + "]")
}
