"""What became of the orders: ends, throughput, times per stage, dead letters. Times are from the runs' histories."""
import collections
import datetime
import math

import checking
import orders

HISTORIES_MAX = 2000  # of larger demos the newest so many are measured, and the report says so


def _seconds(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def _quantile(values, share):
    """The smallest value that this share of all do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def _time(seconds):
    return f"{seconds * 1000:.1f} ms" if seconds < 1 else f"{seconds:.2f} s"


class Measured:
    """Of one stage. `queued`: from the first hand-over to the queue until a worker has it; `whole`: from the
    stage's entry to its exit, retries, back-off and the carrier's journey included."""

    def __init__(self):
        self.queued, self.whole, self.attempts = [], [], 0


def measure(client, runs):
    stages = collections.OrderedDict((state, Measured()) for state in checking.TASK_STAGES)
    whole = []
    for run in runs:
        entered, scheduled = {}, {}
        began = None
        for event in checking.full_history(client, run["id"]):
            at, kind, state = _seconds(event["at"]), event["type"], event.get("state")
            if kind == "ExecutionStarted":
                began = at
            elif kind == "ExecutionSucceeded" and began is not None:
                whole.append(at - began)
            if state not in stages:
                continue
            stage = stages[state]
            if kind == "TaskStateEntered":
                entered[state] = at
            elif kind == "TaskScheduled":
                scheduled.setdefault(state, at)
            elif kind == "TaskStarted":
                stage.attempts += 1
                if state in scheduled and scheduled[state] is not None:
                    stage.queued.append(at - scheduled[state])
                    scheduled[state] = None
            elif kind == "TaskStateExited" and state in entered:
                stage.whole.append(at - entered.pop(state))
    return stages, whole


def print_report(client, out=print):
    runs = checking.all_runs(client)
    if not runs:
        out("no orders")
        return
    ends = collections.Counter(checking.outcome_of(run) or run["status"] for run in runs)
    out("")
    out(f"{len(runs)} orders:")
    for end, count in ends.most_common():
        note = {"FAILED": "  (each left a dead letter)", "refunded": "  (paid, but never shipped)",
                "cancelled": "  (payment declined)"}.get(end, "")
        out(f"  {count:6} {end}{note}")

    started = [_seconds(run["started_at"]) for run in runs]
    ended = [_seconds(run["ended_at"]) for run in runs if run.get("ended_at")]
    measured = runs[:HISTORIES_MAX]
    stages, whole = measure(client, measured)
    passed = sum(len(stage.whole) for stage in stages.values())
    if ended:
        elapsed = max(ended) - min(started)
        out("")
        out(f"from the first start to the last end: {elapsed:.1f} s, {len(ended) / elapsed:.0f} orders/s"
            + (f", {passed / elapsed:.0f} stages/s" if len(measured) == len(runs) else ""))
    out("")
    if len(measured) < len(runs):
        out(f"times of the newest {len(measured)} orders")
    out(f"  {'stage':<12}{'passed':>8}{'attempts':>10}{'queued p50':>13}{'p99':>11}{'whole p50':>13}{'p99':>11}")
    for state, stage in stages.items():
        if not stage.whole:
            continue
        queued = stage.queued or [0.0]
        out(f"  {checking.TASK_STAGES[state]:<12}{len(stage.whole):>8}{stage.attempts:>10}"
            f"{_time(_quantile(queued, 0.5)):>13}{_time(_quantile(queued, 0.99)):>11}"
            f"{_time(_quantile(stage.whole, 0.5)):>13}{_time(_quantile(stage.whole, 0.99)):>11}")
    if whole:
        out(f"  {'order':<12}{len(whole):>8}{'':>10}{'':>13}{'':>11}"
            f"{_time(_quantile(whole, 0.5)):>13}{_time(_quantile(whole, 0.99)):>11}   (1 s of it is the return window)")

    groups = client.request("GET", "/dead-letters", query={"workflow": orders.WORKFLOW, "group_by": "error"})["items"]
    out("")
    out(f"{sum(group['count'] for group in groups)} dead letters")
    for group in groups:
        out(f"  {group['count']:6} {group['error']} in queue {group['queue']}")
        letters = client.request("GET", "/dead-letters", query={
            "workflow": orders.WORKFLOW, "error": group["error"], "queue": group["queue"], "limit": 3})["items"]
        for letter in letters:
            out(f"           {letter['id']}  {letter.get('cause', '')}, after {letter.get('attempts', '?')} attempts")
