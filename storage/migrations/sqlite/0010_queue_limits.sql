-- What a queue's limits must know after a restart.
CREATE TABLE queue_limits (
  queue     INTEGER PRIMARY KEY,
  rate_next INTEGER NOT NULL                       -- engine time in ns: when the bucket is full again
) STRICT;

-- The lines of ordering keys: of one queue and key only the message with the smallest place may go.
-- dead_letter: it ended as this letter, which keeps its place (OrderOnDead: Block).
CREATE TABLE order_lines (
  queue       INTEGER NOT NULL,
  order_key   TEXT NOT NULL,
  place       INTEGER NOT NULL,
  message     INTEGER NOT NULL,
  dead_letter INTEGER,
  PRIMARY KEY (queue, order_key, place)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX order_lines_message ON order_lines (message);
CREATE INDEX order_lines_dead ON order_lines (dead_letter) WHERE dead_letter IS NOT NULL;
-- Who waits for room in a full queue.
CREATE TABLE room_lines (
  queue INTEGER NOT NULL,
  place INTEGER NOT NULL,
  who   INTEGER NOT NULL,                          -- opaque to queue/: the frame
  PRIMARY KEY (queue, place)
) STRICT, WITHOUT ROWID;

-- The ordering key of a bare message that is a dead letter now.
CREATE TABLE letter_keys (
  dead_letter INTEGER PRIMARY KEY,
  order_key   TEXT NOT NULL
) STRICT;
CREATE INDEX messages_blocked ON messages (queue, lane) WHERE state = 3;
