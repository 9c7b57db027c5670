use regex::bytes::Regex;

/// A pattern of `.Files.Glob`: `*` and `?` stop at slashes, `**` does not, `[a-z]`, `[!x]`, `{a,b}`.
pub(crate) struct Glob(Regex);

impl Glob {
    /// Compiles a pattern; one that is not well formed matches everything, as in Helm.
    pub(crate) fn new(pattern: &str) -> Option<Self> {
        let text = translate(pattern).unwrap_or_else(|| ".*".to_owned());
        Regex::new(&format!("(?s)^(?:{text})$")).ok().map(Self)
    }

    pub(crate) fn matches(&self, path: &[u8]) -> bool {
        self.0.is_match(path)
    }
}

fn translate(pattern: &str) -> Option<String> {
    let mut out = String::new();
    let mut chars = pattern.chars().peekable();
    let mut open = 0;
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
            '[' => {
                out.push('[');
                if chars.next_if_eq(&'!').is_some() {
                    out.push('^');
                }
                let mut members = 0;
                loop {
                    match chars.next()? {
                        ']' if members > 0 => break,
                        '-' if members > 0 && chars.peek() != Some(&']') => out.push('-'),
                        '\\' => out.push_str(&regex::escape(&chars.next()?.to_string())),
                        other => out.push_str(&regex::escape(&other.to_string())),
                    }
                    members += 1;
                }
                out.push(']');
            }
            '\\' => out.push_str(&regex::escape(&chars.next()?.to_string())),
            other => out.push_str(&regex::escape(&other.to_string())),
        }
    }
    (open == 0).then_some(out)
}
