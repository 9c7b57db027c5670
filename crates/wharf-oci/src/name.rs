//! Repository names and tags.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A repository name such as `shop/charts/storefront`.
///
/// The grammar is that of distribution-spec v1.1, "Pulling manifests": lower-case components separated by `/`, each of
/// letters and digits joined by `.`, `_`, `__` or any run of `-`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RepositoryName(Arc<str>);

impl RepositoryName {
    /// The longest name that is accepted, in bytes. Many clients limit host and name together to 255.
    pub const MAX_LEN: usize = 255;

    /// Returns the first component: the project that the repository belongs to.
    pub fn project(&self) -> &str {
        self.0.split('/').next().unwrap_or_default()
    }

    /// Returns the text after the project, or `None` when the name is one component only.
    pub fn path_in_project(&self) -> Option<&str> {
        self.0.split_once('/').map(|(_, path)| path)
    }

    /// Returns the whole name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for RepositoryName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        if text.len() <= Self::MAX_LEN && text.split('/').all(is_component) {
            Ok(Self(text.into()))
        } else {
            Err(NameError::new("repository name", text, Self::MAX_LEN))
        }
    }
}

/// Returns whether `text` is one component of a repository name.
fn is_component(text: &str) -> bool {
    let alphanumeric = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let bytes = text.as_bytes();
    let (Some(&first), Some(&last)) = (bytes.first(), bytes.last()) else { return false };
    if !alphanumeric(first) || !alphanumeric(last) {
        return false;
    }
    bytes.split(|&b| alphanumeric(b)).all(|separator| {
        matches!(separator, b"" | b"." | b"_" | b"__") || separator.iter().all(|&b| b == b'-')
    })
}

/// A tag: 1 to 128 characters, letters, digits, `_`, `.` and `-`, not starting with `.` or `-`.
///
/// Source: distribution-spec v1.1, "Pulling manifests".
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tag(Arc<str>);

impl Tag {
    /// The longest tag, in bytes.
    pub const MAX_LEN: usize = 128;

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Tag {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
        let valid = (1..=Self::MAX_LEN).contains(&text.len())
            && text.bytes().enumerate().all(|(at, b)| word(b) || (at > 0 && matches!(b, b'.' | b'-')));
        if valid { Ok(Self(text.into())) } else { Err(NameError::new("tag", text, Self::MAX_LEN)) }
    }
}

/// A repository name or tag that breaks its grammar. The caller must act.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} {text:?} is invalid: {reason}")]
pub struct NameError {
    what: &'static str,
    text: String,
    reason: String,
}

impl NameError {
    fn new(what: &'static str, text: &str, max_len: usize) -> Self {
        let reason = match (what, text.len()) {
            (_, 0) => "it is empty".to_owned(),
            (_, len) if len > max_len => format!("it has {len} bytes, at most {max_len} are allowed"),
            ("tag", _) => {
                "only letters, digits, '_', '.' and '-' are allowed, and neither '.' nor '-' at the start"
                    .to_owned()
            }
            _ => "only lower-case letters and digits are allowed, joined by '/', '.', '_', '__' or '-'"
                .to_owned(),
        };
        Self { what, text: text.chars().take(max_len + 1).collect(), reason }
    }
}

macro_rules! text_newtype {
    ($name:ident) => {
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                std::borrow::Cow::<str>::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

text_newtype!(RepositoryName);
text_newtype!(Tag);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repository_names_follow_the_grammar() {
        for good in ["a", "shop/charts", "a.b_c__d---e/0", "library/alpine"] {
            assert!(good.parse::<RepositoryName>().is_ok(), "{good}");
        }
        for bad in ["", "/", "a/", "/a", "a//b", "A", "a..b", "a___b", "-a", "a-", "a._b", "a b", "ä", "../a"]
        {
            assert!(bad.parse::<RepositoryName>().is_err(), "{bad}");
        }
        assert!("a".repeat(256).parse::<RepositoryName>().is_err());
    }

    #[test]
    fn tags_follow_the_grammar() {
        for good in ["latest", "1.2.3_build", "_x", "V-1"] {
            assert!(good.parse::<Tag>().is_ok(), "{good}");
        }
        for bad in ["", ".a", "-a", "a/b", "a+b", "a:b"] {
            assert!(bad.parse::<Tag>().is_err(), "{bad}");
        }
        assert!("a".repeat(129).parse::<Tag>().is_err());
    }

    #[test]
    fn the_first_component_is_the_project() {
        let name: RepositoryName = "shop/charts/storefront".parse().expect("valid");
        assert_eq!((name.project(), name.path_in_project()), ("shop", Some("charts/storefront")));
    }
}
