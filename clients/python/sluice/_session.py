"""A worker's session: what it holds, what it has said and not been answered, over any number of connections.

Everything here is confined to the thread that calls ``run``. Other threads reach it in two ways only:
``post`` leaves a note in the inbox and wakes it, ``stop`` counts up and wakes it.

What must hold:
  - A token is in ``_held`` from its task's arrival until the server has answered for it, or has said that it
    is no longer ours; ``_held`` is what a new connection claims.
  - A complete, fail or release stays in ``_unanswered`` until it is answered for good: over connections, and
    over answers that say "later".
"""
from __future__ import annotations

import datetime
import heapq
import json
import logging
import queue
import random
import time
from typing import Any, Callable, Dict, List, Mapping, Optional, Set, Tuple

from ._connection import Connection, ConnectionLost, Wakeup
from ._stage import Outcome, Stage
from .errors import ProtocolError
from .task import Task

log = logging.getLogger("sluice")

PROTOCOL_VERSION = 1
_LATER_CODES = ("overloaded", "disk_full", "unavailable", "storage_failed")
_CLOSE_SERVER_FAILED = 1011
_PING_SECONDS_MIN = 0.05
_SILENT_PINGS_MAX = 3  # so many pings without a sign of life, and the connection is dead


class _Verb:
    """A complete, fail or release that has not been answered for good."""

    __slots__ = ("ref", "op", "task", "text", "attempt", "instead")

    def __init__(self, ref: int, op: str, task: Task, text: str, instead: bool) -> None:
        self.ref, self.op, self.task, self.text, self.attempt = ref, op, task, text, 0
        self.instead = instead  # said because the server refused what the stage had said


class Timing:
    """Every time and bound of a session, in seconds; tests use short ones."""

    def __init__(
        self,
        connect: float = 5.0,
        drain: float = 30.0,
        leave: float = 5.0,
        backoff_base: float = 0.1,
        backoff_cap: float = 10.0,
        stable: float = 5.0,
    ) -> None:
        self.connect = connect            # to open a connection, and again until the welcome
        self.drain = drain                # from stop() until what still runs is released
        self.leave = leave                # from then until the last answers are given up
        self.backoff_base = backoff_base  # the first pause is drawn between 0 and this
        self.backoff_cap = backoff_cap
        self.stable = stable              # a connection that lived this long ends the back-off


def backoff_seconds(attempt: int, timing: Timing) -> float:
    """Nothing the first time; then exponential with full jitter, so that workers do not return as a herd."""
    if attempt == 0:
        return 0.0
    return random.uniform(0.0, min(timing.backoff_cap, timing.backoff_base * 2.0 ** min(attempt - 1, 32)))


class Session:
    def __init__(
        self,
        url: str,
        name: str,
        stages: Mapping[str, Stage],
        *,
        headers: Mapping[str, str],
        timing: Timing,
        ssl_options: Optional[Mapping[str, Any]] = None,
    ) -> None:
        self._url = url
        self._name = name
        self._stages = stages
        self._headers = headers
        self._timing = timing
        self._ssl_options = ssl_options
        self._wakeup = Wakeup()
        self._inbox: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._stop_count = 0  # written by stop(), read here

        self._held: Dict[str, Task] = {}
        self._ended: Set[Task] = set()  # running, but not ours any more: nothing is to be said when they return
        self._revoked: Set[Task] = set()  # running; the revoke is answered when they return, if still connected
        self._unanswered: Dict[int, _Verb] = {}
        self._answered_by: Dict[str, int] = {}  # token → ref, of _unanswered
        self._asked: Dict[int, Callable[[Dict[str, Any]], None]] = {}  # other refs, of this connection only
        self._last_ref = 0
        self._outbox: List[str] = []
        self._timers: List[Tuple[float, int, Callable[[], None]]] = []
        self._timer_count = 0

        self._session_id: Optional[str] = None
        self._connection: Optional[Connection] = None
        self._welcomed = False
        self._server_ahead_seconds = 0.0
        self._ping_seconds = 5.0
        self._frame_bytes_max = 1 << 20
        self._lease_seconds_min = float("inf")
        self._draining = self._leaving = self._over = False

    # ---- from any thread ----

    def post(self, note: Callable[[], None]) -> None:
        self._inbox.put(note)
        self._wakeup.wake()

    def stop(self, *, at_once: bool = False) -> None:
        """Drain; a second time, or ``at_once``: leave without draining. Safe in a signal handler."""
        self._stop_count += 2 if at_once else 1
        self._wakeup.wake()

    @property
    def stopping(self) -> bool:
        return self._stop_count > 0

    # ---- the loop ----

    def run(self) -> None:
        """Until stopped. Raises ``ProtocolError`` if the server does not want this worker."""
        attempt = 0
        try:
            while not self._over:
                try:
                    self._take_notes()
                    if self._over:
                        break
                    self._open()
                    self._serve()
                except ConnectionLost as lost:
                    if self._connection is not None and self._lived_long(self._connection):
                        attempt = 0
                    if lost.code == _CLOSE_SERVER_FAILED:
                        attempt = max(attempt, 1)
                    self._on_connection_lost()
                    if self._leaving and not self._unanswered:
                        break
                    pause_seconds = backoff_seconds(attempt, self._timing)
                    log.warning("worker %s: %s; connecting again in %.1f s", self._name, lost, pause_seconds)
                    attempt += 1
                    self._be_offline(time.monotonic() + pause_seconds)
        finally:
            self._close_connection(goodbye=True)
            for task in list(self._held.values()):
                task.revoked.set()
            for stage in self._stages.values():
                stage.stop()
            self._wakeup.close()

    def _open(self) -> None:
        self._connection = Connection(
            self._url,
            headers=self._headers,
            timeout_seconds=self._timing.connect,
            wakeup=self._wakeup,
            ssl_options=self._ssl_options,
        )
        hello: Dict[str, Any] = {"op": "hello", "version": PROTOCOL_VERSION, "worker": self._name}
        if self._session_id is not None:
            hello["session"] = self._session_id
            hello["holds"] = list(self._held)
        self._connection.send([json.dumps(hello)])

    def _serve(self) -> None:
        assert self._connection is not None
        while True:
            self._take_notes()
            if self._over:
                return
            self._keep_alive(self._connection)
            if self._welcomed and self._outbox:
                texts, self._outbox = self._outbox, []
                self._connection.send(texts)
            if self._connection.wait(self._due_in(self._connection)):
                for message in self._connection.receive():
                    self._on_message(message)

    def _be_offline(self, until: float) -> None:
        while not self._over:
            self._take_notes()
            left_seconds = until - time.monotonic()
            if left_seconds <= 0:
                return
            if self._timers:
                left_seconds = min(left_seconds, self._timers[0][0] - time.monotonic())
            self._wakeup.wait(left_seconds)

    def _take_notes(self) -> None:
        while True:
            try:
                self._inbox.get_nowait()()
            except queue.Empty:
                break
        now = time.monotonic()
        while self._timers and self._timers[0][0] <= now:
            heapq.heappop(self._timers)[2]()
        if self._stop_count >= 1 and not self._draining:
            self._drain()
        if self._stop_count >= 2 and not self._leaving:
            self._leave()
        if self._draining and not self._held and not self._leaving:
            self._leave()

    def _after(self, seconds: float, note: Callable[[], None]) -> None:
        self._timer_count += 1
        heapq.heappush(self._timers, (time.monotonic() + seconds, self._timer_count, note))

    # ---- keeping the connection ----

    def _keep_alive(self, connection: Connection) -> None:
        now = time.monotonic()
        if not self._welcomed:
            if now - connection.opened_at >= self._timing.connect:
                raise ConnectionLost("no welcome in time")
            return
        if now - connection.heard_at >= self._silence_max():
            raise ConnectionLost(f"nothing heard for {self._silence_max():.1f} s")
        if now - connection.sent_at >= self._ping_every():
            connection.ping()

    def _ping_every(self) -> float:
        """A third of the shortest lease; and often enough that the answers show a dead server."""
        return max(_PING_SECONDS_MIN, min(self._ping_seconds, self._lease_seconds_min / 3.0))

    def _silence_max(self) -> float:
        return _SILENT_PINGS_MAX * self._ping_seconds

    def _due_in(self, connection: Connection) -> float:
        if self._welcomed:
            due = min(connection.sent_at + self._ping_every(), connection.heard_at + self._silence_max())
        else:
            due = connection.opened_at + self._timing.connect
        if self._timers:
            due = min(due, self._timers[0][0])
        return due - time.monotonic()

    def _lived_long(self, connection: Connection) -> bool:
        return self._welcomed and time.monotonic() - connection.opened_at >= self._timing.stable

    def _close_connection(self, *, goodbye: bool = False) -> None:
        if self._connection is not None:
            self._connection.close(goodbye=goodbye)
        self._connection = None
        self._welcomed = False

    def _on_connection_lost(self) -> None:
        self._close_connection()
        # What is unanswered is said again from _unanswered; the rest meant this connection only.
        self._outbox.clear()
        self._asked.clear()
        self._ended |= self._revoked
        self._revoked.clear()

    # ---- what the server says ----

    def _on_message(self, message: Dict[str, Any]) -> None:
        op = message["op"]
        if not self._welcomed:
            if op == "welcome":
                self._on_welcome(message)
            elif op == "error":
                code, detail = str(message.get("code", "")), str(message.get("detail", ""))
                if code in _LATER_CODES:
                    raise ConnectionLost(f"hello was answered {code}: {detail}")
                raise ProtocolError(code, detail)
        elif op == "task":
            self._on_task(message)
        elif op in ("ok", "error"):
            self._on_answer(op, message)
        elif op == "revoke":
            self._on_revoke(message)
        else:
            log.debug("worker %s: ignoring op %r, which this version does not know", self._name, op)

    def _on_welcome(self, message: Dict[str, Any]) -> None:
        if not isinstance(message.get("session"), str) or not isinstance(message.get("holds", []), list):
            self._refuse("a welcome without a session")
        self._welcomed = True
        self._session_id = message["session"]
        server_now = _seconds_of(message.get("now"))
        self._server_ahead_seconds = server_now - time.time() if server_now is not None else 0.0
        self._lease_seconds_min = float("inf")
        self._ping_seconds = _limit(message, "ping_seconds", self._ping_seconds)
        self._frame_bytes_max = int(_limit(message, "frame_bytes_max", self._frame_bytes_max))
        log.info("worker %s: connected to %s", self._name, self._url)

        kept = set(message.get("holds", []))
        for token in [token for token in self._held if token not in kept]:
            # A verb without an answer is repeated all the same: if it took effect, the answer is ok.
            if token not in self._answered_by:
                self._lose(self._held.pop(token))
        for verb in list(self._unanswered.values()):
            self._send(verb)
        if not self._draining:
            for stage in self._stages.values():
                self._subscribe(stage)
        if self._leaving:
            self._say("bye")

    def _subscribe(self, stage: Stage, attempt: int = 1) -> None:
        def on_answer(message: Dict[str, Any]) -> None:
            if message["op"] == "ok":
                return
            code, detail = str(message.get("code", "")), str(message.get("detail", ""))
            if code not in _LATER_CODES:
                raise ProtocolError(code, f"queue {stage.queue}: {detail}")
            connection = self._connection
            log.warning("worker %s: subscribing to %s was answered %s", self._name, stage.queue, code)

            def again() -> None:
                if connection is self._connection and not self._draining:
                    self._subscribe(stage, attempt + 1)

            self._after(backoff_seconds(attempt, self._timing), again)

        self._ask("subscribe", on_answer, queue=stage.queue, credit=stage.credit)

    def _on_task(self, message: Dict[str, Any]) -> None:
        token, queue_name = message.get("token"), message.get("queue")
        lease_until = _seconds_of(message.get("lease_until"))
        if not isinstance(token, str) or not isinstance(queue_name, str) or lease_until is None:
            self._refuse("a task without a token, a queue or a lease")
            return
        if token in self._held:
            return
        lease_seconds = max(0.1, lease_until - (time.time() + self._server_ahead_seconds))
        task = Task(message, lease_seconds, self._beat_from_any_thread)
        self._held[token] = task
        stage = self._stages.get(queue_name)
        if stage is None or self._draining:
            self._answer(task, Outcome("release", ""))
            return
        self._lease_seconds_min = min(self._lease_seconds_min, lease_seconds)
        if stage.auto_heartbeat and task.heartbeat_seconds:
            self._beat_regularly(task, float(task.heartbeat_seconds) / 3.0)
        stage.backlog.append(task)
        stage.run_next(self._report)

    def _on_revoke(self, message: Dict[str, Any]) -> None:
        token = message.get("token")
        if not isinstance(token, str):
            self._refuse("a revoke without a token")
            return
        task = self._held.pop(token, None)
        log.info("worker %s: the server revoked %r", self._name, task)
        if task is None or token in self._answered_by:
            # Its work is done here, and so is its credit. An answer on its way comes back stale.
            self._say("revoked", token=token)
            return
        task.revoked.set()
        if self._forget_backlog(task):
            self._say("revoked", token=token)
        else:
            # The credit goes back when the stage has returned: until then its thread is not free.
            self._revoked.add(task)

    def _on_answer(self, op: str, message: Dict[str, Any]) -> None:
        ref = message.get("ref")
        if not isinstance(ref, int):
            log.error("worker %s: the server answered %s", self._name, _said(message))
            return
        asked = self._asked.pop(ref, None)
        if asked is not None:
            asked(message)
            return
        verb = self._unanswered.get(ref)
        if verb is None:
            return
        code = message.get("code") if op == "error" else None
        if code in _LATER_CODES:
            verb.attempt += 1
            self._after(backoff_seconds(verb.attempt, self._timing), lambda: self._send(verb))
            return
        if code == "outcome_unknown":
            self._refuse("outcome_unknown, which only a new connection settles")
        self._settle(verb)
        if code is None or code in ("stale_token", "conflict"):
            if code is not None:
                log.warning("worker %s: %s of %r had no effect: %s", self._name, verb.op, verb.task, _said(message))
            self._held.pop(verb.task.token, None)
        elif verb.task.token in self._held:
            self._on_refused(verb, str(code), _said(message))

    def _on_refused(self, verb: _Verb, code: str, said: str) -> None:
        """The server will not take it as it is: say something smaller, so that the task does not hang."""
        log.error("worker %s: %s of %r was refused: %s", self._name, verb.op, verb.task, said)
        if verb.op == "complete":
            error = "OutputTooLarge" if code == "too_large" else "OutputRefused"
            self._answer(verb.task, Outcome.failed(error, said[:1000]), instead=True)
        elif verb.op == "fail" and not verb.instead:
            self._answer(verb.task, Outcome.failed("FailureRefused", said[:1000]), instead=True)
        elif verb.op != "release":
            self._answer(verb.task, Outcome("release", ""))
        else:
            self._held.pop(verb.task.token, None)  # Its lease will run out.

    # ---- what the worker says ----

    def _say(self, op: str, **fields: Any) -> None:
        if self._connection is not None and self._welcomed:
            self._outbox.append(json.dumps({"op": op, **fields}))

    def _ask(self, op: str, on_answer: Callable[[Dict[str, Any]], None], **fields: Any) -> None:
        """For what is not repeated on another connection."""
        if self._connection is not None and self._welcomed:
            self._last_ref += 1
            self._asked[self._last_ref] = on_answer
            self._say(op, ref=self._last_ref, **fields)

    def _answer(self, task: Task, outcome: Outcome, *, instead: bool = False) -> None:
        """Says how a task ended, until the server has answered."""
        self._last_ref += 1
        head = f'{{"op":"{outcome.op}","ref":{self._last_ref},"token":{json.dumps(task.token)}'
        verb = _Verb(self._last_ref, outcome.op, task, head + outcome.rest + "}", instead)
        self._unanswered[verb.ref] = verb
        self._answered_by[task.token] = verb.ref
        self._send(verb)

    def _send(self, verb: _Verb) -> None:
        """If there is a connection, and the verb is still to be said; otherwise the next welcome sends it."""
        if self._connection is None or not self._welcomed or verb.ref not in self._unanswered:
            return
        size_max = self._frame_bytes_max
        if len(verb.text) * 4 > size_max and len(verb.text.encode("utf-8")) > size_max:
            # The server would close the connection for it, again and again.
            self._settle(verb)
            self._on_refused(verb, "too_large", f"too_large: expected at most {size_max} bytes in a frame")
            return
        self._outbox.append(verb.text)

    def _settle(self, verb: _Verb) -> None:
        del self._unanswered[verb.ref]
        self._answered_by.pop(verb.task.token, None)

    def _report(self, task: Task, outcome: Optional[Outcome]) -> None:
        """Called on a stage's thread."""
        self.post(lambda: self._on_returned(task, outcome))

    def _on_returned(self, task: Task, outcome: Optional[Outcome]) -> None:
        stage = self._stages[task.queue]
        stage.running_count -= 1
        stage.run_next(self._report)
        if task in self._ended:
            self._ended.discard(task)
            log.info("worker %s: %r returned, but is no longer this worker's", self._name, task)
        elif task in self._revoked:
            self._revoked.discard(task)
            self._say("revoked", token=task.token)
        elif self._held.get(task.token) is task and task.token not in self._answered_by:
            self._answer(task, outcome if outcome is not None else Outcome("release", ""))

    # ---- beats ----

    def _beat_from_any_thread(self, task: Task, lease_seconds: Optional[float]) -> None:
        self.post(lambda: self._beat(task, lease_seconds))

    def _beat_regularly(self, task: Task, every_seconds: float) -> None:
        def beat() -> None:
            if self._is_working_on(task):
                self._beat(task, None)
                self._after(every_seconds, beat)

        self._after(every_seconds, beat)

    def _beat(self, task: Task, lease_seconds: Optional[float]) -> None:
        if not self._is_working_on(task):
            return

        def on_answer(message: Dict[str, Any]) -> None:
            if message["op"] == "ok":
                return
            if message.get("code") == "stale_token" and self._is_working_on(task):
                self._lose(self._held.pop(task.token))
            log.warning("worker %s: the beat of %r was answered %s", self._name, task, _said(message))

        options = {"lease_seconds": lease_seconds} if lease_seconds is not None else {}
        self._ask("heartbeat", on_answer, token=task.token, **options)

    def _is_working_on(self, task: Task) -> bool:
        return self._held.get(task.token) is task and task.token not in self._answered_by

    # ---- letting go ----

    def _forget_backlog(self, task: Task) -> bool:
        stage = self._stages.get(task.queue)
        if stage is None or task not in stage.backlog:
            return False
        stage.backlog.remove(task)
        return True

    def _lose(self, task: Task) -> None:
        """The task is not ours any more, and the server expects nothing more about it."""
        log.warning("worker %s: lost %r", self._name, task)
        task.revoked.set()
        if not self._forget_backlog(task):
            self._ended.add(task)

    def _drain(self) -> None:
        """No more tasks; what has not begun goes back at once, what runs has until the deadline."""
        self._draining = True
        log.info("worker %s: stopping; %d tasks in hand", self._name, len(self._held))
        for stage in self._stages.values():
            self._ask("unsubscribe", lambda message: None, queue=stage.queue)
            while stage.backlog:
                self._answer(stage.backlog.popleft(), Outcome("release", ""))
        self._after(self._timing.drain, self._leave)

    def _leave(self) -> None:
        """Gives back what still runs, and says goodbye; the server closes once it has answered everything."""
        if self._leaving:
            return
        self._leaving = True
        for task in list(self._held.values()):
            if task.token not in self._answered_by:
                task.revoked.set()
                self._answer(task, Outcome("release", ""))
        self._say("bye")
        self._after(self._timing.leave, self._give_up)
        if self._connection is None and not self._unanswered:
            self._over = True

    def _give_up(self) -> None:
        if not self._over and self._unanswered:
            log.warning("worker %s: leaving with %d answers outstanding", self._name, len(self._unanswered))
        self._over = True

    def _refuse(self, what: str) -> None:
        assert self._connection is not None
        self._connection.refuse(what)


def _limit(welcome: Mapping[str, Any], name: str, otherwise: float) -> float:
    limits = welcome.get("limits")
    value = limits.get(name) if isinstance(limits, dict) else None
    return float(value) if isinstance(value, (int, float)) and value > 0 else otherwise


def _said(message: Mapping[str, Any]) -> str:
    return f"{message.get('code')}: {message.get('detail', '')}"


def _seconds_of(value: Any) -> Optional[float]:
    """An RFC 3339 time in UTC as seconds since 1970; ``None`` for anything else."""
    if not isinstance(value, str) or not value.endswith("Z"):
        return None
    try:
        return datetime.datetime.fromisoformat(value[:-1] + "+00:00").timestamp()
    except ValueError:
        return None
