//! The catalog in SQLite.
#![expect(clippy::unwrap_used, reason = "tests")]

use rusqlite::Connection;
use wharf_storage::catalog::{Collection, Management};
use wharf_storage::contract::{self, CatalogPlace, TestClock};
use wharf_storage::{Error, SqliteCatalog, SqliteOptions};

struct TempFolder(tempfile::TempDir);

impl CatalogPlace for TempFolder {
    type Catalog = SqliteCatalog;

    async fn open(&self, clock: TestClock) -> SqliteCatalog {
        let options = SqliteOptions { clock, ..SqliteOptions::new(self.0.path().join("catalog.db")) };
        SqliteCatalog::open(options).unwrap()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_catalog_in_sqlite_keeps_the_contract() {
    contract::catalog(|| TempFolder(crate::scratch::folder())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn accounts_and_management_in_sqlite_keep_the_contract() {
    contract::management(|| TempFolder(tempfile::tempdir().unwrap())).await;
}

#[test]
fn a_database_of_another_program_is_refused_and_left_alone() {
    let folder = crate::scratch::folder();
    let path = folder.path().join("catalog.db");
    let conn = Connection::open(&path).unwrap();
    conn.execute_batch("CREATE TABLE theirs (id INTEGER)").unwrap();
    drop(conn);
    match SqliteCatalog::open(SqliteOptions::new(&path)) {
        Err(Error::Invalid { what: "catalog", problem }) => {
            assert!(problem.contains("another program"), "{problem}");
        }
        other => panic!("expected a refusal: {other:?}"),
    }
    let tables: i64 = Connection::open(&path)
        .unwrap()
        .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
        .unwrap();
    assert_eq!(tables, 1);
}

#[test]
fn a_file_that_is_no_database_is_refused() {
    let folder = crate::scratch::folder();
    let path = folder.path().join("catalog.db");
    std::fs::write(&path, "no database, whatever its name says ".repeat(100)).unwrap();
    assert!(matches!(SqliteCatalog::open(SqliteOptions::new(&path)), Err(Error::Damaged(_))));
}

#[test]
fn a_newer_schema_is_refused_with_both_versions() {
    let folder = crate::scratch::folder();
    let path = folder.path().join("catalog.db");
    drop(SqliteCatalog::open(SqliteOptions::new(&path)).unwrap());
    Connection::open(&path)
        .unwrap()
        .execute("INSERT INTO schema_versions (version) VALUES (99)", [])
        .unwrap();
    match SqliteCatalog::open(SqliteOptions::new(&path)) {
        Err(Error::Invalid { problem, .. }) => {
            assert!(problem.contains("99") && problem.contains("versions up to "), "{problem}");
        }
        other => panic!("expected a refusal: {other:?}"),
    }
}

#[cfg(unix)]
#[test]
fn nobody_but_the_owner_can_read_the_file() {
    use std::os::unix::fs::PermissionsExt;
    let folder = crate::scratch::folder();
    let path = folder.path().join("catalog.db");
    let catalog = SqliteCatalog::open(SqliteOptions::new(&path)).unwrap();
    for file in std::fs::read_dir(folder.path()).unwrap() {
        let file = file.unwrap();
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{:?}", file.path());
    }
    drop(catalog);
}

#[test]
fn a_folder_that_is_absent_is_named() {
    let error = SqliteCatalog::open(SqliteOptions::new("/nonexistent/wharf/catalog.db")).unwrap_err();
    assert!(error.to_string().contains("/nonexistent/wharf/catalog.db"), "{error}");
}

#[tokio::test]
async fn counters_of_storage_use_that_drifted_are_told_and_repaired() {
    let folder = crate::scratch::folder();
    let path = folder.path().join("catalog.db");
    let catalog = SqliteCatalog::open(SqliteOptions::new(&path)).unwrap();
    let other = Connection::open(&path).unwrap();
    other
        .execute_batch(
            "INSERT INTO projects (name, owner, public, created_at, updated_at) VALUES ('p', 'o', 0, 0, 0);
             INSERT INTO repositories (project_id, name, created_at, updated_at) VALUES (1, 'p/r', 0, 0);
             UPDATE storage_use SET used_bytes = 7;
             INSERT INTO artifact_use VALUES (1, 'lost', 1, 9);",
        )
        .unwrap();
    let expected = [
        "storage is recorded to use 7 bytes, its contents have 0",
        "repository p/r is recorded to have 1 manifests of type \"lost\", it has none",
    ];
    assert_eq!(catalog.check_counters(false).await.unwrap(), expected);
    assert_eq!(catalog.check_counters(true).await.unwrap(), expected);
    assert_eq!(catalog.check_counters(false).await.unwrap(), Vec::<String>::new());
    assert_eq!(catalog.storage_use().await.unwrap().by_artifact_type, []);
}
