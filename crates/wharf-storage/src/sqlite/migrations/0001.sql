-- The catalog, version 1. docs/formats/catalog.md tells what each table is for.
--
-- Digests and names are TEXT and compared byte for byte (SQLite's BINARY order). Times are Unix seconds unless the
-- column says millis. Numbers are never reused (AUTOINCREMENT): an id that someone remembers never means another thing.

-- Settings of the server itself, such as its token key.
CREATE TABLE settings (
    name  TEXT PRIMARY KEY,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- What only one process or job may do at a time.
CREATE TABLE leases (
    name       TEXT PRIMARY KEY,
    holder     TEXT NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Accounts ---------------------------------------------------------------------------------------------------------

CREATE TABLE users (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    name          TEXT NOT NULL UNIQUE,
    email         TEXT NOT NULL DEFAULT '',
    real_name     TEXT NOT NULL DEFAULT '',
    password_hash TEXT NOT NULL,
    admin         INTEGER NOT NULL DEFAULT 0 CHECK (admin IN (0, 1)),
    disabled      INTEGER NOT NULL DEFAULT 0 CHECK (disabled IN (0, 1)),
    created_at    INTEGER NOT NULL,
    updated_at    INTEGER NOT NULL
) STRICT;

CREATE TABLE projects (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    name        TEXT NOT NULL UNIQUE,
    owner       TEXT NOT NULL,
    public      INTEGER NOT NULL CHECK (public IN (0, 1)),
    quota_bytes INTEGER,
    -- The sizes of the contents in project_contents; kept in the transactions that change them.
    used_bytes  INTEGER NOT NULL DEFAULT 0 CHECK (used_bytes >= 0),
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL
) STRICT;

CREATE TABLE members (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    project_id INTEGER NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    user_id    INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    role       INTEGER NOT NULL CHECK (role BETWEEN 1 AND 5),
    created_at INTEGER NOT NULL,
    UNIQUE (project_id, user_id)
) STRICT;
CREATE INDEX members_by_user ON members (user_id);

CREATE TABLE robots (
    id                   INTEGER PRIMARY KEY AUTOINCREMENT,
    -- The full login name, such as robot$shop+ci.
    name                 TEXT NOT NULL UNIQUE,
    project_id           INTEGER REFERENCES projects (id) ON DELETE CASCADE,
    description          TEXT NOT NULL DEFAULT '',
    -- A JSON list of wharf_access::RobotGrant.
    grants               TEXT NOT NULL,
    expires_at           INTEGER,
    disabled             INTEGER NOT NULL DEFAULT 0 CHECK (disabled IN (0, 1)),
    secret_hash          TEXT NOT NULL,
    previous_secret_hash TEXT,
    previous_valid_until INTEGER,
    created_at           INTEGER NOT NULL,
    updated_at           INTEGER NOT NULL
) STRICT;
CREATE INDEX robots_by_project ON robots (project_id);

-- Content ----------------------------------------------------------------------------------------------------------

-- Every digest that the catalog speaks of. Bytes that are present lie in `bytes` (manifests, small blobs), in the
-- blob store under `key`, or in both; with neither, the digest is only referred to.
CREATE TABLE contents (
    id                 INTEGER PRIMARY KEY AUTOINCREMENT,
    digest             TEXT NOT NULL UNIQUE,
    size               INTEGER NOT NULL DEFAULT 0 CHECK (size >= 0),
    key                TEXT UNIQUE,
    -- Set when bytes are present that no repository has.
    unreferenced_since INTEGER,
    bytes              BLOB
) STRICT;
CREATE INDEX contents_unreferenced ON contents (unreferenced_since) WHERE unreferenced_since IS NOT NULL;

-- Keys that no content names any more and whose bytes are still to be removed from the blob store.
CREATE TABLE released_keys (
    key         TEXT PRIMARY KEY,
    released_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE repositories (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    project_id  INTEGER NOT NULL REFERENCES projects (id),
    name        TEXT NOT NULL UNIQUE,
    description TEXT NOT NULL DEFAULT '',
    pulls       INTEGER NOT NULL DEFAULT 0,
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL
) STRICT;
CREATE INDEX repositories_by_project ON repositories (project_id, name);

-- Contents that a project has, as blob or as manifest, in one repository or more: what its quota counts.
CREATE TABLE project_contents (
    project_id INTEGER NOT NULL REFERENCES projects (id),
    content_id INTEGER NOT NULL REFERENCES contents (id),
    PRIMARY KEY (project_id, content_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX project_contents_by_content ON project_contents (content_id);

-- Blobs that a repository links.
CREATE TABLE blob_links (
    repository_id      INTEGER NOT NULL REFERENCES repositories (id),
    content_id         INTEGER NOT NULL REFERENCES contents (id),
    -- The repository's project, for the index (copied columns carry no foreign key: each would need its own index).
    project_id         INTEGER NOT NULL,
    -- Set when no manifest of the repository uses it.
    unreferenced_since INTEGER,
    PRIMARY KEY (repository_id, content_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX blob_links_by_content ON blob_links (content_id, project_id);
CREATE INDEX blob_links_unreferenced ON blob_links (unreferenced_since) WHERE unreferenced_since IS NOT NULL;

-- Manifests that a repository has.
CREATE TABLE manifests (
    id                 INTEGER PRIMARY KEY AUTOINCREMENT,
    repository_id      INTEGER NOT NULL REFERENCES repositories (id),
    -- The repository's project, for the index.
    project_id         INTEGER NOT NULL,
    content_id         INTEGER NOT NULL REFERENCES contents (id),
    digest             TEXT NOT NULL,
    media_type         TEXT NOT NULL,
    -- The effective artifact type.
    artifact_type      TEXT,
    config_media_type  TEXT,
    subject            TEXT,
    -- A JSON object, absent when empty.
    annotations        TEXT,
    -- The manifest with the blobs that it refers to, in bytes.
    total_size         INTEGER NOT NULL,
    pushed_at          INTEGER NOT NULL,
    pulled_at          INTEGER,
    pulls              INTEGER NOT NULL DEFAULT 0,
    -- Set when it has no tag, no index of the repository lists it, and its subject (if any) is not in the repository.
    unreferenced_since INTEGER,
    UNIQUE (repository_id, digest)
) STRICT;
CREATE INDEX manifests_by_content ON manifests (content_id, project_id);
CREATE INDEX manifests_by_subject ON manifests (repository_id, subject, digest) WHERE subject IS NOT NULL;
CREATE INDEX manifests_untagged ON manifests (unreferenced_since)
    WHERE unreferenced_since IS NOT NULL AND subject IS NULL;
CREATE INDEX manifests_orphaned ON manifests (unreferenced_since)
    WHERE unreferenced_since IS NOT NULL AND subject IS NOT NULL;

-- Blobs that a manifest refers to, present or not.
CREATE TABLE manifest_blobs (
    manifest_id   INTEGER NOT NULL REFERENCES manifests (id),
    content_id    INTEGER NOT NULL REFERENCES contents (id),
    -- The manifest's repository, for the index.
    repository_id INTEGER NOT NULL,
    PRIMARY KEY (manifest_id, content_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX manifest_blobs_by_content ON manifest_blobs (content_id, repository_id);

-- Manifests that an index lists, present or not.
CREATE TABLE manifest_children (
    manifest_id   INTEGER NOT NULL REFERENCES manifests (id),
    digest        TEXT NOT NULL,
    -- The manifest's repository, for the index.
    repository_id INTEGER NOT NULL,
    PRIMARY KEY (manifest_id, digest)
) STRICT, WITHOUT ROWID;
CREATE INDEX manifest_children_by_digest ON manifest_children (repository_id, digest);

CREATE TABLE tags (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    repository_id INTEGER NOT NULL REFERENCES repositories (id),
    name          TEXT NOT NULL,
    manifest_id   INTEGER NOT NULL REFERENCES manifests (id),
    pushed_at     INTEGER NOT NULL,
    UNIQUE (repository_id, name)
) STRICT;
CREATE INDEX tags_by_manifest ON tags (manifest_id);

-- Where a tag has pointed; digest is absent where it was deleted. Goes with its repository.
CREATE TABLE tag_history (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    repository_id INTEGER NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
    tag           TEXT NOT NULL,
    digest        TEXT,
    at            INTEGER NOT NULL,
    actor         TEXT NOT NULL
) STRICT;
CREATE INDEX tag_history_by_tag ON tag_history (repository_id, tag, id);

-- Audit ------------------------------------------------------------------------------------------------------------

CREATE TABLE audit (
    id        INTEGER PRIMARY KEY AUTOINCREMENT,
    at_millis INTEGER NOT NULL,
    actor     TEXT NOT NULL,
    address   TEXT,
    operation TEXT NOT NULL,
    project   TEXT,
    resource  TEXT NOT NULL,
    digest    TEXT,
    outcome   TEXT NOT NULL,
    detail    TEXT,
    count     INTEGER NOT NULL DEFAULT 1
) STRICT;
CREATE INDEX audit_by_project ON audit (project, id);
CREATE INDEX audit_by_time ON audit (at_millis);
