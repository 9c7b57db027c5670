//! Token scopes.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

/// A scope of the Docker token protocol: `type:name:action,…`, such as `repository:shop/web:pull,push`.
///
/// The name may itself hold colons, so it is cut from both ends. A resource class, `type(class)`, is deprecated and
/// dropped.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Scope {
    /// `repository` or `registry`, or anything else, to which nothing is ever granted.
    pub kind: String,
    /// The name of the resource.
    pub name: String,
    /// `pull`, `push`, `delete`, `*`.
    pub actions: BTreeSet<String>,
}

impl Scope {
    /// Returns the scope of a repository.
    pub fn repository<'a>(name: &str, actions: impl IntoIterator<Item = &'a str>) -> Self {
        Self {
            kind: "repository".to_owned(),
            name: name.to_owned(),
            actions: actions.into_iter().map(str::to_owned).collect(),
        }
    }
}

impl FromStr for Scope {
    type Err = ScopeError;

    fn from_str(text: &str) -> Result<Self, ScopeError> {
        let error = || ScopeError(text.chars().take(300).collect());
        let (kind, rest) = text.split_once(':').ok_or_else(error)?;
        let (name, actions) = rest.rsplit_once(':').ok_or_else(error)?;
        let kind = kind.split_once('(').map_or(kind, |(kind, _)| kind);
        if kind.is_empty() || name.is_empty() {
            return Err(error());
        }
        let actions = actions.split(',').filter(|action| !action.is_empty()).map(str::to_owned).collect();
        Ok(Self { kind: kind.to_owned(), name: name.to_owned(), actions })
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:", self.kind, self.name)?;
        for (at, action) in self.actions.iter().enumerate() {
            write!(f, "{}{action}", if at == 0 { "" } else { "," })?;
        }
        Ok(())
    }
}

/// A text that is not a scope. The caller must act.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("scope {0:?} is invalid: expected type:name:actions")]
pub struct ScopeError(String);

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn scopes_are_cut_from_both_ends() {
        let scope: Scope = "repository(plugin):host:5000/a/b:push,pull".parse().unwrap();
        assert_eq!((scope.kind.as_str(), scope.name.as_str()), ("repository", "host:5000/a/b"));
        assert_eq!(scope.to_string(), "repository:host:5000/a/b:pull,push");
        assert!("repository:a".parse::<Scope>().is_err());
    }
}
