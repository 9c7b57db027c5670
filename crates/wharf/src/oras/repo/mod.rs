//! `oras repo`: repositories of a registry.

pub(super) mod ls;
pub(super) mod tags;
