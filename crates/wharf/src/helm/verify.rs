//! `helm verify`

use std::io::Write;
use std::path::Path;

use super::provenance;
use crate::cobra::Command;
use crate::cobra::flags::Kind::Text;
use crate::cobra::flags::{Given, flag};

pub(super) const COMMAND: Command = Command {
    path: &["helm", "verify"],
    usage: "PATH [flags]",
    about: "verify a packed chart by the provenance file beside it",
    flags: &[&[flag("keyring", Text, "the keys to trust: a binary or armoured keyring, or a keybox")]],
    run,
};

fn run(given: &Given, arguments: &[String], out: &mut dyn Write) -> anyhow::Result<()> {
    let [path] = arguments else { return COMMAND.wrong_arguments("requires 1 argument") };
    let verified = provenance::check_file(given, Path::new(path))?;
    out.write_all(verified.text().as_bytes())?;
    Ok(())
}
