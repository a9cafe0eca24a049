-- Bulk jobs, and what they are for. status: 1 running, 2 done, 3 stopped.
CREATE TABLE jobs (
  id           INTEGER PRIMARY KEY,
  status       INTEGER NOT NULL CHECK (status BETWEEN 1 AND 3),
  request      TEXT NOT NULL,                      -- JSON, as it was given
  principal    TEXT NOT NULL,
  reason       TEXT,
  created_at   INTEGER NOT NULL,
  ended_at     INTEGER,
  why          TEXT,                               -- it was stopped
  collected    INTEGER NOT NULL CHECK (collected IN (0, 1)),
  walked       INTEGER NOT NULL,                   -- while it collects: the last one looked at
  cursor       INTEGER NOT NULL,                   -- the last one dealt with
  matched      INTEGER NOT NULL,
  done         INTEGER NOT NULL,
  failed       INTEGER NOT NULL,
  skipped      INTEGER NOT NULL,
  refused      INTEGER NOT NULL,
  in_flight    INTEGER NOT NULL,
  went_on      INTEGER NOT NULL,
  failed_again INTEGER NOT NULL,
  outcomes     TEXT NOT NULL,                      -- the latest: 1 failed again, 0 went on
  problems     TEXT NOT NULL,                      -- JSON array
  CHECK ((status = 1) = (ended_at IS NULL))
) STRICT;
CREATE INDEX jobs_running ON jobs (id) WHERE status = 1;

-- What a job has yet to deal with, and after its cursor's place what is in flight: a run, with the
-- frame and entry from which it must get on, or the message that a bare one's replay made.
CREATE TABLE job_items (
  job     INTEGER NOT NULL,
  item    INTEGER NOT NULL,                        -- a dead letter, or a run
  run     INTEGER,
  frame   INTEGER,
  entry   INTEGER,
  message INTEGER,
  PRIMARY KEY (job, item)
) STRICT, WITHOUT ROWID;

-- How often work was replayed that had died: states of runs, and bare messages that replays made
-- (`letter`: the dead letter that one has ended as).
CREATE TABLE state_replays (
  run   INTEGER NOT NULL,
  frame INTEGER NOT NULL,
  state TEXT NOT NULL,
  count INTEGER NOT NULL,
  PRIMARY KEY (run, frame, state)
) STRICT, WITHOUT ROWID;
CREATE TABLE message_replays (
  message INTEGER PRIMARY KEY,
  count   INTEGER NOT NULL,
  letter  INTEGER
) STRICT;
CREATE INDEX message_replays_letter ON message_replays (letter) WHERE letter IS NOT NULL;
