//! `cosign completion bash|fish|powershell|zsh`

use std::io::Write;

use anyhow::ensure;

use crate::cobra::Command;
use crate::cobra::complete::{Shell, script};
use crate::cobra::flags::Kind::Switch;
use crate::cobra::flags::{Flag, Given, flag};

const FLAGS: &[Flag] = &[flag("no-descriptions", Switch, "show names only")];

pub(super) const BASH: Command =
    of(&["cosign", "completion", "bash"], "Generate completion script for bash", |given, arguments, out| {
        write(Shell::Bash, given, arguments, out)
    });

pub(super) const FISH: Command =
    of(&["cosign", "completion", "fish"], "Generate completion script for fish", |given, arguments, out| {
        write(Shell::Fish, given, arguments, out)
    });

pub(super) const POWERSHELL: Command = of(
    &["cosign", "completion", "powershell"],
    "Generate completion script for PowerShell",
    |given, arguments, out| write(Shell::Power, given, arguments, out),
);

pub(super) const ZSH: Command =
    of(&["cosign", "completion", "zsh"], "Generate completion script for zsh", |given, arguments, out| {
        write(Shell::Zsh, given, arguments, out)
    });

type Run = fn(&Given, &[String], &mut dyn Write) -> anyhow::Result<()>;

const fn of(path: &'static [&'static str], about: &'static str, run: Run) -> Command {
    Command { path, usage: "[flags]", about, flags: &[FLAGS], run }
}

fn write(shell: Shell, given: &Given, arguments: &[String], out: &mut dyn Write) -> anyhow::Result<()> {
    ensure!(arguments.is_empty(), "accepts 0 arg(s), received {}", arguments.len());
    out.write_all(script(shell, "cosign", !given.is_on("no-descriptions")).as_bytes())?;
    Ok(())
}
