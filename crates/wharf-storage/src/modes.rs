//! Modes of what is on disk: only the server's own account can read it, whoever made the folder.

use std::fs;
use std::path::Path;

/// Takes the rights of others away from a file or folder that an older version, a copy or a restored backup left open.
///
/// On a volume that belongs to another account this fails; the log then says so, and serving goes on.
pub(crate) fn close(path: &Path) {
    #[cfg(unix)]
    unix::close(path);
    #[cfg(not(unix))]
    let _ = path;
}

/// Does [`close`] to a folder and the files in it. The folder comes last, and one that is closed is not looked into, so
/// that the walk over many files is made once.
pub(crate) fn close_with_files(folder: &Path) {
    #[cfg(unix)]
    if unix::is_open(folder) {
        let entries = fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
        for entry in entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_file())) {
            close(&entry.path());
        }
    }
    close(folder);
}

#[cfg(unix)]
mod unix {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt as _;
    use std::path::Path;

    /// The rights of the group and of everybody else.
    const OTHERS: u32 = 0o077;

    fn mode(path: &Path) -> Option<u32> {
        fs::symlink_metadata(path)
            .ok()
            .filter(|found| !found.is_symlink())
            .map(|found| found.permissions().mode())
    }

    pub(super) fn is_open(path: &Path) -> bool {
        mode(path).is_some_and(|mode| mode & OTHERS != 0)
    }

    pub(super) fn close(path: &Path) {
        let Some(mode) = mode(path).map(|mode| mode & 0o7777).filter(|mode| mode & OTHERS != 0) else {
            return;
        };
        match fs::set_permissions(path, Permissions::from_mode(mode & 0o700)) {
            Ok(()) => {
                tracing::debug!(path = %path.display(), "took the rights of others away, mode was {mode:o}")
            }
            Err(error) => tracing::warn!(
                path = %path.display(),
                %error,
                "{} can be read by others (mode {mode:o}), and that cannot be changed: {error}",
                path.display()
            ),
        }
    }
}
