use std::fmt;

/// Shows text in double quotes as Go's `%q` does; Rust's own form differs for unprintable characters.
pub(crate) struct Quoted<'a>(pub(crate) &'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"")?;
        for c in self.0.chars() {
            match c {
                '"' => f.write_str("\\\"")?,
                '\\' => f.write_str("\\\\")?,
                '\u{7}' => f.write_str("\\a")?,
                '\u{8}' => f.write_str("\\b")?,
                '\u{c}' => f.write_str("\\f")?,
                '\n' => f.write_str("\\n")?,
                '\r' => f.write_str("\\r")?,
                '\t' => f.write_str("\\t")?,
                '\u{b}' => f.write_str("\\v")?,
                ' '..='~' => write!(f, "{c}")?,
                '\0'..='\u{7f}' => write!(f, "\\x{:02x}", u32::from(c))?,
                // Rust escapes about what Go takes for unprintable.
                c if c.escape_debug().len() > 1 => match u32::from(c) {
                    code @ ..=0xffff => write!(f, "\\u{code:04x}")?,
                    code => write!(f, "\\U{code:08x}")?,
                },
                c => write!(f, "{c}")?,
            }
        }
        f.write_str("\"")
    }
}
