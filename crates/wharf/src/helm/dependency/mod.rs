//! `helm dependency build|list|update`
//!
//! [`manager`] brings the charts that Chart.yaml wants into `charts/`; [`resolve`] chooses their versions.

pub(super) mod build;
pub(super) mod list;
mod local;
mod manager;
mod resolve;
pub(super) mod update;

pub(super) use manager::{Manager, Verify};

use std::path::PathBuf;

use crate::cobra::flags::Flag;
use crate::cobra::flags::Kind::{Switch, Text};
use crate::cobra::flags::flag;

const FLAGS: &[Flag] = &[
    flag("keyring", Text, "with --verify: the keys to trust; a binary or armoured keyring, or a keybox"),
    flag("skip-refresh", Switch, "do not fetch the indexes of chart repositories anew"),
    flag("verify", Switch, "verify the charts by their provenance files"),
];

/// Returns the chart that the arguments name: one, or the current folder.
fn chart_folder(arguments: &[String]) -> Option<PathBuf> {
    match arguments {
        [] => Some(PathBuf::from(".")),
        [path] => Some(local::plain(path.as_ref())),
        _ => None,
    }
}
