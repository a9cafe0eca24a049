-- Frames that Parallel and Map states spawn, and runs that runs start.

-- One row for every branch, item or batch of a Parallel or Map, from its spawning until its parent
-- has gone on. `spawn` is the log row with which the parent entered the state.
-- status: 1 live, 2 succeeded, 3 failed, 4 stopped because another failed, 5 to be taken up again.
CREATE TABLE children (
  spawn    INTEGER NOT NULL,
  idx      INTEGER NOT NULL,                       -- of the branch, item or batch
  frame    INTEGER NOT NULL,
  status   INTEGER NOT NULL CHECK (status BETWEEN 1 AND 5),
  result   INTEGER,                                -- where its output, or its error object, is stored
  last_seq INTEGER,                                -- its last log row
  PRIMARY KEY (spawn, idx),
  CHECK ((status = 1) = (last_seq IS NULL)),
  CHECK ((status IN (2, 3)) = (result IS NOT NULL) OR status = 5)
) STRICT, WITHOUT ROWID;

-- Spawns whose parent has gone on: their rows are deleted a step at a time.
CREATE TABLE spent_spawns (
  spawn INTEGER PRIMARY KEY
) STRICT;

-- The rows of one frame, newest last. Root frames are found through `prev`, and cost no index.
CREATE INDEX log_of_children ON log (run, frame, seq) WHERE frame IS NOT NULL;

-- The run and the frame that started this run.
ALTER TABLE runs ADD COLUMN parent_run INTEGER;
ALTER TABLE runs ADD COLUMN parent_frame INTEGER;
