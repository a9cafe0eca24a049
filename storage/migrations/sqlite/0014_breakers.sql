-- Circuit breakers that are not closed. state: 1 open, 2 half-open.
CREATE TABLE breakers (
  queue    INTEGER PRIMARY KEY,
  state    INTEGER NOT NULL CHECK (state IN (1, 2)),
  since_at INTEGER NOT NULL,
  reason   TEXT NOT NULL,
  probe_at INTEGER,                                -- engine time; NULL: by an operator's word only
  workflow INTEGER                                 -- that is paused with the queue
) STRICT;
