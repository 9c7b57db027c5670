//! What a run would remove, told from one snapshot: nobody waits for it, and nothing changes.
//!
//! It follows the rules of [`sweep`](super::sweep) on sets in memory, 8 to 16 bytes for each thing that would go.

use std::collections::HashSet;

use rusqlite::params;

use super::super::content::repositories::RepositoryRow;
use super::super::content::{blobs, manifests};
use super::super::tx::{Tx, parsed, unsigned};
use super::sweep::{self, ORPHANED, UNTAGGED};
use crate::Result;
use crate::catalog::{Collected, CollectionPolicy};

/// Returns what all steps of a run would remove.
pub(super) fn count(tx: &Tx<'_>, policy: &CollectionPolicy) -> Result<Collected> {
    let mut preview = Preview {
        tx,
        cutoff: sweep::cutoff(tx, policy),
        untagged: policy.untagged_manifests,
        manifests: HashSet::new(),
        links: HashSet::new(),
    };
    preview.take_manifests()?;
    preview.take_links()?;
    let mut collected = Collected {
        manifests: preview.manifests.len() as u64,
        links: preview.links.len() as u64,
        ..Collected::default()
    };
    preview.count_contents(&mut collected)?;
    Ok(collected)
}

/// What would be gone.
struct Preview<'t, 'c> {
    tx: &'t Tx<'c>,
    cutoff: i64,
    untagged: bool,
    manifests: HashSet<i64>,
    /// Repository and content.
    links: HashSet<(i64, i64)>,
}

impl Preview<'_, '_> {
    /// Returns whether what a removal leaves unreferenced is due in the same run: without a grace time only.
    fn cascades(&self) -> bool {
        self.cutoff >= self.tx.now()
    }

    fn take_manifests(&mut self) -> Result<()> {
        let mut pending = Vec::new();
        for due in [ORPHANED, UNTAGGED].into_iter().take(1 + usize::from(self.untagged)) {
            self.tx.scan(due, params![self.cutoff, i64::MAX], |row| {
                let id = row.get(0)?;
                if !manifests::is_referenced(self.tx, id)? {
                    pending.push(id);
                }
                Ok(true)
            })?;
        }
        while let Some(id) = pending.pop() {
            if !self.manifests.insert(id) {
                continue;
            }
            let found = self.tx.first(
                "SELECT repository_id, project_id, digest FROM manifests WHERE id = ?1",
                [id],
                |row| {
                    let repository = RepositoryRow { id: row.get(0)?, project_id: row.get(1)? };
                    Ok((repository, parsed(row, 2)?))
                },
            )?;
            let Some((repository, digest)) = found else { continue };
            pending.extend(manifests::referrers_of(self.tx, repository, &digest)?);
            if self.cascades() {
                self.children_left_alone(id, &mut pending)?;
            }
        }
        Ok(())
    }

    /// Adds the children of a manifest that nothing refers to once all that was taken so far is gone.
    fn children_left_alone(&self, id: i64, pending: &mut Vec<i64>) -> Result<()> {
        let children = self.tx.all(
            "SELECT m.id, m.subject IS NOT NULL FROM manifest_children c
             JOIN manifests m ON m.repository_id = c.repository_id AND m.digest = c.digest WHERE c.manifest_id = ?1",
            [id],
            |row| Ok((row.get::<_, i64>(0)?, row.get::<_, bool>(1)?)),
        )?;
        for (child, has_subject) in children {
            if (has_subject || self.untagged)
                && !self.manifests.contains(&child)
                && !self.tx.exists("SELECT 1 FROM tags WHERE manifest_id = ?1", [child])?
                && !self.stays(
                    "SELECT c.manifest_id FROM manifests m JOIN manifest_children c
                     ON c.repository_id = m.repository_id AND c.digest = m.digest WHERE m.id = ?1
                     UNION ALL SELECT s.id FROM manifests m JOIN manifests s
                     ON s.repository_id = m.repository_id AND s.digest = m.subject WHERE m.id = ?1",
                    [child],
                )?
            {
                pending.push(child);
            }
        }
        Ok(())
    }

    fn take_links(&mut self) -> Result<()> {
        let mut due = Vec::new();
        self.tx.scan(
            "SELECT repository_id, content_id FROM blob_links
             WHERE unreferenced_since <= ?1 AND unreferenced_since IS NOT NULL",
            [self.cutoff],
            |row| {
                due.push((row.get(0)?, row.get(1)?));
                Ok(true)
            },
        )?;
        if self.cascades() {
            let mut seen: HashSet<(i64, i64)> = due.iter().copied().collect();
            for id in &self.manifests {
                self.tx.scan(
                    "SELECT l.repository_id, l.content_id FROM manifest_blobs b JOIN blob_links l
                     ON l.repository_id = b.repository_id AND l.content_id = b.content_id WHERE b.manifest_id = ?1",
                    [id],
                    |row| {
                        let link = (row.get(0)?, row.get(1)?);
                        if seen.insert(link) {
                            due.push(link);
                        }
                        Ok(true)
                    },
                )?;
            }
        }
        for (repository_id, content_id) in due {
            let used = self.stays(blobs::USERS, params![content_id, repository_id])?;
            if !used {
                self.links.insert((repository_id, content_id));
            }
        }
        Ok(())
    }

    fn count_contents(&self, collected: &mut Collected) -> Result<()> {
        let mut contents: HashSet<i64> = self.links.iter().map(|(_, content)| *content).collect();
        for id in &self.manifests {
            contents.extend(self.tx.first(
                "SELECT content_id FROM manifests WHERE id = ?1",
                [id],
                |row| row.get::<_, i64>(0),
            )?);
        }
        self.tx.scan(
            "SELECT id FROM contents WHERE unreferenced_since <= ?1 AND unreferenced_since IS NOT NULL",
            [self.cutoff],
            |row| {
                contents.insert(row.get(0)?);
                Ok(true)
            },
        )?;
        for id in contents {
            if self.is_had(id)? {
                continue;
            }
            let size =
                self.tx.first("SELECT size FROM contents WHERE id = ?1", [id], |row| unsigned(row, 0))?;
            collected.blobs += 1;
            collected.bytes += size.unwrap_or(0);
        }
        Ok(())
    }

    /// Returns whether some repository has the content still.
    fn is_had(&self, content: i64) -> Result<bool> {
        let mut linked = false;
        self.tx.scan("SELECT repository_id FROM blob_links WHERE content_id = ?1", [content], |row| {
            linked = !self.links.contains(&(row.get(0)?, content));
            Ok(!linked)
        })?;
        Ok(linked || self.stays("SELECT id FROM manifests WHERE content_id = ?1", [content])?)
    }

    /// Returns whether any of the manifests that a query finds would stay.
    fn stays(&self, sql: &str, params: impl rusqlite::Params) -> Result<bool> {
        let mut stays = false;
        self.tx.scan(sql, params, |row| {
            stays = !self.manifests.contains(&row.get(0)?);
            Ok(!stays)
        })?;
        Ok(stays)
    }
}
