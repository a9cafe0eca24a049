#!/usr/bin/env python3
"""Broken, huge, slow and absurd input at a running server's port.

    tests/process/hostile.py BINARY [--seconds N] [--seed N] [--growth-mib N]

The same seed sends the same bytes. Checked is that each answer is a problem document that names the
place, or a clean close; that the server answers /healthz promptly all along and lives to stop
gracefully; that its memory comes back; that POST /v1/check finds nothing afterwards. A sanitizer's
report in the server's output fails it as well.
"""
import argparse
import contextlib
import json
import os
import random
import shutil
import sys
import tempfile
import threading
import time

import hostile_definitions
import hostile_fields
import hostile_http
import hostile_stream
import wire

WORKFLOW = {"StartAt": "Work", "States": {"Work": {"Type": "Task", "Resource": "queue:work", "End": True}}}
LORIS_CONNECTIONS = 200
# A healthz under attack, on a machine that compiles something else beside it.
PROMPT_SECONDS = 2.0


class Faults:
    def __init__(self):
        self.lock = threading.Lock()
        self.texts = []
        self.kinds = set()
        self.checked = 0

    def add(self, text):
        """One of a kind is enough: the rounds repeat themselves."""
        kind = text.split(": expected")[0]
        with self.lock:
            if kind not in self.kinds:
                self.kinds.add(kind)
                self.texts.append(text)

    def expect(self, holds, text):
        self.checked += 1
        if not holds:
            self.add(text)


def watch_health(port, over, faults):
    """Asks all the time, on a fresh connection each, as a supervisor does."""
    slowest = 0.0
    while not over.wait(0.02):
        begun = time.monotonic()
        try:
            rest = wire.Rest(port, timeout=PROMPT_SECONDS * 2)
            with contextlib.closing(rest):
                status, _ = rest.call("GET", "/healthz")
            if status != 200:
                faults.add(f"/healthz: {status}")
        except OSError as failure:
            faults.add(f"/healthz: {type(failure).__name__}: {failure}")
        slowest = max(slowest, time.monotonic() - begun)
    faults.expect(slowest < PROMPT_SECONDS, f"/healthz took {slowest:.2f} s, at most {PROMPT_SECONDS} s")


class SlowLoris:
    """Connections that send a header byte by byte and never end it: cut after the header's time."""

    HEAD = b"GET /v1/queues HTTP/1.1\r\nHost: x\r\nX-Slow: "

    def __init__(self, port):
        self.peers = [wire.connect(port) for _ in range(LORIS_CONNECTIONS)]
        self.begun = time.monotonic()
        self.sent = 0
        for peer in self.peers:
            peer.setblocking(False)

    def feed(self):
        for peer in self.peers:
            with contextlib.suppress(OSError):
                peer.send(self.HEAD[self.sent:self.sent + 1] or b"x")
        self.sent += 1

    def check(self, seconds, faults):
        """All were given 408 or closed by `seconds` after their begin."""
        while time.monotonic() - self.begun < seconds:
            self.feed()
            time.sleep(0.5)
        for peer in self.peers:
            peer.settimeout(3)
            try:
                received = wire.drain(peer)
                statuses = [status for status, _, _ in wire.answers_in(received)]
                faults.expect(statuses in ([408], []), f"slow header: {received[:200]!r}")
            except TimeoutError:
                faults.add(f"slow header: still open after {seconds} s")
            peer.close()


def half_open(port, faults):
    """Clients that leave in the middle of everything."""
    for request in (b"", b"POST", b"GET /healthz HTTP/1.1\r\nHost",
                    b"POST /v1/queues/work/messages HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{\"mess",
                    b"POST /v1/queues/work/lease HTTP/1.1\r\nHost: x\r\nContent-Length: 11\r\n\r\n{\"wait\": 60}"):
        for _ in range(20):
            peer = wire.connect(port)
            with contextlib.suppress(OSError):
                peer.sendall(request)
            wire.reset(peer)
        received = wire.exchange(port, request, shut=True) if request[:5] != b"POST " else b""
        with contextlib.suppress(ValueError):
            for status, _, _ in wire.answers_in(received):
                faults.expect(400 <= status < 500, f"half a request {request[:40]!r}: {status}")


def deaf_clients(port, faults):
    """Clients that ask and never read: they hold what one answer needs, and nobody up."""
    peers = []
    for _ in range(20):
        peer = wire.connect(port)
        peer.setblocking(False)
        with contextlib.suppress(OSError):
            peer.send(b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n" * 400)
        peers.append(peer)
    rest = wire.Rest(port)
    status, _ = rest.call("GET", "/v1/queues")
    faults.expect(status == 200, f"beside deaf clients: {status}")
    rest.close()
    for peer in peers:
        wire.reset(peer)


def lost_sessions(port, faults):
    """Workers that open a session, subscribe to what is not there, and vanish."""
    streams = [wire.Stream(port) for _ in range(50)]
    for n, stream in enumerate(streams):
        stream.send([hostile_stream.HELLO, {"op": "subscribe", "ref": 1, "queue": f"lost-{n}", "credit": 1000}])
    for stream in streams:
        try:
            heard = stream.messages()
            faults.expect(heard[0]["op"] == "welcome", f"a session among fifty: {heard}")
        except OSError as failure:
            faults.add(f"a session among fifty: {failure}")
        stream.cut()


def hold_memory(port, connections):
    """Bodies announced as large as they may be and sent to the last byte but one, all at once."""
    size = 4 << 20
    head = f"POST /v1/messages:batch HTTP/1.1\r\nHost: x\r\nContent-Length: {size}\r\n\r\n".encode()
    body = b'{"messages":[' + b" " * (size - 14)
    peers = []
    for _ in range(connections):
        peer = wire.connect(port)
        peers.append(peer)
        with contextlib.suppress(OSError):
            peer.sendall(head + body)
    for peer in peers:
        wire.reset(peer)


def settled_kib(server, limit_kib, seconds):
    """The server's memory, waited for to come below the limit."""
    end = time.monotonic() + seconds
    while server.resident_kib() > limit_kib and time.monotonic() < end:
        time.sleep(0.1)
    return server.resident_kib()


def run_and_dead_letter(rest):
    """A run that waits for its worker, and the dead letter of another."""
    for _ in range(2):
        rest.call("POST", "/v1/workflows/work/runs", {"input": {"n": 1}})
    _, leased = rest.call("POST", "/v1/queues/work/lease", {})
    rest.call("POST", f"/v1/tasks/{leased['tasks'][0]['token']}/fail", {"error": "Broken"})
    _, running = rest.call("GET", "/v1/runs?status=RUNNING")
    _, letters = rest.call("GET", "/v1/dead-letters")
    return running["items"][0]["id"], letters["items"][0]["id"]


def attack(server, asked, faults):
    port = server.port
    chance = random.Random(asked.seed)
    rest = wire.Rest(port)
    status, answer = rest.call("PUT", "/v1/workflows/work", WORKFLOW)
    faults.expect(status in (200, 201), f"deploy: {status} {answer}")
    run, letter = run_and_dead_letter(rest)
    _, document = rest.call("GET", "/openapi.json")

    over = threading.Event()
    watcher = threading.Thread(target=watch_health, args=(port, over, faults))
    watcher.start()
    try:
        end = time.monotonic() + asked.seconds
        loris = SlowLoris(port)
        round_number, first_kib = 0, None
        while round_number < 2 or time.monotonic() < end - 4:
            loris.feed()
            hostile_http.broken_requests(port, faults)
            hostile_http.mutated_requests(port, chance, faults, 60)
            hostile_definitions.torn_definitions(port, chance, faults, 100)
            loris.feed()
            if round_number == 0:
                hostile_fields.wrong_values(port, document, run, letter, faults)
                hostile_stream.too_many_subscriptions(port, faults)
            loris.feed()
            hostile_stream.broken_upgrades(port, faults)
            hostile_stream.broken_frames(port, faults)
            hostile_stream.wrong_operations(port, faults)
            hostile_stream.mutated_frames(port, chance, faults, 20)
            loris.feed()
            half_open(port, faults)
            deaf_clients(port, faults)
            lost_sessions(port, faults)
            hold_memory(port, 16)
            if round_number == 0:
                # What the first round left is what the server keeps for work like this.
                time.sleep(0.5)
                first_kib = server.resident_kib()
            round_number += 1
        loris.check(13, faults)
    finally:
        over.set()
        watcher.join()
    rest.close()

    limit_kib = first_kib + asked.growth_mib * 1024
    last_kib = settled_kib(server, limit_kib, 3)
    faults.expect(last_kib <= limit_kib, f"memory: {first_kib} KiB after the first round, {last_kib} KiB after "
                                         f"{round_number}; at most {asked.growth_mib} MiB more were expected")
    status, answer = wire.Rest(port).call("POST", "/v1/check", {})
    faults.expect(status == 200 and not answer["findings"], f"POST /v1/check: {status} {answer}")
    return f"{round_number} rounds, {first_kib // 1024} MiB then {last_kib // 1024} MiB"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("binary")
    parser.add_argument("--seconds", type=float, default=15)
    parser.add_argument("--seed", type=int, default=1)
    # What is stored meanwhile fills the page caches, 24 MiB for the writer and 4 MiB for each of 4 readers; 48 MiB are for
    # the allocator. A leak outgrows both within some minutes.
    parser.add_argument("--growth-mib", type=int, default=40 + 48)
    asked = parser.parse_args()
    random.seed(asked.seed)
    folder = tempfile.mkdtemp(prefix="sluice-hostile-")
    faults, summary = Faults(), ""
    # The quarantine is memory that is free and does not come back.
    environment = {"ASAN_OPTIONS": "detect_leaks=1:detect_stack_use_after_return=1:exitcode=66:quarantine_size_mb=16",
                   "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1", "TSAN_OPTIONS": "exitcode=66"}
    server = wire.Server(asked.binary, os.path.join(folder, "data"), environment)
    try:
        summary = attack(server, asked, faults)
        status = server.stop(30)
        faults.expect(status == 0, f"the server ended with {status}")
    except (OSError, RuntimeError, ValueError) as failure:
        faults.add(f"{type(failure).__name__}: {failure}")
        time.sleep(1)  # For a sanitizer to say its last word.
    finally:
        if server.process.poll() is None:
            server.process.kill()
        server.process.wait()
    log = server.text()
    for sign in ("Sanitizer", "runtime error:", "handler failed", "connection failed", "check failed"):
        faults.expect(sign not in log, f"the server's log has \"{sign}\"")
    if faults.texts:
        print("\n".join(text[:600] for text in faults.texts[:40]))
        print(log[-6000:])
        print(f"hostile: {len(faults.texts)} faults in {faults.checked} checks ({summary}); seed {asked.seed}; {folder}")
        return 1
    shutil.rmtree(folder)
    print(f"hostile: {faults.checked} checks passed ({summary})")
    return 0


if __name__ == "__main__":
    sys.exit(main())
