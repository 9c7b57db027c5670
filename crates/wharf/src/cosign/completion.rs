//! `cosign completion bash|fish|powershell|zsh`

use std::io::Write;

use anyhow::ensure;

use crate::cobra::Command;
use crate::cobra::complete::{Shell, script};
use crate::cobra::flags::Kind::Switch;
use crate::cobra::flags::{Flag, Given, flag};

const FLAGS: &[Flag] = &[flag("no-descriptions", Switch, "show names only")];

pub(super) const BASH: Command = Command {
    path: &["cosign", "completion", "bash"],
    usage: "[flags]",
    about: "Generate completion script for bash",
    flags: &[FLAGS],
    run: |given, arguments, out| write(Shell::Bash, given, arguments, out),
};

pub(super) const FISH: Command = Command {
    path: &["cosign", "completion", "fish"],
    usage: "[flags]",
    about: "Generate completion script for fish",
    flags: &[FLAGS],
    run: |given, arguments, out| write(Shell::Fish, given, arguments, out),
};

pub(super) const POWERSHELL: Command = Command {
    path: &["cosign", "completion", "powershell"],
    usage: "[flags]",
    about: "Generate completion script for PowerShell",
    flags: &[FLAGS],
    run: |given, arguments, out| write(Shell::Power, given, arguments, out),
};

pub(super) const ZSH: Command = Command {
    path: &["cosign", "completion", "zsh"],
    usage: "[flags]",
    about: "Generate completion script for zsh",
    flags: &[FLAGS],
    run: |given, arguments, out| write(Shell::Zsh, given, arguments, out),
};

fn write(shell: Shell, given: &Given, arguments: &[String], out: &mut dyn Write) -> anyhow::Result<()> {
    ensure!(arguments.is_empty(), "accepts 0 arg(s), received {}", arguments.len());
    out.write_all(script(shell, "cosign", !given.is_on("no-descriptions")).as_bytes())?;
    Ok(())
}
