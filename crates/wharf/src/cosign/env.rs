//! `cosign env`

use std::io::Write;

use crate::cobra::Command;
use crate::cobra::flags::Kind::{Switch, SwitchOn};
use crate::cobra::flags::{Given, flag};

pub(super) const COMMAND: Command = Command {
    path: &["cosign", "env"],
    usage: "[flags]",
    about: "Prints the environment variables that are read",
    flags: &[&[
        flag("show-descriptions", SwitchOn, "show descriptions for environment variables"),
        flag("show-sensitive-values", Switch, "show values of sensitive environment variables"),
    ]],
    run,
};

struct Variable {
    name: &'static str,
    about: &'static str,
    expects: &'static str,
    sensitive: bool,
}

/// The variables that wharf reads, in the order of their names.
const VARIABLES: &[Variable] = &[
    Variable {
        name: "COSIGN_MAX_ATTACHMENT_SIZE",
        about: "maximum attachment size to download (default 128MiB)",
        expects: "human-readable unit of memory, e.g. 5120, 20K, 3M, 45MiB, 1GB",
        sensitive: false,
    },
    Variable {
        name: "COSIGN_PASSWORD",
        about: "overrides password inputs with this value",
        expects: "string with a password (asks on stdin by default)",
        sensitive: true,
    },
    Variable {
        name: "COSIGN_REPOSITORY",
        about: "can be used to store signatures in an alternate location",
        expects: "string with a repository",
        sensitive: false,
    },
    Variable {
        name: "SOURCE_DATE_EPOCH",
        about: "overrides current time for reproducible builds, see https://reproducible-builds.org/docs/source-date-epoch/",
        expects: "number of seconds since unix epoch",
        sensitive: false,
    },
];

fn run(given: &Given, _: &[String], out: &mut dyn Write) -> anyhow::Result<()> {
    for Variable { name, about, expects, sensitive } in VARIABLES {
        if given.is_on("show-descriptions") {
            writeln!(out, "# {name} {about}\n# Expects: {expects}")?;
        }
        let value = std::env::var(name).unwrap_or_default();
        let hidden = *sensitive && !given.is_on("show-sensitive-values") && !value.is_empty();
        writeln!(out, "{name}={}", if hidden { "******" } else { &value })?;
    }
    Ok(())
}
