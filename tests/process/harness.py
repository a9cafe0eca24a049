"""What the process tests share: the real program in a directory of its own, killed and started at will."""
import logging
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
EXAMPLE = os.path.join(ROOT, "examples", "order-to-after-sales")
sys.path[:0] = [EXAMPLE, os.path.join(ROOT, "clients", "python")]

import processes  # noqa: E402
import sluice  # noqa: E402

# Lost connections are what these tests are about.
logging.getLogger("sluice").addHandler(logging.NullHandler())


class Wrong(AssertionError):
    """What was expected did not come."""


def expect(condition, sentence):
    if not condition:
        raise Wrong(sentence)


def until(question, seconds, sentence):
    """Asks until the answer is true, and gives it; the time is only a limit."""
    end = time.monotonic() + seconds
    while True:
        answer = question()
        if answer:
            return answer
        if time.monotonic() > end:
            raise Wrong(f"{sentence} (waited {seconds} s)")
        time.sleep(0.02)


def unused_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Service:
    """A server that can be killed and started again on the same data and port, and processes around it."""

    def __init__(self):
        self.directory = tempfile.mkdtemp(prefix="sluice-process-")
        self.port = unused_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.server = None
        self.others = {}  # name: (command, process)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, kind, *_):
        pids = [process.pid for _, process in self.others.values()]
        processes.stop(pids, self.directory, seconds=5)
        if self.server is not None:
            processes.stop([self.server.pid], self.directory, seconds=10)
        for _, process in self.others.values():
            process.wait()
        if self.server is not None:
            self.server.wait()
        if kind is None:
            subprocess.run(["rm", "-rf", self.directory], check=True)
        else:
            print(f"  kept: {self.directory}")

    def log(self, name):
        return os.path.join(self.directory, f"{name}.log")

    def client(self, **options):
        return sluice.Client(self.url, **options)

    def start(self):
        self.server = processes.start(
            processes.server_command(os.path.join(self.directory, "data"), self.port), self.log("server"), self.directory)
        processes.wait_until_ready(self.url, self.server, self.log("server"))

    def kill(self, number=signal.SIGKILL):
        """Ends the server and waits until it is gone. Refuses one that had ended by itself."""
        code = self.server.poll()
        expect(code is None, f"the server had ended by itself with {code}; see {self.log('server')}")
        self.server.send_signal(number)
        self.server.wait(timeout=30)
        expect(self.server.returncode == (-number if number == signal.SIGKILL else 0),
               f"after signal {number} the server ended with {self.server.returncode}")

    def run(self, name, command):
        self.others[name] = (command, processes.start(command, self.log(name), self.directory))

    def kill_other(self, name):
        command, process = self.others[name]
        process.kill()
        process.wait()
        return command

    def restart_other(self, name):
        """kill -9 for a worker, and a new one in its place."""
        self.run(name, self.kill_other(name))


def suite(scenarios):
    """Runs functions as test cases; prints each, and the line that scripts/test counts."""
    passed = failed = 0
    for scenario in scenarios:
        title = " ".join((scenario.__doc__ or scenario.__name__).split())
        began = time.monotonic()
        try:
            scenario()
        except Exception as error:  # a test case's boundary: whatever it is, it failed
            failed += 1
            print(f"FAILED  {title}\n  {type(error).__name__}: {error}", flush=True)
        else:
            passed += 1
            print(f"ok      {title} ({time.monotonic() - began:.1f} s)", flush=True)
    print(f"{passed} passed, {failed} failed", flush=True)
    return 1 if failed else 0
