//! `/v2/<name>/blobs/<digest>`.

mod delete;
mod fetch;
