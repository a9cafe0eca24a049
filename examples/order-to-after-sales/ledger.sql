-- The workers' side ledger. One file per stage; several workers of a stage share it.
-- Times are milliseconds since 1970.

-- What was done: once per idempotency key, however often it was tried.
CREATE TABLE IF NOT EXISTS effects(
  idempotency_key TEXT PRIMARY KEY, stage TEXT NOT NULL, run TEXT NOT NULL, "order" TEXT NOT NULL,
  worker TEXT NOT NULL, attempt INTEGER NOT NULL, at INTEGER NOT NULL) STRICT;

-- Every time a worker was handed a piece of work, what it made of it, and whether this attempt had the effect.
CREATE TABLE IF NOT EXISTS attempts(
  idempotency_key TEXT NOT NULL, stage TEXT NOT NULL, run TEXT NOT NULL, "order" TEXT NOT NULL,
  worker TEXT NOT NULL, attempt INTEGER NOT NULL, at INTEGER NOT NULL, result TEXT NOT NULL,
  effect INTEGER NOT NULL) STRICT;

-- What the carrier has taken (the shipping worker's file only), until it has answered for it.
CREATE TABLE IF NOT EXISTS parcels(
  idempotency_key TEXT PRIMARY KEY, run TEXT NOT NULL, "order" TEXT NOT NULL, token TEXT NOT NULL,
  attempt INTEGER NOT NULL, shipper TEXT NOT NULL, deliverable INTEGER NOT NULL, due INTEGER NOT NULL,
  answered INTEGER) STRICT;
