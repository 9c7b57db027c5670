//! `oras resolve`

use anyhow::Context;

use super::fault::arguments;
use super::place::Place;
use super::status::line;
use super::target::Target;
use super::{platform, tables};
use crate::cobra::Command;
use crate::cobra::flags::Kind::Switch;
use crate::cobra::flags::{Given, short};
use crate::waiting::block_on;

pub(super) const COMMAND: Command = Command {
    path: &["oras", "resolve|digest"],
    usage: "[flags] <name>{:<tag>|@<digest>}",
    about: "[Preview] Resolves digest of the target artifact

Example - The digest behind a tag:
  oras resolve localhost:5000/hello-world:v1",
    flags: &[
        tables::COMMON,
        tables::PLATFORM,
        tables::REMOTE,
        tables::STDIN,
        tables::LAYOUT,
        tables::VERBOSE_IN_VAIN,
        &[short('l', "full-reference", Switch, "print the full artifact reference with digest")],
    ],
    run: |given, words, _| block_on(run(given, words)),
};

async fn run(given: &Given, words: &[String]) -> anyhow::Result<()> {
    arguments(&COMMAND, words, 1..=1, "the target artifact reference to resolve")?;
    let wanted = platform::flag(given, "platform")?;
    let target = Target::parse(given, "", &words[0])?;
    let place = Place::open(&target).await?;
    target.need_reference(&COMMAND, true)?;
    let found = platform::resolve(&place, &target.reference, wanted.as_ref())
        .await
        .context("failed to resolve digest")?;
    if given.is_on("full-reference") {
        line(format_args!("{}@{}", target.path, found.digest));
    } else {
        line(&found.digest);
    }
    Ok(())
}
