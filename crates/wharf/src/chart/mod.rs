//! Charts on this machine: read from a folder, rendered with the machine's clock and randomness, checked.

mod check;
pub(crate) mod folder;
pub(crate) mod images;
mod machine;

pub(crate) use check::Rendering;
pub(crate) use machine::{machine, machine_with_dns, still};
