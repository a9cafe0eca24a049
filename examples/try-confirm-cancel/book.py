"""The book of a service: a reservation is reserved, then confirmed or cancelled. A SQLite file for each service."""
import os
import sqlite3
import threading
import zlib

SERVICES = ("flight", "hotel", "car")
SCHEMA = """
CREATE TABLE IF NOT EXISTS reservations (
  id     TEXT PRIMARY KEY,
  trip   TEXT NOT NULL,
  status TEXT NOT NULL
);
-- Every change that had its effect, in order.
CREATE TABLE IF NOT EXISTS changes (
  number INTEGER PRIMARY KEY,
  id     TEXT NOT NULL,
  status TEXT NOT NULL
);
"""


class Book:
    """Thread-safe. Every method may be repeated: the second time changes nothing."""

    def __init__(self, directory, service):
        self._lock = threading.Lock()
        path = os.path.join(directory, f"{service}.sqlite")
        self._db = sqlite3.connect(path, timeout=20, isolation_level=None, check_same_thread=False)
        self._db.executescript(SCHEMA)

    def reserve(self, reservation, trip):
        self._change("INSERT INTO reservations (id, trip, status) VALUES (?1, ?2, 'reserved') ON CONFLICT DO NOTHING",
                     (reservation, trip), reservation, "reserved")

    def move(self, reservation, status):
        """From reserved, or to cancelled from confirmed."""
        self._change("UPDATE reservations SET status = ?2 WHERE id = ?1 AND status <> ?2 AND status <> 'cancelled'",
                     (reservation, status), reservation, status)

    def _change(self, statement, values, reservation, status):
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                if self._db.execute(statement, values).rowcount > 0:
                    self._db.execute("INSERT INTO changes (id, status) VALUES (?, ?)", (reservation, status))
                self._db.execute("COMMIT")
            except BaseException:
                self._db.execute("ROLLBACK")
                raise

    @staticmethod
    def is_stubborn(trip):
        return zlib.crc32(trip.encode()) % 3 == 0


def statuses(directory):
    """{trip: {service: status}} of all three."""
    found = {}
    for service in SERVICES:
        db = sqlite3.connect(f"file:{os.path.join(directory, service)}.sqlite?mode=ro", uri=True, timeout=20)
        for trip, status in db.execute("SELECT trip, status FROM reservations"):
            found.setdefault(trip, {})[service] = status
        db.close()
    return found
