//! `oras logout`

use std::path::PathBuf;

use super::fault::arguments;
use super::{remote, tables};
use crate::cobra::Command;
use crate::cobra::flags::Kind::Texts;
use crate::cobra::flags::{Given, flag};
use crate::waiting::block_on;

pub(super) const COMMAND: Command = Command {
    path: &["oras", "logout"],
    usage: "[flags] <registry>",
    about: "Log out from a remote registry

Example - Forget the login of a registry:
  oras logout localhost:5000",
    flags: &[tables::COMMON, &[flag("registry-config", Texts, "auth config path")]],
    run: |given, words, _| block_on(run(given, words)),
};

async fn run(given: &Given, words: &[String]) -> anyhow::Result<()> {
    arguments(&COMMAND, words, 1..=1, "the registry you want to log out")?;
    let configs: Vec<PathBuf> = given.texts("registry-config").iter().map(PathBuf::from).collect();
    remote::store(&configs).remove(&words[0]).await?;
    Ok(())
}
