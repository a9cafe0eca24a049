"""The side ledger, for Python: the same tables as the other workers keep (ledger.sql)."""
import os
import sqlite3
import threading
import time

STAGES = ("order", "pay", "ship", "after-sales")  # a file each; refunds stand in pay's


def path_of(directory, stage):
    return os.path.join(directory, f"{stage}.sqlite")


def create(directory):
    """Makes the files before the first worker starts. Harmless to repeat."""
    os.makedirs(directory, exist_ok=True)
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "ledger.sql"), encoding="utf-8") as file:
        schema = file.read()
    for stage in STAGES:
        db = sqlite3.connect(path_of(directory, stage), timeout=20)
        db.executescript(schema)
        db.close()


def read(directory, query):
    """The rows of a query over every stage's file."""
    rows = []
    for stage in STAGES:
        db = sqlite3.connect(f"file:{path_of(directory, stage)}?mode=ro", uri=True, timeout=20)
        rows += db.execute(query).fetchall()
        db.close()
    return rows


class Ledger:
    """One worker's view of it. Thread-safe; several processes may share a file."""

    def __init__(self, path, worker):
        self._worker = worker
        self._lock = threading.Lock()
        self._db = sqlite3.connect(path, timeout=20, isolation_level=None, check_same_thread=False)
        self._db.execute("PRAGMA journal_mode = TRUNCATE")
        self._db.execute("PRAGMA synchronous = NORMAL")

    def tried(self, task, stage, order, result):
        """An attempt that came to nothing; ``result`` says why."""
        self._write(task, stage, order, result, effect=False)

    def done(self, task, stage, order):
        """An attempt that has its effect, unless an earlier one had it already."""
        self._write(task, stage, order, "ok", effect=True)

    def _write(self, task, stage, order, result, effect):
        row = (task.idempotency_key, stage, task.run, str(order), self._worker, task.attempt, int(time.time() * 1000))
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                effective = 0
                if effect:
                    effective = self._db.execute(
                        "INSERT INTO effects VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING", row).rowcount
                self._db.execute("INSERT INTO attempts VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", (*row, result, effective))
                self._db.execute("COMMIT")
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
