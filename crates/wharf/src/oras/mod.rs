//! `wharf oras COMMAND`, and the same under the name `oras`: ORAS's command line.
//!
//! One file per command. [`tables`] lists the flags that commands share, [`target`] reads references, [`place`] opens
//! what they name, [`format`] and [`status`] write what ORAS writes, and [`fault`] says in ORAS's words what went wrong.
//! [`crate::cobra`] reads the words. Texts, exit statuses and stored bytes follow ORAS 1.3.3; docs/COMPATIBILITY.md lists
//! every difference.

mod attach;
mod backup;
mod blob;
mod cp;
mod delete;
mod discover;
mod fault;
mod format;
mod login;
mod logout;
mod manifest;
mod pack;
mod place;
mod platform;
mod pull;
mod push;
mod remote;
mod repo;
mod resolve;
mod restore;
mod status;
mod tables;
mod tag;
mod target;
mod version;
mod wire;

use crate::cobra::{Command, Program};

/// The version of ORAS that is followed.
const ORAS_VERSION: &str = "1.3.3";

const COMMANDS: &[Command] = &[
    attach::COMMAND,
    backup::COMMAND,
    blob::delete::COMMAND,
    blob::fetch::COMMAND,
    blob::push::COMMAND,
    cp::COMMAND,
    discover::COMMAND,
    login::COMMAND,
    logout::COMMAND,
    manifest::delete::COMMAND,
    manifest::fetch::COMMAND,
    manifest::fetch_config::COMMAND,
    manifest::index::create::COMMAND,
    manifest::index::update::COMMAND,
    manifest::push::COMMAND,
    pull::COMMAND,
    push::COMMAND,
    repo::ls::COMMAND,
    repo::tags::COMMAND,
    resolve::COMMAND,
    restore::COMMAND,
    tag::COMMAND,
    version::COMMAND,
];

/// ORAS's command line.
pub(crate) const PROGRAM: Program = Program {
    name: "oras",
    about: "ORAS's command line, carried out by wharf as ORAS 1.3.3 would.",
    commands: COMMANDS,
    missing: &["completion"],
    global: &[],
    variables: None,
    report: fault::report,
};
