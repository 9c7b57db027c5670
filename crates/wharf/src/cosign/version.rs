//! `cosign version`

use std::io::Write;

use super::COSIGN_VERSION;
use crate::cobra::Command;
use crate::cobra::flags::Kind::Switch;
use crate::cobra::flags::{Given, flag};

pub(super) const COMMAND: Command = Command {
    path: &["cosign", "version"],
    usage: "[flags]",
    about: "Prints the version of cosign that wharf follows",
    flags: &[&[flag("json", Switch, "print JSON instead of text")]],
    run,
};

/// What stands where cosign tells the state of its source tree, so that reports show who really ran.
const TREE_STATE: &str = concat!("wharf-", env!("CARGO_PKG_VERSION"));

fn run(given: &Given, _: &[String], out: &mut dyn Write) -> anyhow::Result<()> {
    let platform = format!(
        "{}/{}",
        std::env::consts::OS,
        std::env::consts::ARCH.replace("x86_64", "amd64").replace("aarch64", "arm64")
    );
    let fields = [
        ("gitVersion", "GitVersion", COSIGN_VERSION),
        ("gitCommit", "GitCommit", "unknown"),
        ("gitTreeState", "GitTreeState", TREE_STATE),
        ("buildDate", "BuildDate", "unknown"),
        ("goVersion", "GoVersion", ""),
        ("compiler", "Compiler", "rustc"),
        ("platform", "Platform", &platform),
    ];
    if given.is_on("json") {
        let lines: Vec<String> =
            fields.iter().map(|(name, _, value)| format!("  \"{name}\": \"{value}\"")).collect();
        writeln!(out, "{{\n{}\n}}", lines.join(",\n"))?;
    } else {
        writeln!(out, "cosign: A tool for Container Signing, Verification and Storage in an OCI registry\n")?;
        for (_, name, value) in fields {
            writeln!(out, "{:14} {value}", format!("{name}:"))?;
        }
        writeln!(out)?;
    }
    Ok(())
}
