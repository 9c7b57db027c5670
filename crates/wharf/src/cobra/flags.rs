//! Flags as users of Go command lines write them: `--name value`, `--name=value`, `-nvalue`, `-gn value`, anywhere among the arguments.
//!
//! Error texts are those of the flag library (pflag) that Helm, ORAS and cosign share, since scripts show and sometimes read them.

use std::collections::BTreeMap;

use anyhow::{bail, ensure};

/// One flag of a command.
#[derive(Debug)]
pub(crate) struct Flag {
    pub(crate) name: &'static str,
    pub(crate) short: Option<char>,
    pub(crate) kind: Kind,
    /// What it does, for the help text.
    pub(crate) about: &'static str,
}

/// What a flag takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Nothing, or `=true` or `=false`.
    Switch,
    /// One text; the last one counts.
    Text,
    /// One text, or this where none follows after `=`.
    TextOr(&'static str),
    /// Any number of texts, each separated by commas.
    List,
    /// Any number of texts, each taken whole.
    Texts,
    /// Anything; it says nothing about what the command does here.
    Ignored,
    /// As `Ignored`, without a value.
    IgnoredSwitch,
    /// Known to the tool, not built here: giving it is an error.
    Missing,
    /// As `Missing`, without a value.
    MissingSwitch,
}

impl Kind {
    fn is_switch(self) -> bool {
        matches!(self, Self::Switch | Self::IgnoredSwitch | Self::MissingSwitch)
    }
}

/// Shortens the tables of flags.
pub(crate) const fn flag(name: &'static str, kind: Kind, about: &'static str) -> Flag {
    Flag { name, short: None, kind, about }
}

/// As [`flag`], with a letter.
pub(crate) const fn short(letter: char, name: &'static str, kind: Kind, about: &'static str) -> Flag {
    Flag { name, short: Some(letter), kind, about }
}

/// The flags given on a command line.
#[derive(Debug, Default)]
pub(crate) struct Given(BTreeMap<&'static str, Vec<String>>);

impl Given {
    /// Whether a switch is on.
    pub(crate) fn is_on(&self, name: &str) -> bool {
        self.text(name) == Some("true")
    }

    /// Returns the text of a flag, if it was given.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.last().map(String::as_str)
    }

    /// Returns all texts of a flag.
    pub(crate) fn texts(&self, name: &str) -> &[String] {
        self.0.get(name).map_or(&[], Vec::as_slice)
    }
}

/// Takes the flags out of the words and returns them with the other words.
pub(crate) fn parse(tables: &[&'static [Flag]], words: &[String]) -> anyhow::Result<(Given, Vec<String>)> {
    let mut parser = Parser { tables, given: Given::default(), rest: Vec::new() };
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
        let Some(flag) = self.find(|flag| flag.name == name) else { bail!("unknown flag: --{name}") };
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
        let value = if flag.kind.is_switch() { switch(flag, &value)? } else { value };
        if flag.kind == Kind::Missing || (flag.kind == Kind::MissingSwitch && value == "true") {
            bail!("--{} is not built in wharf yet; see docs/COMPATIBILITY.md", flag.name);
        }
        let values = self.given.0.entry(flag.name).or_default();
        match flag.kind {
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
            let letter = flag.short.map(|letter| format!("-{letter}, ")).unwrap_or_default();
            bail!(
                "invalid argument {other:?} for \"{letter}--{}\" flag: strconv.ParseBool: parsing {other:?}: invalid \
                 syntax",
                flag.name
            )
        }
    })
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

/// Returns the lines about flags in a help text.
pub(crate) fn help(flags: &[Flag]) -> String {
    let left = |flag: &Flag| {
        let letter = flag.short.map_or_else(|| "    ".to_owned(), |letter| format!("-{letter}, "));
        let kind = match flag.kind {
            Kind::Text | Kind::Missing | Kind::Ignored => " string",
            Kind::TextOr(_) => " string[=]",
            Kind::List => " strings",
            Kind::Texts => " stringArray",
            Kind::Switch | Kind::IgnoredSwitch | Kind::MissingSwitch => "",
        };
        format!("  {letter}--{}{kind}", flag.name)
    };
    let width = flags.iter().map(|flag| left(flag).len()).max().unwrap_or_default();
    let line = |flag: &Flag| {
        let about = match flag.kind {
            Kind::Ignored | Kind::IgnoredSwitch if flag.about.is_empty() => "without effect here",
            Kind::Missing | Kind::MissingSwitch => "not built yet: an error",
            _ => flag.about,
        };
        format!("{:width$}   {about}\n", left(flag))
    };
    flags.iter().map(line).collect()
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
        parse(&[TABLE], &line.iter().map(|&word| word.to_owned()).collect::<Vec<_>>())
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
    fn what_is_not_built_is_refused_unless_switched_off() {
        assert!(given(&["--sign"]).unwrap_err().to_string().contains("--sign is not built"));
        assert!(given(&["--sign=false"]).is_ok());
    }
}
