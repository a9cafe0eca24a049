-- What operators changed: who, when, why, what. A row is written with the change itself.
CREATE TABLE audit (
  id        INTEGER PRIMARY KEY,
  at        INTEGER NOT NULL,
  principal TEXT NOT NULL,
  kind      TEXT NOT NULL,                         -- "run.cancel", "queue.pause", …
  target    TEXT NOT NULL,                         -- "run:ID", "queue:NAME", …
  reason    TEXT,
  detail    TEXT NOT NULL                          -- JSON object
) STRICT;
CREATE INDEX audit_of_target ON audit (target);
