//! The schema and its versions.

use rusqlite::Connection;

use crate::{Error, Result};

/// Marks the file as Wharf's in SQLite's header: `WHRF`.
const APPLICATION_ID: i32 = 0x5748_5246;

/// The steps from an empty file to the present schema. A step that was released is never changed.
const MIGRATIONS: &[&str] = &[
    include_str!("migrations/0001.sql"),
    include_str!("migrations/0002.sql"),
    include_str!("migrations/0003.sql"),
    include_str!("migrations/0004.sql"),
    include_str!("migrations/0005.sql"),
];

/// Brings the schema to the present version, in one transaction.
///
/// # Errors
/// [`Error::Invalid`] when the file is another program's or was written by a newer Wharf; it is left as it is.
pub(super) fn migrate(conn: &mut Connection) -> Result<()> {
    let tx = conn.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    let application: i32 = tx.query_row("PRAGMA application_id", [], |row| row.get(0))?;
    let tables: i64 = tx.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if application != APPLICATION_ID && tables > 0 {
        return Err(Error::Invalid {
            what: "catalog",
            problem: format!(
                "the file is an SQLite database of another program (application id {application:#x}, \
                 expected {APPLICATION_ID:#x})"
            ),
        });
    }
    if tables == 0 {
        tx.execute_batch(&format!(
            "PRAGMA application_id = {APPLICATION_ID};
             CREATE TABLE schema_versions (
                 version INTEGER PRIMARY KEY,
                 applied_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP
             ) STRICT;"
        ))?;
    }
    let found: i64 =
        tx.query_row("SELECT coalesce(max(version), 0) FROM schema_versions", [], |row| row.get(0))?;
    if usize::try_from(found).map_or(true, |found| found > MIGRATIONS.len()) {
        return Err(Error::Invalid {
            what: "catalog",
            problem: format!(
                "it has schema version {found}, this Wharf knows versions up to {}; use a newer Wharf",
                MIGRATIONS.len()
            ),
        });
    }
    for (version, migration) in (1i64..).zip(MIGRATIONS) {
        if version > found {
            tx.execute_batch(migration)?;
            tx.execute("INSERT INTO schema_versions (version) VALUES (?1)", [version])?;
        }
    }
    tx.commit()?;
    Ok(())
}
