"""One WebSocket connection to the server, and the pipe that wakes the thread which waits on it.

Confined to the session's thread, ``Wakeup.wake`` excepted. That one thread both reads and writes, so a
TLS connection is never used from two threads at once, which OpenSSL forbids.
"""
from __future__ import annotations

import json
import os
import selectors
import threading
import time
from typing import Any, Dict, List, Mapping, Optional

import websocket

from .errors import ProtocolError

PACK_ITEMS_MAX = 100
PACK_BYTES_MAX = 64 * 1024

_ABNF = websocket.ABNF
_FATAL_HANDSHAKE_STATUSES = (400, 401, 403, 404, 405, 426)
_CLOSE_TAKEN_OVER = 4001


class ConnectionLost(Exception):
    """The connection is over, and another may be opened. ``code`` is the server's close code, if it gave one."""

    def __init__(self, why: str, code: Optional[int] = None) -> None:
        super().__init__(why)
        self.code = code


class Wakeup:
    """Lets any thread, and a signal handler, end the session thread's wait."""

    def __init__(self) -> None:
        # Re-entrant, since a signal handler may interrupt the holder on its own thread. Without the lock a late
        # wake could write to a descriptor that has been closed and opened again as something else.
        self._lock = threading.RLock()
        self._read_end, self._write_end = os.pipe()
        os.set_blocking(self._read_end, False)
        os.set_blocking(self._write_end, False)

    def fileno(self) -> int:
        return self._read_end

    def wake(self) -> None:
        with self._lock:
            try:
                if self._write_end >= 0:
                    os.write(self._write_end, b"\0")
            except BlockingIOError:
                pass  # A full pipe wakes as well.

    def clear(self) -> None:
        try:
            while os.read(self._read_end, 4096):
                pass
        except BlockingIOError:
            pass

    def wait(self, timeout_seconds: float) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._read_end, selectors.EVENT_READ)
            selector.select(max(0.0, timeout_seconds))
        self.clear()

    def close(self) -> None:
        with self._lock:
            read_end, write_end, self._read_end, self._write_end = self._read_end, self._write_end, -1, -1
            os.close(read_end)
            os.close(write_end)


class Connection:
    """Opened by its constructor, which raises ``ConnectionLost``, or ``ProtocolError`` if trying again is no use."""

    def __init__(
        self,
        url: str,
        *,
        headers: Mapping[str, str],
        timeout_seconds: float,
        wakeup: Wakeup,
        ssl_options: Optional[Mapping[str, Any]] = None,
    ) -> None:
        # The library's own UTF-8 check is a loop in Python; decoding checks as well.
        self._socket = websocket.WebSocket(
            enable_multithread=False, skip_utf8_validation=True, sslopt=dict(ssl_options or {})
        )
        try:
            self._socket.connect(url, header=dict(headers), timeout=timeout_seconds, suppress_origin=True)
        except websocket.WebSocketBadStatusException as error:
            if error.status_code in _FATAL_HANDSHAKE_STATUSES:
                raise ProtocolError(
                    f"http_{error.status_code}", f"{url} refused the worker stream: {error}"
                ) from error
            raise ConnectionLost(str(error)) from error
        except (OSError, websocket.WebSocketException) as error:
            raise ConnectionLost(f"{url}: {error or type(error).__name__}") from error
        self.opened_at = self.heard_at = self.sent_at = time.monotonic()
        self._wakeup = wakeup
        self._selector = selectors.DefaultSelector()
        assert self._socket.sock is not None
        self._selector.register(self._socket.sock, selectors.EVENT_READ)
        self._selector.register(wakeup.fileno(), selectors.EVENT_READ)

    def wait(self, timeout_seconds: float) -> bool:
        """Until there is something to read (true), or somebody woke this thread, or the time is over."""
        pending = getattr(self._socket.sock, "pending", None)
        if pending is not None and pending():
            return True  # TLS has bytes already that the descriptor no longer shows.
        ready = [key.fd for key, _ in self._selector.select(max(0.0, timeout_seconds))]
        if self._wakeup.fileno() in ready:
            self._wakeup.clear()
        return any(fd != self._wakeup.fileno() for fd in ready)

    def receive(self) -> List[Dict[str, Any]]:
        """The messages of one frame; none for a ping or pong. REQUIRES: ``wait`` was true."""
        try:
            opcode, frame = self._socket.recv_data_frame(control_frame=True)
        except (OSError, websocket.WebSocketException) as error:
            raise ConnectionLost(str(error) or type(error).__name__) from error
        self.heard_at = time.monotonic()
        data: bytes = frame.data
        if opcode == _ABNF.OPCODE_CLOSE:
            code = int.from_bytes(data[:2], "big") if len(data) >= 2 else None
            reason = data[2:].decode("utf-8", "replace")
            if code == _CLOSE_TAKEN_OVER:
                raise ProtocolError("session_taken_over", reason or "another connection took the session over")
            raise ConnectionLost(f"the server closed the connection: {code} {reason}".rstrip(), code)
        if opcode in (_ABNF.OPCODE_PING, _ABNF.OPCODE_PONG):
            return []
        if opcode != _ABNF.OPCODE_TEXT:
            self._refuse(1003, "a binary frame")
        try:
            content = json.loads(bytes(data).decode("utf-8"))
        except (ValueError, RecursionError) as error:
            self._refuse(1007, f"a frame that is not JSON ({error})")
        messages = content if isinstance(content, list) else [content]
        if not all(isinstance(message, dict) and isinstance(message.get("op"), str) for message in messages):
            self._refuse(1002, "a message that is no object with an op")
        return messages

    def send(self, texts: List[str]) -> None:
        """Sends messages, packed into as few frames as the limits allow."""
        start = 0
        while start < len(texts):
            end, size = start + 1, len(texts[start])
            while end < len(texts) and end - start < PACK_ITEMS_MAX and size < PACK_BYTES_MAX:
                size += len(texts[end])
                if size >= PACK_BYTES_MAX:
                    break
                end += 1
            packed = texts[start] if end - start == 1 else "[" + ",".join(texts[start:end]) + "]"
            self._write(packed.encode("utf-8"), _ABNF.OPCODE_TEXT)
            start = end

    def ping(self) -> None:
        self._write(b"", _ABNF.OPCODE_PING)

    def refuse(self, what: str) -> None:
        """Ends the connection for what the server said; raises ``ConnectionLost``."""
        self._refuse(1002, what)

    def close(self, *, goodbye: bool = False) -> None:
        """With ``goodbye`` the server gives back at once what the session holds, instead of after its grace."""
        self._selector.close()
        if goodbye and self._socket.connected:
            try:
                self._socket.send_close(1000)
            except (OSError, websocket.WebSocketException):
                pass  # Then the grace it is.
        self._socket.shutdown()

    def _write(self, data: bytes, opcode: int) -> None:
        try:
            self._socket.send(data, opcode)
        except (OSError, websocket.WebSocketException) as error:
            raise ConnectionLost(str(error) or type(error).__name__) from error
        self.sent_at = time.monotonic()

    def _refuse(self, code: int, what: str) -> None:
        try:
            self._socket.send_close(code, what.encode("utf-8")[:120])
        except (OSError, websocket.WebSocketException):
            pass  # It is to be closed in any case.
        raise ConnectionLost(f"the server sent {what}")
