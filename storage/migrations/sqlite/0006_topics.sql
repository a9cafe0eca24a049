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

-- Dead letters of kind 4, binding: messages that a binding's target could not take. What is stored
-- stays as it is: the text of the table's CHECKs is changed in place, as in 0005.
ALTER TABLE dead_letters ADD COLUMN topic TEXT;
ALTER TABLE dead_letters ADD COLUMN binding TEXT;
ALTER TABLE dead_letters ADD COLUMN key TEXT;      -- the message's routing key
PRAGMA writable_schema = ON;
UPDATE sqlite_schema
  SET sql = replace(replace(sql, 'CHECK (kind BETWEEN 1 AND 3)', 'CHECK (kind BETWEEN 1 AND 4)'),
                    'CHECK ((kind = 3) = (run IS NULL))',
                    'CHECK ((kind >= 3) = (run IS NULL)), CHECK ((kind = 4) = (binding IS NOT NULL))')
  WHERE type = 'table' AND name = 'dead_letters';
PRAGMA writable_schema = RESET;
