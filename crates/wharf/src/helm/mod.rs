//! `wharf helm COMMAND`, and the same under the name `helm`: Helm's command line, as far as it needs no cluster.
//!
//! One file per command. [`flags`] reads the words, [`tables`] lists the flags that commands share. Texts, exit statuses
//! and standard output follow Helm 4.2.4; docs/COMPATIBILITY.md lists every difference.

mod chart;
mod env;
mod expand;
mod flags;
mod help;
mod lint;
mod namespace;
mod package;
mod show;
mod tables;
mod template;
mod values;
mod version;

use std::ffi::OsString;
use std::io::Write;
use std::path::Path;

use anyhow::bail;

use flags::{Flag, Given};

use crate::exit::Status;

/// The version of Helm that is followed.
const HELM_VERSION: &str = "v4.2.4";

/// One command.
struct Command {
    /// The words that call it.
    path: &'static [&'static str],
    /// What stands behind the words in the usage line.
    usage: &'static str,
    about: &'static str,
    flags: &'static [&'static [Flag]],
    run: fn(&Given, &[String], &mut dyn Write) -> anyhow::Result<()>,
}

const COMMANDS: &[Command] = &[
    env::COMMAND,
    lint::COMMAND,
    package::COMMAND,
    show::ALL,
    show::CHART,
    show::CRDS,
    show::README,
    show::VALUES,
    template::COMMAND,
    version::COMMAND,
];

/// Helm's commands that are not built, with their other names.
const MISSING: &[&str] = &[
    "completion",
    "create",
    "dependency",
    "dep",
    "dependencies",
    "docs",
    "get",
    "history",
    "hist",
    "install",
    "list",
    "ls",
    "plugin",
    "pull",
    "fetch",
    "push",
    "registry",
    "repo",
    "rollback",
    "search",
    "status",
    "test",
    "uninstall",
    "del",
    "delete",
    "un",
    "upgrade",
    "verify",
];

/// Returns the words for Helm's command line if the program is called for it: `helm …` or `wharf helm …`.
pub(crate) fn words() -> Option<Vec<OsString>> {
    let mut words = std::env::args_os();
    let program = words.next()?;
    if Path::new(&program).file_stem().is_some_and(|stem| stem == "helm") {
        return Some(words.collect());
    }
    (words.next()? == "helm").then(|| words.collect())
}

/// Runs a command of Helm's and says how it ended.
pub(crate) fn run(words: Vec<OsString>) -> Status {
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    let result = words
        .into_iter()
        .map(|word| word.into_string().map_err(|word| anyhow::anyhow!("argument {word:?} is not UTF-8")))
        .collect::<anyhow::Result<Vec<String>>>()
        .and_then(|words| dispatch(words, &mut out));
    // A reader that has gone away is no failure.
    let _ = out.flush();
    match result {
        Ok(()) => Status::Done,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "Error: {error:#}");
            Status::Failed
        }
    }
}

fn dispatch(mut words: Vec<String>, out: &mut dyn Write) -> anyhow::Result<()> {
    let Some(at) = flags::first_argument(tables::GLOBAL, &words) else {
        flags::parse(&[tables::GLOBAL, tables::HELP], &words)?;
        return Ok(out.write_all(help::overview().as_bytes())?);
    };
    let name = words.remove(at);
    let name = match name.as_str() {
        "inspect" => "show".to_owned(),
        "help" => {
            let topics: Vec<&str> = words.iter().map(String::as_str).collect();
            return Ok(out.write_all(help::topic(&topics).as_bytes())?);
        }
        _ => name,
    };
    if MISSING.contains(&name.as_str()) {
        bail!("helm {name} is not built in wharf yet; see docs/COMPATIBILITY.md");
    }
    let mut path = vec![name];
    if !COMMANDS.iter().any(|command| command.path[0] == path[0]) {
        bail!("unknown command {:?} for \"helm\"\nRun 'helm --help' for usage.", path[0]);
    }
    let is_group = COMMANDS.iter().any(|command| command.path[0] == path[0] && command.path.len() > 1);
    if is_group && let Some(at) = flags::first_argument(tables::GLOBAL, &words) {
        path.push(words.remove(at));
    }
    let Some(command) = COMMANDS.iter().find(|command| command.path == path) else {
        return Ok(out.write_all(help::group(&path[0]).as_bytes())?);
    };
    let mut all = vec![tables::GLOBAL, tables::HELP];
    all.extend(command.flags);
    let (given, arguments) = flags::parse(&all, &words)?;
    if given.is_on("help") {
        return Ok(out.write_all(help::command(command).as_bytes())?);
    }
    (command.run)(&given, &arguments, out)
}

impl Command {
    fn name(&self) -> String {
        format!("helm {}", self.path.join(" "))
    }

    /// Fails as Helm does when the number of arguments is wrong; `wanted` is what the command says about it.
    fn wrong_arguments<T>(&self, wanted: &str) -> anyhow::Result<T> {
        let name = self.name();
        bail!("\"{name}\" {wanted}\n\nUsage:  {name} {}", self.usage)
    }
}
