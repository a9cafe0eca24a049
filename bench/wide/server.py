"""The program under load: started, asked, killed; what it has used, from /proc; loads given by bench/drive."""
import http.client
import json
import mmap
import os
import shutil
import signal
import socket
import struct
import subprocess
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.join(ROOT, "build", "release")
DATA = os.path.join(ROOT, "build", f"bench-wide-{os.getpid()}")
MIB = 1 << 20
COUNTS = ("allocations", "allocated_bytes", "frees", "flushes", "disk_writes", "disk_bytes")  # count_calls.cc
STAGES = ("order", "pay", "ship", "after-sales")


def four_stages():
    following = list(STAGES[1:]) + [None]
    return {"StartAt": STAGES[0], "States": {
        stage: {"Type": "Task", "Resource": "queue:" + stage, **({"Next": after} if after else {"End": True})}
        for stage, after in zip(STAGES, following)}}


class Server:
    """A server with a directory of its own below build/, which close() removes."""

    def __init__(self, name="data", program=None, counting=False, settings=None):
        self.program = program or os.path.join(BUILD, "sluice")
        self.directory = os.path.join(DATA, name)
        shutil.rmtree(self.directory, ignore_errors=True)
        os.makedirs(self.directory)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.environment = dict(os.environ, **(settings or {}))
        self.counters = None
        if counting:
            path = self.directory + ".counts"
            with open(path, "wb") as file:
                file.write(bytes(4096))
            self.environment.update(LD_PRELOAD=os.path.join(BUILD, "bench", "libcount_calls.so"), SLUICE_COUNT_FILE=path)
            with open(path, "rb") as file:
                self.counters = mmap.mmap(file.fileno(), 4096, prot=mmap.PROT_READ)
        self.process = None
        self.start()
        self.call("PUT", "/v1/workflows/bench", four_stages())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def launch(self):
        self.process = subprocess.Popen(
            [self.program, "serve", "--data", self.directory, "--listen", f"127.0.0.1:{self.port}", "--log-level", "error"],
            stdout=subprocess.DEVNULL, env=self.environment)

    def start(self, within=600):
        """Starts it and returns the seconds until it was ready."""
        began = time.monotonic()
        self.launch()
        while True:
            try:
                self.call("GET", "/readyz")
                return time.monotonic() - began
            except (OSError, http.client.HTTPException, RuntimeError):
                if time.monotonic() - began > within or self.process.poll() is not None:
                    raise RuntimeError("the server did not start in " + self.directory) from None
                time.sleep(0.001)

    def stop(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        self.process.wait()

    def close(self):
        if self.process.poll() is None:
            self.stop(signal.SIGKILL)
        shutil.rmtree(self.directory, ignore_errors=True)

    def call(self, method, path, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=600)
        try:
            return ask(connection, method, path, None if body is None else json.dumps(body))
        finally:
            connection.close()

    def metrics(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.request("GET", "/metrics")
        text = connection.getresponse().read().decode()
        connection.close()
        lines = (line.split(" ") for line in text.splitlines() if line and line[0] != "#" and "{" not in line)
        return {name: float(value) for name, value in lines}

    def counts(self):
        return dict(zip(COUNTS, struct.unpack_from(f"={len(COUNTS)}Q", self.counters)))

    def _status_mib(self, name):
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as status:
            return next(int(line.split()[1]) for line in status if line.startswith(name)) / 1024

    def resident_mib(self):
        return self._status_mib("VmRSS")

    def cpu_seconds(self):
        with open(f"/proc/{self.process.pid}/stat", encoding="ascii") as stat:
            fields = stat.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def disk_mib(self):
        return sum(entry.stat().st_size for entry in os.scandir(self.directory)) / MIB

    def driving(self, **options):
        """bench/drive on this server, started and not waited for."""
        command = [os.path.join(BUILD, "bench", "drive"), "--port", str(self.port), "--process", str(self.process.pid)]
        for name, value in options.items():
            command += ["--" + name.replace("_", "-"), str(value)]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def drive(self, **options):
        """The figures of a load."""
        return told_by(self.driving(**options))


def told_by(driving):
    out, err = driving.communicate()
    if driving.returncode != 0:
        raise RuntimeError(err.strip()[-500:])
    return json.loads(out)


def ask(connection, method, path, text=None):
    connection.request(method, path, text, {"Content-Type": "application/json"})
    answer = connection.getresponse()
    body = answer.read()
    if answer.status >= 400:
        raise RuntimeError(f"{method} {path}: {answer.status} {body[:300]!r}")
    return json.loads(body) if answer.getheader("Content-Type", "").endswith("json") else None
