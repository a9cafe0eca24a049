"""Fills a server's database through its own verbs, in batches of 1,000 over two kept connections."""
import http.client
import json
import queue
import threading

from server import ask

BATCH = 1_000
# What a message carries and a run starts with: 200 bytes, like the loads.
BODY = {"order_number": 1_000_000, "customer": "c-48213", "currency": "EUR", "total": 129.9, "note": "x" * 110}
TEN_DAYS = 864_000


def post(server, path, count, body_of):
    """Batches of `body_of(size)` until they hold `count`."""
    batches = queue.SimpleQueue()
    for first in range(0, count, BATCH):
        batches.put(min(BATCH, count - first))
    failures = []

    def work():
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=600)
        whole = json.dumps(body_of(BATCH))
        try:
            while not failures:
                size = batches.get_nowait()
                ask(connection, "POST", path, whole if size == BATCH else json.dumps(body_of(size)))
        except queue.Empty:
            pass
        except (OSError, http.client.HTTPException, RuntimeError) as error:
            failures.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


def messages(server, name, count, delay=0):
    """Bare messages; with a delay they wait in the queue without being ready for its workers."""
    message = {"body": BODY, **({"delay_seconds": delay} if delay else {})}
    post(server, f"/v1/queues/{name}/messages", count, lambda size: {"messages": [message] * size})


def runs(server, workflow, count):
    post(server, f"/v1/workflows/{workflow}/runs:batch", count, lambda size: {"items": [{"input": BODY}] * size})


def waiting_runs(server, count):
    """Runs in a Wait state whose timer is ten days away."""
    server.call("PUT", "/v1/workflows/waits", {"StartAt": "Wait", "States": {
        "Wait": {"Type": "Wait", "Seconds": TEN_DAYS, "End": True}}})
    runs(server, "waits", count)


def finished_runs(server, count):
    """Runs of one Pass state: started and ended in the same step."""
    server.call("PUT", "/v1/workflows/passes", {"StartAt": "Pass", "States": {"Pass": {"Type": "Pass", "End": True}}})
    runs(server, "passes", count)
