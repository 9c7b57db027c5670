-- The trust policy of a project, whose demands content must satisfy before it can be pulled. The text is kept as it came.
CREATE TABLE project_policies (
    project_id INTEGER PRIMARY KEY REFERENCES projects (id) ON DELETE CASCADE,
    -- Of the text.
    digest     TEXT NOT NULL,
    -- The host in the names by which the policy judges, HOST/REPOSITORY: no request can choose it.
    host       TEXT NOT NULL,
    text       BLOB NOT NULL,
    set_at     INTEGER NOT NULL,
    set_by     TEXT NOT NULL
) STRICT;
-- The same digest, so that a pull from a project without a policy looks at nothing more than the project's row.
ALTER TABLE projects ADD COLUMN policy_digest TEXT;
