//! What is kept in step with the rows it is computed from, computed again.

use rusqlite::params;

use super::super::content::manifests;
use super::super::tx::Tx;
use crate::Result;

/// One kind of mark: the query for rows where it is set and should not be, or not set and should, as a sentence each;
/// and the statement that mends all of them.
struct Mark {
    differences: &'static str,
    repair: &'static str,
}

const MARKS: &[Mark] = &[
    Mark {
        differences: "SELECT 'project ' || p.name || ' is charged for ' || c.digest || ', which none of its repositories has'
            FROM project_contents pc JOIN projects p ON p.id = pc.project_id JOIN contents c ON c.id = pc.content_id
            WHERE NOT EXISTS (SELECT 1 FROM blob_links l WHERE l.content_id = pc.content_id AND l.project_id = pc.project_id)
            AND NOT EXISTS (SELECT 1 FROM manifests m WHERE m.content_id = pc.content_id AND m.project_id = pc.project_id)",
        repair: "DELETE FROM project_contents
            WHERE NOT EXISTS (SELECT 1 FROM blob_links l WHERE l.content_id = project_contents.content_id
                AND l.project_id = project_contents.project_id)
            AND NOT EXISTS (SELECT 1 FROM manifests m WHERE m.content_id = project_contents.content_id
                AND m.project_id = project_contents.project_id)",
    },
    Mark {
        differences: "SELECT 'project ' || p.name || ' is not charged for ' || c.digest || ', which it has'
            FROM (SELECT project_id, content_id FROM blob_links UNION SELECT project_id, content_id FROM manifests) h
            JOIN projects p ON p.id = h.project_id JOIN contents c ON c.id = h.content_id
            WHERE NOT EXISTS (SELECT 1 FROM project_contents pc
                WHERE pc.project_id = h.project_id AND pc.content_id = h.content_id)",
        repair: "INSERT INTO project_contents (project_id, content_id)
            SELECT project_id, content_id FROM blob_links UNION SELECT project_id, content_id FROM manifests
            WHERE true ON CONFLICT DO NOTHING",
    },
    Mark {
        differences: "SELECT 'blob ' || c.digest || ' of ' || r.name || ' is marked unused, and a manifest uses it'
            FROM blob_links l JOIN repositories r ON r.id = l.repository_id JOIN contents c ON c.id = l.content_id
            WHERE l.unreferenced_since IS NOT NULL AND EXISTS (SELECT 1 FROM manifest_blobs b
                WHERE b.content_id = l.content_id AND b.repository_id = l.repository_id)",
        repair: "UPDATE blob_links SET unreferenced_since = NULL
            WHERE unreferenced_since IS NOT NULL AND EXISTS (SELECT 1 FROM manifest_blobs b
                WHERE b.content_id = blob_links.content_id AND b.repository_id = blob_links.repository_id)",
    },
    Mark {
        differences: "SELECT 'blob ' || c.digest || ' of ' || r.name || ' is not marked unused, and no manifest uses it'
            FROM blob_links l JOIN repositories r ON r.id = l.repository_id JOIN contents c ON c.id = l.content_id
            WHERE l.unreferenced_since IS NULL AND NOT EXISTS (SELECT 1 FROM manifest_blobs b
                WHERE b.content_id = l.content_id AND b.repository_id = l.repository_id)",
        repair: "UPDATE blob_links SET unreferenced_since = ?1
            WHERE unreferenced_since IS NULL AND NOT EXISTS (SELECT 1 FROM manifest_blobs b
                WHERE b.content_id = blob_links.content_id AND b.repository_id = blob_links.repository_id)",
    },
    Mark {
        differences: "SELECT 'content ' || digest || ' is marked unreferenced, and a repository has it' FROM contents
            WHERE unreferenced_since IS NOT NULL AND (
                EXISTS (SELECT 1 FROM blob_links l WHERE l.content_id = contents.id)
                OR EXISTS (SELECT 1 FROM manifests m WHERE m.content_id = contents.id))",
        repair: "UPDATE contents SET unreferenced_since = NULL
            WHERE unreferenced_since IS NOT NULL AND (
                EXISTS (SELECT 1 FROM blob_links l WHERE l.content_id = contents.id)
                OR EXISTS (SELECT 1 FROM manifests m WHERE m.content_id = contents.id))",
    },
    Mark {
        differences: "SELECT 'content ' || digest || ' is not marked unreferenced, and no repository has it' FROM contents
            WHERE unreferenced_since IS NULL AND (key IS NOT NULL OR bytes IS NOT NULL)
            AND NOT EXISTS (SELECT 1 FROM blob_links l WHERE l.content_id = contents.id)
            AND NOT EXISTS (SELECT 1 FROM manifests m WHERE m.content_id = contents.id)",
        repair: "UPDATE contents SET unreferenced_since = ?1
            WHERE unreferenced_since IS NULL AND (key IS NOT NULL OR bytes IS NOT NULL)
            AND NOT EXISTS (SELECT 1 FROM blob_links l WHERE l.content_id = contents.id)
            AND NOT EXISTS (SELECT 1 FROM manifests m WHERE m.content_id = contents.id)",
    },
    Mark {
        differences: "SELECT 'project ' || p.name || ' is marked with the policy ' || coalesce(p.policy_digest, 'none')
            || ', it has ' || coalesce(y.digest, 'none')
            FROM projects p LEFT JOIN project_policies y ON y.project_id = p.id WHERE p.policy_digest IS NOT y.digest",
        // A mark without a policy stays: it keeps everything shut, until somebody sets the policy anew or removes the project.
        repair: "UPDATE projects SET policy_digest =
                (SELECT y.digest FROM project_policies y WHERE y.project_id = projects.id)
            WHERE id IN (SELECT project_id FROM project_policies)
            AND policy_digest IS NOT (SELECT y.digest FROM project_policies y WHERE y.project_id = projects.id)",
    },
    Mark {
        differences: "SELECT 'storage is recorded to use ' || used_bytes || ' bytes, its contents have ' || counted
            FROM storage_use, (SELECT coalesce(sum(size), 0) AS counted FROM contents) WHERE used_bytes <> counted",
        repair: "UPDATE storage_use SET used_bytes = (SELECT coalesce(sum(size), 0) FROM contents)",
    },
    Mark {
        differences: "SELECT 'repository ' || r.name || ' is recorded to have ' || coalesce(u.manifests, 0)
                || ' manifests of type \"' || m.artifact_type || '\" with ' || coalesce(u.used_bytes, 0)
                || ' bytes, it has ' || m.manifests || ' with ' || m.used_bytes
            FROM (SELECT repository_id, coalesce(artifact_type, '') AS artifact_type, count(*) AS manifests,
                      sum(total_size) AS used_bytes FROM manifests GROUP BY 1, 2) m
            JOIN repositories r ON r.id = m.repository_id
            LEFT JOIN artifact_use u ON u.repository_id = m.repository_id AND u.artifact_type = m.artifact_type
            WHERE u.manifests IS NOT m.manifests OR u.used_bytes IS NOT m.used_bytes",
        repair: "INSERT INTO artifact_use (repository_id, artifact_type, manifests, used_bytes)
            SELECT repository_id, coalesce(artifact_type, ''), count(*), sum(total_size) FROM manifests
            WHERE true GROUP BY 1, 2
            ON CONFLICT DO UPDATE SET manifests = excluded.manifests, used_bytes = excluded.used_bytes",
    },
    Mark {
        differences: "SELECT 'repository ' || r.name || ' is recorded to have ' || u.manifests
                || ' manifests of type \"' || u.artifact_type || '\", it has none'
            FROM artifact_use u JOIN repositories r ON r.id = u.repository_id
            WHERE NOT EXISTS (SELECT 1 FROM manifests m WHERE m.repository_id = u.repository_id
                AND coalesce(m.artifact_type, '') = u.artifact_type)",
        repair: "DELETE FROM artifact_use WHERE NOT EXISTS (SELECT 1 FROM manifests m
            WHERE m.repository_id = artifact_use.repository_id
            AND coalesce(m.artifact_type, '') = artifact_use.artifact_type)",
    },
];

pub(super) fn check(tx: &Tx<'_>, repair: bool) -> Result<Vec<String>> {
    let mut differences = Vec::new();
    tx.scan("PRAGMA quick_check", [], |row| {
        let text: String = row.get(0)?;
        if text != "ok" {
            differences.push(format!("the catalog's file is damaged: {text}"));
        }
        Ok(true)
    })?;
    for mark in MARKS {
        let found: Vec<String> = tx.all(mark.differences, [], |row| row.get(0))?;
        if repair && !found.is_empty() {
            if mark.repair.contains("?1") {
                tx.run(mark.repair, [tx.now()])?;
            } else {
                tx.run(mark.repair, [])?;
            }
        }
        differences.extend(found);
    }
    check_manifests(tx, repair, &mut differences)?;
    check_used_bytes(tx, repair, &mut differences)?;
    Ok(differences)
}

fn check_manifests(tx: &Tx<'_>, repair: bool, differences: &mut Vec<String>) -> Result<()> {
    let rows = tx.all(
        "SELECT m.id, m.digest, r.name, m.unreferenced_since IS NOT NULL
         FROM manifests m JOIN repositories r ON r.id = m.repository_id
         -- One that is being removed loses its tags first, and all the rest after.
         WHERE r.going_since IS NULL",
        [],
        |row| {
            Ok((
                row.get::<_, i64>(0)?,
                row.get::<_, String>(1)?,
                row.get::<_, String>(2)?,
                row.get::<_, bool>(3)?,
            ))
        },
    )?;
    for (id, digest, repository, marked) in rows {
        let referenced = manifests::is_referenced(tx, id)?;
        if referenced == marked {
            differences.push(format!(
                "manifest {digest} of {repository} is {}marked unreferenced, and {}",
                if marked { "" } else { "not " },
                if referenced { "something refers to it" } else { "nothing refers to it" }
            ));
            if repair {
                manifests::settle(tx, id)?;
            }
        }
    }
    Ok(())
}

fn check_used_bytes(tx: &Tx<'_>, repair: bool, differences: &mut Vec<String>) -> Result<()> {
    let rows = tx.all(
        "SELECT p.id, p.name, p.used_bytes, coalesce(sum(c.size), 0)
         FROM projects p LEFT JOIN project_contents pc ON pc.project_id = p.id
         LEFT JOIN contents c ON c.id = pc.content_id GROUP BY p.id",
        [],
        // Whatever stands there: a negative number is a finding, too.
        |row| {
            Ok((
                row.get::<_, i64>(0)?,
                row.get::<_, String>(1)?,
                row.get::<_, i64>(2)?,
                row.get::<_, i64>(3)?,
            ))
        },
    )?;
    for (id, name, stored, counted) in rows {
        if stored != counted {
            differences.push(format!(
                "project {name} is recorded to use {stored} bytes, its contents have {counted}"
            ));
            if repair {
                tx.run("UPDATE projects SET used_bytes = ?2 WHERE id = ?1", params![id, counted.max(0)])?;
            }
        }
    }
    Ok(())
}
