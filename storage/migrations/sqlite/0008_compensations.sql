-- Runs that are undone: COMPENSATING (7) and COMPENSATED (8); dead letters of kind 5 (compensation)
-- and of status 4 (compensated).

-- A stage that was completed and can be undone, written with its completion. `seq`: the log row that
-- completed it, so the order of completion over the whole run. `state`: what undoes it, a state of
-- `version`. They go with the run's log.
-- status: 1 pending, 2 being undone, 3 undone, 4 failed to be.
CREATE TABLE compensations (
  run     INTEGER NOT NULL,
  seq     INTEGER NOT NULL,
  frame   INTEGER NOT NULL,
  version INTEGER NOT NULL,
  state   INTEGER NOT NULL,
  input   INTEGER NOT NULL,                        -- where the stage's input is stored
  output  INTEGER NOT NULL,
  status  INTEGER NOT NULL CHECK (status BETWEEN 1 AND 4),
  PRIMARY KEY (run, seq)
) STRICT, WITHOUT ROWID;

-- The CHECKs change in place, as in 0005.
PRAGMA writable_schema = ON;
UPDATE sqlite_schema
  SET sql = replace(replace(sql, 'CHECK (status BETWEEN 1 AND 6)', 'CHECK (status BETWEEN 1 AND 8)'),
                    'CHECK ((status IN (1, 6)) = (ended_at IS NULL))',
                    'CHECK ((status = 1 OR status BETWEEN 6 AND 7) = (ended_at IS NULL))')
  WHERE type = 'table' AND name = 'runs';
UPDATE sqlite_schema
  SET sql = replace(replace(sql, 'CHECK (kind BETWEEN 1 AND 4)', 'CHECK (kind BETWEEN 1 AND 5)'),
                    'CHECK (status BETWEEN 1 AND 3)', 'CHECK (status BETWEEN 1 AND 4)')
  WHERE type = 'table' AND name = 'dead_letters';
PRAGMA writable_schema = RESET;
