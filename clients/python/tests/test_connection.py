"""The worker over connections that break, servers that speak nonsense, and its own end."""
import os
import signal
import subprocess
import sys
import threading
import unittest

import sluice
from sluice._session import Timing, backoff_seconds

from .cases import Gate, WorkerCase
from .fake_server import WAIT_SECONDS, Running, task


class Reconnecting(WorkerCase):
    def test_a_lost_connection_is_opened_again_with_the_session_and_what_it_holds(self):
        gate = Gate()
        self.serving(lambda task: gate.pass_through())
        connection = self.server.welcome(session="s1")
        connection.task("t1")
        gate.await_arrival()
        connection.cut()
        again = self.server.welcome(session="s1")
        self.assertEqual((again.hello["session"], again.hello["holds"]), ("s1", ["t1"]))
        gate.open()
        again.ok(again.expect("complete", token="t1"))

    def test_a_completion_without_an_answer_is_said_again(self):
        self.serving(lambda task: 5)
        connection = self.server.welcome()
        connection.task("t1")
        first = connection.expect("complete", token="t1")
        connection.cut()
        again = self.server.welcome(session="s2", holds=[])  # done already, so no longer held
        self.assertEqual(again.hello["holds"], ["t1"])
        self.assertEqual(again.early, [first])
        again.ok(first)
        again.cut()
        third = self.server.welcome(session="s2")
        self.assertEqual((third.hello["session"], third.hello["holds"], third.early), ("s2", [], []))

    def test_a_stage_that_ends_while_there_is_no_connection_is_completed_on_the_next(self):
        gate = Gate()
        self.serving(lambda task: gate.pass_through())
        connection = self.server.welcome()
        connection.task("t1")
        gate.await_arrival()
        connection.cut()
        again = self.server.accept()
        again.expect("hello", holds=["t1"])
        gate.open()
        again.say(op="welcome", version=1, session="s1", holds=["t1"], now="2026-01-31T12:00:00Z", limits={})
        ops = {again.next_message()["op"], again.next_message()["op"]}
        self.assertEqual(ops, {"subscribe", "complete"})

    def test_what_the_server_does_not_give_back_is_revoked_and_not_answered(self):
        revoked = threading.Event()

        def pay(task):
            if task.token == "t1" and task.revoked.wait(WAIT_SECONDS):
                revoked.set()

        self.serving(pay)
        connection = self.server.welcome()
        connection.task("t1")
        connection.task("t0", queue="other")
        connection.expect("release", token="t0")
        connection.cut()
        again = self.server.welcome(session="s2", holds=[])
        again.ok(next(m for m in again.early if m["op"] == "release"))
        self.assertTrue(revoked.wait(WAIT_SECONDS))
        again.task("t2")
        again.expect("complete", token="t2")  # and nothing about t1 before it

    def test_a_server_that_is_away_is_tried_again(self):
        self.serving(lambda task: 1)
        self.server.accept(status=503)
        self.server.accept(status=503)
        self.assertNotIn("session", self.server.welcome().hello)

    def test_a_server_that_stops_is_come_back_to(self):
        self.serving(lambda task: 1)
        self.server.welcome().close(1001)
        self.assertEqual(self.server.welcome().hello["session"], "s1")

    def test_a_session_that_another_connection_took_over_is_left_to_it(self):
        running = self.serving(lambda task: 1)
        self.server.welcome().close(4001)
        self.assertEqual(running.wait().code, "session_taken_over")

    def test_the_first_pause_is_none_and_the_others_are_drawn_below_a_growing_bound(self):
        timing = Timing(backoff_base=0.1, backoff_cap=3.0)
        self.assertEqual(backoff_seconds(0, timing), 0.0)
        for attempt, bound in ((1, 0.1), (2, 0.2), (5, 1.6), (6, 3.0), (10_000, 3.0)):
            drawn = [backoff_seconds(attempt, timing) for _ in range(300)]
            self.assertLessEqual(max(drawn), bound)
            self.assertGreater(max(drawn), bound / 2)
            self.assertLess(min(drawn), bound / 2)


class MalformedFrames(WorkerCase):
    def closes_and_comes_back(self, code, send):
        self.serving(lambda task: 1)
        connection = self.server.welcome()
        send(connection)
        self.assertEqual(connection.expect_end(), code)
        again = self.server.welcome()
        self.assertEqual(again.hello["session"], "s1")
        again.task("t1")
        again.expect("complete", token="t1")

    def test_what_is_not_json(self):
        self.closes_and_comes_back(1007, lambda connection: connection.send_text("{"))

    def test_what_is_not_utf8(self):
        self.closes_and_comes_back(1007, lambda connection: connection.send_frame(1, b'{"op":"\xff"}'))

    def test_a_binary_frame(self):
        self.closes_and_comes_back(1003, lambda connection: connection.send_frame(2, b"{}"))

    def test_a_message_that_is_no_object(self):
        self.closes_and_comes_back(1002, lambda connection: connection.send_text("[7]"))

    def test_a_message_without_an_op(self):
        self.closes_and_comes_back(1002, lambda connection: connection.send_text("{}"))

    def test_a_task_without_a_token(self):
        self.closes_and_comes_back(1002, lambda connection: connection.say(op="task", queue="pay"))

    def test_a_welcome_without_a_session(self):
        self.serving(lambda task: 1)
        connection = self.server.accept()
        connection.expect("hello")
        connection.say(op="welcome")
        self.assertEqual(connection.expect_end(), 1002)
        self.assertNotIn("session", self.server.welcome().hello)

    def test_an_empty_array_and_an_answer_to_nothing_are_nothing(self):
        self.serving(lambda task: 1)
        connection = self.server.welcome()
        connection.send_text("[]")
        connection.say(op="ok", ref=999)
        connection.say(op="error", code="invalid_argument", detail="without a ref")
        connection.task("t1")
        connection.expect("complete", token="t1")


class Stopping(WorkerCase):
    def test_stopping_takes_no_more_tasks_waits_for_those_that_run_and_says_goodbye(self):
        gate = Gate()
        running = self.serving(lambda task: gate.pass_through(), concurrency=1, prefetch=1)
        connection = self.server.welcome()
        connection.say_all(task("t1"), task("t2"))
        gate.await_arrival()
        running.worker.stop()
        connection.ok(connection.expect("unsubscribe", queue="pay"))
        connection.ok(connection.expect("release", token="t2"))
        connection.task("t3")  # was on its way
        connection.ok(connection.expect("release", token="t3"))
        gate.open()
        connection.ok(connection.expect("complete", token="t1"))
        connection.expect("bye")
        connection.close(1000)
        self.assertIsNone(running.wait())

    def test_what_still_runs_when_the_time_to_drain_is_over_is_revoked_and_released(self):
        gate, revoked = Gate(), threading.Event()

        def pay(task):
            gate.pass_through()
            if task.revoked.wait(WAIT_SECONDS):
                revoked.set()

        running = self.serving(pay, timing={"drain": 0.01})
        connection = self.server.welcome()
        connection.task("t1")
        gate.await_arrival()
        running.worker.stop()
        connection.expect("unsubscribe")
        connection.ok(connection.expect("release", token="t1"))
        connection.expect("bye")
        gate.open()
        self.assertTrue(revoked.wait(WAIT_SECONDS))
        connection.close(1000)
        self.assertIsNone(running.wait())

    def test_a_worker_without_a_connection_stops_at_once(self):
        running = self.serving(lambda task: 1, timing={"backoff_base": 3600.0, "backoff_cap": 3600.0})
        self.server.accept(status=503)
        self.server.accept(status=503)
        running.worker.stop()
        self.assertIsNone(running.wait())

    def test_a_completion_is_brought_home_over_a_lost_connection_before_the_worker_leaves(self):
        running = self.serving(lambda task: 1)
        connection = self.server.welcome()
        connection.task("t1")
        connection.expect("complete", token="t1")
        running.worker.stop()
        connection.expect("unsubscribe")
        connection.cut()
        again = self.server.welcome(queues=())
        again.ok(again.expect("complete", token="t1"))
        again.expect("bye")
        again.close(1000)
        self.assertIsNone(running.wait())

    def test_an_answer_that_never_comes_does_not_hold_the_worker_for_ever(self):
        running = self.serving(lambda task: 1, timing={"drain": 0.01, "leave": 0.01})
        connection = self.server.welcome()
        connection.task("t1")
        connection.expect("complete", token="t1")
        running.worker.stop()
        self.assertIsNone(running.wait())

    def test_a_worker_may_be_stopped_before_it_runs_and_run_again_after(self):
        worker = self.worker()
        worker.stage("pay")(lambda task: 1)
        worker.stop()
        worker.run()
        self.enterContextManager(Running(worker))
        self.server.welcome()

    def test_sigterm_drains_and_ends_the_process(self):
        program = (
            "import sluice, sys\n"
            "worker = sluice.Worker(sys.argv[1], name='w')\n"
            "@worker.stage('pay')\n"
            "def pay(task):\n"
            "    task.heartbeat()\n"
            "    sys.stdin.readline()\n"
            "    return 'paid'\n"
            "worker.run()\n"
            "print('drained')\n"
        )
        for number in (signal.SIGTERM, signal.SIGINT):
            with self.subTest(number), subprocess.Popen(
                [sys.executable, "-c", program, self.server.url],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            ) as process:
                self.addCleanup(process.kill)
                connection = self.server.welcome()
                connection.task("t1")
                connection.ok(connection.expect("heartbeat"))
                process.send_signal(number)
                connection.ok(connection.expect("unsubscribe"))
                process.stdin.write("\n")
                process.stdin.flush()
                connection.ok(connection.expect("complete", token="t1", output="paid"))
                connection.expect("bye")
                connection.close(1000)
                self.assertEqual(process.communicate(timeout=WAIT_SECONDS)[0], "drained\n")
                self.assertEqual(process.returncode, 0)


if __name__ == "__main__":
    unittest.main()
