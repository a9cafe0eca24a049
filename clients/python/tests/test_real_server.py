"""The README's examples and the promises behind them, against a running server (``SLUICE_URL``)."""
import os
import pathlib
import re
import signal
import subprocess
import sys
import threading
import unittest
import uuid

import sluice

from .fake_server import WAIT_SECONDS, Running

URL = os.environ.get("SLUICE_URL")
README = pathlib.Path(__file__).parents[1] / "README.md"


def example(number, queue, workflow):
    """The README's n-th example, on queues and workflows that no other test uses."""
    text = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)[number]
    text = text.replace("http://127.0.0.1:7070", URL).replace('"orders"', f'"{workflow}"')
    return text.replace('stage("pay"', f'stage("{queue}"').replace("queue:pay", f"queue:{queue}")


@unittest.skipUnless(URL, "SLUICE_URL is not set: start `sluice serve` and set it to http://127.0.0.1:7070")
class RealServer(unittest.TestCase):
    def setUp(self):
        unique = uuid.uuid4().hex[:12]
        self.queue, self.workflow = f"py-queue-{unique}", f"py-workflow-{unique}"
        self.client = sluice.Client(URL)
        self.addCleanup(self.client.close)

    def deploy(self, **task):
        state = {"Type": "Task", "Resource": f"queue:{self.queue}", "End": True, **task}
        self.client.deploy(self.workflow, {"StartAt": "Pay", "States": {"Pay": state}})

    def serving(self, handler, **options):
        worker = sluice.Worker(URL, name="python-test", drain_seconds=WAIT_SECONDS)
        worker.stage(self.queue, **options)(handler)
        running = Running(worker)
        running.__enter__()
        self.addCleanup(running.__exit__, None, None, None)
        return running

    def run_to_end(self, input):
        return self.client.start(self.workflow, input, wait_seconds=int(WAIT_SECONDS))

    def test_the_readmes_examples_work_as_they_stand(self):
        worker = subprocess.Popen(
            [sys.executable, "-c", example(0, self.queue, self.workflow)],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        self.addCleanup(worker.wait, WAIT_SECONDS)
        self.addCleanup(worker.send_signal, signal.SIGTERM)
        client = subprocess.run(
            [sys.executable, "-c", "import sluice\n" + example(1, self.queue, self.workflow)],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            stdout=subprocess.PIPE, text=True, timeout=6 * WAIT_SECONDS, check=True,
        )
        self.assertRegex(client.stdout, r"^SUCCEEDED \{'paid': 12, 'receipt': '.+'\}\n$")
        failed = self.run_to_end({"amount": 5000})
        self.assertEqual((failed["status"], failed["error"]), ("FAILED", "Payment.Declined"))

    def test_a_failed_run_leaves_a_dead_letter_that_can_be_replayed(self):
        def pay(task):
            if not task.body["card"]:
                raise sluice.Failure("Payment.Declined", "no card")
            return "paid"

        self.deploy()
        self.serving(pay)
        run = self.run_to_end({"card": False})
        self.assertEqual(run["status"], "FAILED")
        [letter] = self.client.dead_letters(self.queue)
        self.client.replay(letter["id"], input={"card": True})
        events = [event["type"] for event in self.client.request("GET", f"/runs/{run['id']}/history")["items"]]
        self.assertIn("ExecutionFailed", events)
        self.assertEqual(self.await_end(run["id"])["output"], "paid")

    def await_end(self, run_id):
        """The run's event stream ends when the run has."""
        import urllib.request

        with urllib.request.urlopen(f"{URL}/v1/runs/{run_id}/history?follow=true", timeout=WAIT_SECONDS) as stream:
            stream.read()
        return self.client.run(run_id)

    def test_tasks_run_at_once_as_far_as_the_concurrency_and_none_is_lost(self):
        self.deploy()
        together = threading.Barrier(3, timeout=WAIT_SECONDS)

        def pay(task):
            together.wait()
            return task.body["n"]

        self.serving(pay, concurrency=3)
        runs = [self.client.start(self.workflow, {"n": n})["id"] for n in range(9)]
        self.assertEqual([self.await_end(run)["output"] for run in runs], list(range(9)))

    def test_a_cancelled_run_revokes_its_task(self):
        self.deploy()
        begun, revoked = threading.Event(), threading.Event()

        def pay(task):
            begun.set()
            if task.revoked.wait(WAIT_SECONDS):
                revoked.set()

        self.serving(pay)
        run = self.client.start(self.workflow)
        self.assertTrue(begun.wait(WAIT_SECONDS))
        self.client.cancel(run["id"], "the test says so")
        self.assertTrue(revoked.wait(WAIT_SECONDS))

    def test_a_lost_connection_does_not_cost_the_task(self):
        self.deploy()
        begun, go_on = threading.Event(), threading.Event()
        attempts = []

        def pay(task):
            attempts.append(task.attempt)
            begun.set()
            go_on.wait(WAIT_SECONDS)
            return "paid"

        running = self.serving(pay)
        run = self.client.start(self.workflow)
        self.assertTrue(begun.wait(WAIT_SECONDS))
        running.worker._session._connection._socket.sock.shutdown(2)
        go_on.set()
        self.assertEqual(self.await_end(run["id"])["output"], "paid")
        self.assertEqual(attempts, [1])

    def test_a_stage_longer_than_its_lease_keeps_it(self):
        self.client.request("PUT", f"/queues/{self.queue}", {"LeaseSeconds": 1})
        attempts = []

        def pay(task):
            attempts.append(task.attempt)
            task.revoked.wait(2.5)
            return task.revoked.is_set()

        self.serving(pay)
        self.deploy()
        self.assertEqual(self.run_to_end({})["output"], False)
        self.assertEqual(attempts, [1])

    def test_a_definition_with_problems_is_refused_with_every_one(self):
        with self.assertRaises(sluice.ApiError) as raised:
            self.client.deploy(self.workflow, {"StartAt": "Nowhere", "States": {"Pay": {"Type": "Task", "Next": "Shipp"}}})
        self.assertEqual(raised.exception.status, 422)
        self.assertGreaterEqual(len(raised.exception.errors), 2)

    def test_a_message_of_a_bare_queue_reaches_a_worker(self):
        arrived = threading.Event()
        seen = []

        def take(task):
            seen.append((task.body, task.headers, task.run))
            arrived.set()

        self.serving(take)
        self.client.send(self.queue, {"n": 1}, headers={"region": "eu"})
        self.assertTrue(arrived.wait(WAIT_SECONDS))
        self.assertEqual(seen, [({"n": 1}, {"region": "eu"}, None)])


if __name__ == "__main__":
    unittest.main()
