"""A worker that takes tasks and never finishes them: HOLDING_WORKER URL QUEUE HOW_MANY. Killed by the test."""
import sys
import threading

import harness  # noqa: F401  (finds the client library)
import sluice


def main():
    url, queue, count = sys.argv[1:]
    worker = sluice.Worker(url, name="holding")

    @worker.stage(queue, concurrency=int(count))
    def hold(task):
        print(f"holds {task.id}", flush=True)
        threading.Event().wait()

    worker.run()


if __name__ == "__main__":
    main()
