//! `oras manifest delete`

use crate::cobra::Command;
use crate::oras::delete::{What, delete};
use crate::oras::tables;
use crate::waiting::block_on;

pub(crate) const COMMAND: Command = Command {
    path: &["oras", "manifest", "delete|remove|rm"],
    usage: "[flags] <name>{:<tag>|@<digest>}",
    about: "Delete a manifest from remote registry

The manifest goes with all its tags.

Example - What a tag leads to, asking first or not:
  oras manifest delete localhost:5000/hello:v1
  oras manifest delete --force localhost:5000/hello:v1

Example - With its descriptor as the result:
  oras manifest delete --descriptor --force localhost:5000/hello:v1",
    flags: &[
        tables::COMMON,
        tables::FORCE,
        tables::DESCRIPTOR,
        tables::PRETTY,
        tables::REMOTE,
        tables::STDIN,
        tables::LAYOUT,
        tables::DISTRIBUTION,
        tables::VERBOSE_IN_VAIN,
    ],
    run: |given, words, _| block_on(delete(&COMMAND, What::Manifest, given, words)),
};
