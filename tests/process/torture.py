"""Orders flow while the server and the workers are killed at random; afterwards everything must add up.

    torture.py [--seed N] [--seconds N] [--orders N]

What is random follows from the seed, which is printed; what the machine's timing does to it does not.
"""
import argparse
import collections
import json
import os
import random
import sys
import threading
import time

import harness
import checking
import ledger
import orders as source
import payments
import processes

KILLS_APART_SECONDS = (3.0, 8.0)
WORKER_KILLS_APART_SECONDS = (2.0, 5.0)
SETTLE_SECONDS = 180


class Feeding(threading.Thread):
    """Starts orders at a steady pace, and notes which starts were acknowledged. A start whose answer was lost
    is asked again; its name makes that harmless."""

    def __init__(self, service, orders, seconds):
        super().__init__(daemon=True)
        self._client = service.client(retries=0, timeout_seconds=10)
        self._orders, self._seconds = orders, seconds
        self.accepted, self.trouble = {}, None

    def run(self):
        began = time.monotonic()
        step = 5
        try:
            for first in range(0, len(self._orders), step):
                due = began + self._seconds * first / len(self._orders)
                time.sleep(max(0.0, due - time.monotonic()))
                for order, result in source.start_batch(self._client, self._orders[first:first + step]):
                    if result["status"] not in (200, 201):
                        raise harness.Wrong(f"order {order['order']}: {result}")
                    self.accepted[str(order["order"])] = result["id"]
        except Exception as error:  # told by the main thread
            self.trouble = error


def settle(client, seconds=SETTLE_SECONDS):
    """Waits until no run is under way."""
    last = []

    def none_running():
        last[:] = list(client.runs(workflow=source.WORKFLOW, status="RUNNING", limit=1000))
        return not last
    try:
        harness.until(none_running, seconds, "runs stand still")
    except harness.Wrong as wrong:
        stuck = [client.run(run["id"]) for run in last[:5]]
        raise harness.Wrong(f"{wrong}: {len(last)} of them, such as "
                            + "; ".join(f"{run['id']} {run['waiting_for']}" for run in stuck)) from None


def check(client, directory, accepted, when):
    problems, runs = checking.check_all(client, directory, accepted)
    harness.expect(not problems, f"{when}: {len(problems)} problems\n    " + "\n    ".join(problems[:20]))
    harness.expect(len(runs) == len(accepted), f"{when}: {len(accepted)} starts acknowledged, {len(runs)} runs")
    for run in runs:
        harness.expect(accepted[run["name"]] == run["id"],
                       f"order {run['name']} was acknowledged as {accepted[run['name']]}, and is {run['id']}")
    return runs


def torture(seed, seconds, order_count):
    chance = random.Random(seed)
    print(f"torture: seed {seed}, {seconds:.0f} s, {order_count} orders", flush=True)
    with harness.Service() as service:
        client = service.client(retries=8)
        directory = os.path.join(service.directory, "ledger")
        ledger.create(directory)
        payments.break_provider(directory)
        with open(os.path.join(harness.EXAMPLE, f"{source.WORKFLOW}.json"), encoding="utf-8") as file:
            client.request("PUT", f"/workflows/{source.WORKFLOW}", json.load(file))
        for suffix in ("1", "2"):
            for name, command in processes.worker_commands(service.port, directory, suffix).items():
                service.run(name, command)
        feeding = Feeding(service, list(source.plausible_orders(order_count, seed)), seconds * 0.8)
        feeding.start()

        end = time.monotonic() + seconds
        next_server = time.monotonic() + chance.uniform(*KILLS_APART_SECONDS)
        next_worker = time.monotonic() + chance.uniform(*WORKER_KILLS_APART_SECONDS)
        kills = collections.Counter()
        while time.monotonic() < end:
            time.sleep(max(0.0, min(next_server, next_worker, end) - time.monotonic()))
            now = time.monotonic()
            if now >= next_server:
                service.kill()
                time.sleep(chance.choice((0.0, 0.2, 1.5)))
                service.start()
                kills["server"] += 1
                next_server = time.monotonic() + chance.uniform(*KILLS_APART_SECONDS)
            if now >= next_worker:
                service.restart_other(chance.choice(sorted(service.others)))
                kills["workers"] += 1
                next_worker = time.monotonic() + chance.uniform(*WORKER_KILLS_APART_SECONDS)

        feeding.join(timeout=120)
        harness.expect(not feeding.is_alive(), "the feeder has not come to its end")
        if feeding.trouble:
            raise feeding.trouble
        settle(client)
        runs = check(client, directory, feeding.accepted, "after the kills")
        dead = [run["id"] for run in runs if run["status"] == "FAILED"]

        payments.mend_providers(directory)
        for letter in list(client.dead_letters(workflow=source.WORKFLOW, limit=1000)):
            client.replay(letter["id"], idempotency_key=f"replay-{letter['id']}")
        settle(client)
        runs = check(client, directory, feeding.accepted, "after the replay")
        failed = [run["id"] for run in runs if run["status"] != "SUCCEEDED"]
        harness.expect(not failed, f"after the replay {len(failed)} runs have not succeeded, such as {failed[:3]}")
        attempts = ledger.read(directory, "SELECT count(*), sum(effect) FROM attempts")
        print(f"torture: {len(runs)} orders; the server was killed {kills['server']} times, workers "
              f"{kills['workers']} times; {sum(row[0] for row in attempts)} attempts, "
              f"{sum(row[1] or 0 for row in attempts)} effects; {len(dead)} dead letters replayed", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("--orders", type=int, default=None)
    given = parser.parse_args()
    seed = given.seed if given.seed is not None else random.SystemRandom().randrange(1_000_000)
    count = given.orders or int(given.seconds * 10)

    def case():
        torture(seed, given.seconds, count)
    case.__doc__ = f"orders survive {given.seconds:.0f} s of kills, seed {seed}"
    return harness.suite([case])


if __name__ == "__main__":
    sys.exit(main())
