-- Schedules: when runs of a workflow start by themselves. They belong to its latest version.
CREATE TABLE schedules (
  id        INTEGER PRIMARY KEY,
  workflow  INTEGER NOT NULL,
  place     INTEGER NOT NULL,                      -- in the definition's Triggers
  kind      INTEGER NOT NULL CHECK (kind BETWEEN 1 AND 3),     -- 1 Schedule, 2 EverySeconds, 3 At
  text      TEXT NOT NULL,                         -- the cron expression; the seconds; the time
  time_zone TEXT NOT NULL,
  overlap   INTEGER NOT NULL CHECK (overlap BETWEEN 1 AND 4),  -- 1 Skip, 2 Queue, 3 CancelPrevious, 4 Allow
  catch_up  INTEGER NOT NULL,                      -- seconds
  input     TEXT,                                  -- JSON
  paused    INTEGER NOT NULL,
  past      INTEGER NOT NULL,                      -- occurrences up to this wall time are dealt with
  run       INTEGER,                               -- the last that it started
  started   INTEGER NOT NULL,                      -- runs
  skipped   INTEGER NOT NULL                       -- occurrences: too late, or a run was still live
) STRICT;
