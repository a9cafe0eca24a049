"""Compares what the workers did (the ledger) with what the service says (the API).

What must hold, however often anything was killed on the way:
  - every order that was accepted has a run, and every run has ended as its order must, or has a dead letter
    because its payment provider is broken;
  - each stage that a run passed was done, by one piece of work: one idempotency key, effective once;
  - no run's history completes a stage more often than it entered it;
  - the service's own invariants hold (POST /v1/check).
"""
import collections

import ledger
import orders
import payments

TASK_STAGES = {"Order": "order", "Pay": "pay", "Ship": "ship", "AfterSales": "after-sales", "Refund": "refund"}
OUTCOMES = ("completed", "cancelled", "refunded", "rejected")
# What has its effect on the way to an outcome.
EFFECTS = {
    "completed": {"order", "pay", "ship", "carrier", "after-sales"},
    "refunded": {"order", "pay", "ship", "refund"},
    "cancelled": {"order"},
    "rejected": set(),
    None: {"order"},  # dead, for its provider is broken
}


def outcome_of(run):
    output = run.get("output")
    return output.get("outcome") if isinstance(output, dict) else None


def all_runs(client):
    """Every run of the workflow, with input and output."""
    return [client.run(run["id"]) for run in client.runs(workflow=orders.WORKFLOW, limit=1000)]


def full_history(client, run_id):
    events, cursor = [], None
    while True:
        page = client.request("GET", f"/runs/{run_id}/history", query={"limit": 1000, "cursor": cursor})
        events += page["items"]
        cursor = page.get("next")
        if cursor is None:
            return events


def check_ends(client, runs, broken):
    """Every run is where it must be."""
    dead = collections.defaultdict(list)
    for letter in client.dead_letters(workflow=orders.WORKFLOW, limit=1000):
        dead[letter["run"]].append(letter)
    for run in runs:
        order = run["input"]
        what = f"order {order.get('order')} (run {run['id']})"
        letters = dead.pop(run["id"], [])
        if run["status"] == "SUCCEEDED":
            expected = payments.expected_outcome(order)
            if outcome_of(run) != expected:
                yield f"{what}: expected {expected}, found {outcome_of(run)}"
            if letters:
                yield f"{what}: has succeeded, and has {len(letters)} open dead letters"
        elif run["status"] == "FAILED":
            provider = payments.provider_of(order.get("order"))
            if provider not in broken:
                yield f"{what}: expected no failure, since {provider} works; found {run.get('error')}"
            if len(letters) != 1 or letters[0]["error"] != "Payment.Unavailable":
                yield f"{what}: expected one dead letter Payment.Unavailable, found {[one['error'] for one in letters]}"
        else:
            yield f"{what}: expected an end, found {run['status']} {run.get('waiting_for')}"
    for run_id, letters in dead.items():
        yield f"a dead letter of no run that is known: {letters[0]['id']} of run {run_id}"


def check_ledger(directory, runs):
    """Each stage was done, by one piece of work, once."""
    effects = collections.defaultdict(list)  # (run, stage): keys
    for key, stage, run_id in ledger.read(directory, "SELECT idempotency_key, stage, run FROM effects"):
        effects[run_id, stage].append(key)
    effective = collections.Counter()
    attempted = collections.defaultdict(set)
    for key, stage, run_id, effect in ledger.read(
            directory, "SELECT idempotency_key, stage, run, effect FROM attempts"):
        attempted[run_id].add(stage)
        effective[key] += effect
    for (run_id, stage), keys in effects.items():
        if len(keys) != 1:
            yield f"run {run_id}: {stage} was done under {len(keys)} idempotency keys"
        for key in keys:
            if effective[key] != 1:
                yield f"run {run_id}: {stage} took effect {effective[key]} times for the key {key}"
    known = set()
    for run in runs:
        known.add(run["id"])
        outcome = outcome_of(run) if run["status"] == "SUCCEEDED" else None
        done = {stage for stage in (*TASK_STAGES.values(), "carrier") if (run["id"], stage) in effects}
        wanted = EFFECTS.get(outcome)
        if wanted is not None and done != wanted:
            yield f"run {run['id']} ({outcome or run['status']}): expected {sorted(wanted)} done, found {sorted(done)}"
        tried = {"cancelled": "pay", "refunded": "carrier", "rejected": "order", None: "pay"}.get(outcome)
        if tried and tried not in attempted[run["id"]]:
            yield f"run {run['id']} ({outcome or run['status']}): expected an attempt at {tried}, found none"
    for run_id in {run_id for run_id, _ in effects} - known:
        yield f"run {run_id}: work was done for it, and the service does not know it"


def check_histories(client, runs):
    """A stage's completion counts once per entry."""
    for run in runs:
        entered, completed = collections.Counter(), collections.Counter()
        redriven = 0
        for event in full_history(client, run["id"]):
            if event["type"] == "TaskStateEntered":
                entered[event["state"]] += 1
            elif event["type"] == "TaskSucceeded":
                completed[event["state"]] += 1
            elif event["type"] in ("ExecutionRedriven", "DeadLetterReplayed"):
                redriven += 1
        for state, count in completed.items():
            if count > entered[state] or count != 1:
                yield f"run {run['id']}: {state} was entered {entered[state]} times and completed {count} times"
        for state, count in entered.items():
            if count > 1 + redriven:
                yield f"run {run['id']}: {state} was entered {count} times, with {redriven} replays"


def check_service(client):
    answer = client.request("POST", "/check", {}, timeout_seconds=120)
    for finding in answer.get("findings", answer.get("items", [])):
        yield f"the service: {finding}"


def check_accepted(runs, accepted):
    """``accepted``: the order numbers, as text, whose start was answered with yes."""
    names = collections.Counter(run.get("name") for run in runs)
    for order in accepted:
        if names[order] != 1:
            yield f"order {order}: its start was acknowledged; expected one run, found {names[order]}"


def check_all(client, directory, accepted=()):
    """Every problem, as sentences; and how many runs were looked at."""
    runs = all_runs(client)
    problems = [
        *check_accepted(runs, accepted),
        *check_ends(client, runs, payments.broken_providers(directory)),
        *check_ledger(directory, runs),
        *check_histories(client, runs),
        *check_service(client),
    ]
    return problems, runs
