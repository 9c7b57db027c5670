-- The audit log: who did it and what it was done to are asked for as the project is.
CREATE INDEX audit_by_actor ON audit (actor, id);
CREATE INDEX audit_by_resource ON audit (resource, id);
-- Failed logins, which anybody can cause: they have a share of the log only.
CREATE INDEX audit_failed_logins ON audit (id) WHERE operation = 'login_user' AND outcome <> 'success';

-- From where on a project's log is its own: what is older was done in a project of the same name that is gone. The
-- number of the last entry before it was made, and when it was made (Unix milliseconds).
ALTER TABLE projects ADD COLUMN log_after INTEGER NOT NULL DEFAULT 0;
ALTER TABLE projects ADD COLUMN log_since INTEGER NOT NULL DEFAULT 0;
UPDATE projects SET log_since = created_at * 1000;
