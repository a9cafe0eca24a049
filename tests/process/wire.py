"""The server's wire, as close to the bytes as a test wants it: a process, HTTP, WebSocket frames.

Standard library only. Nothing here hides a fault: a call that gets no well-formed answer raises.
"""
import base64
import contextlib
import http.client
import json
import os
import random
import re
import signal
import socket
import struct
import subprocess

HOST = "127.0.0.1"


class Server:
    """`sluice serve` on a data directory, listening on a free port."""

    def __init__(self, binary, data, environment=None, log=None):
        self.log_path = log or os.path.join(os.path.dirname(os.path.abspath(data)), "server.log")
        self.log = open(self.log_path, "ab")
        start = self.log.tell()
        self.process = subprocess.Popen(
            [binary, "serve", "--data", data, "--listen", f"{HOST}:0"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self.log,
            env={**os.environ, **(environment or {})})
        line = self.process.stdout.readline().decode()
        found = re.search(r"http://[^ ]*:(\d+)", line)
        if not found:
            self.process.wait(60)
            raise RuntimeError(f"the server did not start: {line!r} {self.text()[start:]}")
        self.port = int(found.group(1))
        self.url = f"http://{HOST}:{self.port}"

    def text(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as file:
            return file.read()

    def resident_kib(self):
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as file:
            return int(re.search(r"VmRSS:\s+(\d+)", file.read()).group(1))

    def stop(self, seconds=60):
        """Asks for the graceful end and returns the exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            # SIGABRT leaves the sanitizer's stacks, or a core, where SIGKILL would leave nothing.
            self.process.send_signal(signal.SIGABRT)
            self.process.wait(30)
            raise RuntimeError(f"the server did not stop within {seconds} s") from None


class Rest:
    """One kept connection. Not thread-safe."""

    def __init__(self, port, timeout=30):
        self.port, self.timeout = port, timeout
        self.connection = None

    def call(self, method, path, body=None, headers=None):
        """The status and the answer, parsed if it is JSON."""
        status, kind, text = self.raw(method, path, None if body is None else json.dumps(body).encode(), headers)
        return status, json.loads(text) if "json" in kind and text else text

    def raw(self, method, path, body=None, headers=None):
        for attempt in (1, 2):
            if self.connection is None:
                self.connection = http.client.HTTPConnection(HOST, self.port, timeout=self.timeout)
            try:
                self.connection.request(method, path, body, headers or {})
                answer = self.connection.getresponse()
                text = answer.read()
                if answer.will_close:
                    self.close()
                return answer.status, answer.getheader("Content-Type", ""), text
            except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError,
                    http.client.CannotSendRequest):
                # A kept connection may have been closed between two requests; a fresh one may not.
                self.close()
                if attempt == 2:
                    raise
        raise AssertionError("not reached")

    def close(self):
        if self.connection is not None:
            self.connection.close()
            self.connection = None


def connect(port, timeout=10):
    peer = socket.create_connection((HOST, port), timeout=timeout)
    peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return peer


def reset(peer):
    """Ends the connection with RST, as a host that died would."""
    with contextlib.suppress(OSError):
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    peer.close()


def exchange(port, request, shut=False, timeout=10):
    """Sends bytes as they are and reads until the other side closes or is silent; all that came."""
    with connect(port, timeout) as peer:
        with contextlib.suppress(ConnectionError):
            peer.sendall(request)
            if shut:
                peer.shutdown(socket.SHUT_WR)
        return drain(peer)


def drain(peer):
    """What comes until the end. Raises TimeoutError if the connection is left open."""
    received = bytearray()
    while True:
        try:
            piece = peer.recv(1 << 16)
        except ConnectionResetError:
            break
        if not piece:
            break
        received += piece
    return bytes(received)


def answers_in(received):
    """Splits a stream of responses into (status, headers, body). Raises ValueError where it is none."""
    found = []
    rest = received
    while rest:
        head, mark, after = rest.partition(b"\r\n\r\n")
        if not mark:
            raise ValueError(f"no end of the header in {rest[:200]!r}")
        lines = head.decode("latin-1").split("\r\n")
        status = re.fullmatch(r"HTTP/1\.1 (\d{3}) .*", lines[0])
        if not status:
            raise ValueError(f"no status line: {lines[0]!r}")
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines[1:])}
        length = int(headers.get("content-length", 0))
        if status.group(1) == "100":
            length = 0
        found.append((int(status.group(1)), headers, after[:length]))
        rest = after[length:]
    return found


TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


def frame(payload, kind=TEXT, fin=True, masked=True, length=None, reserved=0):
    """One WebSocket frame; `length` declares another than the payload's."""
    if isinstance(payload, str):
        payload = payload.encode()
    declared = len(payload) if length is None else length
    head = bytearray([(0x80 if fin else 0) | reserved << 4 | kind])
    mask_bit = 0x80 if masked else 0
    if declared < 126:
        head.append(mask_bit | declared)
    elif declared < 1 << 16:
        head += struct.pack("!BH", mask_bit | 126, declared)
    else:
        head += struct.pack("!BQ", mask_bit | 127, declared)
    if not masked:
        return bytes(head) + payload
    mask = random.randbytes(4)
    head += mask
    wide = (mask * (len(payload) // 4 + 1))[:len(payload)]
    return bytes(head) + (int.from_bytes(payload, "big") ^ int.from_bytes(wide, "big")).to_bytes(len(payload), "big")


class Stream:
    """A worker stream. One thread reads; send() may be called by one other."""

    def __init__(self, port, timeout=10):
        self.peer = connect(port, timeout)
        key = base64.b64encode(random.randbytes(16)).decode()
        self.peer.sendall((f"GET /v1/stream HTTP/1.1\r\nHost: {HOST}:{port}\r\nUpgrade: websocket\r\n"
                           f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\n"
                           "Sec-WebSocket-Version: 13\r\n\r\n").encode())
        self.buffer = bytearray()
        head = self._until(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 101 "):
            raise ConnectionError(f"no upgrade: {head[:100]!r}")

    def _fill(self):
        piece = self.peer.recv(1 << 16)
        if not piece:
            raise ConnectionError("the stream ended")
        self.buffer += piece

    def _take(self, count):
        while len(self.buffer) < count:
            self._fill()
        taken = bytes(self.buffer[:count])
        del self.buffer[:count]
        return taken

    def _until(self, mark):
        while mark not in self.buffer:
            self._fill()
        return self._take(self.buffer.index(mark) + len(mark))

    def send(self, message):
        self.peer.sendall(frame(json.dumps(message)))

    def send_bytes(self, data):
        self.peer.sendall(data)

    def frame(self):
        """The next frame's kind and payload; pings are answered here."""
        while True:
            first, second = self._take(2)
            length = second & 0x7F
            if length == 126:
                length, = struct.unpack("!H", self._take(2))
            elif length == 127:
                length, = struct.unpack("!Q", self._take(8))
            payload = self._take(length)
            if first & 0x0F != PING:
                return first & 0x0F, payload
            self.peer.sendall(frame(payload, PONG))

    def messages(self):
        """The messages of the next text frame; raises ConnectionError at a close."""
        kind, payload = self.frame()
        if kind == PONG:
            return []
        if kind != TEXT:
            raise ConnectionError(f"closed: {payload!r}")
        parsed = json.loads(payload)
        return parsed if isinstance(parsed, list) else [parsed]

    def close_code(self):
        """Reads on to the close and gives its code; None if the connection ended without one."""
        try:
            while True:
                kind, payload = self.frame()
                if kind == CLOSE:
                    return struct.unpack("!H", payload[:2])[0] if len(payload) >= 2 else 1005
        except ConnectionError:
            return None

    def cut(self):
        reset(self.peer)

    def close(self):
        self.peer.close()
