"""The example's processes: the server and its four workers, how they are started and stopped."""
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request

import place

SLUICE = os.path.join(place.ROOT, "build", "sluice")
WORKERS_BUILT = os.path.join(place.ROOT, "build", "release", "examples")
MARK = "SLUICE_DEMO"  # in the environment of everything that is started, so that only that is ever stopped


def free_port(first):
    """The first port from there on that nobody listens at."""
    for port in range(first, first + 200):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue
    raise RuntimeError(f"no free port from {first} to {first + 199}")


def server_command(data, port):
    return [SLUICE, "serve", "--data", data, "--listen", f"127.0.0.1:{port}"]


def worker_commands(port, ledger_directory, suffix="1"):
    """A worker for each stage: {name: command}."""
    url = f"http://127.0.0.1:{port}"
    return {
        f"order-{suffix}": [os.path.join(WORKERS_BUILT, "order_worker"), str(port), ledger_directory, f"order-{suffix}"],
        f"pay-{suffix}": [os.path.join(place.HERE, "pay_worker"), url, ledger_directory, f"pay-{suffix}"],
        f"ship-{suffix}": [os.path.join(WORKERS_BUILT, "ship_worker"), str(port), ledger_directory, f"ship-{suffix}"],
        f"after-sales-{suffix}": [SLUICE, "worker", "after-sales", "--server", url, "--concurrency", "4",
                                  "--name", f"after-sales-{suffix}", "--",
                                  os.path.join(place.HERE, "after_sales"), ledger_directory, f"after-sales-{suffix}"],
    }


def start(command, log_path, mark):
    """Starts it in a session of its own, so that Ctrl-C in a terminal does not reach it."""
    with open(log_path, "ab") as log:
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                env={**os.environ, MARK: mark}, start_new_session=True)


def wait_until_ready(url, process, log_path, seconds=20.0):
    until = time.monotonic() + seconds
    while True:
        try:
            with urllib.request.urlopen(f"{url}/readyz", timeout=2) as answer:
                if answer.status == 200:
                    return
        except (urllib.error.URLError, OSError):
            pass
        if process.poll() is not None or time.monotonic() > until:
            with open(log_path, encoding="utf-8", errors="replace") as log:
                said = log.read()[-2000:]
            state = "does not answer" if process.poll() is None else f"ended with {process.returncode}"
            raise RuntimeError(f"the server {state}; {log_path} says:\n{said}")
        time.sleep(0.02)


def is_marked(pid, mark):
    """Whether this process is one that was started with this mark, and no later one with its number."""
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            return f"{MARK}={mark}".encode() in file.read().split(b"\0")
    except OSError:
        return False


def stop(pids, mark, seconds=15.0):
    """SIGTERM, then SIGKILL for what does not end. The processes need not be children. Returns how many there were."""
    live = [pid for pid in pids if is_marked(pid, mark)]
    count = len(live)
    for number, patience in ((signal.SIGTERM, seconds), (signal.SIGKILL, 5.0)):
        for pid in live:
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                pass
        until = time.monotonic() + patience
        while live and time.monotonic() < until:
            live = [pid for pid in live if is_marked(pid, mark) and not _is_zombie(pid)]
            time.sleep(0.02)
    return count


def _is_zombie(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
            return file.read().rsplit(")", 1)[1].split()[0] == "Z"
    except OSError:
        return True
