"""A stage: a queue, the function that serves it, and the threads that run the function.

The counts and the backlog are confined to the session's thread; the stage's own threads only take from
``_work`` and report through the session's inbox. The threads are daemons: a function that never returns
must not keep the process alive after the time to drain.
"""
from __future__ import annotations

import asyncio
import inspect
import json
import logging
import queue
import threading
from collections import deque
from typing import Any, Callable, Deque, Optional

from .errors import Failure, Revoked
from .task import Task

log = logging.getLogger("sluice")

# The States Language's bounds on an error and its cause.
_ERROR_CHARACTERS_MAX = 256
_CAUSE_CHARACTERS_MAX = 32_768

Handler = Callable[[Task], Any]


class Outcome:
    """How a task ended: the verb and the rest of its message, as JSON text that begins with a comma."""

    __slots__ = ("op", "rest")

    def __init__(self, op: str, rest: str) -> None:
        self.op = op
        self.rest = rest

    @classmethod
    def completed(cls, output: Any) -> Outcome:
        """Raises ``TypeError`` or ``ValueError`` if the output is not JSON, or not UTF-8."""
        text = json.dumps(output, allow_nan=False, ensure_ascii=False)
        text.encode("utf-8")
        return cls("complete", ',"output":' + text)

    @classmethod
    def failed(cls, error: str, cause: str) -> Outcome:
        fields = {"error": _utf8(error[:_ERROR_CHARACTERS_MAX]), "cause": _utf8(cause[:_CAUSE_CHARACTERS_MAX])}
        return cls("fail", "," + json.dumps(fields, ensure_ascii=False)[1:-1])


class Stage:
    def __init__(
        self, queue_name: str, handler: Handler, concurrency: int, prefetch: int, auto_heartbeat: bool
    ) -> None:
        self.queue = queue_name
        self.concurrency = concurrency
        self.credit = concurrency + prefetch
        self.auto_heartbeat = auto_heartbeat
        self.backlog: Deque[Task] = deque()
        self.running_count = 0
        self._handler = handler
        self._work: queue.SimpleQueue[Optional[Task]] = queue.SimpleQueue()
        self._thread_count = 0

    def run_next(self, report: Callable[[Task, Optional[Outcome]], None]) -> None:
        """Hands backlog to threads as far as the concurrency allows. ``report`` is called on theirs."""
        while self.backlog and self.running_count < self.concurrency:
            self.running_count += 1
            if self._thread_count < self.running_count:
                self._thread_count += 1
                name = f"sluice-{self.queue}-{self._thread_count}"
                threading.Thread(target=self._serve, args=(report,), name=name, daemon=True).start()
            self._work.put(self.backlog.popleft())

    def stop(self) -> None:
        """Ends the threads, each after what it is doing."""
        for _ in range(self._thread_count):
            self._work.put(None)
        self._thread_count = 0

    def _serve(self, report: Callable[[Task, Optional[Outcome]], None]) -> None:
        while True:
            task = self._work.get()
            if task is None:
                return
            report(task, self._outcome_of(task))

    def _outcome_of(self, task: Task) -> Optional[Outcome]:
        try:
            output = self._handler(task)
            if inspect.isawaitable(output):
                output = asyncio.run(_result_of(output))
            return Outcome.completed(output)
        except Revoked:
            return None
        except Failure as failure:
            log.info("%r failed: %s", task, failure)
            return Outcome.failed(failure.error, failure.cause)
        except BaseException as error:  # SystemExit too: a stage's exit must not cost the worker a thread.
            log.warning("%r failed", task, exc_info=True)
            return Outcome.failed(type(error).__name__, str(error))


def _utf8(text: str) -> str:
    """Without lone surrogates, which a message of the operating system may hold and the server must refuse."""
    return text.encode("utf-8", "replace").decode("utf-8")


async def _result_of(awaitable: Any) -> Any:
    return await awaitable
