"""The REST client against a server that answers what the test has laid ready."""
import collections
import http.server
import json
import threading
import unittest

import sluice

Asked = collections.namedtuple("Asked", "method target headers body peer")


class Answer:
    def __init__(self, status=200, body=None, text=None, **headers):
        self.status = status
        self.data = (text if text is not None else json.dumps(body)).encode() if status else b""
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


DROP = Answer(status=0)  # close the connection without a word


class ScriptedServer:
    def __init__(self):
        script = self
        self.answers = collections.deque()
        self.asked = []

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self):
                size = int(self.headers.get("Content-Length", 0))
                body = json.loads(self.rfile.read(size)) if size else None
                script.asked.append(Asked(self.command, self.path, self.headers, body, self.client_address))
                answer = script.answers.popleft()
                if answer.status == 0:
                    self.close_connection = True
                    return
                self.send_response(answer.status)
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(answer.data)))
                self.end_headers()
                self.wfile.write(answer.data)

            do_GET = do_PUT = do_POST = do_DELETE = answer

            def log_message(self, *_):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def close(self):
        self._server.shutdown()
        self._server.server_close()


class ClientCase(unittest.TestCase):
    def setUp(self):
        self.server = ScriptedServer()
        self.addCleanup(self.server.close)
        self.client = sluice.Client(self.server.url)
        self.addCleanup(self.client.close)

    def will_answer(self, *answers):
        self.server.answers.extend(answers)

    def asked(self):
        self.assertFalse(self.server.answers, "the client asked less often than expected")
        return self.server.asked


class Calls(ClientCase):
    def test_deploy_puts_the_definition(self):
        self.will_answer(Answer(201, {"name": "a b", "version": 1, "hash": "h", "warnings": []}))
        answer = self.client.deploy("a b", {"StartAt": "Pay"}, dry_run=True)
        self.assertEqual(answer["version"], 1)
        [asked] = self.asked()
        self.assertEqual((asked.method, asked.target), ("PUT", "/v1/workflows/a%20b?dry_run=true"))
        self.assertEqual(asked.body, {"StartAt": "Pay"})

    def test_start_sends_only_what_was_given_and_a_key(self):
        self.will_answer(Answer(201, {"id": "r1"}), Answer(201, {"id": "r2"}))
        self.assertEqual(self.client.start("orders", {"order": 7}), {"id": "r1"})
        self.client.start("orders", None, name="n", priority=0, labels={"k": "v"}, wait_seconds=30, idempotency_key="mine")
        first, second = self.asked()
        self.assertEqual(first.target, "/v1/workflows/orders/runs")
        self.assertEqual(first.body, {"input": {"order": 7}})
        self.assertTrue(first.headers["Idempotency-Key"])
        self.assertEqual(second.target, "/v1/workflows/orders/runs?wait=30")
        self.assertEqual(second.body, {"input": None, "name": "n", "priority": 0, "labels": {"k": "v"}})
        self.assertEqual(second.headers["Idempotency-Key"], "mine")

    def test_start_without_input_starts_with_an_empty_object(self):
        self.will_answer(Answer(201, {"id": "r1"}))
        self.client.start("orders")
        self.assertEqual(self.asked()[0].body, {"input": {}})

    def test_a_list_is_read_to_its_last_page(self):
        self.will_answer(Answer(body={"items": [{"id": 1}], "next": "c1"}), Answer(body={"items": [{"id": 2}], "next": None}))
        self.assertEqual([event["id"] for event in self.client.history("r1")], [1, 2])
        self.assertEqual([asked.target for asked in self.asked()], ["/v1/runs/r1/history", "/v1/runs/r1/history?cursor=c1"])

    def test_send_and_replay_and_the_others_say_what_the_interface_asks(self):
        calls = [
            (lambda c: c.send("pay", {"n": 1}, priority=9, delay_seconds=2),
             "POST", "/v1/queues/pay/messages", {"messages": [{"body": {"n": 1}, "priority": 9, "delay_seconds": 2}]}),
            (lambda c: c.publish("orders", 1, key="order.created"),
             "POST", "/v1/topics/orders/publish", {"messages": [{"key": "order.created", "body": 1}]}),
            (lambda c: c.event("paid", "o7", {"ok": True}), "POST", "/v1/events/paid", {"key": "o7", "body": {"ok": True}}),
            (lambda c: c.dead_letter("d1"), "GET", "/v1/dead-letters/d1", None),
            (lambda c: c.replay("d1", input={"n": 2}), "POST", "/v1/dead-letters/d1/replay", {"input": {"n": 2}}),
            (lambda c: c.replay_queue("pay", limit=5), "POST", "/v1/queues/pay/dead-letters/replay", {"limit": 5}),
            (lambda c: c.drop("d1", "test"), "DELETE", "/v1/dead-letters/d1", {"reason": "test"}),
            (lambda c: c.run("r1"), "GET", "/v1/runs/r1", None),
            (lambda c: c.why("r1"), "GET", "/v1/runs/r1/why", None),
            (lambda c: c.cancel("r1", "late"), "POST", "/v1/runs/r1/cancel", {"cause": "late"}),
            (lambda c: c.cancel("r1", compensate=True), "POST", "/v1/runs/r1/cancel", {"compensate": True}),
            (lambda c: c.compensate("r1"), "POST", "/v1/runs/r1/compensate", None),
            (lambda c: c.redrive("r1"), "POST", "/v1/runs/r1/redrive", {}),
            (lambda c: c.pause("r1"), "POST", "/v1/runs/r1/pause", None),
            (lambda c: c.resume("r1"), "POST", "/v1/runs/r1/resume", None),
            (lambda c: c.workflow("w"), "GET", "/v1/workflows/w", None),
            (lambda c: c.queue("pay"), "GET", "/v1/queues/pay", None),
        ]
        for call, method, target, body in calls:
            with self.subTest(target):
                self.will_answer(Answer(body={}))
                call(self.client)
                asked = self.asked()[-1]
                self.assertEqual((asked.method, asked.target, asked.body), (method, target, body))
        self.will_answer(Answer(body={"items": [], "next": None}), Answer(body={"items": [], "next": None}))
        list(self.client.dead_letters("pay"))
        list(self.client.dead_letters(error="Payment.Declined"))
        self.assertEqual(
            [asked.target for asked in self.asked()[-2:]],
            ["/v1/queues/pay/dead-letters", "/v1/dead-letters?error=Payment.Declined"],
        )

    def test_calls_share_a_connection(self):
        self.will_answer(*[Answer(body={})] * 3)
        for _ in range(3):
            self.client.run("r1")
        self.assertEqual(len({asked.peer for asked in self.asked()}), 1)

    def test_the_bearer_token_goes_along(self):
        self.will_answer(Answer(body={}))
        with sluice.Client(self.server.url, token="secret") as client:
            client.run("r1")
        self.assertEqual(self.asked()[0].headers["Authorization"], "Bearer secret")

    def test_an_address_that_is_none_is_refused(self):
        with self.assertRaisesRegex(ValueError, "http://HOST:PORT"):
            sluice.Client("localhost:7070")


class Refusals(ClientCase):
    def test_a_problem_document_is_raised_with_all_it_says(self):
        problem = {
            "code": "invalid_definition", "title": "Unprocessable", "detail": "the definition has 2 problems",
            "errors": [{"pointer": "/States/Pay/Next", "detail": 'no state "Shipp"'}, {"pointer": "", "detail": "no StartAt"}],
        }
        self.will_answer(Answer(422, problem))
        with self.assertRaises(sluice.ApiError) as raised:
            self.client.deploy("w", {})
        error = raised.exception
        self.assertEqual((error.status, error.code, error.detail), (422, "invalid_definition", "the definition has 2 problems"))
        self.assertEqual(error.errors[0], sluice.Problem("/States/Pay/Next", 'no state "Shipp"'))
        self.assertEqual(
            str(error),
            '422 invalid_definition: the definition has 2 problems\n  /States/Pay/Next: no state "Shipp"\n  (whole): no StartAt',
        )
        self.assertIsInstance(error, sluice.SluiceError)
        self.asked()

    def test_a_refusal_that_is_no_problem_document_keeps_its_text(self):
        self.will_answer(Answer(502, text="<h1>Bad Gateway</h1>"))
        with self.assertRaises(sluice.ApiError) as raised:
            self.client.run("r1")
        self.assertEqual((raised.exception.code, raised.exception.detail), ("http_error", "<h1>Bad Gateway</h1>"))

    def test_a_fault_in_the_query_or_a_header_says_so(self):
        errors = [{"parameter": "limit", "detail": "expected 1 to 1000"}, {"header": "Idempotency-Key", "detail": "too long"}]
        self.will_answer(Answer(422, {"code": "invalid_argument", "detail": "no", "errors": errors}))
        with self.assertRaisesRegex(sluice.ApiError, r"(?s)\?limit: expected 1 to 1000.*@Idempotency-Key: too long"):
            list(self.client.runs(limit=0))

    def test_nobody_there(self):
        self.server.close()
        client = sluice.Client(self.server.url, retries=0)
        with self.assertRaisesRegex(sluice.TransportError, "GET /v1/runs/r1 at 127.0.0.1"):
            client.run("r1")


class Repeats(ClientCase):
    def test_overload_is_waited_out_and_the_key_stays_the_same(self):
        busy = {"code": "overloaded", "detail": "the line is full"}
        self.will_answer(Answer(429, busy, Retry_After="0"), Answer(503, busy, Retry_After="0"), Answer(201, {"id": "r1"}))
        self.assertEqual(self.client.start("orders"), {"id": "r1"})
        self.assertEqual(len({asked.headers["Idempotency-Key"] for asked in self.asked()}), 1)

    def test_repeats_have_an_end(self):
        self.will_answer(*[Answer(503, {"code": "unavailable", "detail": "stopping"}, Retry_After="0")] * 3)
        client = sluice.Client(self.server.url, retries=2)
        self.addCleanup(client.close)
        with self.assertRaises(sluice.ApiError):
            client.run("r1")
        self.assertEqual(len(self.asked()), 3)

    def test_a_broken_connection_is_tried_again_where_that_is_safe(self):
        self.will_answer(DROP, Answer(201, {"id": "r1"}))
        self.assertEqual(self.client.start("orders"), {"id": "r1"})
        self.asked()

    def test_and_not_where_it_is_not(self):
        self.will_answer(DROP)
        with self.assertRaises(sluice.TransportError):
            self.client.cancel("r1")
        self.will_answer(Answer(503, {"code": "outcome_unknown", "detail": "may be on disk"}, Retry_After="0"))
        with self.assertRaises(sluice.ApiError):
            self.client.cancel("r1")
        self.asked()

    def test_an_idle_connection_that_the_server_closed_is_not_used(self):
        self.will_answer(Answer(body={}), Answer(body={}))
        self.client.run("r1")
        [idle] = self.client._idle
        idle.sock.shutdown(2)
        self.client.cancel("r1")
        self.asked()


if __name__ == "__main__":
    unittest.main()
