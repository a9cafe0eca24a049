"""Serving queues: a function per queue, called for each task."""
from __future__ import annotations

import contextlib
import functools
import signal
import socket
import threading
import urllib.parse
from typing import Any, Callable, Dict, Iterator, Mapping, Optional, TypeVar

from ._session import Session, Timing
from ._stage import Handler, Stage

_CREDIT_MAX = 1000

H = TypeVar("H", bound=Handler)


class Worker:
    """Serves any number of queues over one connection.

        worker = sluice.Worker("http://127.0.0.1:7070", name="pay-1")

        @worker.stage("pay", concurrency=4)
        def pay(task):
            return {"paid": True}

        worker.run()

    What the function returns is the task's output; what it raises is its failure. Work is handed out at
    least once, so effects outside must be safe to repeat: ``task.idempotency_key`` is made for that.

    ``run`` blocks until the worker is stopped, by ``stop`` from another thread or by SIGTERM or SIGINT; a
    second signal cuts the draining short. A lost connection is no error: the worker comes back for what it
    holds. ``stage`` must be called before ``run``; ``stop`` is thread-safe.
    """

    def __init__(
        self,
        url: str = "http://127.0.0.1:7070",
        *,
        name: Optional[str] = None,
        token: Optional[str] = None,
        drain_seconds: float = 30.0,
        ssl_options: Optional[Mapping[str, Any]] = None,
        timing: Optional[Timing] = None,
    ) -> None:
        """``name`` is for people, by default the host's; ``token`` is sent as a bearer token.

        ``drain_seconds`` is how long running tasks may go on after ``stop``; then they are released.
        ``ssl_options`` goes to websocket-client as its ``sslopt``.
        """
        parts = urllib.parse.urlsplit(url)
        schemes = {"http": "ws", "https": "wss", "ws": "ws", "wss": "wss"}
        if parts.scheme not in schemes or not parts.hostname:
            raise ValueError(f"expected the server's address as http://HOST:PORT, found {url!r}")
        self._url = f"{schemes[parts.scheme]}://{parts.netloc}{parts.path.rstrip('/')}/v1/stream"
        self._name = name or socket.gethostname()
        self._headers: Dict[str, str] = {"Authorization": f"Bearer {token}"} if token is not None else {}
        self._timing = timing or Timing(drain=drain_seconds)
        self._ssl_options = ssl_options
        self._stages: Dict[str, Callable[[], Stage]] = {}  # fresh ones for each run
        self._lock = threading.Lock()
        self._session: Optional[Session] = None  # guarded by _lock
        self._stopped = False  # guarded by _lock: stop() came before run()

    def stage(
        self, queue: str, *, concurrency: int = 1, prefetch: int = 0, auto_heartbeat: bool = True
    ) -> Callable[[H], H]:
        """Registers the function that serves ``queue``; it may be a coroutine function.

        ``concurrency`` is how many tasks it is called with at once, each on a thread of its own.
        ``prefetch`` is how many more the server may send ahead, so that the next is here when one ends.
        Where the state asks for a beat, the worker gives it a third as often while the function runs;
        ``auto_heartbeat=False`` leaves that to ``task.heartbeat()``, so that a stuck function is noticed.
        """
        if concurrency < 1 or prefetch < 0 or concurrency + prefetch > _CREDIT_MAX:
            raise ValueError(
                f"queue {queue}: expected concurrency of at least 1 and together with prefetch at most "
                f"{_CREDIT_MAX}, found {concurrency} and {prefetch}"
            )
        if queue in self._stages:
            raise ValueError(f"queue {queue} has a function already; a worker has one per queue")

        def register(handler: H) -> H:
            self._stages[queue] = functools.partial(Stage, queue, handler, concurrency, prefetch, auto_heartbeat)
            return handler

        return register

    def run(self) -> None:
        """Serves until stopped. Raises ``ProtocolError`` if the server does not want this worker."""
        if not self._stages:
            raise ValueError("the worker has no stage; register one with @worker.stage(queue) before run()")
        session = Session(
            self._url, self._name, {queue: make() for queue, make in self._stages.items()},
            headers=self._headers, timing=self._timing, ssl_options=self._ssl_options,
        )
        with self._lock:
            if self._session is not None:
                raise RuntimeError("the worker is running already")
            self._session = session
            if self._stopped:
                session.stop()
        try:
            with _stopped_by_signals(session):
                session.run()
        finally:
            with self._lock:
                self._session = None
                self._stopped = False

    def stop(self, *, at_once: bool = False) -> None:
        """Asks ``run`` to return: after draining, or ``at_once``. Does not wait for it. Idempotent."""
        with self._lock:
            if self._session is None:
                self._stopped = True
            elif at_once or not self._session.stopping:
                self._session.stop(at_once=at_once)


@contextlib.contextmanager
def _stopped_by_signals(session: Session) -> Iterator[None]:
    """Only the main thread may set signal handlers; on another, stopping is the caller's."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    # The handler must not take the worker's lock: the thread that it interrupts may hold it.
    before = {number: signal.signal(number, lambda *_: session.stop()) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
