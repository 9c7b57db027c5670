//! Flags as users of Go command lines write them: `--name value`, `--name=value`, `-nvalue`, `-gn value`, anywhere among the arguments.
//!
//! Error texts are those of the flag library (pflag) that Helm, ORAS and cosign share, since scripts show and sometimes read them.

use std::collections::BTreeMap;
use std::io::Write as _;

use anyhow::{bail, ensure};

/// One flag of a command.
#[derive(Debug)]
pub(crate) struct Flag {
    pub(crate) name: &'static str,
    pub(crate) short: Option<char>,
    pub(crate) kind: Kind,
    /// What it does, for the help text. A word in backquotes names the value.
    pub(crate) about: &'static str,
    /// What is said on standard error when it is given; the help text leaves such flags out.
    pub(crate) deprecated: Option<&'static str>,
    /// An older name.
    pub(crate) alias: Option<&'static str>,
}

impl Flag {
    /// Marks a flag that still works and should not be used any more.
    pub(crate) const fn deprecated(mut self, text: &'static str) -> Self {
        self.deprecated = Some(text);
        self
    }

    /// Gives it an older name, too.
    pub(crate) const fn alias(mut self, name: &'static str) -> Self {
        self.alias = Some(name);
        self
    }
}

/// What a flag takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Nothing, or `=true` or `=false`.
    Switch,
    /// As `Switch`; on unless said otherwise.
    SwitchOn,
    /// One text; the last one counts.
    Text,
    /// One text, this one unless said otherwise.
    TextDefault(&'static str),
    /// One whole number, this one unless said otherwise.
    Number(i64),
    /// As `Number`, not negative.
    Count(i64),
    /// One text, or this where none follows after `=`.
    TextOr(&'static str),
    /// Any number of texts, each separated by commas.
    List,
    /// Any number of texts, each taken whole.
    Texts,
    /// Anything; it says nothing about what the command does here.
    Ignored,
    /// As `Ignored`; the value must have a shape.
    IgnoredAs(Shape),
    /// As `Ignored`, without a value.
    IgnoredSwitch,
    /// Known to the tool, not built here: giving it is an error.
    Missing,
    /// As `Missing`, without a value.
    MissingSwitch,
}

/// What a value must look like that says nothing here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// A whole number.
    Int,
    /// A number.
    Float,
    /// A length of time, such as `5m0s`.
    Duration,
    /// `name=value,…`
    Pairs,
    /// When colours are used.
    Colour,
}

impl Shape {
    /// Says in the words of Go's libraries what is wrong with a text.
    fn problem(self, text: &str) -> Option<String> {
        let syntax = |function: &str| format!("strconv.{function}: parsing {text:?}: invalid syntax");
        match self {
            Self::Int => text.parse::<i64>().is_err().then(|| syntax("ParseInt")),
            Self::Float => text.parse::<f64>().is_err().then(|| syntax("ParseFloat")),
            Self::Duration => duration_problem(text),
            Self::Pairs => fields(text)
                .into_iter()
                .find(|field| !field.contains('='))
                .map(|field| format!("{field} must be formatted as key=value")),
            Self::Colour => (!["never", "auto", "always"].contains(&text))
                .then(|| format!("invalid color mode {text:?}: must be one of: never, auto, always")),
        }
    }
}

/// Says in the words of Go's `time.ParseDuration` what is wrong with a text.
fn duration_problem(text: &str) -> Option<String> {
    let invalid = || Some(format!("time: invalid duration {text:?}"));
    let mut rest = text.strip_prefix(['-', '+']).unwrap_or(text);
    if rest == "0" {
        return None;
    }
    if rest.is_empty() {
        return invalid();
    }
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (number, after) = rest.split_at(end);
        if number.matches('.').count() > 1 || !number.contains(|c: char| c.is_ascii_digit()) {
            return invalid();
        }
        let end = after.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(after.len());
        let (unit, after) = after.split_at(end);
        if unit.is_empty() {
            return Some(format!("time: missing unit in duration {text:?}"));
        }
        if !["ns", "us", "µs", "μs", "ms", "s", "m", "h"].contains(&unit) {
            return Some(format!("time: unknown unit {unit:?} in duration {text:?}"));
        }
        rest = after;
    }
    None
}

impl Kind {
    fn is_switch(self) -> bool {
        matches!(self, Self::Switch | Self::SwitchOn | Self::IgnoredSwitch | Self::MissingSwitch)
    }

    /// Returns the value where none is given.
    fn default(self) -> Option<String> {
        match self {
            Self::SwitchOn => Some("true".to_owned()),
            Self::TextDefault(text) => Some(text.to_owned()),
            Self::Number(number) | Self::Count(number) => Some(number.to_string()),
            _ => None,
        }
    }
}

/// Shortens the tables of flags.
pub(crate) const fn flag(name: &'static str, kind: Kind, about: &'static str) -> Flag {
    Flag { name, short: None, kind, about, deprecated: None, alias: None }
}

/// As [`flag`], with a letter.
pub(crate) const fn short(letter: char, name: &'static str, kind: Kind, about: &'static str) -> Flag {
    Flag { name, short: Some(letter), kind, about, deprecated: None, alias: None }
}

/// The flags given on a command line.
#[derive(Clone, Debug, Default)]
pub(crate) struct Given {
    values: BTreeMap<&'static str, Vec<String>>,
    defaults: BTreeMap<&'static str, String>,
}

impl Given {
    /// Whether a switch is on.
    pub(crate) fn is_on(&self, name: &str) -> bool {
        self.text(name) == Some("true")
    }

    /// Whether the flag stands on the command line.
    pub(crate) fn is_given(&self, name: &str) -> bool {
        self.values.contains_key(name)
    }

    /// Returns the text of a flag: as given, else its default, if it has one.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        let given = self.values.get(name).and_then(|values| values.last());
        given.or_else(|| self.defaults.get(name)).map(String::as_str)
    }

    /// Returns all texts of a flag.
    pub(crate) fn texts(&self, name: &str) -> &[String] {
        self.values.get(name).map_or(&[], Vec::as_slice)
    }

    /// Returns the number of a flag that has one by default.
    pub(crate) fn number(&self, name: &str) -> i64 {
        self.text(name).and_then(|text| text.parse().ok()).unwrap_or_default()
    }
}

/// Takes the flags out of the words and returns them with the other words. Flags that are not among them are taken from
/// what `variable` returns for their name.
pub(crate) fn parse(
    tables: &[&'static [Flag]],
    words: &[String],
    variable: &dyn Fn(&str) -> Option<String>,
) -> anyhow::Result<(Given, Vec<String>)> {
    let mut parser = Parser { tables, given: Given::default(), rest: Vec::new() };
    for flag in tables.iter().flat_map(|table| table.iter()) {
        parser.given.defaults.extend(flag.kind.default().map(|default| (flag.name, default)));
    }
    let mut words = words.iter();
    while let Some(word) = words.next() {
        if word == "--" {
            parser.rest.extend(words.by_ref().cloned());
        } else if let Some(long) = word.strip_prefix("--") {
            parser.long(word, long, &mut words)?;
        } else if word.starts_with('-') && word.len() > 1 {
            parser.short(word, &mut words)?;
        } else {
            parser.rest.push(word.clone());
        }
    }
    for flag in tables.iter().flat_map(|table| table.iter()) {
        if let Some(value) = variable(flag.name).filter(|_| !parser.given.is_given(flag.name)) {
            parser.set(flag, value)?;
        }
    }
    Ok((parser.given, parser.rest))
}

/// Returns where the first word stands that is neither a flag nor a flag's value.
pub(crate) fn first_argument(flags: &'static [Flag], words: &[String]) -> Option<usize> {
    let mut at = 0;
    while let Some(word) = words.get(at) {
        let flag = match word.strip_prefix("--") {
            Some("") => return None,
            Some(long) => flags.iter().find(|flag| flag.name == long),
            None if word.starts_with('-') && word.len() > 1 => {
                flags.iter().find(|flag| flag.short.is_some_and(|letter| word[1..] == letter.to_string()))
            }
            None => return Some(at),
        };
        at += if flag.is_some_and(|flag| !flag.kind.is_switch()) { 2 } else { 1 };
    }
    None
}

struct Parser<'t> {
    tables: &'t [&'static [Flag]],
    given: Given,
    rest: Vec<String>,
}

impl Parser<'_> {
    fn find(&self, matches: impl Fn(&Flag) -> bool) -> Option<&'static Flag> {
        self.tables.iter().flat_map(|table| table.iter()).find(|flag| matches(flag))
    }

    fn long(
        &mut self,
        word: &str,
        long: &str,
        words: &mut std::slice::Iter<'_, String>,
    ) -> anyhow::Result<()> {
        let (name, value) = match long.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (long, None),
        };
        ensure!(!name.is_empty() && !name.starts_with('-'), "bad flag syntax: {word}");
        let named = |flag: &Flag| flag.name == name || flag.alias == Some(name);
        let Some(flag) = self.find(named) else { bail!("unknown flag: --{name}") };
        let value = match (value, flag.kind) {
            (Some(value), _) => value.to_owned(),
            (None, kind) if kind.is_switch() => "true".to_owned(),
            (None, Kind::TextOr(value)) => value.to_owned(),
            (None, _) => match words.next() {
                Some(value) => value.clone(),
                None => bail!("flag needs an argument: --{name}"),
            },
        };
        self.set(flag, value)
    }

    fn short(&mut self, word: &str, words: &mut std::slice::Iter<'_, String>) -> anyhow::Result<()> {
        let mut letters = word[1..].chars();
        while let Some(letter) = letters.next() {
            let Some(flag) = self.find(|flag| flag.short == Some(letter)) else {
                bail!("unknown shorthand flag: {letter:?} in -{letter}{}", letters.as_str())
            };
            let rest = letters.as_str();
            if let Some(value) = rest.strip_prefix('=') {
                return self.set(flag, value.to_owned());
            }
            if flag.kind.is_switch() {
                self.set(flag, "true".to_owned())?;
            } else if !rest.is_empty() {
                return self.set(flag, rest.to_owned());
            } else {
                let Some(value) = words.next() else {
                    bail!("flag needs an argument: {letter:?} in -{letter}")
                };
                return self.set(flag, value.clone());
            }
        }
        Ok(())
    }

    fn set(&mut self, flag: &'static Flag, value: String) -> anyhow::Result<()> {
        let value = match flag.kind {
            kind if kind.is_switch() => switch(flag, &value)?,
            Kind::Number(_) => number(flag, &value)?,
            Kind::Count(_) if value.parse::<u64>().is_err() => {
                bail!("{}: strconv.ParseUint: parsing {value:?}: invalid syntax", invalid(flag, &value))
            }
            Kind::IgnoredAs(shape) => match shape.problem(&value) {
                Some(problem) => bail!("{}: {problem}", invalid(flag, &value)),
                None => value,
            },
            _ => value,
        };
        if let Some(text) = flag.deprecated {
            // Nobody to tell is no failure.
            let _ = writeln!(std::io::stderr(), "Flag --{} has been deprecated, {text}", flag.name);
        }
        if flag.kind == Kind::Missing || (flag.kind == Kind::MissingSwitch && value == "true") {
            let why = if flag.about.is_empty() { " yet".to_owned() } else { format!(": {}", flag.about) };
            bail!("--{} is not built in wharf{why}; see docs/COMPATIBILITY.md", flag.name);
        }
        let values = self.given.values.entry(flag.name).or_default();
        match flag.kind {
            Kind::List if value.is_empty() => {}
            Kind::List => values.extend(fields(&value)),
            _ => values.push(value),
        }
        Ok(())
    }
}

/// Reads a switch as Go's `strconv.ParseBool` does.
fn switch(flag: &Flag, value: &str) -> anyhow::Result<String> {
    Ok(match value {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => "true".to_owned(),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => "false".to_owned(),
        other => {
            bail!("{}: strconv.ParseBool: parsing {other:?}: invalid syntax", invalid(flag, other))
        }
    })
}

/// Reads a whole number as Go's `strconv.ParseInt` does with a base that the text chooses; without the bases.
fn number(flag: &Flag, value: &str) -> anyhow::Result<String> {
    match value.parse::<i64>() {
        Ok(number) => Ok(number.to_string()),
        Err(_) => bail!("{}: strconv.ParseInt: parsing {value:?}: invalid syntax", invalid(flag, value)),
    }
}

/// Begins the error about a value that a flag does not take.
pub(crate) fn invalid(flag: &Flag, value: &str) -> String {
    let letter = flag.short.map(|letter| format!("-{letter}, ")).unwrap_or_default();
    format!("invalid argument {value:?} for \"{letter}--{}\" flag", flag.name)
}

/// Splits a line at its commas; a field in double quotes may hold commas, and quotes as two.
fn fields(line: &str) -> Vec<String> {
    let mut fields = Vec::new();
    let mut field = String::new();
    let mut quoted = false;
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.next_if_eq(&'"').is_some() => field.push('"'),
            '"' if quoted || field.is_empty() => quoted = !quoted,
            ',' if !quoted => fields.push(std::mem::take(&mut field)),
            c => field.push(c),
        }
    }
    fields.push(field);
    fields
}

/// Returns the lines about the flags of these tables in a help text, by name.
pub(crate) fn help(tables: &[&'static [Flag]]) -> String {
    let mut flags: Vec<&Flag> =
        tables.iter().flat_map(|table| table.iter()).filter(|flag| flag.deprecated.is_none()).collect();
    flags.sort_by_key(|flag| flag.name);
    let left = |flag: &Flag| {
        let letter = flag.short.map_or_else(|| "    ".to_owned(), |letter| format!("-{letter}, "));
        let kind = match (named_value(flag), flag.kind) {
            (Some(name), _) => format!(" {name}"),
            (None, Kind::Text | Kind::TextDefault(_) | Kind::Missing | Kind::Ignored) => " string".to_owned(),
            (None, Kind::IgnoredAs(Shape::Colour)) => " string".to_owned(),
            (None, Kind::IgnoredAs(Shape::Int)) => " int".to_owned(),
            (None, Kind::IgnoredAs(Shape::Float)) => " float".to_owned(),
            (None, Kind::IgnoredAs(Shape::Duration)) => " duration".to_owned(),
            (None, Kind::IgnoredAs(Shape::Pairs)) => " stringToString".to_owned(),
            (None, Kind::TextOr(_)) => " string[=]".to_owned(),
            (None, Kind::List) => " strings".to_owned(),
            (None, Kind::Texts) => " stringArray".to_owned(),
            (None, Kind::Number(_)) => " int".to_owned(),
            (None, Kind::Count(_)) => " uint".to_owned(),
            (None, Kind::Switch | Kind::SwitchOn | Kind::IgnoredSwitch | Kind::MissingSwitch) => {
                String::new()
            }
        };
        format!("  {letter}--{}{kind}", flag.name)
    };
    let width = flags.iter().map(|flag| left(flag).len()).max().unwrap_or_default();
    let line = |flag: &&Flag| {
        let about = match flag.kind {
            Kind::Ignored | Kind::IgnoredAs(_) | Kind::IgnoredSwitch if flag.about.is_empty() => {
                "without effect here"
            }
            Kind::Missing | Kind::MissingSwitch => "not built yet: an error",
            _ => flag.about,
        };
        let default = match flag.kind {
            Kind::TextDefault(text) => format!(" (default {text:?})"),
            Kind::Number(number) | Kind::Count(number) => format!(" (default {number})"),
            Kind::SwitchOn => " (default true)".to_owned(),
            _ => String::new(),
        };
        // Further lines stand under the first.
        let about = about.replace('`', "").replace('\n', &format!("\n{:width$}   ", ""));
        format!("{:width$}   {about}{default}\n", left(flag))
    };
    flags.iter().map(line).collect()
}

/// Returns the word in backquotes.
fn named_value(flag: &Flag) -> Option<&'static str> {
    flag.about.split('`').nth(1)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    const TABLE: &[Flag] = &[
        short('g', "generate-name", Kind::Switch, ""),
        short('n', "namespace", Kind::Text, ""),
        short('f', "values", Kind::List, ""),
        flag("set", Kind::Texts, ""),
        flag("sign", Kind::MissingSwitch, ""),
    ];

    fn given(line: &[&str]) -> anyhow::Result<(Given, Vec<String>)> {
        parse(&[TABLE], &line.iter().map(|&word| word.to_owned()).collect::<Vec<_>>(), &|_| None)
    }

    #[test]
    fn flags_stand_anywhere_and_in_every_form() {
        let (flags, rest) =
            given(&["a", "-gn", "x", "--set=a=b", "b", "--set", "c,d", "-fq,r", "-f=s", "--", "-g"]).unwrap();
        assert_eq!(rest, ["a", "b", "-g"]);
        assert!(flags.is_on("generate-name"));
        assert_eq!(flags.text("namespace"), Some("x"));
        assert_eq!(flags.texts("set"), ["a=b", "c,d"]);
        assert_eq!(flags.texts("values"), ["q", "r", "s"]);
    }

    #[test]
    fn errors_are_in_the_words_of_helm() {
        let error = |line: &[&str]| given(line).unwrap_err().to_string();
        assert_eq!(error(&["--nosuch"]), "unknown flag: --nosuch");
        assert_eq!(error(&["-Q"]), "unknown shorthand flag: 'Q' in -Q");
        assert_eq!(error(&["-f"]), "flag needs an argument: 'f' in -f");
        assert_eq!(error(&["--namespace"]), "flag needs an argument: --namespace");
        assert_eq!(
            error(&["-g=maybe"]),
            "invalid argument \"maybe\" for \"-g, --generate-name\" flag: strconv.ParseBool: parsing \"maybe\": invalid \
             syntax"
        );
    }

    #[test]
    fn a_variable_counts_where_the_flag_is_not_given() {
        let words = ["--namespace", "x"].map(str::to_owned);
        let variable = |name: &str| ["namespace", "values"].contains(&name).then(|| "a,b".to_owned());
        let (flags, _) = parse(&[TABLE], &words, &variable).unwrap();
        assert_eq!(
            (flags.text("namespace"), flags.texts("values")),
            (Some("x"), &["a", "b"].map(str::to_owned)[..])
        );
    }

    #[test]
    fn values_without_effect_must_still_have_their_shape() {
        let problem = |text| duration_problem(text).unwrap_or_default();
        assert_eq!(problem("1h30m"), "");
        assert_eq!(problem("-1.5s"), "");
        assert_eq!(problem("0"), "");
        assert_eq!(problem("x"), "time: invalid duration \"x\"");
        assert_eq!(problem(""), "time: invalid duration \"\"");
        assert_eq!(problem("5"), "time: missing unit in duration \"5\"");
        assert_eq!(problem("1d"), "time: unknown unit \"d\" in duration \"1d\"");
        assert_eq!(Shape::Pairs.problem("a=b,c").as_deref(), Some("c must be formatted as key=value"));
        assert_eq!(Shape::Float.problem("1.5"), None);
    }

    #[test]
    fn what_is_not_built_is_refused_unless_switched_off() {
        assert!(given(&["--sign"]).unwrap_err().to_string().contains("--sign is not built"));
        assert!(given(&["--sign=false"]).is_ok());
    }
}
