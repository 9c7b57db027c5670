//! `helm repo add|index|list|remove|update`

pub(super) mod add;
pub(super) mod index;
pub(super) mod list;
pub(super) mod remove;
pub(super) mod update;
