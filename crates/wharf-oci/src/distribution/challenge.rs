//! Authentication challenges.

use std::fmt;

/// One challenge of a `WWW-Authenticate` header (RFC 9110, section 11.6.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Challenge {
    /// A token is to be fetched from `realm` (Docker's token protocol).
    Bearer {
        /// The URL of the token endpoint, as the server wrote it. A client checks it before it sends anything there.
        realm: String,
        /// The audience of the token.
        service: Option<String>,
        /// The scopes that the request needs, separated by blanks.
        scope: Option<String>,
    },
    /// User name and password are to be sent.
    Basic {
        /// What to show to the user.
        realm: String,
    },
}

impl Challenge {
    /// Reads every challenge of a header value; unknown schemes and malformed pieces are left out.
    pub fn parse_all(header: &str) -> Vec<Self> {
        let mut challenges = Vec::new();
        let mut rest = header.trim();
        while !rest.is_empty() {
            let (scheme, tail) = token(rest);
            if scheme.is_empty() {
                // Not a token here: drop one character and go on, so that no input can hold us.
                rest = rest.get(rest.chars().next().map_or(1, char::len_utf8)..).unwrap_or("").trim_start();
                continue;
            }
            let mut parameters = Vec::new();
            rest = tail.trim_start();
            while let Some((name, value, tail)) = parameter(rest) {
                parameters.push((name.to_ascii_lowercase(), value));
                rest = tail.trim_start();
                rest = rest.strip_prefix(',').unwrap_or(rest).trim_start();
            }
            let mut take = |wanted: &str| {
                parameters.iter_mut().find(|(name, _)| name == wanted).map(|(_, value)| std::mem::take(value))
            };
            if scheme.eq_ignore_ascii_case("bearer") {
                if let Some(realm) = take("realm") {
                    challenges.push(Self::Bearer { realm, service: take("service"), scope: take("scope") });
                }
            } else if scheme.eq_ignore_ascii_case("basic") {
                challenges.push(Self::Basic { realm: take("realm").unwrap_or_default() });
            }
        }
        challenges
    }
}

impl fmt::Display for Challenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bearer { realm, service, scope } => {
                write!(f, "Bearer realm={}", Quoted(realm))?;
                if let Some(service) = service {
                    write!(f, ",service={}", Quoted(service))?;
                }
                if let Some(scope) = scope {
                    write!(f, ",scope={}", Quoted(scope))?;
                }
                Ok(())
            }
            Self::Basic { realm } => write!(f, "Basic realm={}", Quoted(realm)),
        }
    }
}

struct Quoted<'a>(&'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"")?;
        for c in self.0.chars() {
            if matches!(c, '"' | '\\') {
                f.write_str("\\")?;
            }
            write!(f, "{c}")?;
        }
        f.write_str("\"")
    }
}

/// Cuts a token (RFC 9110, section 5.6.2) off the front.
fn token(text: &str) -> (&str, &str) {
    let end = text
        .find(|c: char| !(c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c)))
        .unwrap_or(text.len());
    text.split_at(end)
}

/// Cuts `name=value` or `name="value"` off the front.
fn parameter(text: &str) -> Option<(&str, String, &str)> {
    let (name, rest) = token(text);
    let rest = rest.trim_start().strip_prefix('=')?.trim_start();
    if name.is_empty() {
        return None;
    }
    let Some(quoted) = rest.strip_prefix('"') else {
        let (value, rest) = token(rest);
        return Some((name, value.to_owned(), rest));
    };
    let mut value = String::new();
    let mut characters = quoted.char_indices();
    while let Some((at, c)) = characters.next() {
        match c {
            '"' => return Some((name, value, &quoted[at + 1..])),
            '\\' => value.push(characters.next()?.1),
            c => value.push(c),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_challenge_reads_back_as_written() {
        let bearer = Challenge::Bearer {
            realm: "https://registry.example.com/service/token".to_owned(),
            service: Some("wha\"rf".to_owned()),
            scope: Some("repository:a/b:pull,push".to_owned()),
        };
        let basic = Challenge::Basic { realm: "wharf".to_owned() };
        assert_eq!(Challenge::parse_all(&format!("{bearer}, {basic}")), [bearer, basic]);
    }

    #[test]
    fn foreign_schemes_are_left_out() {
        let header = r#"Negotiate, Digest realm="x", nonce="y", Basic realm=z"#;
        assert_eq!(Challenge::parse_all(header), [Challenge::Basic { realm: "z".to_owned() }]);
        assert!(Challenge::parse_all("Bearer realm=\"unterminated").is_empty());
        assert!(Challenge::parse_all("\u{e9}\"\"==,,,").is_empty());
    }
}
