//! `oras blob delete`

use crate::cobra::Command;
use crate::oras::delete::{What, delete};
use crate::oras::tables;
use crate::waiting::block_on;

pub(crate) const COMMAND: Command = Command {
    path: &["oras", "blob", "delete|remove|rm"],
    usage: "[flags] <name>@<digest>",
    about: "Delete a blob from a remote registry

Example - A blob, asking first or not:
  oras blob delete localhost:5000/hello@sha256:9a201d228ebd966211f7d1131be19f152be428bd373a92071c71d8deaf83b3e5
  oras blob delete --force localhost:5000/hello@sha256:9a201d228ebd966211f7d1131be19f152be428bd373a92071c71d8deaf83b3e5

Example - With its descriptor as the result:
  oras blob delete --descriptor --force \\
    localhost:5000/hello@sha256:9a201d228ebd966211f7d1131be19f152be428bd373a92071c71d8deaf83b3e5",
    flags: &[
        tables::COMMON,
        tables::FORCE,
        tables::DESCRIPTOR,
        tables::PRETTY,
        tables::REMOTE,
        tables::STDIN,
        tables::LAYOUT,
        tables::VERBOSE_IN_VAIN,
    ],
    run: |given, words, _| block_on(delete(&COMMAND, What::Blob, given, words)),
};
