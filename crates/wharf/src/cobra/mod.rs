//! Command lines of tools that people already know: a table of commands, each with its flags, run as the tool would.
//!
//! Helm, ORAS and cosign are built on one command-line library, so what scripts rely on is the same for all three: where
//! flags may stand, how groups of commands and their other names are found, what is said about a wrong word. A
//! [`Program`] is one of them; [`flags`] reads the words, [`help`] writes the help texts.

pub(crate) mod complete;
pub(crate) mod flags;
mod help;

use std::ffi::OsString;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, bail};

use flags::{Flag, Given, Kind, short};

const HELP: &[Flag] = &[short('h', "help", Kind::Switch, "this text")];

/// One tool's command line.
pub(crate) struct Program {
    /// The word that calls it.
    pub(crate) name: &'static str,
    /// What the help text begins with.
    pub(crate) about: &'static str,
    pub(crate) commands: &'static [Command],
    /// First words of commands that are not built: they fail and say so.
    pub(crate) missing: &'static [&'static str],
    /// The flags that every command takes.
    pub(crate) global: &'static [Flag],
    /// The variables that stand for flags, if there are any.
    pub(crate) variables: Option<Variables>,
    /// Says on standard error why a command failed, as the tool does, and returns the exit status.
    pub(crate) report: fn(&anyhow::Error) -> u8,
}

/// Variables that stand for flags: `PREFIX_FLAG_NAME`.
pub(crate) struct Variables {
    pub(crate) prefix: &'static str,
    /// First words of commands that read none.
    pub(crate) not_for: &'static [&'static str],
}

/// One command.
pub(crate) struct Command {
    /// The words that call it, the program's first; other names of a word follow it after `|`.
    pub(crate) path: &'static [&'static str],
    /// What stands behind the words in the usage line.
    pub(crate) usage: &'static str,
    /// What it does, in one line, then whatever else its help text says.
    pub(crate) about: &'static str,
    pub(crate) flags: &'static [&'static [Flag]],
    pub(crate) run: fn(&Given, &[String], &mut dyn Write) -> anyhow::Result<()>,
}

impl Program {
    /// Returns the words for this command line if the program was called for it: `NAME …` or `wharf NAME …`.
    pub(crate) fn words(&self) -> Option<Vec<OsString>> {
        let mut words = std::env::args_os();
        let program = words.next()?;
        if Path::new(&program).file_stem().is_some_and(|stem| stem == self.name) {
            return Some(words.collect());
        }
        (words.next()? == self.name).then(|| words.collect())
    }

    /// Runs a command and says how it ended.
    pub(crate) fn run(&self, words: Vec<OsString>) -> ExitCode {
        // Not locked: what a command tells while it waits for others is written elsewhere.
        let mut out = std::io::BufWriter::new(std::io::stdout());
        let result = words
            .into_iter()
            .map(|word| word.into_string().map_err(|word| anyhow::anyhow!("argument {word:?} is not UTF-8")))
            .collect::<anyhow::Result<Vec<String>>>()
            .and_then(|words| self.dispatch(words, &mut out));
        // A reader that has gone away is no failure.
        let _ = out.flush();
        match result {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => (self.report)(&error).into(),
        }
    }

    fn dispatch(&self, mut words: Vec<String>, out: &mut dyn Write) -> anyhow::Result<()> {
        if let Some((first, rest)) = words.split_first()
            && complete::WORDS.contains(&first.as_str())
        {
            return Ok(complete::answer(self, rest, first == complete::WORDS[0], out)?);
        }
        let name = self.name;
        let mut path: Vec<String> = Vec::new();
        while let Some(at) = flags::first_argument(self.global, &words) {
            path.push(words.remove(at));
            if path == ["help"] {
                return Ok(out.write_all(help::topic(self, &words).as_bytes())?);
            }
            if let Some(command) = self.command(&path) {
                return self.run_command(command, &words, out);
            }
            if self.group(&path).next().is_none() {
                match path.as_slice() {
                    [first] if self.missing.contains(&first.as_str()) => {
                        bail!("{name} {first} is not built in wharf yet; see docs/COMPATIBILITY.md");
                    }
                    [first] => {
                        bail!("unknown command {first:?} for \"{name}\"\nRun '{name} --help' for usage.")
                    }
                    // What follows a group and is none of its commands is answered with the group's help.
                    _ => path.truncate(path.len() - 1),
                }
                return Ok(out.write_all(help::group(self, &path).as_bytes())?);
            }
        }
        flags::parse(&[self.global, HELP], &words, &|_| None)?;
        Ok(out.write_all(help::group(self, &path).as_bytes())?)
    }

    fn run_command(&self, command: &Command, words: &[String], out: &mut dyn Write) -> anyhow::Result<()> {
        let mut tables = vec![self.global, HELP];
        tables.extend(command.flags);
        let variable = |flag: &str| {
            let bound = self.variables.as_ref().filter(|all| !all.not_for.contains(&command.words()[0]))?;
            let name = format!("{}_{}", bound.prefix, flag.replace('-', "_").to_uppercase());
            std::env::var(name).ok().filter(|value| !value.is_empty() && flag != "help")
        };
        let (given, arguments) = flags::parse(&tables, words, &variable)?;
        if given.is_on("help") {
            return Ok(out.write_all(help::command(self, command).as_bytes())?);
        }
        // cosign writes what goes to standard output to a file instead.
        match given.text("output-file").filter(|path| !path.is_empty()) {
            Some(path) if self.global.iter().any(|flag| flag.name == "output-file") => {
                let failed = || format!("error creating output file {path}");
                let mut file = std::io::BufWriter::new(std::fs::File::create(path).with_context(failed)?);
                (command.run)(&given, &arguments, &mut file)?;
                Ok(file.flush()?)
            }
            _ => (command.run)(&given, &arguments, out),
        }
    }

    /// Returns the command that these words call.
    fn command(&self, words: &[String]) -> Option<&'static Command> {
        self.group(words).find(|command| command.words().len() == words.len())
    }

    /// Returns the commands that begin with these words.
    fn group<'w>(&self, words: &'w [String]) -> impl Iterator<Item = &'static Command> + use<'w> {
        let begins = move |command: &&'static Command| {
            let own = command.words();
            own.len() >= words.len()
                && own.iter().zip(words).all(|(own, word)| own.split('|').any(|name| name == word))
        };
        self.commands.iter().filter(begins)
    }
}

impl Command {
    /// The words behind the program's.
    fn words(&self) -> &'static [&'static str] {
        &self.path[1..]
    }

    /// The words that call it, each by its first name.
    pub(crate) fn name(&self) -> String {
        let words: Vec<&str> = self.path.iter().map(|word| first_name(word)).collect();
        words.join(" ")
    }

    /// Fails as Helm does when the number of arguments is wrong; `wanted` is what the command says about it.
    pub(crate) fn wrong_arguments<T>(&self, wanted: &str) -> anyhow::Result<T> {
        let name = self.name();
        bail!("\"{name}\" {wanted}\n\nUsage:  {name} {}", self.usage)
    }
}

fn first_name(word: &'static str) -> &'static str {
    word.split('|').next().unwrap_or(word)
}
