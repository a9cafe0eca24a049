"""The REST side: deploy, start, look, send, replay.

One ``Client`` keeps a few connections open and lends each call one of them, so it may be shared by
threads. A call that is safe to repeat is repeated when the connection breaks, and when the server says
429 or 503: reads, deploys, and whatever carries an ``Idempotency-Key``, which is drawn for every start,
send, publish, event and replay that names none.
"""
from __future__ import annotations

import http.client
import json
import random
import select
import ssl
import threading
import time
import urllib.parse
import uuid
from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple, Union

from .errors import ApiError, TransportError

Json = Any
"""Anything ``json.dumps`` takes."""
JsonObject = Dict[str, Any]

_EMPTY: JsonObject = {}
_IDLE_CONNECTIONS_MAX = 8
_RETRY_BASE_SECONDS = 0.1
_RETRY_CAP_SECONDS = 5.0


class Client:
    """Talks to one Sluice server. Thread-safe.

    ``url`` is the server's address, without ``/v1``. ``token`` is sent as a bearer token. ``retries``
    bounds how often a call that is safe to repeat is repeated.
    """

    def __init__(
        self,
        url: str = "http://127.0.0.1:7070",
        *,
        token: Optional[str] = None,
        timeout_seconds: float = 30.0,
        retries: int = 4,
        ssl_context: Optional[ssl.SSLContext] = None,
    ) -> None:
        parts = urllib.parse.urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"expected the server's address as http://HOST:PORT, found {url!r}")
        self._secure = parts.scheme == "https"
        self._host = parts.hostname
        self._port = parts.port or (443 if self._secure else 80)
        self._prefix = parts.path.rstrip("/")
        self._token = token
        self._timeout_seconds = timeout_seconds
        self._retries = retries
        self._ssl_context = ssl_context
        self._lock = threading.Lock()
        self._idle: List[http.client.HTTPConnection] = []  # guarded by _lock

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the idle connections; a later call opens new ones."""
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    # ---- workflows ----

    def deploy(
        self, name: str, definition: Json, *, dry_run: bool = False, plan: bool = False
    ) -> JsonObject:
        """Deploys a definition: ``{"name", "version", "hash", "warnings"}``.

        A definition with problems raises ``ApiError`` whose ``errors`` name every one of them.
        """
        query = {"dry_run": "true" if dry_run else None, "plan": "true" if plan else None}
        answer: JsonObject = self.request("PUT", f"/workflows/{_segment(name)}", definition, query=query)
        return answer

    def workflow(self, name: str) -> JsonObject:
        answer: JsonObject = self.request("GET", f"/workflows/{_segment(name)}")
        return answer

    # ---- runs ----

    def start(
        self,
        workflow: str,
        input: Json = _EMPTY,
        *,
        name: Optional[str] = None,
        priority: Optional[int] = None,
        not_before: Optional[str] = None,
        labels: Optional[Mapping[str, str]] = None,
        version: Union[int, str, None] = None,
        wait_seconds: Optional[int] = None,
        idempotency_key: Optional[str] = None,
    ) -> JsonObject:
        """Starts a run: ``{"id": …}``.

        ``name`` is unique within the workflow: the same name and input again is the first run again.
        With ``wait_seconds`` the answer comes when the run has ended, or after that time.
        """
        options = _present(
            name=name, priority=priority, not_before=not_before, labels=labels, version=version
        )
        answer: JsonObject = self.request(
            "POST",
            f"/workflows/{_segment(workflow)}/runs",
            {"input": input, **options},
            query={"wait": wait_seconds},
            idempotency_key=idempotency_key or _new_key(),
            timeout_seconds=self._timeout_seconds + (wait_seconds or 0),
        )
        return answer

    def run(self, run_id: str) -> JsonObject:
        """Status, input, output, error, and what each live branch waits for."""
        answer: JsonObject = self.request("GET", f"/runs/{_segment(run_id)}")
        return answer

    def runs(self, **filters: Any) -> Iterator[JsonObject]:
        """Every run that matches: ``workflow=``, ``status=``, ``state=``, ``label=``, ``q=``, …"""
        return self._items("/runs", filters)

    def history(self, run_id: str) -> Iterator[JsonObject]:
        """The run's events so far, oldest first."""
        return self._items(f"/runs/{_segment(run_id)}/history", {})

    def why(self, run_id: str) -> Json:
        """For each live branch, what it waits for, in a sentence and as data."""
        return self.request("GET", f"/runs/{_segment(run_id)}/why")

    def cancel(self, run_id: str, cause: Optional[str] = None, compensate: bool = False) -> Json:
        """Ends a run; ``compensate=True`` first undoes what it has completed."""
        options = _present(cause=cause, compensate=True if compensate else None)
        return self.request("POST", f"/runs/{_segment(run_id)}/cancel", options)

    def compensate(self, run_id: str) -> Json:
        """Undoes what a held or failed run has completed."""
        return self.request("POST", f"/runs/{_segment(run_id)}/compensate")

    def pause(self, run_id: str) -> Json:
        return self.request("POST", f"/runs/{_segment(run_id)}/pause")

    def resume(self, run_id: str) -> Json:
        return self.request("POST", f"/runs/{_segment(run_id)}/resume")

    def redrive(self, run_id: str, **options: Any) -> Json:
        """Goes on from the failed state; ``input=``, ``version=`` change what it goes on with."""
        return self.request("POST", f"/runs/{_segment(run_id)}/redrive", options)

    # ---- queues, topics, events ----

    def send(
        self,
        queue: str,
        body: Json,
        *,
        headers: Optional[Mapping[str, str]] = None,
        priority: Optional[int] = None,
        order_key: Optional[str] = None,
        delay_seconds: Optional[float] = None,
        expires_seconds: Optional[float] = None,
        dedup_id: Optional[str] = None,
        idempotency_key: Optional[str] = None,
    ) -> Json:
        """Sends one message to a queue."""
        message = _present(
            headers=headers, priority=priority, order_key=order_key, delay_seconds=delay_seconds,
            expires_seconds=expires_seconds, dedup_id=dedup_id,
        )
        return self.send_many(queue, [{"body": body, **message}], idempotency_key=idempotency_key)

    def send_many(
        self, queue: str, messages: Sequence[Mapping[str, Any]], *, idempotency_key: Optional[str] = None
    ) -> Json:
        """Sends messages (``{"body", "headers", "priority", …}``) to a queue, all or none."""
        return self.request(
            "POST",
            f"/queues/{_segment(queue)}/messages",
            {"messages": list(messages)},
            idempotency_key=idempotency_key or _new_key(),
        )

    def queue(self, name: str) -> JsonObject:
        """Settings, depths, oldest age, rates."""
        answer: JsonObject = self.request("GET", f"/queues/{_segment(name)}")
        return answer

    def queues(self) -> Iterator[JsonObject]:
        return self._items("/queues", {})

    def publish(
        self,
        topic: str,
        body: Json,
        *,
        key: str = "",
        headers: Optional[Mapping[str, str]] = None,
        idempotency_key: Optional[str] = None,
    ) -> Json:
        """Publishes one message to a topic."""
        message = {"key": key, "body": body, **_present(headers=headers)}
        return self.request(
            "POST",
            f"/topics/{_segment(topic)}/publish",
            {"messages": [message]},
            idempotency_key=idempotency_key or _new_key(),
        )

    def event(self, name: str, key: str, body: Json = None, *, idempotency_key: Optional[str] = None) -> Json:
        """Wakes whoever waits for the event ``name`` with ``key``, or is kept for them."""
        return self.request(
            "POST",
            f"/events/{_segment(name)}",
            {"key": key, "body": body},
            idempotency_key=idempotency_key or _new_key(),
        )

    # ---- dead letters ----

    def dead_letters(self, queue: Optional[str] = None, **filters: Any) -> Iterator[JsonObject]:
        """The open dead letters, of one queue or of all; ``workflow=``, ``error=``, ``run=``, … narrow them."""
        return self._items(f"/queues/{_segment(queue)}/dead-letters" if queue else "/dead-letters", filters)

    def dead_letter(self, dead_letter_id: str) -> JsonObject:
        """One dead letter: the message, why it died, every attempt."""
        answer: JsonObject = self.request("GET", f"/dead-letters/{_segment(dead_letter_id)}")
        return answer

    def replay(self, dead_letter_id: str, *, idempotency_key: Optional[str] = None, **edited: Any) -> Json:
        """Replays one dead letter; ``input=`` replaces what the stage gets."""
        return self.request(
            "POST",
            f"/dead-letters/{_segment(dead_letter_id)}/replay",
            edited,
            idempotency_key=idempotency_key or _new_key(),
        )

    def replay_queue(self, queue: str, *, idempotency_key: Optional[str] = None, **options: Any) -> Json:
        """Replays a queue's dead letters; ``filter=``, ``limit=``, ``rate_per_second=``."""
        return self.request(
            "POST",
            f"/queues/{_segment(queue)}/dead-letters/replay",
            options,
            idempotency_key=idempotency_key or _new_key(),
        )

    def drop(self, dead_letter_id: str, reason: str) -> Json:
        """Gives a dead letter up, for a reason that is kept."""
        return self.request("DELETE", f"/dead-letters/{_segment(dead_letter_id)}", {"reason": reason})

    # ---- anything else ----

    def request(
        self,
        method: str,
        path: str,
        body: Json = None,
        *,
        query: Optional[Mapping[str, Any]] = None,
        idempotency_key: Optional[str] = None,
        timeout_seconds: Optional[float] = None,
    ) -> Any:
        """One call below ``/v1``, for what has no method of its own. Returns the parsed answer.

        Raises ``ApiError`` for a refusal, ``TransportError`` when there was no answer.
        """
        target = f"{self._prefix}/v1{path}"
        asked = {key: value for key, value in (query or {}).items() if value is not None}
        if asked:
            target += "?" + urllib.parse.urlencode(asked, doseq=True)
        headers = {"Accept": "application/json"}
        payload: Optional[bytes] = None
        if body is not None:
            payload = json.dumps(body, allow_nan=False, ensure_ascii=False).encode("utf-8")
            headers["Content-Type"] = "application/json"
        if idempotency_key is not None:
            headers["Idempotency-Key"] = idempotency_key
        if self._token is not None:
            headers["Authorization"] = f"Bearer {self._token}"
        repeatable = method in ("GET", "PUT", "DELETE") or idempotency_key is not None
        timeout = timeout_seconds if timeout_seconds is not None else self._timeout_seconds

        attempt = 0
        while True:
            try:
                status, answer_headers, answer = self._exchange(method, target, payload, headers, timeout)
            except TransportError:
                if not repeatable or attempt >= self._retries:
                    raise
                pause_seconds = _backoff_seconds(attempt)
            else:
                if status < 400:
                    return json.loads(answer) if answer else None
                refusal = ApiError.from_response(status, answer_headers, answer)
                # 429 says that nothing was done; 503 may have been a commit of unknown outcome.
                safe = status == 429 or (status == 503 and repeatable)
                if not safe or attempt >= self._retries:
                    raise refusal
                asked_pause = refusal.retry_after_seconds
                pause_seconds = asked_pause if asked_pause is not None else _backoff_seconds(attempt)
            attempt += 1
            time.sleep(min(pause_seconds, self._timeout_seconds))

    def _items(self, path: str, filters: Mapping[str, Any]) -> Iterator[JsonObject]:
        cursor: Optional[str] = None
        while True:
            page = self.request("GET", path, query={**filters, "cursor": cursor})
            yield from page["items"]
            cursor = page.get("next")
            if cursor is None:
                return

    def _exchange(
        self, method: str, target: str, payload: Optional[bytes], headers: Dict[str, str], timeout: float
    ) -> Tuple[int, http.client.HTTPMessage, bytes]:
        connection = self._borrow(timeout)
        try:
            connection.request(method, target, body=payload, headers=headers)
            response = connection.getresponse()
            answer = response.read()
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            where = f"{self._host}:{self._port}"
            raise TransportError(f"{method} {target} at {where}: {error or type(error).__name__}") from error
        except BaseException:
            connection.close()
            raise
        if response.will_close:
            connection.close()
        else:
            self._give_back(connection)
        return response.status, response.headers, answer

    def _borrow(self, timeout: float) -> http.client.HTTPConnection:
        connection: Optional[http.client.HTTPConnection] = None
        while connection is None:
            with self._lock:
                if not self._idle:
                    break
                connection = self._idle.pop()
            if _was_closed(connection):
                connection.close()
                connection = None
        if connection is None:
            if self._secure:
                connection = http.client.HTTPSConnection(
                    self._host, self._port, timeout=timeout, context=self._ssl_context
                )
            else:
                connection = http.client.HTTPConnection(self._host, self._port, timeout=timeout)
        connection.timeout = timeout
        if connection.sock is not None:
            connection.sock.settimeout(timeout)
        return connection

    def _give_back(self, connection: http.client.HTTPConnection) -> None:
        with self._lock:
            if len(self._idle) < _IDLE_CONNECTIONS_MAX:
                self._idle.append(connection)
                return
        connection.close()


def _was_closed(connection: http.client.HTTPConnection) -> bool:
    """An idle connection has nothing to read, unless the server closed it meanwhile."""
    return connection.sock is None or bool(select.select([connection.sock], [], [], 0)[0])


def _segment(text: str) -> str:
    return urllib.parse.quote(text, safe="")


def _present(**fields: Any) -> JsonObject:
    return {key: value for key, value in fields.items() if value is not None}


def _new_key() -> str:
    return str(uuid.uuid4())


def _backoff_seconds(attempt: int) -> float:
    """Exponential, with full jitter, so that clients that failed together do not come back together."""
    return random.uniform(0.0, min(_RETRY_CAP_SECONDS, _RETRY_BASE_SECONDS * 2.0**attempt))
