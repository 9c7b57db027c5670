//! What is too old: the rule against going back to what was once good.

use std::cmp::Ordering;

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use super::facts::Facts;
use super::file::Level;
use crate::error::{Error, ErrorKind, Result};

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct FreshnessFile {
    #[serde(default)]
    pub(super) min_version: Option<String>,
    #[serde(default)]
    pub(super) not_before: Option<Timestamp>,
    #[serde(default)]
    pub(super) max_age_days: Option<u32>,
    #[serde(default)]
    pub(super) level: Level,
}

#[derive(Debug, Clone)]
pub(super) struct Freshness {
    pub(super) said: FreshnessFile,
    min_version: Option<Version>,
}

impl Freshness {
    pub(super) fn read(said: FreshnessFile) -> Result<Self> {
        if said.min_version.is_none() && said.not_before.is_none() && said.max_age_days.is_none() {
            return Err(misuse("freshness demands nothing".to_owned()));
        }
        let min_version = match &said.min_version {
            Some(text) => {
                Some(Version::parse(text).ok_or_else(|| misuse(format!("`{text}` is no semantic version")))?)
            }
            None => None,
        };
        Ok(Self { said, min_version })
    }

    /// Returns why an artifact is not fresh enough; nothing where it is.
    pub(super) fn faults(&self, facts: &Facts, now: Timestamp) -> Vec<String> {
        let mut faults = Vec::new();
        if let (Some(least), Some(said)) = (&self.min_version, &self.said.min_version) {
            let version = facts.version.as_deref();
            match version.and_then(Version::parse) {
                Some(version) if version >= *least => {}
                _ => faults.push(match version {
                    Some(version) => format!("version {}, older than {said}", version.escape_default()),
                    None => format!("its manifest says no version, and {said} or newer is demanded"),
                }),
            }
        }
        if let Some(first) = self.said.not_before {
            match facts.created {
                Some(created) if created >= first => {}
                Some(created) => faults.push(format!("created {created}, before {first}")),
                None => faults.push("its manifest does not say when it was created".to_owned()),
            }
        }
        if let Some(days) = self.said.max_age_days {
            match facts.created {
                Some(created)
                    if now.duration_since(created) <= SignedDuration::from_hours(i64::from(days) * 24) => {}
                Some(created) => faults.push(format!("created {created}, more than {days} days ago")),
                None => faults.push("its manifest does not say when it was created".to_owned()),
            }
        }
        faults
    }

    pub(super) fn describe(&self) -> String {
        let mut parts = Vec::new();
        parts.extend(self.said.min_version.as_ref().map(|least| format!("version {least} or newer")));
        parts.extend(self.said.not_before.map(|first| format!("created {first} or later")));
        parts.extend(self.said.max_age_days.map(|days| format!("created not more than {days} days ago")));
        parts.join(", ") + self.said.level.suffix()
    }
}

fn misuse(text: String) -> Error {
    Error::new(ErrorKind::Misuse, text)
}

/// A semantic version (2.0.0), as far as their order goes.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Version {
    numbers: [u64; 3],
    prerelease: Vec<String>,
}

impl Version {
    fn parse(text: &str) -> Option<Self> {
        let text = text.strip_prefix('v').unwrap_or(text);
        // A tag cannot hold a plus sign; build data does not count anyway.
        let text = text.split(['+', '_']).next()?;
        let (core, prerelease) = text.split_once('-').map_or((text, None), |(core, rest)| (core, Some(rest)));
        let numbers: Vec<u64> = core.split('.').map(|part| part.parse().ok()).collect::<Option<_>>()?;
        let prerelease: Vec<String> =
            prerelease.into_iter().flat_map(|rest| rest.split('.')).map(str::to_owned).collect();
        if prerelease.iter().any(String::is_empty) {
            return None;
        }
        Some(Self { numbers: numbers.try_into().ok()?, prerelease })
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        let identifier = |a: &String, b: &String| match (a.parse::<u64>(), b.parse::<u64>()) {
            (Ok(a), Ok(b)) => a.cmp(&b),
            (Ok(_), Err(_)) => Ordering::Less,
            (Err(_), Ok(_)) => Ordering::Greater,
            (Err(_), Err(_)) => a.cmp(b),
        };
        let pairs = self.prerelease.iter().zip(&other.prerelease);
        let by_identifier = || pairs.map(|(a, b)| identifier(a, b)).find(|order| order.is_ne());
        self.numbers.cmp(&other.numbers).then_with(|| {
            // A release comes after what led to it.
            match (self.prerelease.is_empty(), other.prerelease.is_empty()) {
                (true, true) => Ordering::Equal,
                (true, false) => Ordering::Greater,
                (false, true) => Ordering::Less,
                (false, false) => {
                    by_identifier().unwrap_or_else(|| self.prerelease.len().cmp(&other.prerelease.len()))
                }
            }
        })
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn versions_are_in_the_order_of_the_specification() {
        let order = [
            "0.9.10",
            "1.0.0-alpha",
            "1.0.0-alpha.1",
            "1.0.0-alpha.beta",
            "1.0.0-beta",
            "1.0.0-beta.2",
            "1.0.0-beta.11",
            "1.0.0-rc.1",
            "1.0.0",
            "v1.0.1",
            "1.10.0",
        ];
        for pair in order.windows(2) {
            assert!(Version::parse(pair[0]).unwrap() < Version::parse(pair[1]).unwrap(), "{pair:?}");
        }
        assert_eq!(Version::parse("1.0.0+a"), Version::parse("1.0.0_b"));
        for text in ["1.0", "latest", "1.0.0-", "1.0.0-a..b", "1.0.x", ""] {
            assert_eq!(Version::parse(text), None, "{text}");
        }
    }
}
