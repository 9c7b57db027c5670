//! What only one holder may do at a time.

use rusqlite::params;

use super::super::tx::Tx;
use crate::Result;

pub(super) fn acquire(tx: &Tx<'_>, name: &str, holder: &str, seconds: i64) -> Result<bool> {
    let taken = tx.run(
        "INSERT INTO leases (name, holder, expires_at) VALUES (?1, ?2, ?3)
         ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, expires_at = excluded.expires_at
         WHERE leases.holder = excluded.holder OR leases.expires_at <= ?4",
        params![name, holder, tx.now() + seconds, tx.now()],
    )?;
    Ok(taken > 0)
}

pub(super) fn release(tx: &Tx<'_>, name: &str, holder: &str) -> Result<()> {
    tx.run("DELETE FROM leases WHERE name = ?1 AND holder = ?2", params![name, holder])?;
    Ok(())
}
