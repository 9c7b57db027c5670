-- What the server is asked for again and again, kept as rows come and go instead of counted each time.

-- The sum of contents.size: every blob and manifest once.
CREATE TABLE storage_use (
    only       INTEGER PRIMARY KEY CHECK (only = 1),
    used_bytes INTEGER NOT NULL
) STRICT;
INSERT INTO storage_use (only, used_bytes) SELECT 1, coalesce(sum(size), 0) FROM contents;

CREATE TRIGGER storage_use_grows AFTER INSERT ON contents WHEN new.size <> 0 BEGIN
    UPDATE storage_use SET used_bytes = used_bytes + new.size;
END;
CREATE TRIGGER storage_use_changes AFTER UPDATE OF size ON contents WHEN new.size <> old.size BEGIN
    UPDATE storage_use SET used_bytes = used_bytes + new.size - old.size;
END;
CREATE TRIGGER storage_use_shrinks AFTER DELETE ON contents WHEN old.size <> 0 BEGIN
    UPDATE storage_use SET used_bytes = used_bytes - old.size;
END;

-- The manifests of a repository by artifact type ('' for none): how many, and the sum of manifests.total_size.
CREATE TABLE artifact_use (
    repository_id INTEGER NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
    artifact_type TEXT NOT NULL,
    manifests     INTEGER NOT NULL,
    used_bytes    INTEGER NOT NULL,
    PRIMARY KEY (repository_id, artifact_type)
) STRICT, WITHOUT ROWID;
INSERT INTO artifact_use (repository_id, artifact_type, manifests, used_bytes)
    SELECT repository_id, coalesce(artifact_type, ''), count(*), sum(total_size) FROM manifests GROUP BY 1, 2;

CREATE TRIGGER artifact_use_grows AFTER INSERT ON manifests BEGIN
    INSERT INTO artifact_use (repository_id, artifact_type, manifests, used_bytes)
        VALUES (new.repository_id, coalesce(new.artifact_type, ''), 1, new.total_size)
        ON CONFLICT DO UPDATE SET manifests = manifests + 1, used_bytes = used_bytes + excluded.used_bytes;
END;
CREATE TRIGGER artifact_use_shrinks AFTER DELETE ON manifests BEGIN
    UPDATE artifact_use SET manifests = manifests - 1, used_bytes = used_bytes - old.total_size
        WHERE repository_id = old.repository_id AND artifact_type = coalesce(old.artifact_type, '');
    DELETE FROM artifact_use WHERE repository_id = old.repository_id
        AND artifact_type = coalesce(old.artifact_type, '') AND manifests = 0;
END;

-- Artifacts of a repository, newest first.
CREATE INDEX manifests_by_repository ON manifests (repository_id, id);
