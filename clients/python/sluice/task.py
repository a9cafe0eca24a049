"""A task in this worker's hands."""
from __future__ import annotations

import threading
from typing import Any, Callable, Dict, Mapping, Optional

from .errors import Revoked


class Task:
    """What a stage is called with.

    The attributes do not change, except ``revoked``, which is set when the result no longer counts: the
    run was cancelled, the lease was lost, or the worker stops and its time to drain is over. A long stage
    should look at it (``task.revoked.is_set()``) or wait on it instead of sleeping.
    """

    token: str
    """Names this one hand-out to the server. Secret."""
    id: str
    queue: str
    body: Any
    headers: Dict[str, str]
    attempt: int
    """How often this work has been handed out, this time included."""
    idempotency_key: str
    """The same for every attempt of this work: give it to whatever must not happen twice."""
    run: Optional[str]
    """The run it belongs to; ``None`` for a message that was sent to a bare queue, as are the next two."""
    state: Optional[str]
    workflow: Optional[str]
    heartbeat_seconds: Optional[float]
    """Where the state asks for a beat: how often at least."""
    revoked: threading.Event

    def __init__(
        self,
        fields: Mapping[str, Any],
        lease_seconds: float,
        beat: Callable[[Task, Optional[float]], None],
    ) -> None:
        self.token = fields["token"]
        self.id = fields.get("id", "")
        self.queue = fields["queue"]
        self.body = fields.get("body")
        self.headers = fields.get("headers") or {}
        self.attempt = fields.get("attempt", 1)
        self.idempotency_key = fields.get("idempotency_key", "")
        self.run = fields.get("run")
        self.state = fields.get("state")
        self.workflow = fields.get("workflow")
        self.heartbeat_seconds = fields.get("heartbeat_seconds")
        self.lease_seconds = lease_seconds
        self.revoked = threading.Event()
        self._beat = beat

    def heartbeat(self, lease_seconds: Optional[float] = None) -> None:
        """Says that work goes on; ``lease_seconds`` asks for a longer lease. Thread-safe, does not wait.

        Raises ``Revoked`` when the task is no longer this worker's: let it pass, and the stage ends.
        """
        if lease_seconds is not None and not 0 < lease_seconds < float("inf"):
            raise ValueError(f"expected lease_seconds above 0, found {lease_seconds}")
        if self.revoked.is_set():
            raise Revoked(f"task {self.id} of queue {self.queue} is no longer this worker's")
        self._beat(self, lease_seconds)

    def __repr__(self) -> str:
        return f"<Task {self.id} of queue {self.queue}, attempt {self.attempt}>"
