//! `/v2/<name>/blobs/uploads/`.

mod chunked;
mod limits;
mod mount;
mod session;
mod whole;
