-- Events that states wait for.

-- Settings, as the definitions give them. Events without a row have the defaults.
CREATE TABLE events (
  name        TEXT PRIMARY KEY,
  keep_us     INTEGER NOT NULL,
  deliver_all INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- One row per frame of wait_kind 7. `since` is the log row with which it began to wait.
CREATE TABLE event_waiters (
  name  TEXT NOT NULL,
  key   TEXT NOT NULL,
  since INTEGER NOT NULL,
  frame INTEGER NOT NULL,
  PRIMARY KEY (name, key, since)
) STRICT, WITHOUT ROWID;

-- What was published and is kept for those who begin to wait later, or is on its way to many.
CREATE TABLE kept_events (
  id     INTEGER PRIMARY KEY,
  name   TEXT NOT NULL,
  key    TEXT NOT NULL,
  body   TEXT NOT NULL,
  at     INTEGER NOT NULL,
  until  INTEGER NOT NULL,                         -- wall time; then it is forgotten
  waking INTEGER                                   -- waiters up to this `since` are still to get it
) STRICT;
CREATE INDEX kept_events_of_key ON kept_events (name, key, id);
CREATE INDEX kept_events_until ON kept_events (until);
CREATE INDEX kept_events_waking ON kept_events (id) WHERE waking IS NOT NULL;
