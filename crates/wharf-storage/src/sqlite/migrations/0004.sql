-- A repository that is being removed: since when. Nobody sees it any more; its own name is followed by '!' and its number,
-- which no name has, so that the name is free again. What it holds goes step by step, and the row last.
ALTER TABLE repositories ADD COLUMN going_since INTEGER;
CREATE INDEX repositories_going ON repositories (project_id) WHERE going_since IS NOT NULL;
