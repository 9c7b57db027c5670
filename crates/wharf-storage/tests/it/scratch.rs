//! Folders for tests.

/// Returns a new folder, in memory where the system has such a place: what a killed process leaves is the same there,
/// and thousands of flushes cost nothing.
pub(crate) fn folder() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}
