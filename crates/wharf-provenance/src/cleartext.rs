//! The cleartext signature framework: RFC 9580, section 7.

use crate::{Error, ErrorKind};

const BEGIN: &str = "-----BEGIN PGP SIGNED MESSAGE-----";
pub(crate) const BEGIN_SIGNATURE: &str = "-----BEGIN PGP SIGNATURE-----";
const END_SIGNATURE: &str = "-----END PGP SIGNATURE-----";

/// A clear-signed text in its parts.
pub(crate) struct Cleartext<'t> {
    /// The lines that were signed, without dash escapes and without blanks at their ends.
    lines: Vec<&'t str>,
    /// The armoured signature.
    pub(crate) signature: String,
}

impl<'t> Cleartext<'t> {
    /// Finds the signed text; anything around it is passed over, as in Go's library.
    pub(crate) fn find(text: &'t str) -> Result<Self, Error> {
        let absent = || Error::new(ErrorKind::Malformed, "signature block not found");
        let mut all = text.lines();
        all.by_ref().find(|line| line.trim_end() == BEGIN).ok_or_else(absent)?;
        // Headers, of which only `Hash` is allowed, up to an empty line.
        for line in all.by_ref() {
            let line = line.trim_end();
            if line.is_empty() {
                break;
            }
            if !line.starts_with("Hash: ") {
                return Err(absent());
            }
        }
        let mut lines = Vec::new();
        let mut signature = String::new();
        for line in all.by_ref() {
            if line.trim_end() == BEGIN_SIGNATURE {
                signature = format!("{BEGIN_SIGNATURE}\n");
                break;
            }
            let line = line.strip_prefix("- ").unwrap_or(line);
            lines.push(line.trim_end_matches([' ', '\t', '\r']));
        }
        for line in all {
            signature.push_str(line.trim_end());
            signature.push('\n');
            if line.trim_end() == END_SIGNATURE {
                return Ok(Self { lines, signature });
            }
        }
        Err(absent())
    }

    /// The text for reading: lines ended by line feeds.
    pub(crate) fn text(&self) -> String {
        self.lines.iter().map(|line| format!("{line}\n")).collect()
    }

    /// The bytes that are signed: lines parted by CR LF, none at the end.
    pub(crate) fn canonical(&self) -> String {
        self.lines.join("\r\n")
    }
}

/// Returns the bytes to sign and the escaped lines to show for a text.
pub(crate) fn prepare(text: &str) -> (String, String) {
    let lines: Vec<&str> = text.lines().map(|line| line.trim_end_matches([' ', '\t', '\r'])).collect();
    let shown = lines.iter().map(|line| {
        // Only dashes must be escaped.
        if line.starts_with('-') { format!("- {line}\n") } else { format!("{line}\n") }
    });
    (lines.join("\r\n"), shown.collect())
}

/// Puts a clear-signed text together.
pub(crate) fn assemble(hash: &str, shown: &str, signature: &str) -> String {
    format!("{BEGIN}\nHash: {hash}\n\n{shown}{}\n", signature.trim_end())
}
