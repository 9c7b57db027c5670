//! `oras blob`: single blobs.

pub(super) mod delete;
pub(super) mod fetch;
pub(super) mod push;
