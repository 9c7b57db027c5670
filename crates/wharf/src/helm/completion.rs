//! `helm completion bash|fish|powershell|zsh`

use std::io::Write;

use crate::cobra::Command;
use crate::cobra::complete::{Shell, script};
use crate::cobra::flags::Kind::Switch;
use crate::cobra::flags::{Flag, Given, flag};

const FLAGS: &[Flag] = &[flag("no-descriptions", Switch, "show names only")];

pub(super) const BASH: Command = Command {
    path: &["helm", "completion", "bash"],
    usage: "[flags]",
    about: "print the completion script for bash",
    flags: &[FLAGS],
    run: |given, arguments, out| write(&BASH, Shell::Bash, given, arguments, out),
};

pub(super) const FISH: Command = Command {
    path: &["helm", "completion", "fish"],
    usage: "[flags]",
    about: "print the completion script for fish",
    flags: &[FLAGS],
    run: |given, arguments, out| write(&FISH, Shell::Fish, given, arguments, out),
};

pub(super) const POWERSHELL: Command = Command {
    path: &["helm", "completion", "powershell"],
    usage: "[flags]",
    about: "print the completion script for PowerShell",
    flags: &[FLAGS],
    run: |given, arguments, out| write(&POWERSHELL, Shell::Power, given, arguments, out),
};

pub(super) const ZSH: Command = Command {
    path: &["helm", "completion", "zsh"],
    usage: "[flags]",
    about: "print the completion script for zsh",
    flags: &[FLAGS],
    run: |given, arguments, out| write(&ZSH, Shell::Zsh, given, arguments, out),
};

fn write(
    command: &Command,
    shell: Shell,
    given: &Given,
    arguments: &[String],
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    if !arguments.is_empty() {
        return command.wrong_arguments("accepts no arguments");
    }
    out.write_all(script(shell, "helm", !given.is_on("no-descriptions")).as_bytes())?;
    Ok(())
}
