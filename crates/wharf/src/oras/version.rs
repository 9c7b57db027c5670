//! `oras version`

use std::io::Write;

use super::ORAS_VERSION;
use super::status::line;
use crate::cobra::Command;
use crate::cobra::flags::Given;

pub(super) const COMMAND: Command = Command {
    path: &["oras", "version"],
    usage: "[flags]",
    about: "Show the oras version information

Example - Print the version:
  oras version",
    flags: &[],
    run,
};

/// What stands where ORAS tells the state of its source tree, so that reports show who really ran.
const TREE_STATE: &str = concat!("wharf-", env!("CARGO_PKG_VERSION"));

fn run(_: &Given, words: &[String], _: &mut dyn Write) -> anyhow::Result<()> {
    if !words.is_empty() {
        // Nobody to tell is no failure.
        let _ = writeln!(
            std::io::stderr(),
            "warning: `oras version` requires no argument, {:?} will be ignored",
            words.join(",")
        );
    }
    let architecture = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    line(format_args!("Version:        {ORAS_VERSION}"));
    line("Go version:     none");
    line(format_args!("OS/Arch:        {}/{architecture}", std::env::consts::OS));
    line(format_args!("Git tree state: {TREE_STATE}"));
    Ok(())
}
