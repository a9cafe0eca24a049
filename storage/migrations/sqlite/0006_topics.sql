-- Bindings: what of a topic's messages goes where.
CREATE TABLE bindings (
  topic     TEXT NOT NULL,
  name      TEXT NOT NULL,
  pattern   TEXT NOT NULL,                         -- of routing keys
  filter    TEXT,                                  -- "{% … %}"
  target    TEXT NOT NULL,                         -- "queue:Q", "workflow:W", "event:E"
  event_key TEXT,                                  -- of an event: text, or "{% … %}"
  workflow  INTEGER,                               -- whose definition has it as a trigger; NULL: an operator's
  PRIMARY KEY (topic, name)
) STRICT, WITHOUT ROWID;

-- Dead letters of a fourth kind: messages that a binding's target could not take.
-- status: 1 open, 2 replayed, 3 dropped. kind: 1 stage, 2 state, 3 queue, 4 binding.
CREATE TABLE dead_letters_4 (
  id       INTEGER PRIMARY KEY,
  kind     INTEGER NOT NULL CHECK (kind BETWEEN 1 AND 4),
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
  topic    TEXT,
  binding  TEXT,
  key      TEXT,                                   -- the message's routing key
  CHECK ((kind IN (3, 4)) = (run IS NULL)),
  CHECK ((kind = 4) = (topic IS NOT NULL AND binding IS NOT NULL AND key IS NOT NULL))
) STRICT;
INSERT INTO dead_letters_4 (id, kind, status, queue, run, frame, workflow, state, error, cause, at,
                            attempts, priority, body, headers, failures, reason)
  SELECT id, kind, status, queue, run, frame, workflow, state, error, cause, at,
         attempts, priority, body, headers, failures, reason FROM dead_letters;
DROP TABLE dead_letters;
ALTER TABLE dead_letters_4 RENAME TO dead_letters;
CREATE INDEX dead_letters_open ON dead_letters (queue) WHERE status = 1;
CREATE UNIQUE INDEX dead_letters_of_run ON dead_letters (run, frame, state) WHERE status = 1 AND run IS NOT NULL;
