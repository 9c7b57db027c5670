use std::cmp::Ordering;
use std::sync::LazyLock;

use regex::Regex;

use super::Version;
use super::version::compare_prereleases;
use crate::quote::Quoted;

const MAX_BYTES: usize = 512;
const MAX_GROUPS: usize = 32;

/// A range of versions: `>=1.2 <2 || ~3.1`, `1.x`, `^1.2.3`, `1.0 - 2.0`.
///
/// A space or comma means "and", `||` means "or". Pre-releases match only where the "and" group names one.
#[derive(Debug, Clone)]
pub struct Constraint {
    groups: Vec<Group>,
}

/// Why a text is no range.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConstraintError {
    /// The text, or one of its groups, does not have the form of a range.
    #[error("improper constraint: {}", Quoted(.0))]
    Improper(String),
    /// A version in the range is none.
    #[error("constraint parser error")]
    Version,
    /// The text is longer than 512 bytes.
    #[error("constraint string is too long (max {MAX_BYTES} bytes)")]
    TooLong,
    /// There are more than 32 groups.
    #[error("too many constraint groups (max {MAX_GROUPS})")]
    TooManyGroups,
}

#[derive(Debug, Clone)]
struct Group {
    terms: Vec<Term>,
    names_prerelease: bool,
}

/// One comparison.
#[derive(Debug, Clone)]
struct Term {
    operator: Operator,
    version: Version,
    /// The version as written.
    text: String,
    precision: Precision,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Equal,
    NotEqual,
    Greater,
    Less,
    GreaterEqual,
    LessEqual,
    Tilde,
    Caret,
}

/// How much of the version was written; the rest was `x`, `*` or left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Precision {
    Nothing,
    Major,
    Minor,
    Patch,
}

impl Constraint {
    /// Reads a range.
    ///
    /// # Errors
    /// Texts that are no range; an empty text is none either.
    pub fn parse(text: &str) -> Result<Self, ConstraintError> {
        if text.len() > MAX_BYTES {
            return Err(ConstraintError::TooLong);
        }
        let text = rewrite_hyphen_ranges(text);
        let parts: Vec<&str> = text.split("||").collect();
        if parts.len() > MAX_GROUPS {
            return Err(ConstraintError::TooManyGroups);
        }
        let groups = parts.into_iter().map(Group::parse).collect::<Result<_, _>>()?;
        Ok(Self { groups })
    }

    /// Whether the version lies in the range.
    #[must_use]
    pub fn matches(&self, version: &Version) -> bool {
        self.groups.iter().any(|g| g.terms.iter().all(|t| t.check(version, g.names_prerelease).is_ok()))
    }

    /// Checks the version and says which comparisons fail.
    ///
    /// # Errors
    /// One text for each failed comparison, in order.
    pub fn explain(&self, version: &Version) -> Result<(), Vec<String>> {
        let mut reasons = Vec::new();
        let mut told = false;
        for group in &self.groups {
            let mut fits = true;
            for term in &group.terms {
                if !group.names_prerelease && !version.prerelease().is_empty() {
                    if !told {
                        reasons.push(releases_only(version));
                        told = true;
                    }
                    fits = false;
                } else if let Err(reason) = term.check(version, group.names_prerelease) {
                    reasons.push(reason);
                    fits = false;
                }
            }
            if fits {
                return Ok(());
            }
        }
        Err(reasons)
    }
}

impl Group {
    /// Reads terms apart by white space or commas.
    fn parse(text: &str) -> Result<Self, ConstraintError> {
        let improper = || ConstraintError::Improper(text.to_owned());
        let mut terms = Vec::new();
        let mut rest = trim_space(text);
        loop {
            let (operator, after) = Operator::read(rest);
            let (version, after) = split_version(trim_space(after)).ok_or_else(improper)?;
            terms.push((operator, version));
            rest = trim_space(after);
            if rest.is_empty() {
                break;
            }
            // Between two terms stands white space or a comma, which may follow white space.
            match rest.strip_prefix(',') {
                Some(next) => rest = trim_space(next),
                None if rest.len() < after.len() => {}
                None => return Err(improper()),
            }
        }
        // Only a group whose whole form is right has its versions read.
        let terms = terms.into_iter().map(|(operator, version)| Term::new(operator, version));
        let terms = terms.collect::<Result<Vec<_>, _>>()?;
        let names_prerelease = terms.iter().any(|t| !t.version.prerelease().is_empty());
        Ok(Self { terms, names_prerelease })
    }
}

impl Operator {
    fn read(text: &str) -> (Self, &str) {
        const TABLE: [(&str, Operator); 11] = [
            ("!=", Operator::NotEqual),
            (">=", Operator::GreaterEqual),
            ("=>", Operator::GreaterEqual),
            ("<=", Operator::LessEqual),
            ("=<", Operator::LessEqual),
            ("~>", Operator::Tilde),
            ("=", Operator::Equal),
            (">", Operator::Greater),
            ("<", Operator::Less),
            ("~", Operator::Tilde),
            ("^", Operator::Caret),
        ];
        TABLE
            .iter()
            .find_map(|(sign, operator)| text.strip_prefix(sign).map(|rest| (*operator, rest)))
            .unwrap_or((Self::Equal, text))
    }
}

impl Term {
    fn new(operator: Operator, text: &str) -> Result<Self, ConstraintError> {
        let bare = text.strip_prefix('v').unwrap_or(text);
        let (front, tail) = match bare.find(['-', '+']) {
            Some(at) => (&bare[..at], &bare[at..]),
            None => (bare, ""),
        };
        // Only the pre-release is kept where numbers are filled in.
        let pre = if tail.starts_with('-') { tail.split('+').next().unwrap_or_default() } else { "" };
        let open = |part: Option<&str>| part.is_none_or(|p| matches!(p, "x" | "X" | "*"));
        let mut numbers = front.split('.');
        let (major, minor, patch) = (numbers.next(), numbers.next(), numbers.next());
        let (full, precision) = match (major, minor) {
            (major, _) if open(major) => (format!("0.0.0{pre}"), Precision::Nothing),
            (Some(major), minor) if open(minor) => (format!("{major}.0.0{pre}"), Precision::Major),
            (Some(major), Some(minor)) if open(patch) => {
                (format!("{major}.{minor}.0{pre}"), Precision::Minor)
            }
            _ => (text.to_owned(), Precision::Patch),
        };
        let version = Version::parse(&full).map_err(|_| ConstraintError::Version)?;
        Ok(Self { operator, version, text: text.to_owned(), precision })
    }

    fn check(&self, v: &Version, with_prereleases: bool) -> Result<(), String> {
        if !v.prerelease().is_empty() && !with_prereleases {
            return Err(releases_only(v));
        }
        let fail = |why: &str| Err(format!("\"{v}\" {why} {}", Quoted(&self.text)));
        let demand = |holds: bool, why: &str| if holds { Ok(()) } else { fail(why) };
        let con = &self.version;
        let whole = self.precision == Precision::Patch;
        match self.operator {
            Operator::Equal if whole => demand(v == con, "is not equal to"),
            Operator::Equal | Operator::Tilde => self.tilde(v),
            Operator::NotEqual => demand(self.differs(v), "is equal to"),
            Operator::Greater => {
                let above = match self.precision {
                    _ if !whole && v.major != con.major => v.major > con.major,
                    Precision::Major => false,
                    Precision::Minor => v.minor > con.minor,
                    Precision::Nothing | Precision::Patch => v > con,
                };
                demand(above, "is less than or equal to")
            }
            Operator::Less => demand(v < con, "is greater than or equal to"),
            Operator::GreaterEqual => demand(v >= con, "is less than"),
            Operator::LessEqual => {
                let below = if whole {
                    v <= con
                } else {
                    v.major < con.major
                        || (v.major == con.major
                            && (v.minor <= con.minor || self.precision == Precision::Major))
                };
                demand(below, "is greater than")
            }
            Operator::Caret => self.caret(v),
        }
    }

    fn differs(&self, v: &Version) -> bool {
        let con = &self.version;
        match self.precision {
            Precision::Patch => v != con,
            _ if v.major != con.major => true,
            Precision::Major => false,
            _ if v.minor != con.minor => true,
            Precision::Minor => {
                let (a, b) = (v.prerelease(), con.prerelease());
                (!a.is_empty() || !b.is_empty()) && compare_prereleases(a, b) != Ordering::Equal
            }
            Precision::Nothing => v != con,
        }
    }

    /// At least this, with the same major and, if written, minor number.
    fn tilde(&self, v: &Version) -> Result<(), String> {
        let con = &self.version;
        let fail = |why: &str| Err(format!("\"{v}\" {why} {}", Quoted(&self.text)));
        if v < con {
            return fail("is less than");
        }
        let open = self.precision == Precision::Major || self.precision == Precision::Minor;
        if (con.major, con.minor, con.patch) == (0, 0, 0) && !open {
            return Ok(());
        }
        if v.major != con.major {
            return fail("does not have same major version as");
        }
        if v.minor != con.minor && self.precision != Precision::Major {
            return fail("does not have same major and minor version as");
        }
        Ok(())
    }

    /// At least this, with the leftmost written number that is not zero unchanged.
    fn caret(&self, v: &Version) -> Result<(), String> {
        let con = &self.version;
        let demand = |holds: bool, why: &str, rest: &str| {
            if holds { Ok(()) } else { Err(format!("\"{v}\" {why} {}{rest}", Quoted(&self.text))) }
        };
        demand(v >= con, "is less than", "")?;
        if con.major > 0 || self.precision == Precision::Major {
            return demand(v.major == con.major, "does not have same major version as", "");
        }
        demand(v.major == 0, "does not have same major version as", "")?;
        if con.minor > 0 || self.precision == Precision::Minor {
            let rest = ". Expected minor versions to match when constraint major version is 0";
            return demand(v.minor == con.minor, "does not have same minor version as", rest);
        }
        demand(v.minor == 0, "does not have same minor version as", "")?;
        let rest = ". Expect version and constraint to equal when major and minor versions are 0";
        demand(v.patch == con.patch, "does not equal", rest)
    }
}

fn releases_only(v: &Version) -> String {
    format!("\"{v}\" is a prerelease version and the constraint is only looking for release versions")
}

/// The white space of Go's `\s`.
fn trim_space(text: &str) -> &str {
    text.trim_start_matches(['\t', '\n', '\u{c}', '\r', ' '])
}

/// Splits a version with wildcards off the front; a single `|` passes for a digit here, as in the Go library, and makes
/// the version unreadable later.
fn split_version(text: &str) -> Option<(&str, &str)> {
    let bytes = text.as_bytes();
    let number = |from: usize| {
        bytes[from..].iter().take_while(|b| matches!(b, b'0'..=b'9' | b'x' | b'X' | b'*' | b'|')).count()
    };
    let word =
        |from: usize| bytes[from..].iter().take_while(|b| b.is_ascii_alphanumeric() || **b == b'-').count();
    let mut at = usize::from(text.starts_with('v'));
    match number(at) {
        0 => return None,
        count => at += count,
    }
    for _ in 0..2 {
        if bytes.get(at) == Some(&b'.') && number(at + 1) > 0 {
            at += 1 + number(at + 1);
        } else {
            break;
        }
    }
    for mark in [b'-', b'+'] {
        if bytes.get(at) == Some(&mark) && word(at + 1) > 0 {
            at += 1 + word(at + 1);
            while bytes.get(at) == Some(&b'.') && word(at + 1) > 0 {
                at += 1 + word(at + 1);
            }
        }
    }
    Some(text.split_at(at))
}

/// `1.0 - 2.0` means `>= 1.0, <= 2.0`.
fn rewrite_hyphen_ranges(text: &str) -> String {
    static RANGE: LazyLock<Regex> = LazyLock::new(|| {
        let space = r"[\t\n\x0c\r ]";
        let number = r"[0-9xX*|]+";
        let words = r"[0-9A-Za-z\-]+(?:\.[0-9A-Za-z\-]+)*";
        let version = format!(r"v?{number}(?:\.{number})?(?:\.{number})?(?:-{words})?(?:\+{words})?");
        Regex::new(&format!("{space}*({version}){space}+-{space}+({version}){space}*"))
            .expect("the pattern is constant and covered by tests")
    });
    // Hardly any range has a hyphen on its own, and compiling the expression takes longer than a small render.
    let is_space = |c: char| matches!(c, '\t' | '\n' | '\x0c' | '\r' | ' ');
    if !text.split(is_space).any(|word| word == "-") {
        return text.to_owned();
    }
    RANGE.replace_all(text, ">= $1, <= $2 ").into_owned()
}
