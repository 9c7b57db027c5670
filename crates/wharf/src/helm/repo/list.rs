//! `helm repo list`

use std::io::Write;

use crate::cobra::Command;
use crate::cobra::flags::Kind::{Switch, Text};
use crate::cobra::flags::{Given, flag, short};
use crate::helm::places::Places;
use crate::helm::repositories;
use crate::helm::table::{Format, Table, write_objects};

pub(in crate::helm) const COMMAND: Command = Command {
    path: &["helm", "repo", "list|ls"],
    usage: "[flags]",
    about: "list the chart repositories",
    flags: &[&[
        flag("no-headers", Switch, "no headers in the table"),
        short('o', "output", Text, "table, json or yaml"),
    ]],
    run,
};

fn run(given: &Given, arguments: &[String], out: &mut dyn Write) -> anyhow::Result<()> {
    let format = Format::of(given)?;
    if !arguments.is_empty() {
        return COMMAND.wrong_arguments("accepts no arguments");
    }
    let repositories = repositories::read(&Places::of(given)).unwrap_or_default().repositories;
    if format != Format::Table {
        let objects: Vec<_> =
            repositories.into_iter().map(|entry| vec![("name", entry.name), ("url", entry.url)]).collect();
        return write_objects(&objects, format, out);
    }
    if repositories.is_empty() {
        let _ = writeln!(std::io::stderr(), "no repositories to show");
        return Ok(());
    }
    let mut table = Table::new(0);
    if !given.is_on("no-headers") {
        table.row(["NAME", "URL"]);
    }
    for entry in &repositories {
        table.row([entry.name.as_str(), &entry.url]);
    }
    writeln!(out, "{}", table.text())?;
    Ok(())
}
