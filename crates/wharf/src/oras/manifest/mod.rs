//! `oras manifest`: single manifests and indexes.

pub(super) mod delete;
pub(super) mod fetch;
pub(super) mod fetch_config;
pub(super) mod index;
pub(super) mod push;
