-- The service's own counters of every stage, as of the log row in meta's stage_counts_seq. What
-- happened since is counted from the log.
CREATE TABLE stage_counts (
  workflow  INTEGER NOT NULL,
  state     TEXT NOT NULL,
  entered   INTEGER NOT NULL,
  in_flight INTEGER NOT NULL,
  completed INTEGER NOT NULL,
  failed    INTEGER NOT NULL,
  dead      INTEGER NOT NULL,
  PRIMARY KEY (workflow, state)
) STRICT, WITHOUT ROWID;
