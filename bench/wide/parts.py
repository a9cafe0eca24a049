"""What is measured. Each part is a function of the options that returns what goes into the report."""
import math
import os
import select
import signal
import socket
import statistics
import struct
import time

import filling
from profiling import profile
from server import BUILD, COUNTS, STAGES, Server, told_by

FULL = {"in_flight": 512}


def say(text):
    print("bench-wide:", text, flush=True)


def spread(values):
    """The median, and how far from it the values go, as a share."""
    middle = statistics.median(values)
    return {"median": middle, "spread": max(abs(value / middle - 1) for value in values)}


def alternating(first, second, rounds, seconds, **load):
    """The same load on two servers in turn, so that what disturbs the machine disturbs both."""
    taken = [[server.drive(warm_up=0.7, seconds=seconds, **load) for server in (first, second)] for _ in range(rounds)]

    def ratios(figure):
        return [b[figure] / a[figure] for a, b in taken]

    # CPU time and bytes of a transition suffer less from what else runs than the rate does.
    return {"first_per_s": spread([a["workflows_per_s"] for a, _ in taken]),
            "second_per_s": spread([b["workflows_per_s"] for _, b in taken]),
            "ratio": statistics.median(ratios("workflows_per_s")), "ratios": ratios("workflows_per_s"),
            "cpu_ratio": statistics.median(ratios("server_cpu_us")),
            "written_ratio": statistics.median(ratios("written_bytes")),
            "second_p99_ms": statistics.median(b["p99_ms"] for _, b in taken)}


def state(options):
    """Full load beside a large state, and on an empty database in turn with it."""
    many = options.many
    kinds = {
        "messages waiting in another queue": (many, lambda s, n: filling.messages(s, "elsewhere", n)),
        "messages waiting in a stage's queue": (many, lambda s, n: filling.messages(s, "pay", n, filling.TEN_DAYS)),
        "runs waiting on timers": (options.waiting, filling.waiting_runs),
        "finished runs": (options.finished, filling.finished_runs),
    }
    told = []
    for name, (count, fill) in kinds.items():
        with Server("empty") as empty, Server("full") as full:
            began = time.monotonic()
            fill(full, count)
            filled = time.monotonic() - began
            row = {"state": name, "count": count, "fill_per_s": count / filled,
                   "disk_mib": full.disk_mib(), "resident_mib": full.resident_mib(),
                   **alternating(empty, full, options.rounds, options.seconds, **FULL)}
            told.append(row)
            say(f"  {count:,} {name}: {row['second_per_s']['median']:,.0f}/s, {row['ratio']:.2f} of empty, "
                f"CPU {row['cpu_ratio']:.2f}, bytes {row['written_ratio']:.2f} ({filled:.0f} s to fill)")
    return told


def start_times(server, times=5):
    """Seconds from exec to ready, after a clean stop; the median."""
    taken = []
    for _ in range(times):
        server.stop()
        taken.append(server.start())
    return statistics.median(taken)


def recovery(options):
    """A killed server, and how long a start takes."""
    kills = []
    with Server() as server:
        for attempt in range(options.rounds):
            # Each load's slots begin behind those of the one that was killed.
            slots = {"first_slot": attempt * 20_000, **FULL}
            before = server.driving(timeline=0.01, seconds=4, **slots)
            time.sleep(3.5)
            started = time.monotonic()
            steps = server.metrics()["sluice_transitions_total"]
            time.sleep(0.3)
            rate = (server.metrics()["sluice_transitions_total"] - steps) / (time.monotonic() - started) / 5
            began = time.monotonic()
            server.stop(signal.SIGKILL)
            server.launch()
            after = server.driving(timeline=0.01, seconds=6, **{**slots, "first_slot": attempt * 20_000 + 10_000})
            before.communicate()  # it says that its connections were lost
            told = told_by(after)
            kills.append({"before_per_s": rate, "ready_ms": 1e3 * (told["ready_at"] - began),
                          "first_delivery_ms": 1e3 * (told["first_delivery_at"] - began),
                          "full_rate_ms": 1e3 * max(full_rate(told["looks"], began),
                                                    told["first_delivery_at"] - began)})
            say("  killed at full load: " + ", ".join(f"{name} {value:,.0f}" for name, value in kills[-1].items()))
    told = {"kills": kills, **{name: statistics.median(kill[name] for kill in kills)
                               for name in ("ready_ms", "first_delivery_ms", "full_rate_ms")}}
    with Server() as server:
        told["start_empty_ms"] = 1e3 * start_times(server)
        filling.messages(server, "elsewhere", options.many)
        told["start_messages_ms"] = 1e3 * start_times(server)
    for name, fill, count in (("waiting", filling.waiting_runs, options.waiting),
                              ("finished", filling.finished_runs, options.finished)):
        with Server() as server:
            fill(server, count)
            told[f"start_{name}_ms"] = 1e3 * start_times(server)
    told.update(messages=options.many, waiting=options.waiting, finished=options.finished)
    say(f"  start to ready: empty {told['start_empty_ms']:.0f} ms, {options.many:,} messages "
        f"{told['start_messages_ms']:.0f} ms, {options.waiting:,} waiting runs {told['start_waiting_ms']:.0f} ms, "
        f"{options.finished:,} finished runs {told['start_finished_ms']:.0f} ms")
    return told


def full_rate(looks, began):
    """Seconds until the first quarter of a second with 90 % of the rate that it then keeps."""
    (_, first), (end_at, end) = looks[len(looks) // 2], looks[-1]
    lasting = (end - first) / (end_at - looks[len(looks) // 2][0])
    for n, (at, ended) in enumerate(looks):
        later = next(((t, e) for t, e in looks[n:] if t >= at + 0.25), None)
        if later and (later[1] - ended) / (later[0] - at) >= 0.9 * lasting:
            return at - began
    return math.inf


def memory(options):
    """Resident memory, idle and beside a large state; the program's size."""
    told = {}
    with Server() as server:
        time.sleep(0.5)
        told["idle_mib"] = idle = server.resident_mib()
        told["workers"] = connected_workers(server, options.connected, 5)
    with Server(settings={"SLUICE_PING_SECONDS": "60"}) as server:
        told["workers_pinged_rarely"] = connected_workers(server, options.connected, 60)
    for name, count, fill in (("waiting_runs", options.waiting, filling.waiting_runs),
                              ("queued_messages", options.many, lambda s, n: filling.messages(s, "elsewhere", n)),
                              ("finished_runs", options.many, filling.finished_runs)):
        with Server() as server:
            fill(server, count)
            filled = server.resident_mib()
            server.stop()
            server.start()
            time.sleep(1)
            told[name] = {"count": count, "resident_mib": filled, "restarted_mib": server.resident_mib(),
                          "each_bytes": (filled - idle) * (1 << 20) / count,
                          "disk_each_bytes": server.disk_mib() * (1 << 20) / count}
            say(f"  {count:,} {name.replace('_', ' ')}: {filled:.0f} MiB, {told[name]['restarted_mib']:.0f} after a start")
    program = os.path.join(BUILD, "sluice")
    told["program_mib"] = os.path.getsize(program) / (1 << 20)
    told["program_loaded_mib"] = loaded_bytes(program) / (1 << 20)
    return told


def loaded_bytes(program):
    """What of an ELF file is mapped when it runs: without symbols and debug information."""
    with open(program, "rb") as file:
        header = file.read(64)
        offset, = struct.unpack_from("<Q", header, 32)
        size, count = struct.unpack_from("<HH", header, 54)
        file.seek(offset)
        entries = [file.read(size) for _ in range(count)]
    return sum(struct.unpack_from("<Q", entry, 32)[0] for entry in entries if entry[:4] == b"\x01\0\0\0")


def frame(text):
    """A client's WebSocket text frame, masked with zeros."""
    size = len(text)
    length = bytes([0x80 | size]) if size < 126 else b"\xfe" + struct.pack(">H", size)
    return b"\x81" + length + bytes(4) + text


PING, PONG = b"\x89\x00", b"\x8a\x80" + bytes(4)


def connected_workers(server, count, ping_seconds):
    """Workers that are subscribed and have nothing to do but answer the server's pings, a few rounds of them."""
    before, sessions = server.resident_mib(), server.metrics()["sluice_sessions"]
    upgrade = (b"GET /v1/stream HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
               b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: c2x1aWNlLXdvcmtlci0wMQ==\r\n\r\n")
    workers, poller = {}, select.epoll()

    def answer_pings(seconds):
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            for descriptor, _ in poller.poll(left):
                got = workers[descriptor].recv(65536)
                if not got:
                    poller.unregister(descriptor)
                elif PING in got:
                    workers[descriptor].sendall(PONG)

    try:
        for number in range(count):
            worker = socket.create_connection(("127.0.0.1", server.port))
            worker.sendall(upgrade)
            worker.recv(4096)
            worker.sendall(frame(b'[{"op":"hello","version":1,"worker":"idle-%d"},'
                                 b'{"op":"subscribe","queue":"%s","credit":1}]' % (number, STAGES[number % 4].encode())))
            workers[worker.fileno()] = worker
            poller.register(worker, select.EPOLLIN)
            if number % 500 == 0:
                answer_pings(0.01)
        answer_pings(1.2 * ping_seconds)
        cpu, began = server.cpu_seconds(), time.monotonic()
        answer_pings(max(12, 2 * ping_seconds))
        cores = (server.cpu_seconds() - cpu) / (time.monotonic() - began)
        resident = server.resident_mib()
        connected = int(server.metrics()["sluice_sessions"] - sessions)
    finally:
        poller.close()
        for worker in workers.values():
            worker.close()
    say(f"  {connected:,} workers connected, pinged after {ping_seconds} s: {resident:.0f} MiB, {100 * cores:.2f} % of a core")
    if connected != count:
        raise RuntimeError(f"expected {count} workers to stay connected, found {connected}")
    return {"count": count, "resident_mib": resident, "cores": cores,
            "each_bytes": (resident - before) * (1 << 20) / count}


def loads(options):
    """Full load in its forms: workers, payloads, transports."""
    told = []
    forms = [(f"stream, {4 * each:,} workers", {**FULL, "connections": each}) for each in (1, 3, 25, 250)]
    forms += [(f"stream, payload {size:,} B", {"in_flight": 256, "payload": size}) for size in (200, 16_384)]
    forms += [("REST batches", {**FULL, "transport": "batches"}),
              ("REST verbs, 16 connections a stage", {"in_flight": 64, "transport": "verbs", "connections": 16})]
    for name, load in forms:
        with Server() as server:
            figures = server.drive(warm_up=1, seconds=options.seconds, **load)
            figures["name"] = name
            told.append(figures)
            say(f"  {name}: {figures['workflows_per_s']:,.0f}/s, p99 {figures['p99_ms']:.1f} ms")
    return told


def counts(options):
    """What a transition asks of the allocator and the disk, alone and at full load."""
    told = []
    for name, load in (("alone", {"in_flight": 1}), ("full", FULL), ("full over REST", {**FULL, "transport": "batches"})):
        with Server(counting=True) as server:
            server.drive(warm_up=0.2, seconds=0.5, **load)  # caches, statements, the log's first growth
            before, steps = server.counts(), server.metrics()["sluice_transitions_total"]
            server.drive(warm_up=0.2, seconds=options.seconds, **load)
            # A start is a step too: five a run, of which four are transitions.
            transitions = (server.metrics()["sluice_transitions_total"] - steps) * 4 / 5
            after = server.counts()
            row = {"load": name, **{count: (after[count] - before[count]) / transitions for count in COUNTS}}
            told.append(row)
            say(f"  {name}: {row['allocations']:.1f} allocations, {row['flushes']:.3f} flushes, "
                f"{row['disk_bytes']:,.0f} B a transition")
    return told


def curves(options):
    """Throughput and latency over load, over messages that wait, over live runs."""
    told = {"load": [], "backlog": [], "live": []}
    with Server() as server:
        most = server.drive(warm_up=1, seconds=options.seconds, **FULL)["workflows_per_s"]
        told["most_per_s"] = most
        for share in (0.1, 0.25, 0.4, 0.55, 0.7, 0.8, 0.9):
            figures = server.drive(in_flight=4_096, rate=most * share, warm_up=0.7, seconds=options.seconds)
            told["load"].append({"offered_per_s": most * share, **figures})
    for name, fill, most in (("backlog", lambda s, n: filling.messages(s, "elsewhere", n), options.many),
                             ("live", filling.waiting_runs, options.many)):
        with Server() as server:
            reached = 0
            for count in (0, most // 1_000, most // 100, most // 10, most // 3, most):
                fill(server, count - reached)
                reached = count
                figures = server.drive(warm_up=0.7, seconds=options.seconds, **FULL)
                told[name].append({"count": count, "resident_mib": server.resident_mib(), **figures})
                say(f"  {name} {count:,}: {figures['workflows_per_s']:,.0f}/s, p99 {figures['p99_ms']:.1f} ms")
    return told


PARTS = {"state": state, "recovery": recovery, "memory": memory, "loads": loads, "counts": counts, "curves": curves,
         "profile": profile}
