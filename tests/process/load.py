#!/usr/bin/env python3
"""Everything at once against one server, to be run on a sanitizer's build.

    tests/process/load.py BINARY [--seconds N] [--seed N]

Worker streams that complete, fail, release, are cut and resumed; REST commands and leases; reads,
followed histories, metrics; `sluice start --batch`; workflows deployed again, paused, deleted. In the
middle the server is stopped under load, and started again on the same data.

Fails on a sanitizer's report, an exit status other than 0, an answer of 500, an answer that is no
answer, a server that does not stop, a run that stands still, or a finding of POST /v1/check.
"""
import argparse
import contextlib
import http.client
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time

import wire

WORKFLOW = {
    "StartAt": "Pay",
    "States": {
        "Pay": {"Type": "Task", "Resource": "queue:pay", "TimeoutSeconds": 20,
                "Retry": [{"ErrorEquals": ["Again"], "IntervalSeconds": 1, "MaxAttempts": 2, "BackoffRate": 1}],
                "ResultPath": "$.paid", "Next": "Large"},
        "Large": {"Type": "Choice", "Choices": [{"Variable": "$.n", "NumericGreaterThan": 500, "Next": "Pause"}],
                  "Default": "Ship"},
        "Pause": {"Type": "Wait", "Seconds": 1, "Next": "Ship"},
        "Ship": {"Type": "Task", "Resource": "queue:ship", "HeartbeatSeconds": 5,
                 "Catch": [{"ErrorEquals": ["Lost"], "ResultPath": "$.lost", "Next": "Done"}], "Next": "Done"},
        "Done": {"Type": "Succeed"},
    },
}
QUEUES = ["pay", "ship", "bare"]
# What a server under load, or one that is stopping, may answer; 500 is a fault.
NO_ANSWER = (ConnectionError, TimeoutError, http.client.HTTPException)


class Load:
    def __init__(self, port, seed):
        self.port = port
        self.seed = seed
        self.over = threading.Event()
        self.stopping = False
        self.faults = []
        self.counts = {}
        self.lock = threading.Lock()
        self.runs = []
        self.letters = []
        self.threads = []

    def count(self, what, n=1):
        with self.lock:
            self.counts[what] = self.counts.get(what, 0) + n

    def fault(self, text):
        with self.lock:
            if len(self.faults) < 20:
                self.faults.append(text)

    def launch(self, part, number=0):
        chance = random.Random(f"{self.seed}/{part.__name__}/{number}")

        def body():
            while not self.over.is_set():
                try:
                    part(chance)
                except NO_ANSWER as failure:
                    # Only its end excuses a server that does not answer.
                    if not self.stopping:
                        self.fault(f"{part.__name__}: {type(failure).__name__}: {failure}")
                        return
                    time.sleep(0.01)
                except Exception as failure:  # A thread's failure is the check's, not lost in its output.
                    self.fault(f"{part.__name__}: {type(failure).__name__}: {failure}")
                    return

        thread = threading.Thread(target=body, name=part.__name__)
        thread.start()
        self.threads.append(thread)

    def ask(self, rest, method, path, body=None, headers=None):
        status, answer = rest.call(method, path, body, headers)
        self.count("requests")
        if status == 500:
            self.fault(f"{method} {path}: 500 {answer}")
        return status, answer

    def some_run(self, chance):
        with self.lock:
            return chance.choice(self.runs) if self.runs else None

    def note_run(self, run):
        with self.lock:
            self.runs.append(run)
            del self.runs[:-300]

    # ---- workers over the stream ----

    def stream_worker(self, chance):
        session, holds, ref = None, [], 0
        while not self.over.is_set():
            stream = wire.Stream(self.port)
            hello = {"op": "hello", "version": 1, "worker": "load"}
            if session:
                hello.update(session=session, holds=holds)
            stream.send(hello)
            first = stream.messages()
            if first[0]["op"] != "welcome":
                self.fault(f"stream: no welcome: {first[0]}")
                stream.close()
                return
            session = first[0]["session"]
            holds = list(first[0]["holds"])
            waiting = first[1:]
            for queue in QUEUES:
                ref += 1
                stream.send({"op": "subscribe", "ref": ref, "queue": queue, "credit": chance.randint(1, 40)})
            end = chance.randint(5, 100)
            leave = chance.random()
            while end > 0 and not self.over.is_set():
                for message in waiting or stream.messages():
                    if message["op"] == "task":
                        end -= 1
                        ref = self.answer_task(stream, chance, message["token"], ref)
                    elif message["op"] == "revoke":
                        stream.send({"op": "revoked", "token": message["token"]})
                    elif message["op"] == "error" and message["code"] == "storage_failed":
                        self.fault(f"stream: {message}")
                waiting = []
                if chance.random() < 0.05:
                    ref += 1
                    stream.send(chance.choice([
                        {"op": "ping", "ref": ref},
                        {"op": "credit", "ref": ref, "queue": "pay", "credit": chance.randint(1, 30)},
                        {"op": "unsubscribe", "ref": ref, "queue": "ship"},
                        {"op": "start", "ref": ref, "workflow": "load", "input": {"n": chance.randint(0, 1000)}},
                        {"op": "send", "ref": ref, "queue": "bare", "messages": [{"body": ref}] * 3}]))
            if leave < 0.3:
                stream.cut()
            elif leave < 0.6:
                # The next connection takes the session over while this one is still open.
                second = wire.Stream(self.port)
                second.send({"op": "hello", "version": 1, "worker": "load-2", "session": session, "holds": holds})
                second.messages()
                stream.close()
                second.cut()
            elif leave < 0.8:
                stream.send({"op": "bye"})
                stream.close_code()
                stream.close()
                session = None
            else:
                stream.close()
            self.count("connections")

    def answer_task(self, stream, chance, token, ref):
        ref += 1
        kind = chance.random()
        if kind < 0.80:
            stream.send({"op": "complete", "ref": ref, "token": token, "output": {"n": ref, "paid": "x" * ref}})
        elif kind < 0.90:
            stream.send({"op": "fail", "ref": ref, "token": token, "error": chance.choice(["Again", "Lost", "Bad"])})
        elif kind < 0.95:
            stream.send({"op": "heartbeat", "ref": ref, "token": token})
            ref += 1
            stream.send({"op": "complete", "ref": ref, "token": token, "output": {"n": ref}})
        elif kind < 0.99:
            stream.send({"op": "release", "ref": ref, "token": token})
        # Else it is forgotten, and handed out again when the session or the lease ends.
        self.count("tasks")
        return ref

    # ---- over REST ----

    def rest_worker(self, chance):
        rest = wire.Rest(self.port)
        with contextlib.closing(rest):
            while not self.over.is_set():
                queue = chance.choice(QUEUES)
                _, answer = self.ask(rest, "POST", f"/v1/queues/{queue}/lease",
                                     {"max": chance.randint(1, 20), "wait": chance.choice([0, 0.1, 0.5])})
                tasks = answer.get("tasks", [])
                if len(tasks) > 3:
                    items = [{"op": "complete", "token": task["token"], "output": {"n": 1}} for task in tasks]
                    self.ask(rest, "POST", "/v1/tasks:batch", {"items": items, "lease": {"queue": queue, "max": 5}})
                    continue
                for task in tasks:
                    verb, body = chance.choice([("complete", {"output": {"n": 2}, "lease": {"queue": queue, "wait": 0}}),
                                                ("complete", {"output": {"n": 3}}), ("fail", {"error": "Again"}),
                                                ("heartbeat", {}), ("release", {})])
                    self.ask(rest, "POST", f"/v1/tasks/{task['token']}/{verb}", body)

    def starter(self, chance):
        rest = wire.Rest(self.port)
        with contextlib.closing(rest):
            while not self.over.is_set():
                path, number = "/v1/workflows/load/runs", chance.randint(0, 1000)
                kind = chance.random()
                if kind < 0.4:
                    headers = {"Idempotency-Key": f"key-{chance.randint(0, 50)}"} if kind < 0.1 else None
                    status, answer = self.ask(rest, "POST", path, {"input": {"n": number % 7}}, headers)
                    if status < 300:
                        self.note_run(answer["id"])
                elif kind < 0.5:
                    status, answer = self.ask(rest, "POST", path + "?wait=1", {"input": {"n": number}})
                    if status < 300:
                        self.note_run(answer["id"])
                elif kind < 0.7:
                    items = [{"input": {"n": n}} for n in range(20)]
                    atomic = chance.choice(["", "?atomic=true"])
                    status, answer = self.ask(rest, "POST", path + ":batch" + atomic, {"items": items})
                    for item in answer.get("items", [])[:3]:
                        if "id" in item:
                            self.note_run(item["id"])
                else:
                    self.ask(rest, "POST", "/v1/queues/bare/messages",
                             {"messages": [{"body": number, "delay_seconds": chance.choice([0, 0, 1])}] * 5})
                time.sleep(0.005)

    def operator(self, chance):
        rest = wire.Rest(self.port)
        with contextlib.closing(rest):
            while not self.over.is_set():
                run = self.some_run(chance)
                if run:
                    verb, body = chance.choice([("cancel", {"cause": "load"}), ("pause", {}), ("resume", {}), ("resume", {}),
                                                ("redrive", {}), ("skip", {"output": {"n": 0}}),
                                                ("fail", {"error": "Operator"})])
                    self.ask(rest, "POST", f"/v1/runs/{run}/{verb}", body)
                queue = chance.choice(QUEUES)
                kind = chance.randint(0, 8)
                if kind == 0:
                    self.ask(rest, "POST", f"/v1/queues/{queue}/pause", {})
                    self.ask(rest, "POST", f"/v1/queues/{queue}/resume", {})
                elif kind == 1:
                    self.ask(rest, "PUT", f"/v1/queues/{queue}", {"LeaseSeconds": chance.randint(2, 30)})
                    self.ask(rest, "DELETE", f"/v1/queues/{queue}/settings")
                elif kind == 2:
                    self.ask(rest, "POST", "/v1/queues/bare/purge", {})
                elif kind == 3:
                    changed = json.loads(json.dumps(WORKFLOW))
                    changed["Comment"] = f"{chance.randint(0, 3)}"
                    self.ask(rest, "PUT", "/v1/workflows/load", changed)
                elif kind == 4:
                    self.ask(rest, "POST", "/v1/workflows/load/pause", {})
                    self.ask(rest, "POST", "/v1/workflows/load/resume", {})
                elif kind == 5:
                    _, page = self.ask(rest, "GET", "/v1/dead-letters?limit=5")
                    for letter in page.get("items", []):
                        self.ask(rest, "GET", f"/v1/dead-letters/{letter['id']}")
                        if chance.random() < 0.5:
                            self.ask(rest, "POST", f"/v1/dead-letters/{letter['id']}/replay", {})
                        else:
                            self.ask(rest, "DELETE", f"/v1/dead-letters/{letter['id']}", {"reason": "load"})
                elif kind == 6:
                    self.ask(rest, "POST", "/v1/queues/pay/dead-letters/replay", {"limit": 10})
                elif kind == 7:
                    name = f"brief-{chance.randint(0, 3)}"
                    self.ask(rest, "PUT", f"/v1/workflows/{name}", WORKFLOW)
                    self.ask(rest, "DELETE", f"/v1/workflows/{name}")
                else:
                    self.ask(rest, "POST", "/v1/queues/gone/messages", {"messages": [{"body": 1}]})
                    self.ask(rest, "DELETE", "/v1/queues/gone")
                time.sleep(0.01)

    def reader(self, chance):
        rest = wire.Rest(self.port)
        with contextlib.closing(rest):
            while not self.over.is_set():
                run = self.some_run(chance) or "0000000000000"
                self.ask(rest, "GET", chance.choice([
                    "/metrics", "/healthz", "/readyz", "/openapi.json", "/v1/queues", "/v1/queues/pay", "/v1/workflows",
                    "/v1/runs?limit=20", "/v1/runs?status=RUNNING&workflow=load", "/v1/dead-letters?group_by=error",
                    "/v1/queues/pay/messages?limit=20", "/v1/workflows/load/graph?format=mermaid",
                    "/v1/workflows/load/versions", f"/v1/runs/{run}", f"/v1/runs/{run}/why", f"/v1/runs/{run}?wait=0.2",
                    f"/v1/runs/{run}/history?limit=1000"]))
                if chance.random() < 0.02:
                    self.ask(rest, "POST", "/v1/check", {})

    def follower(self, chance):
        run = self.some_run(chance)
        if not run:
            time.sleep(0.05)
            return
        with wire.connect(self.port) as peer:
            peer.sendall(f"GET /v1/runs/{run}/history?follow=true HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            pieces = chance.randint(1, 5)
            peer.settimeout(1)
            with contextlib.suppress(TimeoutError):
                while pieces > 0 and peer.recv(1 << 14):
                    pieces -= 1
            wire.reset(peer)
        self.count("followed")

    def everything(self):
        for number in range(4):
            self.launch(self.stream_worker, number)
        for number in range(2):
            self.launch(self.rest_worker, number)
            self.launch(self.starter, number)
            self.launch(self.reader, number)
            self.launch(self.follower, number)
        self.launch(self.operator)

    def finish(self):
        self.over.set()
        for thread in self.threads:
            thread.join(60)
            if thread.is_alive():
                self.fault(f"{thread.name} hangs")


def start_batch(binary, url, environment, load):
    lines = "".join(json.dumps({"n": n}) + "\n" for n in range(500))
    done = subprocess.run([binary, "start", "load", "--batch", "-", "--server", url], input=lines.encode(),
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ, **environment}, timeout=120,
                          check=False)
    if done.returncode != 0:
        load.fault(f"start --batch: exit {done.returncode}: {done.stderr.decode()[-2000:]}")


def settle(server, load, seconds):
    """Work goes on, nothing new comes: no run may be left that waits for nothing."""
    rest = wire.Rest(server.port)
    for queue in QUEUES:
        rest.call("POST", f"/v1/queues/{queue}/resume", {})
    rest.call("POST", "/v1/workflows/load/resume", {})
    worker = Load(server.port, load.seed + 1)
    worker.launch(worker.rest_worker)
    worker.launch(worker.stream_worker)
    time.sleep(seconds)
    worker.stopping = True
    worker.finish()
    load.faults += worker.faults
    status, answer = rest.call("POST", "/v1/check", {})
    if status != 200 or answer.get("findings"):
        load.fault(f"POST /v1/check: {status} {answer}")
    rest.close()


def reports(folder):
    found = []
    for name in sorted(os.listdir(folder)):
        if name.startswith("report"):
            with open(os.path.join(folder, name), encoding="utf-8", errors="replace") as file:
                found.append(file.read())
    return found


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("binary")
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    folder = tempfile.mkdtemp(prefix="sluice-load-")
    report = os.path.join(folder, "report")
    environment = {
        "TSAN_OPTIONS": f"halt_on_error=0:second_deadlock_stack=1:exitcode=66:log_path={report}",
        "ASAN_OPTIONS": f"detect_leaks=1:detect_stack_use_after_return=1:exitcode=66:log_path={report}",
        "UBSAN_OPTIONS": f"print_stacktrace=1:halt_on_error=1:log_path={report}",
    }
    faults, counts = [], {}
    data = os.path.join(folder, "data")
    for part in range(2):
        server = wire.Server(asked.binary, data, environment)
        try:
            rest = wire.Rest(server.port)
            status, answer = rest.call("PUT", "/v1/workflows/load", WORKFLOW)
            rest.close()
            if status not in (200, 201):
                raise RuntimeError(f"deploy: {status} {answer}")
            load = Load(server.port, asked.seed + part)
            load.everything()
            start_batch(asked.binary, server.url, environment, load)
            load.over.wait(asked.seconds / 2)
            if part == 1:
                load.stopping = True  # Cut sessions may be in the middle of anything; the server is not.
                load.finish()
                settle(server, load, 2)
            load.stopping = True
            status = server.stop()
            load.finish()
            if status != 0:
                load.fault(f"the server ended with {status}")
            faults += load.faults
            for what, n in load.counts.items():
                counts[what] = counts.get(what, 0) + n
        finally:
            load.over.set()
            if server.process.poll() is None:
                server.process.kill()
                server.process.wait()
        text = server.text()
    for found in reports(folder):
        faults.append(found)
    for what in ("requests", "tasks", "connections", "followed"):
        if not counts.get(what):
            faults.append(f"nothing was done of: {what}")
    summary = ", ".join(f"{n} {what}" for what, n in sorted(counts.items()))
    if faults:
        print("\n\n".join(faults[:30]))
        print(text[-4000:])
        print(f"load: {len(faults)} faults ({summary}); seed {asked.seed}; data and log in {folder}")
        return 1
    shutil.rmtree(folder)
    print(f"load: nothing found ({summary})")
    return 0


if __name__ == "__main__":
    sys.exit(main())
