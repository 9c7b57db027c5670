//! `helm dependency build|list|update`
//!
//! [`manager`] brings the charts that Chart.yaml wants into `charts/`; [`resolve`] chooses their versions.

pub(super) mod build;
pub(super) mod list;
mod local;
mod manager;
mod resolve;
pub(super) mod update;

pub(super) use manager::Manager;

use std::path::PathBuf;

use crate::cobra::flags::Flag;
use crate::cobra::flags::Kind::{Ignored, MissingSwitch, Switch};
use crate::cobra::flags::flag;

const FLAGS: &[Flag] = &[
    flag("keyring", Ignored, "without --verify it says nothing"),
    flag("skip-refresh", Switch, "do not fetch the indexes of chart repositories anew"),
    flag("verify", MissingSwitch, ""),
];

/// Returns the chart that the arguments name: one, or the current folder.
fn chart_folder(arguments: &[String]) -> Option<PathBuf> {
    match arguments {
        [] => Some(PathBuf::from(".")),
        [path] => Some(local::plain(path.as_ref())),
        _ => None,
    }
}
