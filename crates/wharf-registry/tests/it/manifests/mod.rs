//! `/v2/<name>/manifests/<reference>`.

mod delete;
mod fetch;
mod put;
