//! `wharf helm COMMAND`, and the same under the name `helm`: Helm's command line, as far as it needs no cluster.
//!
//! One file per command; [`tables`] lists the flags that commands share. [`crate::cobra`] reads the words. Texts, exit statuses
//! and standard output follow Helm 4.2.4; docs/COMPATIBILITY.md lists every difference.

mod access;
mod answers;
mod chart;
mod chart_store;
mod completion;
mod create;
mod dependency;
mod env;
mod expand;
mod files;
mod find;
mod jsonpath;
mod lint;
mod log;
mod namespace;
mod oci;
mod package;
mod places;
mod post_render;
mod provenance;
mod pull;
mod push;
mod registry;
mod repo;
mod repositories;
mod search;
mod show;
mod table;
mod tables;
mod template;
mod values;
mod verify;
mod version;

use std::io::Write;

use crate::cobra::{Command, Program};

pub(crate) use chart::load_anywhere as load_chart;
pub(crate) use values::Sources as ValueSources;

use log::{log, tell, warn};

const COMMANDS: &[Command] = &[
    chart_store::EXPORT,
    chart_store::LIST,
    chart_store::PULL,
    chart_store::PUSH,
    chart_store::REMOVE,
    chart_store::SAVE,
    completion::BASH,
    completion::FISH,
    completion::POWERSHELL,
    completion::ZSH,
    create::COMMAND,
    dependency::build::COMMAND,
    dependency::list::COMMAND,
    dependency::update::COMMAND,
    env::COMMAND,
    lint::COMMAND,
    package::COMMAND,
    pull::COMMAND,
    push::COMMAND,
    registry::LOGIN,
    registry::LOGOUT,
    repo::add::COMMAND,
    repo::index::COMMAND,
    repo::list::COMMAND,
    repo::remove::COMMAND,
    repo::update::COMMAND,
    search::HUB,
    search::REPO,
    show::ALL,
    show::CHART,
    show::CRDS,
    show::README,
    show::VALUES,
    template::COMMAND,
    verify::COMMAND,
    version::COMMAND,
];

/// Helm's commands that are not built, with their other names.
const MISSING: &[&str] = &[
    "docs",
    "get",
    "history",
    "hist",
    "install",
    "list",
    "ls",
    "plugin",
    "rollback",
    "status",
    "test",
    "uninstall",
    "del",
    "delete",
    "un",
    "upgrade",
];

/// Helm's command line.
pub(crate) const PROGRAM: Program = Program {
    name: "helm",
    about: "Helm's command line, carried out by wharf as Helm v4.2.4 would.",
    commands: COMMANDS,
    missing: MISSING,
    global: tables::GLOBAL,
    variables: None,
    report: |error| {
        let _ = writeln!(std::io::stderr(), "Error: {error:#}");
        if crate::pointing::is_wanted() {
            crate::pointing::show(error);
        }
        1
    },
};

/// Returns the time as Go writes it: RFC 3339 in the local zone; `SOURCE_DATE_EPOCH` is the time where it is set.
fn now() -> anyhow::Result<String> {
    let time = match crate::commands::publish::source_date_epoch()? {
        Some(seconds) => jiff::Timestamp::from_second(i64::try_from(seconds)?)?,
        None => jiff::Timestamp::now(),
    };
    let time = time.to_zoned(jiff::tz::TimeZone::system());
    let zone = if time.offset().is_zero() { "Z".to_owned() } else { time.strftime("%:z").to_string() };
    Ok(format!("{}{zone}", time.strftime("%Y-%m-%dT%H:%M:%S%.f")))
}
