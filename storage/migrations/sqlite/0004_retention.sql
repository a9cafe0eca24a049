-- How long ended runs are kept.

-- As the definition says (RetentionSeconds); NULL: as the server does.
ALTER TABLE workflow_versions ADD COLUMN retention_s INTEGER;

-- Runs that are deleted, but for log rows that go a step at a time. `last_seq`: the root frame's
-- latest row that is left; 0: none.
CREATE TABLE dropped_runs (
  run      INTEGER PRIMARY KEY,
  last_seq INTEGER NOT NULL
) STRICT;
