//! Choosing tags.

use regex::Regex;
use wharf_chart::semver::{Constraint, Version};
use wharf_oci::Tag;

use crate::exit::Usage;

/// Which tags are meant.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "Which tags")]
pub(crate) struct TagArgs {
    /// Every tag, except those that name a digest: they are papers and go along with what they are about.
    #[arg(long)]
    pub(crate) all_tags: bool,

    /// Tags that match a pattern with * and ?; may be repeated.
    #[arg(long = "tag-glob", value_name = "PATTERN")]
    pub(crate) globs: Vec<String>,

    /// Tags that match a regular expression from start to end; may be repeated.
    #[arg(long = "tag-regex", value_name = "REGEX")]
    pub(crate) regexes: Vec<String>,

    /// Tags that are versions in a range such as ">=1.2 <2" or "^1.4"; may be repeated.
    #[arg(long = "tag-semver", value_name = "RANGE")]
    pub(crate) ranges: Vec<String>,

    /// Of the tags that are chosen, only the newest so many: versions by their order, others by their text.
    #[arg(long = "tag-last", value_name = "COUNT")]
    pub(crate) last: Option<usize>,
}

/// The same, read. A tag is chosen that any of them matches.
#[derive(Debug)]
pub(crate) struct TagPatterns {
    all: bool,
    regexes: Vec<Regex>,
    ranges: Vec<Constraint>,
    last: Option<usize>,
}

impl TagArgs {
    /// Returns the patterns, if there are any.
    pub(crate) fn patterns(&self) -> anyhow::Result<Option<TagPatterns>> {
        if !self.all_tags && self.globs.is_empty() && self.regexes.is_empty() && self.ranges.is_empty() {
            return match self.last {
                None => Ok(None),
                Some(_) => {
                    Err(Usage("--tag-last chooses among tags: say which, or --all-tags".to_owned()).into())
                }
            };
        }
        let regex = |text: &str| {
            Regex::new(&format!("^(?:{text})$")).map_err(|error| Usage(format!("pattern {text:?}: {error}")))
        };
        let globs = self.globs.iter().map(|glob| regex(&from_glob(glob)));
        let regexes = globs.chain(self.regexes.iter().map(|text| regex(text))).collect::<Result<_, _>>()?;
        let range = |text: &String| {
            Constraint::parse(text).map_err(|error| Usage(format!("range {text:?}: {error}")))
        };
        let ranges = self.ranges.iter().map(range).collect::<Result<_, _>>()?;
        Ok(Some(TagPatterns { all: self.all_tags, regexes, ranges, last: self.last }))
    }
}

impl TagPatterns {
    /// Returns the tags that are meant, oldest first.
    pub(crate) fn choose(&self, tags: &[Tag]) -> Vec<Tag> {
        let matches = |tag: &&Tag| {
            let text = tag.as_str();
            !names_a_digest(text)
                && (self.all
                    || self.regexes.iter().any(|regex| regex.is_match(text))
                    || version(text).is_some_and(|v| self.ranges.iter().any(|range| range.matches(&v))))
        };
        let mut chosen: Vec<Tag> = tags.iter().filter(matches).cloned().collect();
        // Versions after other texts, so that they are the newest.
        chosen.sort_by(|a, b| match (version(a.as_str()), version(b.as_str())) {
            (Some(one), Some(other)) => one.cmp(&other),
            (one, other) => one.is_some().cmp(&other.is_some()).then_with(|| a.cmp(b)),
        });
        let spare = self.last.map_or(0, |last| chosen.len().saturating_sub(last));
        chosen.split_off(spare)
    }
}

/// A tag cannot have a plus, so charts have an underscore for it.
fn version(tag: &str) -> Option<Version> {
    Version::parse(&tag.replace('_', "+")).ok()
}

/// Returns whether a tag is a version.
pub(crate) fn is_version(tag: &str) -> bool {
    version(tag).is_some()
}

/// Returns whether a tag is one of referrers or a sibling tag: `sha256-<hex>`, with or without an end.
pub(crate) fn names_a_digest(tag: &str) -> bool {
    ["sha256-", "sha512-"].iter().any(|start| {
        tag.strip_prefix(start).is_some_and(|rest| {
            let hex = rest.split('.').next().unwrap_or_default();
            hex.len() >= 64 && hex.bytes().all(|b| b.is_ascii_hexdigit())
        })
    })
}

fn from_glob(glob: &str) -> String {
    let mut pattern = String::new();
    for c in glob.chars() {
        match c {
            '*' => pattern.push_str(".*"),
            '?' => pattern.push('.'),
            c => pattern.push_str(&regex::escape(c.encode_utf8(&mut [0; 4]))),
        }
    }
    pattern
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn chosen(args: &TagArgs) -> Vec<String> {
        let hex = "a".repeat(64);
        let tags = ["1.0.0", "1.10.0", "1.9.0", "2.0.0-rc.1", "latest", "v1.2.0_build", "nightly"];
        let mut tags: Vec<Tag> = tags.iter().map(|tag| tag.parse().unwrap()).collect();
        tags.push(format!("sha256-{hex}.sig").parse().unwrap());
        let chosen = args.patterns().unwrap().unwrap().choose(&tags);
        chosen.iter().map(Tag::to_string).collect()
    }

    fn list(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn tags_are_chosen_by_glob_regex_and_range() {
        let globs = TagArgs { globs: list(&["1.?.0"]), ..TagArgs::default() };
        assert_eq!(chosen(&globs), ["1.0.0", "1.9.0"]);
        let regexes = TagArgs { regexes: list(&["l.*|night"]), ..TagArgs::default() };
        assert_eq!(chosen(&regexes), ["latest"]);
        let ranges = TagArgs { ranges: list(&["^1.1"]), ..TagArgs::default() };
        assert_eq!(chosen(&ranges), ["v1.2.0_build", "1.9.0", "1.10.0"]);
        let last = TagArgs { all_tags: true, last: Some(2), ..TagArgs::default() };
        assert_eq!(chosen(&last), ["1.10.0", "2.0.0-rc.1"]);
        assert_eq!(chosen(&TagArgs { all_tags: true, ..TagArgs::default() }).len(), 7);
        assert!(TagArgs { regexes: list(&["("]), ..TagArgs::default() }.patterns().is_err());
        assert!(TagArgs::default().patterns().unwrap().is_none());
    }
}
