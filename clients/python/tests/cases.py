"""What the tests of the worker share."""
import logging
import threading
import unittest

import sluice
from sluice import Timing

from .fake_server import WAIT_SECONDS, FakeServer, Running

QUICK = dict(connect=WAIT_SECONDS, drain=WAIT_SECONDS, leave=WAIT_SECONDS, backoff_base=0.001, backoff_cap=0.01)


class Gate:
    """Holds a stage until the test opens it, and tells the test how many have come."""

    def __init__(self):
        self._opened = threading.Event()
        self._arrivals = threading.Semaphore(0)

    def pass_through(self):
        self._arrivals.release()
        if not self._opened.wait(WAIT_SECONDS):
            raise AssertionError("nobody opened the gate")

    def await_arrival(self):
        if not self._arrivals.acquire(timeout=WAIT_SECONDS):
            raise AssertionError("nobody came to the gate")

    def nobody_else_came(self):
        return not self._arrivals.acquire(blocking=False)

    def open(self):
        self._opened.set()


class WorkerCase(unittest.TestCase):
    def setUp(self):
        log = logging.getLogger("sluice")
        log.propagate = False
        log.addHandler(logging.NullHandler())
        self.server = self.enterContextManager(FakeServer())

    def enterContextManager(self, manager):  # unittest has it from 3.11 on
        value = manager.__enter__()
        self.addCleanup(manager.__exit__, None, None, None)
        return value

    def worker(self, **timing):
        return sluice.Worker(self.server.url, name="pay-1", timing=Timing(**{**QUICK, **timing}))

    def serving(self, handler, queue="pay", timing=None, **options):
        worker = self.worker(**(timing or {}))
        worker.stage(queue, **options)(handler)
        return self.enterContextManager(Running(worker))
