-- The first schema. Times are microseconds: *_at are wall time (UTC), *_until and engine dues are engine time.

-- Single facts: the engine's clock, the token secret.
CREATE TABLE meta (
  key   TEXT PRIMARY KEY,
  value ANY
) STRICT, WITHOUT ROWID;

-- ---- queue/ ---------------------------------------------------------------------------------------------

CREATE TABLE queues (
  id                  INTEGER PRIMARY KEY AUTOINCREMENT,  -- a deleted queue's number is not given again:
                                                      -- closed dead letters and dedup ids name it
  name                TEXT NOT NULL UNIQUE,
  operator_settings   TEXT,                        -- the operator's word (JSON); it wins until it is cleared
  definition_settings TEXT,                        -- what a deployed definition says (JSON)
  paused              INTEGER NOT NULL DEFAULT 0 CHECK (paused IN (0, 1)),
  paused_since        INTEGER NOT NULL DEFAULT 0,  -- engine time
  paused_total        INTEGER NOT NULL DEFAULT 0,  -- all earlier pauses together
  created_at          INTEGER NOT NULL
) STRICT;

-- A message, and for a stage message also the frame of the run that waits for it: `owner` is the frame, opaque here.
-- state: 1 ready, 2 delayed, 3 blocked, 4 leased, 5 held (set aside by its owner).
CREATE TABLE messages (
  id          INTEGER PRIMARY KEY,
  queue       INTEGER NOT NULL,
  lane        INTEGER NOT NULL,                    -- who shares the queue in turns: the workflow; 0 for bare messages
  state       INTEGER NOT NULL CHECK (state BETWEEN 1 AND 5),
  rank        INTEGER NOT NULL,                    -- order in the line: enqueue time less priority times ageing
  priority    INTEGER NOT NULL CHECK (priority BETWEEN 0 AND 9),
  attempt     INTEGER NOT NULL,                    -- hand-outs of this work so far
  lost        INTEGER NOT NULL,                    -- deliveries used up: lost leases, and failures of a bare message
  fence       INTEGER NOT NULL,                    -- of the latest hand-out; only grows
  since_at    INTEGER NOT NULL,                    -- when it came into its present state
  due_clock   INTEGER,                             -- delayed: 0 wall, 1 engine
  due         INTEGER,
  expires_at  INTEGER,
  lease_until INTEGER,
  session     INTEGER,                             -- leased: who holds it; 0 belongs to no connection
  worker      TEXT,
  body        TEXT,                                -- or else:
  body_ref    INTEGER,                             -- where the owner keeps it
  headers     TEXT,
  failures    TEXT,                                -- JSON array, one entry per attempt that failed or was lost
  owner       BLOB,
  CHECK ((state = 4) = (lease_until IS NOT NULL AND session IS NOT NULL)),
  CHECK ((state = 2) = (due IS NOT NULL)),
  CHECK ((due IS NULL) = (due_clock IS NULL)),
  CHECK ((body IS NULL) <> (body_ref IS NULL))
) STRICT;
CREATE INDEX messages_ready    ON messages (queue, lane, rank)     WHERE state = 1;
CREATE INDEX messages_due      ON messages (due_clock, due)        WHERE state = 2;
CREATE INDEX messages_delayed  ON messages (queue, lane)           WHERE state = 2;
CREATE INDEX messages_leased   ON messages (id)                    WHERE state = 4;
CREATE INDEX messages_held     ON messages (queue, lane)           WHERE state = 5;
CREATE INDEX messages_expiring ON messages (expires_at)            WHERE expires_at IS NOT NULL;

-- Dedup ids of bare queues, until expires_at.
CREATE TABLE dedup (
  queue      INTEGER NOT NULL,
  dedup_id   TEXT NOT NULL,
  message    INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  PRIMARY KEY (queue, dedup_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX dedup_expiring ON dedup (expires_at);

-- Hand-outs of bare messages that ended by a verb, for ten minutes: a repeated verb is recognised by it.
CREATE TABLE settled (
  message INTEGER NOT NULL,
  fence   INTEGER NOT NULL,
  verb    INTEGER NOT NULL,                        -- 1 complete, 2 fail, 3 release
  at      INTEGER NOT NULL,
  PRIMARY KEY (message, fence)
) STRICT, WITHOUT ROWID;

-- status: 1 open, 2 replayed, 3 dropped. kind: 1 stage, 2 state, 3 queue.
CREATE TABLE dead_letters (
  id       INTEGER PRIMARY KEY,
  kind     INTEGER NOT NULL CHECK (kind BETWEEN 1 AND 3),
  status   INTEGER NOT NULL CHECK (status BETWEEN 1 AND 3),
  queue    INTEGER,
  run      INTEGER,
  frame    INTEGER,
  workflow INTEGER,
  state    TEXT,
  error    TEXT NOT NULL,
  cause    TEXT NOT NULL,
  at       INTEGER NOT NULL,
  attempts INTEGER NOT NULL,
  priority INTEGER NOT NULL,
  body     TEXT NOT NULL,
  headers  TEXT,
  failures TEXT NOT NULL,                          -- JSON array, as in messages
  reason   TEXT,
  CHECK ((kind = 3) = (run IS NULL))
) STRICT;
CREATE INDEX dead_letters_open ON dead_letters (queue) WHERE status = 1;
CREATE UNIQUE INDEX dead_letters_of_run ON dead_letters (run, frame, state) WHERE status = 1 AND run IS NOT NULL;

-- ---- orchestrator/ --------------------------------------------------------------------------------------

CREATE TABLE workflows (
  id      INTEGER PRIMARY KEY,
  name    TEXT NOT NULL UNIQUE,
  latest  INTEGER NOT NULL,                        -- version number
  paused  INTEGER NOT NULL DEFAULT 0 CHECK (paused IN (0, 1)),
  paused_since INTEGER NOT NULL DEFAULT 0,         -- engine time
  paused_total INTEGER NOT NULL DEFAULT 0,
  deleted INTEGER NOT NULL DEFAULT 0 CHECK (deleted IN (0, 1))
) STRICT;

CREATE TABLE workflow_versions (
  id          INTEGER PRIMARY KEY,
  workflow    INTEGER NOT NULL,
  version     INTEGER NOT NULL,
  hash        TEXT NOT NULL,
  definition  TEXT NOT NULL,
  deployed_at INTEGER NOT NULL,
  UNIQUE (workflow, version)
) STRICT;

-- status: 1 RUNNING, 2 SUCCEEDED, 3 FAILED, 4 TIMED_OUT, 5 ABORTED, 6 PAUSED.
CREATE TABLE runs (
  id         INTEGER PRIMARY KEY,
  version    INTEGER NOT NULL,                     -- workflow_versions.id
  workflow   INTEGER NOT NULL,
  status     INTEGER NOT NULL CHECK (status BETWEEN 1 AND 6),
  name       TEXT,
  labels     TEXT,                                 -- JSON object
  priority   INTEGER,
  not_before INTEGER,
  first_seq  INTEGER NOT NULL,                     -- its first log row, which holds the input
  started_at INTEGER NOT NULL,
  ended_at   INTEGER,
  last_seq   INTEGER,                              -- its last log row; while it runs, its frames know theirs
  error      TEXT,
  redrives   INTEGER NOT NULL DEFAULT 0,
  CHECK ((status IN (1, 6)) = (ended_at IS NULL)),
  CHECK ((ended_at IS NULL) = (last_seq IS NULL))
) STRICT;
CREATE UNIQUE INDEX runs_name ON runs (workflow, name) WHERE name IS NOT NULL;
CREATE INDEX runs_attention ON runs (status) WHERE status > 2;

-- Frames that wait for something else than a message. wait_kind: see orchestrator/wait_kind.h.
CREATE TABLE frames (
  id        INTEGER PRIMARY KEY,
  wait_kind INTEGER NOT NULL,
  since_at  INTEGER NOT NULL,
  due_clock INTEGER,
  due       INTEGER,
  data      BLOB NOT NULL,
  CHECK ((wait_kind IN (2, 11)) = (due IS NOT NULL)),
  CHECK ((due IS NULL) = (due_clock IS NULL))
) STRICT;
CREATE INDEX frames_due ON frames (due_clock, due) WHERE due IS NOT NULL;

-- Time-outs of frames and runs: rows that may exist beside the one a frame waits for.
-- kind: 1 task time-out, 2 heartbeat, 3 run time-out.
CREATE TABLE deadlines (
  due   INTEGER NOT NULL,                          -- engine time
  frame INTEGER NOT NULL,
  kind  INTEGER NOT NULL CHECK (kind BETWEEN 1 AND 3),
  PRIMARY KEY (due, frame, kind)
) STRICT, WITHOUT ROWID;

-- What happened, one row per transition, append-only. `events` and `docs`: orchestrator/log_format.h.
CREATE TABLE log (
  seq    INTEGER PRIMARY KEY,
  run    INTEGER NOT NULL,
  frame  INTEGER,                                  -- NULL: the root frame, whose number is the run's
  prev   INTEGER,                                  -- the frame's row before this one
  at     INTEGER NOT NULL,
  events BLOB NOT NULL,
  docs   BLOB
) STRICT;

-- Answers kept for 24 hours under a client's Idempotency-Key.
CREATE TABLE idempotency (
  key         TEXT PRIMARY KEY,
  fingerprint TEXT NOT NULL,
  answer      TEXT NOT NULL,
  at          INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX idempotency_age ON idempotency (at);
