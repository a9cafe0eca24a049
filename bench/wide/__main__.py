"""Measures what four_stages does not: large states, recovery, memory, many workers, curves.

The report, build/bench-wide.json, keeps the other parts' figures when only some parts are measured.
"""
import argparse
import json
import os
import shutil
import sys
import time

from parts import FULL, PARTS, alternating, say
from server import DATA, ROOT, Server


def compare(first, second, options):
    with Server("first", first) as a, Server("second", second) as b:
        for name, load in (("full load", FULL), ("one run alone", {"in_flight": 1}),
                           ("REST batches", {**FULL, "transport": "batches"})):
            told = alternating(a, b, options.rounds, options.seconds, **load)
            one, two = told["first_per_s"], told["second_per_s"]
            print(f"{name}: {one['median']:,.0f}/s (±{100 * one['spread']:.0f} %) and {two['median']:,.0f}/s "
                  f"(±{100 * two['spread']:.0f} %); the second is {told['ratio']:.3f} of the first "
                  f"({min(told['ratios']):.3f} to {max(told['ratios']):.3f} in {len(told['ratios'])} rounds), "
                  f"CPU a transition {told['cpu_ratio']:.3f}, bytes {told['written_ratio']:.3f}", flush=True)


def machine():
    """What the figures must be read with, as four_stages says it."""
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        cpu = next((line.split(": ")[1].strip() for line in file if line.startswith("model name")), "unknown")
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / (1 << 30)
    system = os.uname()
    load = os.getloadavg()[0]
    busy = f" The machine was busy with other work (load {load:.0f} before): compare ratios only." if load > 0.5 * os.cpu_count() else ""
    return (f"{cpu} ({os.cpu_count()} cores, {memory:.0f} GiB), {system.sysname} {system.release}, "
            f"{time.strftime('%Y-%m-%d', time.gmtime())}; server, client and everything else on it.{busy}")


def main():
    parser = argparse.ArgumentParser(prog="bench-wide", description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS), metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--compare", nargs=2, metavar="PROGRAM", help="two builds of sluice, in turn; nothing else")
    parser.add_argument("--many", type=int, default=1_000_000, help="messages that wait (default %(default)s)")
    parser.add_argument("--waiting", type=int, default=100_000, help="runs that wait (default %(default)s)")
    parser.add_argument("--finished", type=int, default=1_000_000, help="finished runs (default %(default)s)")
    parser.add_argument("--connected", type=int, default=5_000, help="idle workers (default %(default)s)")
    parser.add_argument("--seconds", type=float, default=3, help="how long each load is measured (default %(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="how often two servers take turns (default %(default)s)")
    parser.add_argument("--json", default=os.path.join(ROOT, "build", "bench-wide.json"), help="the report")
    options = parser.parse_args()
    try:
        if options.compare:
            compare(*(os.path.abspath(program) for program in options.compare), options)
            return 0
        report = {}
        if os.path.exists(options.json):
            with open(options.json, encoding="utf-8") as file:
                report = json.load(file)
        report["machine"] = machine()
        for name in options.only:
            say(name)
            began = time.monotonic()
            report[name] = PARTS[name](options)
            report.setdefault("seconds", {})[name] = round(time.monotonic() - began, 1)
            with open(options.json, "w", encoding="utf-8") as file:
                json.dump(report, file, indent=1)
        say("figures in " + os.path.relpath(options.json, ROOT))
        return 0
    finally:
        shutil.rmtree(DATA, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
