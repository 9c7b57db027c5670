//! What a robot account is granted.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::{Action, Permission, Resource};

/// One grant of a robot account: these actions, in this project, on the repositories that match.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RobotGrant {
    /// A project name, or `*` for every project (system-level robots only).
    pub project: String,
    /// Which repositories of the project; `**` for all.
    #[serde(default)]
    pub repositories: RepositoryPattern,
    /// What may be done: resource and action pairs.
    pub access: Vec<(Resource, Action)>,
}

impl RobotGrant {
    /// Returns whether this grant covers `permission` in `project` on `repository` (the path inside the project, where
    /// one is concerned).
    pub fn permits(&self, permission: Permission, project: Option<&str>, repository: Option<&str>) -> bool {
        let covered = match project {
            Some(project) => self.project == "*" || self.project == project,
            None => self.project == "/",
        };
        covered
            && repository.is_none_or(|path| self.repositories.matches(path))
            && self.access.contains(&(permission.resource, permission.action))
    }

    /// Returns why the grant is not to be kept, or `None` when it is small enough to be asked on every request: its
    /// pattern has at most [`RepositoryPattern::MAX_BYTES`] and [`RepositoryPattern::MAX_COMPONENTS`], and no access is
    /// given twice.
    pub fn problem(&self) -> Option<String> {
        let (bytes, components) = (self.repositories.0.len(), self.repositories.0.split('/').count());
        if bytes > RepositoryPattern::MAX_BYTES {
            return Some(format!(
                "a pattern has {bytes} bytes, at most {} are kept",
                RepositoryPattern::MAX_BYTES
            ));
        }
        if components > RepositoryPattern::MAX_COMPONENTS {
            return Some(format!(
                "a pattern has {components} components, at most {} are kept",
                RepositoryPattern::MAX_COMPONENTS
            ));
        }
        let mut seen = BTreeSet::new();
        self.access.iter().find(|access| !seen.insert(**access)).map(|&(resource, action)| {
            format!("{} is given twice in one grant", Permission::new(resource, action))
        })
    }
}

/// A pattern over repository paths inside a project: `*` matches within a component, `**` any number of components.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RepositoryPattern(String);

impl RepositoryPattern {
    /// The greatest length of a pattern that a robot is given, in bytes: that of a repository's name, nearly.
    pub const MAX_BYTES: usize = 256;
    /// The greatest number of components of a pattern that a robot is given.
    pub const MAX_COMPONENTS: usize = 32;

    /// Returns the pattern with this text. Any text is a pattern; one that no name can match matches nothing.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns whether `path` matches as a whole.
    pub fn matches(&self, path: &str) -> bool {
        let path: Vec<&str> = path.split('/').collect();
        // Row by row, so that no pattern can cost more than its length times the path's.
        let mut reached = vec![false; path.len() + 1];
        reached[0] = true;
        for component in self.0.split('/') {
            if !reached.contains(&true) {
                return false;
            }
            let mut next = vec![false; path.len() + 1];
            if component == "**" {
                let mut any = false;
                for at in 0..=path.len() {
                    any |= reached[at];
                    next[at] = any;
                }
            } else {
                for at in 0..path.len() {
                    next[at + 1] = reached[at] && component_matches(component, path[at]);
                }
            }
            reached = next;
        }
        reached[path.len()]
    }
}

impl Default for RepositoryPattern {
    fn default() -> Self {
        Self::new("**")
    }
}

/// Matches one component, where `*` stands for any run of characters.
fn component_matches(pattern: &str, text: &str) -> bool {
    let Some((head, rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(mut text) = text.strip_prefix(head) else { return false };
    let mut parts: Vec<&str> = rest.split('*').collect();
    let tail = parts.pop().unwrap_or_default();
    for part in parts {
        match text.find(part) {
            Some(at) => text = &text[at + part.len()..],
            None => return false,
        }
    }
    text.ends_with(tail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_whole_paths() {
        for (pattern, path, matches) in [
            ("**", "a/b", true),
            ("*", "a", true),
            ("*", "a/b", false),
            ("charts/**", "charts/a/b", true),
            ("charts/**", "charts", true),
            ("charts/*-dev", "charts/x-dev", true),
            ("charts/*-dev", "charts/x-dev2", false),
            ("a*b*c", "aXbYc", true),
            ("a*b*c", "abc", true),
            ("a*bb", "ab", false),
            ("**/x", "a/b/x", true),
            ("", "a", false),
        ] {
            assert_eq!(RepositoryPattern::new(pattern).matches(path), matches, "{pattern} {path}");
        }
    }

    #[test]
    fn a_grant_that_is_costly_to_ask_is_not_kept() {
        let problem = |pattern: &str, access: &[(Resource, Action)]| {
            let repositories = RepositoryPattern::new(pattern);
            RobotGrant { project: "shop".to_owned(), repositories, access: access.to_vec() }.problem()
        };
        let pull = (Resource::Repository, Action::Pull);
        let components = |count: usize| vec!["*"; count].join("/");
        assert_eq!(problem(&components(32), &[pull, (Resource::Repository, Action::Push)]), None);
        assert_eq!(problem(&"x".repeat(256), &[]), None);
        for (pattern, access, told) in [
            (components(33), vec![pull], "33 components"),
            ("x".repeat(257), vec![pull], "257 bytes"),
            ("**".to_owned(), vec![pull, pull], "repository:pull is given twice"),
        ] {
            let problem = problem(&pattern, &access).unwrap_or_default();
            assert!(problem.contains(told), "{problem}");
        }
    }

    #[test]
    fn a_robot_of_one_project_reaches_no_other() {
        let grant = RobotGrant {
            project: "shop".to_owned(),
            repositories: RepositoryPattern::new("charts/**"),
            access: vec![(Resource::Repository, Action::Pull)],
        };
        assert!(grant.permits(Permission::PULL, Some("shop"), Some("charts/web")));
        assert!(!grant.permits(Permission::PULL, Some("shop2"), Some("charts/web")));
        assert!(!grant.permits(Permission::PULL, Some("shop"), Some("images/web")));
        assert!(!grant.permits(Permission::PUSH, Some("shop"), Some("charts/web")));
        assert!(!grant.permits(Permission::PULL, None, None));
    }
}
