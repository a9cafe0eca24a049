"""The worker against a server that the test plays: serving, failing, beating, revoking."""
import logging
import sys
import unittest

import sluice
from sluice import Timing

from .cases import QUICK, Gate, WorkerCase
from .fake_server import WAIT_SECONDS, Running, task


class Serving(WorkerCase):
    def test_a_worker_says_hello_subscribes_and_completes_with_what_the_stage_returns(self):
        self.serving(lambda task: {"paid": task.body["order"]}, concurrency=4)
        connection = self.server.accept()
        self.assertIn("GET /v1/stream ", connection.request)
        self.assertEqual(connection.expect("hello"), {"op": "hello", "version": 1, "worker": "pay-1"})
        connection.say(op="welcome", version=1, session="s1", holds=[], now="2026-01-31T12:00:00Z", limits={})
        subscribe = connection.expect("subscribe", queue="pay", credit=4)
        connection.ok(subscribe)
        connection.task("t1", body={"order": 7})
        complete = connection.expect("complete", token="t1", output={"paid": 7})
        self.assertEqual(set(complete), {"op", "ref", "token", "output"})
        self.assertNotEqual(complete["ref"], subscribe["ref"])

    def test_a_task_has_everything_the_server_said_about_it(self):
        seen = []
        self.serving(seen.append)
        connection = self.server.welcome()
        connection.task("t1", body=[1, "ü"], headers={"region": "eu"}, attempt=3, idempotency_key="k9", run="r1",
                        state="Pay", workflow="orders", a_later_version_says="more")
        connection.expect("complete", token="t1", output=None)
        found = seen[0]
        self.assertEqual(
            (found.body, found.headers, found.attempt, found.idempotency_key, found.run, found.state, found.workflow),
            ([1, "ü"], {"region": "eu"}, 3, "k9", "r1", "Pay", "orders"),
        )
        self.assertFalse(found.revoked.is_set())

    def test_a_message_of_a_bare_queue_has_no_run(self):
        self.serving(lambda task: [task.run, task.state, task.workflow])
        connection = self.server.welcome()
        connection.task("t1")
        connection.expect("complete", output=[None, None, None])

    def test_several_messages_in_a_frame_are_several_messages(self):
        self.serving(lambda task: task.body, concurrency=1)
        connection = self.server.welcome()
        connection.say_all(task("t1", body=1), {"op": "unheard-of"}, task("t2", body=2))
        connection.expect("complete", token="t1", output=1)
        connection.expect("complete", token="t2", output=2)

    def test_several_queues_share_a_connection(self):
        worker = self.worker()
        worker.stage("pay")(lambda task: "paid")
        worker.stage("ship", concurrency=2, prefetch=1)(lambda task: "shipped")
        self.enterContextManager(Running(worker))
        connection = self.server.welcome(queues=("pay", "ship"))
        self.assertEqual(connection.subscribed, {"pay": 1, "ship": 3})
        connection.task("t1", queue="ship")
        connection.expect("complete", token="t1", output="shipped")
        connection.task("t2", queue="pay")
        connection.expect("complete", token="t2", output="paid")

    def test_a_coroutine_function_may_be_a_stage(self):
        async def pay(task):
            return "paid"

        self.serving(pay)
        connection = self.server.welcome()
        connection.task("t1")
        connection.expect("complete", output="paid")

    def test_no_more_tasks_run_at_once_than_the_concurrency_and_the_next_begins_when_one_ends(self):
        gates = {"t1": Gate(), "t2": Gate(), "t3": Gate()}
        self.serving(lambda task: gates[task.token].pass_through(), concurrency=2, prefetch=1)
        connection = self.server.welcome()
        self.assertEqual(connection.subscribed, {"pay": 3})
        connection.say_all(task("t1"), task("t2"), task("t3"))
        gates["t1"].await_arrival()
        gates["t2"].await_arrival()
        self.assertTrue(gates["t3"].nobody_else_came())
        gates["t2"].open()
        connection.expect("complete", token="t2")
        gates["t3"].await_arrival()
        gates["t1"].open()
        gates["t3"].open()

    def test_a_task_of_a_queue_without_a_stage_goes_back(self):
        self.serving(lambda task: None)
        connection = self.server.welcome()
        connection.task("t1", queue="other")
        connection.expect("release", token="t1")

    def test_the_bearer_token_goes_along(self):
        worker = sluice.Worker(self.server.url, token="secret", timing=Timing(**QUICK))
        worker.stage("pay")(lambda task: None)
        self.enterContextManager(Running(worker))
        self.assertIn("Authorization: Bearer secret", self.server.welcome().request)


class Failing(WorkerCase):
    def fails_with(self, error, cause, handler):
        self.serving(handler)
        connection = self.server.welcome()
        connection.task("t1")
        message = connection.expect("fail", token="t1", error=error)
        if cause is not None:
            self.assertEqual(message["cause"], cause)
        return message

    def test_a_failure_fails_with_its_name_and_cause(self):
        def pay(task):
            raise sluice.Failure("Payment.Declined", "card expired")

        self.fails_with("Payment.Declined", "card expired", pay)

    def test_any_other_exception_fails_with_its_class_name(self):
        def pay(task):
            raise ZeroDivisionError("no divisor")

        self.fails_with("ZeroDivisionError", "no divisor", pay)

    def test_a_stage_that_exits_fails_its_task_and_the_worker_goes_on(self):
        def pay(task):
            if task.token == "t1":
                sys.exit(3)

        self.fails_with("SystemExit", "3", pay)

    def test_an_output_that_is_not_json_fails_the_task(self):
        self.fails_with("TypeError", None, lambda task: {1, 2})

    def test_not_a_number_is_not_json(self):
        self.fails_with("ValueError", None, lambda task: float("nan"))

    def test_an_output_that_is_not_utf8_fails_the_task(self):
        self.fails_with("UnicodeEncodeError", None, lambda task: "\ud800")

    def test_a_cause_that_is_not_utf8_is_made_so(self):
        def pay(task):
            raise RuntimeError("file \udcff")

        self.fails_with("RuntimeError", "file ?", pay)

    def test_a_very_long_cause_is_cut(self):
        def pay(task):
            raise RuntimeError("x" * 100_000)

        self.fails_with("RuntimeError", "x" * 32_768, pay)

    def test_the_services_own_names_are_refused_at_once(self):
        for name in ("States.Timeout", "Sluice.Dropped", ""):
            with self.subTest(name), self.assertRaises(ValueError):
                sluice.Failure(name)

    def test_an_output_that_the_server_refuses_fails_the_task(self):
        self.serving(lambda task: "much")
        connection = self.server.welcome()
        connection.task("t1")
        connection.error(connection.expect("complete"), "too_large", "expected at most 1 MiB")
        failed = connection.expect("fail", token="t1", error="OutputTooLarge")
        self.assertIn("expected at most 1 MiB", failed["cause"])

    def test_a_failure_that_the_server_refuses_is_said_smaller_and_then_given_back(self):
        def pay(task):
            raise sluice.Failure("Odd", "")

        self.serving(pay)
        connection = self.server.welcome()
        connection.task("t1")
        connection.error(connection.expect("fail", error="Odd"), "invalid_argument")
        connection.error(connection.expect("fail", error="FailureRefused"), "invalid_argument")
        connection.ok(connection.expect("release", token="t1"))

    def test_an_output_over_the_frame_limit_is_not_sent_but_fails_the_task(self):
        self.serving(lambda task: "x" * 2000)
        connection = self.server.welcome(frame_bytes_max=1500)
        connection.task("t1")
        connection.expect("fail", token="t1", error="OutputTooLarge")


class Answers(WorkerCase):
    def test_a_stale_answer_is_logged_and_the_worker_goes_on(self):
        self.serving(lambda task: task.body)
        connection = self.server.welcome()
        connection.task("t1", body=1)
        with self.assertLogs("sluice", logging.WARNING) as logs:
            connection.error(connection.expect("complete", token="t1"), "stale_token")
            connection.task("t2", body=2)
            connection.expect("complete", token="t2", output=2)
        self.assertIn("stale_token", "\n".join(logs.output))

    def test_what_the_server_cannot_take_now_is_said_again(self):
        self.serving(lambda task: 1)
        connection = self.server.welcome()
        connection.task("t1")
        for code in ("storage_failed", "overloaded", "unavailable", "disk_full"):
            connection.error(connection.expect("complete", token="t1", output=1), code)
        connection.ok(connection.expect("complete", token="t1", output=1))

    def test_an_unknown_outcome_is_settled_on_a_new_connection(self):
        self.serving(lambda task: 1)
        connection = self.server.welcome()
        connection.task("t1")
        connection.error(connection.expect("complete", token="t1"), "outcome_unknown")
        connection.expect_end()
        again = self.server.welcome()
        self.assertEqual([m["op"] for m in again.early], ["complete"])

    def test_a_subscription_that_is_refused_ends_the_worker(self):
        running = self.serving(lambda task: 1)
        connection = self.server.welcome(queues=())
        connection.error(connection.expect("subscribe"), "invalid_argument", "a queue's name is at most 80 bytes")
        error = running.wait()
        self.assertIsInstance(error, sluice.ProtocolError)
        self.assertEqual(error.code, "invalid_argument")
        self.assertIn("queue pay", str(error))

    def test_a_subscription_that_cannot_be_had_now_is_asked_for_again(self):
        self.serving(lambda task: 1)
        connection = self.server.welcome(queues=())
        connection.error(connection.expect("subscribe"), "unavailable")
        connection.ok(connection.expect("subscribe", queue="pay"))

    def test_a_hello_that_is_refused_ends_the_worker(self):
        running = self.serving(lambda task: 1)
        connection = self.server.accept()
        connection.expect("hello")
        connection.say(op="error", code="unsupported", detail="version 1 is not offered")
        self.assertEqual(running.wait().code, "unsupported")

    def test_a_server_that_does_not_let_the_worker_in_ends_it(self):
        running = self.serving(lambda task: 1)
        self.server.accept(status=401)
        self.assertEqual(running.wait().code, "http_401")


class Beating(WorkerCase):
    def test_the_worker_pings_three_times_in_a_lease(self):
        gate = Gate()
        self.serving(lambda task: gate.pass_through())
        connection = self.server.welcome()
        connection.task("t1", lease_until="2026-01-31T12:00:00.300000Z")
        gate.await_arrival()
        connection.expect_ping()
        connection.expect_ping()
        connection.expect_ping()
        gate.open()

    def test_a_state_that_asks_for_a_beat_gets_it_while_the_stage_runs_and_no_longer(self):
        gate = Gate()
        self.serving(lambda task: gate.pass_through())
        connection = self.server.welcome()
        connection.task("t1", heartbeat_seconds=0.06)
        gate.await_arrival()
        for _ in range(3):
            connection.ok(connection.expect("heartbeat", token="t1"), lease_until="2026-01-31T12:00:30Z")
        gate.open()
        message = connection.next_message()
        while message["op"] == "heartbeat":
            message = connection.next_message()
        self.assertEqual(message["op"], "complete")
        connection.ok(message)
        connection.task("t2")
        connection.expect("complete", token="t2")

    def test_a_stage_may_beat_by_itself_and_ask_for_a_longer_lease(self):
        def pay(task):
            task.heartbeat()
            task.heartbeat(lease_seconds=90)

        self.serving(pay, auto_heartbeat=False)
        connection = self.server.welcome()
        connection.task("t1", heartbeat_seconds=0.03)
        self.assertEqual(set(connection.expect("heartbeat", token="t1")), {"op", "ref", "token"})
        connection.expect("heartbeat", token="t1", lease_seconds=90)
        connection.expect("complete")

    def test_a_lease_of_no_length_is_refused(self):
        def pay(task):
            task.heartbeat(lease_seconds=float("nan"))

        self.serving(pay)
        connection = self.server.welcome()
        connection.task("t1")
        connection.expect("fail", error="ValueError")

    def test_a_beat_that_comes_too_late_revokes_the_task(self):
        def pay(task):
            task.heartbeat()
            if not task.revoked.wait(WAIT_SECONDS):
                raise AssertionError("not revoked")
            task.heartbeat()  # raises Revoked, which is nobody's failure

        self.serving(pay)
        connection = self.server.welcome()
        connection.task("t1")
        connection.error(connection.expect("heartbeat"), "stale_token")
        connection.task("t2", queue="other")
        connection.expect("release", token="t2")

    def test_a_connection_on_which_nothing_is_heard_is_dead(self):
        self.serving(lambda task: None)
        silent = self.server.welcome(ping_seconds=0.1)
        again = self.server.welcome()  # meanwhile nobody has answered the pings of the first
        self.assertEqual(again.hello["session"], "s1")
        silent.cut()


class Revoking(WorkerCase):
    def test_a_revoked_task_is_told_and_the_revoke_is_answered_when_the_stage_has_returned(self):
        gate = Gate()

        def pay(task):
            gate.pass_through()
            if task.token == "t1" and not task.revoked.wait(WAIT_SECONDS):
                raise AssertionError("not revoked")

        self.serving(pay)
        connection = self.server.welcome()
        connection.task("t1")
        gate.await_arrival()
        connection.revoke("t1")
        connection.say(**task("t2", queue="other"))
        connection.expect("release", token="t2")  # so the revoke has been read, and not yet answered
        gate.open()
        self.assertEqual(connection.expect("revoked"), {"op": "revoked", "token": "t1"})
        connection.task("t3")
        connection.expect("complete", token="t3")

    def test_a_revoked_task_that_has_not_begun_never_does(self):
        seen, gate = [], Gate()

        def pay(task):
            seen.append(task.token)
            gate.pass_through()

        self.serving(pay, concurrency=1, prefetch=1)
        connection = self.server.welcome()
        connection.say_all(task("t1"), task("t2"))
        gate.await_arrival()
        connection.revoke("t2")
        connection.expect("revoked", token="t2")
        gate.open()
        connection.ok(connection.expect("complete", token="t1"))
        self.assertEqual(seen, ["t1"])

    def test_a_revoke_that_crosses_the_answer_is_answered_too(self):
        self.serving(lambda task: 1)
        connection = self.server.welcome()
        connection.task("t1")
        complete = connection.expect("complete", token="t1")
        connection.revoke("t1")
        connection.expect("revoked", token="t1")
        connection.error(complete, "stale_token")
        connection.task("t2")
        connection.expect("complete", token="t2")

    def test_a_revoke_of_a_task_that_is_unknown_is_answered(self):
        self.serving(lambda task: 1)
        connection = self.server.welcome()
        connection.revoke("t9")
        connection.expect("revoked", token="t9")


class Misuse(unittest.TestCase):
    def test_an_address_that_is_none(self):
        for url in ("127.0.0.1:7070", "ftp://host", ""):
            with self.subTest(url), self.assertRaisesRegex(ValueError, "http://HOST:PORT"):
                sluice.Worker(url)

    def test_a_worker_without_a_stage(self):
        with self.assertRaisesRegex(ValueError, "no stage"):
            sluice.Worker().run()

    def test_two_functions_for_one_queue(self):
        worker = sluice.Worker()
        worker.stage("pay")(print)
        with self.assertRaisesRegex(ValueError, "already"):
            worker.stage("pay")

    def test_no_concurrency_or_more_than_the_server_gives(self):
        for options in ({"concurrency": 0}, {"concurrency": 1001}, {"concurrency": 600, "prefetch": 600}):
            with self.subTest(options), self.assertRaisesRegex(ValueError, "concurrency"):
                sluice.Worker().stage("pay", **options)


if __name__ == "__main__":
    unittest.main()
