-- Counters that definitions change. One that is not here stands at 0.
CREATE TABLE counters (
  name  TEXT PRIMARY KEY,
  value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Who waits at a gate. test: workflows/flow_control.h.
CREATE TABLE gate_lines (
  counter TEXT NOT NULL,
  place   INTEGER NOT NULL,
  test    INTEGER NOT NULL CHECK (test BETWEEN 1 AND 5),
  bound   INTEGER NOT NULL,
  frame   INTEGER NOT NULL,
  run     INTEGER NOT NULL,
  since   INTEGER NOT NULL,
  PRIMARY KEY (counter, place)
) STRICT, WITHOUT ROWID;

-- Who holds a lock, and who waits for it: one row from asking to giving back.
CREATE TABLE lock_lines (
  name    TEXT NOT NULL,
  place   INTEGER NOT NULL,                        -- the order of asking, over all locks
  held    INTEGER NOT NULL CHECK (held IN (0, 1)),
  permits INTEGER NOT NULL CHECK (permits > 0),
  frame   INTEGER NOT NULL,
  run     INTEGER NOT NULL,
  since   INTEGER NOT NULL,                        -- held: since when; else: in line since
  PRIMARY KEY (name, place)
) STRICT, WITHOUT ROWID;
