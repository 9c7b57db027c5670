//! PEM, RFC 7468: a label and base64 between two lines.

use data_encoding::BASE64;
use zeroize::Zeroizing;

use crate::error::{Error, Result};

/// One block: its label, and its bytes, which are wiped when dropped because they may be a key.
pub(crate) struct Block {
    pub(crate) label: String,
    pub(crate) bytes: Zeroizing<Vec<u8>>,
}

/// Reads every block; text around them is ignored, as RFC 7468 permits.
pub(crate) fn blocks(text: &[u8]) -> Result<Vec<Block>> {
    let text = std::str::from_utf8(text).map_err(|_| Error::malformed("PEM that is not text"))?;
    let mut found = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let Some(label) = line.trim().strip_prefix("-----BEGIN ").and_then(|rest| rest.strip_suffix("-----"))
        else {
            continue;
        };
        let end = format!("-----END {label}-----");
        let mut body = Zeroizing::new(String::new());
        loop {
            let Some(line) = lines.next() else {
                return Err(Error::malformed(format!("PEM block `{}` has no end", label.escape_default())));
            };
            let line = line.trim();
            if line == end {
                break;
            }
            if line.contains(':') {
                return Err(Error::unsupported(format!(
                    "PEM block `{}` has headers: a key encrypted in the old way of OpenSSL is not read",
                    label.escape_default()
                )));
            }
            body.push_str(line);
        }
        let bytes = BASE64.decode(body.as_bytes()).map_err(|error| {
            Error::malformed(format!("PEM block `{}` is not base64", label.escape_default())).because(error)
        })?;
        found.push(Block { label: label.to_owned(), bytes: Zeroizing::new(bytes) });
    }
    if found.is_empty() {
        return Err(Error::malformed("no PEM block"));
    }
    Ok(found)
}

/// Writes one block in lines of 64 characters, ending with a line feed.
pub(crate) fn write(label: &str, bytes: &[u8]) -> Zeroizing<String> {
    let encoded = Zeroizing::new(BASE64.encode(bytes));
    let mut out =
        Zeroizing::new(String::with_capacity(encoded.len() + encoded.len() / 64 + 2 * label.len() + 40));
    out.push_str(&format!("-----BEGIN {label}-----\n"));
    let mut rest = encoded.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(64));
        out.push_str(line);
        out.push('\n');
        rest = after;
    }
    out.push_str(&format!("-----END {label}-----\n"));
    out
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        for length in [0, 1, 47, 48, 49, 500] {
            let bytes = vec![9; length];
            let text = write("TEST KEY", &bytes);
            assert!(text.lines().all(|line| line.len() <= 64));
            let read = blocks(text.as_bytes()).unwrap();
            assert_eq!((read[0].label.as_str(), &*read[0].bytes), ("TEST KEY", &bytes));
        }
    }

    #[test]
    fn text_without_a_whole_block_is_refused() {
        for text in ["", "hello", "-----BEGIN A-----\nAAAA\n", "-----BEGIN A-----\n!!\n-----END A-----\n"] {
            assert!(blocks(text.as_bytes()).is_err(), "{text}");
        }
    }
}
