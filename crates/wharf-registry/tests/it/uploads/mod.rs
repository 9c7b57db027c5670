//! `/v2/<name>/blobs/uploads/`.

mod chunked;
mod mount;
mod session;
mod whole;
