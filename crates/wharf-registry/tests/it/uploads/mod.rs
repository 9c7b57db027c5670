//! `/v2/<name>/blobs/uploads/`.

mod chunked;
mod limits;
mod lost;
mod mount;
mod session;
mod sessions;
mod whole;
