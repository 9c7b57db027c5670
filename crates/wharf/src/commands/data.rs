//! The data folder of a registry.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result};
use wharf_storage::{DiskStore, SqliteCatalog, SqliteOptions};

/// The catalog's file in the data folder.
const CATALOG: &str = "catalog.db";

/// Returns the folder to use when none is named: `wharf` in the XDG data folder of the user.
pub(crate) fn default_folder() -> Option<PathBuf> {
    let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let data = absolute("XDG_DATA_HOME").or_else(|| Some(absolute("HOME")?.join(".local").join("share")))?;
    Some(data.join("wharf"))
}

/// Returns whether the folder holds a registry.
pub(crate) fn is_one(folder: &Path) -> bool {
    folder.join(CATALOG).is_file()
}

/// Opens both stores of a data folder, making them in an empty one. Must be called inside a Tokio runtime.
pub(crate) fn open(folder: &Path) -> Result<(Arc<SqliteCatalog>, Arc<DiskStore>)> {
    let context = || format!("data folder {}", folder.display());
    // First the blob store: it makes the folder and makes sure that no other process uses it.
    let blobs = DiskStore::open(folder).with_context(context)?;
    let catalog = SqliteCatalog::open(SqliteOptions::new(folder.join(CATALOG))).with_context(context)?;
    Ok((Arc::new(catalog), Arc::new(blobs)))
}
