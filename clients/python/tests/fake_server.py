"""A server that does what the test says, frame by frame, on the test's own thread.

It has the WebSocket handshake and framing (RFC 6455) and nothing else; no message is answered unless the
test answers it. Whatever is waited for is waited for at most ``WAIT_SECONDS``.
"""
import base64
import hashlib
import json
import socket
import struct
import threading

WAIT_SECONDS = 10.0
TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
NOW = "2026-01-31T12:00:00.000000Z"


class FakeServer:
    def __init__(self):
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(WAIT_SECONDS)
        self.port = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._connections = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._listener.close()
        for connection in self._connections:
            connection.cut()

    def accept(self, status=101):
        """The next connection, past the handshake; or refused with another status."""
        sock, _ = self._listener.accept()
        sock.settimeout(WAIT_SECONDS)
        connection = FakeConnection(sock)
        self._connections.append(connection)
        connection.shake_hands(status)
        return connection

    def welcome(self, session="s1", holds=None, queues=("pay",), **limits):
        """Accepts, answers hello, and answers the subscriptions."""
        connection = self.accept()
        connection.hello = connection.expect("hello")
        connection.say(op="welcome", version=1, session=session, now=NOW, limits=limits,
                       holds=connection.hello.get("holds", []) if holds is None else holds)
        connection.subscribed = {}
        connection.early = []
        while len(connection.subscribed) < len(queues):
            message = connection.next_message()
            if message["op"] == "subscribe":
                connection.subscribed[message["queue"]] = message["credit"]
                connection.ok(message)
            else:
                connection.early.append(message)
        return connection


class FakeConnection:
    def __init__(self, sock):
        self._sock = sock
        self._bytes = b""
        self._messages = []
        self.ping_count = 0
        self.request = ""

    def shake_hands(self, status):
        while b"\r\n\r\n" not in self._bytes:
            self._bytes += self._sock.recv(4096)
        head, self._bytes = self._bytes.split(b"\r\n\r\n", 1)
        self.request = head.decode()
        if status != 101:
            self._sock.sendall(f"HTTP/1.1 {status} Refused\r\nContent-Length: 0\r\n\r\n".encode())
            self.cut()
            return
        fields = dict(line.split(": ", 1) for line in self.request.split("\r\n")[1:])
        proof = fields["Sec-WebSocket-Key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        accept = base64.b64encode(hashlib.sha1(proof.encode()).digest()).decode()
        self._sock.sendall(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Accept: {accept}\r\n\r\n".encode()
        )

    # ---- what the server says ----

    def send_frame(self, opcode, data):
        size = len(data)
        if size < 126:
            head = struct.pack("!BB", 0x80 | opcode, size)
        elif size < 65536:
            head = struct.pack("!BBH", 0x80 | opcode, 126, size)
        else:
            head = struct.pack("!BBQ", 0x80 | opcode, 127, size)
        self._sock.sendall(head + data)

    def send_text(self, text):
        self.send_frame(TEXT, text.encode())

    def say(self, **message):
        self.send_text(json.dumps(message))

    def say_all(self, *messages):
        self.send_text(json.dumps(messages))

    def ok(self, message, **more):
        self.say(op="ok", ref=message["ref"], **more)

    def error(self, message, code, detail="because the test says so"):
        self.say(op="error", ref=message["ref"], code=code, detail=detail)

    def task(self, token, queue="pay", body=None, **more):
        self.say(**task(token, queue, body, **more))

    def revoke(self, token):
        self.say(op="revoke", token=token)

    def close(self, code=1000):
        self.send_frame(CLOSE, struct.pack("!H", code))
        self.expect_end()
        self.cut()

    def cut(self):
        """As when the network goes."""
        try:
            self._sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._sock.close()

    # ---- what the client says ----

    def next_message(self):
        while not self._messages:
            opcode, data = self._next_frame()
            if opcode == PING:
                self.ping_count += 1
                self.send_frame(PONG, data)
            elif opcode == TEXT:
                content = json.loads(data)
                self._messages += content if isinstance(content, list) else [content]
            elif opcode == CLOSE:
                raise AssertionError(f"the client closed with {data!r}, a message was expected")
        return self._messages.pop(0)

    def expect(self, op, **fields):
        message = self.next_message()
        found = {key: message.get(key) for key in fields}
        if message["op"] != op or found != fields:
            raise AssertionError(f"expected {op} with {fields}, found {message}")
        return message

    def expect_ping(self):
        opcode, data = self._next_frame()
        if opcode != PING:
            raise AssertionError(f"expected a ping, found {data!r}")
        self.send_frame(PONG, data)

    def expect_end(self):
        """The client's close code, or None if it went without one; reads what it said before."""
        try:
            while True:
                opcode, data = self._next_frame()
                if opcode == CLOSE:
                    return struct.unpack("!H", data[:2])[0] if data else None
        except (ConnectionError, EOFError):
            return None

    def _next_frame(self):
        first, second = self._take(2)
        size = second & 0x7F
        if size == 126:
            size = struct.unpack("!H", self._take(2))[0]
        elif size == 127:
            size = struct.unpack("!Q", self._take(8))[0]
        if not second & 0x80:
            raise AssertionError("a client's frame must be masked")
        mask = self._take(4)
        data = bytes(byte ^ mask[index % 4] for index, byte in enumerate(self._take(size)))
        return first & 0x0F, data

    def _take(self, count):
        while len(self._bytes) < count:
            more = self._sock.recv(65536)
            if not more:
                raise EOFError("the client is gone")
            self._bytes += more
        taken, self._bytes = self._bytes[:count], self._bytes[count:]
        return taken


def task(token, queue="pay", body=None, **more):
    message = {
        "op": "task", "token": token, "id": "m-" + token, "queue": queue, "body": body, "headers": {},
        "attempt": 1, "lease_until": "2026-01-31T12:00:30.000000Z", "idempotency_key": "k-" + token,
    }
    message.update(more)
    return message


class Running:
    """Runs a worker on a thread of its own for a ``with`` block, at whose end it must come to an end."""

    def __init__(self, worker):
        self.worker = worker
        self.error = None
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self):
        try:
            self.worker.run()
        except Exception as error:
            self.error = error

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, kind, *_):
        self.worker._timing.leave = 0.0  # The test answers nothing any more.
        self.worker.stop(at_once=True)
        if kind is None:
            self.wait()

    def wait(self):
        """Until run() has returned; the error it raised, if any."""
        self._thread.join(WAIT_SECONDS)
        if self._thread.is_alive():
            raise AssertionError("the worker did not stop")
        return self.error
