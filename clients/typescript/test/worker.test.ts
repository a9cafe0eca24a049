/** The worker against a server that the test plays: serving, failing, beating, revoking. */
import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, test } from "node:test";
import { Failure, ProtocolError, Worker, type Task } from "sluice-client";
import { aborted, Arrivals, FakeServer, Gate, task, type Said } from "./fake_server.js";

let server: FakeServer;
beforeEach(async () => {
  server = await FakeServer.start();
});
afterEach(() => server.stop());

describe("serving", () => {
  test("a worker says hello, subscribes, and completes with what the stage returns", async () => {
    server.serve(async (task) => ({ paid: task.body.order }), { concurrency: 4 });
    const connection = await server.accept();
    assert.equal(connection.request.url, "/v1/stream");
    assert.deepEqual(await connection.expect("hello"), { op: "hello", version: 1, worker: "pay-1" });
    connection.welcome("s1");
    const subscribe = await connection.expect("subscribe", { queue: "pay", credit: 4 });
    connection.ok(subscribe);
    connection.task("t1", { body: { order: 7 } });
    const complete = await connection.expect("complete", { token: "t1", output: { paid: 7 } });
    assert.deepEqual(Object.keys(complete).sort(), ["op", "output", "ref", "token"]);
    assert.notEqual(complete["ref"], subscribe["ref"]);
  });

  test("a task has everything the server said about it", async () => {
    const seen: Task[] = [];
    server.serve((task) => void seen.push(task));
    const connection = await server.welcome();
    connection.task("t1", {
      body: [1, "ü"], headers: { region: "eu" }, attempt: 3, idempotency_key: "k9", run: "r1", state: "Pay",
      workflow: "orders", a_later_version_says: "more",
    });
    await connection.expect("complete", { token: "t1", output: null });
    const { body, headers, attempt, idempotencyKey, run, state, workflow, signal } = seen[0]!;
    assert.deepEqual(
      [body, headers, attempt, idempotencyKey, run, state, workflow, signal.aborted],
      [[1, "ü"], { region: "eu" }, 3, "k9", "r1", "Pay", "orders", false],
    );
  });

  test("several messages in a frame are several messages, and unknown ones are ignored", async () => {
    server.serve((task) => task.body);
    const connection = await server.welcome();
    connection.say([task("t1", { body: 1 }), { op: "unheard-of" }, task("t2", { body: 2 })]);
    await connection.expect("complete", { token: "t1", output: 1 });
    await connection.expect("complete", { token: "t2", output: 2 });
  });

  test("several queues share a connection", async () => {
    const worker = server.worker().stage("pay", () => "paid").stage("ship", () => "shipped", { concurrency: 2, prefetch: 1 });
    server.run(worker);
    const connection = await server.welcome({ queues: 2 });
    assert.deepEqual(connection.subscribed, { pay: 1, ship: 3 });
    connection.task("t1", { queue: "ship" });
    await connection.expect("complete", { token: "t1", output: "shipped" });
    connection.task("t2");
    await connection.expect("complete", { token: "t2", output: "paid" });
  });

  test("no more tasks run at once than the concurrency, and the next begins when one ends", async () => {
    const gates: Record<string, Gate> = { t1: new Gate(), t2: new Gate(), t3: new Gate() };
    server.serve((task) => gates[task.token]!.passThrough(), { concurrency: 2, prefetch: 1 });
    const connection = await server.welcome();
    assert.deepEqual(connection.subscribed, { pay: 3 });
    connection.say([task("t1"), task("t2"), task("t3")]);
    await gates["t1"]!.arrivals.take("t1");
    await gates["t2"]!.arrivals.take("t2");
    assert.equal(gates["t3"]!.arrivals.size, 0);
    gates["t2"]!.open();
    await connection.expect("complete", { token: "t2" });
    await gates["t3"]!.arrivals.take("t3");
    gates["t1"]!.open();
    gates["t3"]!.open();
  });

  test("a task of a queue without a stage goes back", async () => {
    server.serve(() => null);
    const connection = await server.welcome();
    connection.task("t1", { queue: "other" });
    await connection.expect("release", { token: "t1" });
  });

  test("the bearer token goes along", async () => {
    server.run(new Worker({ url: server.url, token: "secret", signals: false, log: { info() {}, warn() {} }, timing: { leave: 0 } }).stage("pay", () => 1));
    assert.equal((await server.welcome()).request.headers.authorization, "Bearer secret");
  });
});

describe("failing", () => {
  class CardExpired extends Error {}
  const cases: [string, () => unknown, Said][] = [
    ["a failure fails with its name and cause", () => {
      throw new Failure("Payment.Declined", "card expired");
    }, { error: "Payment.Declined", cause: "card expired" }],
    ["any other error fails with its name", () => {
      throw new TypeError("no number");
    }, { error: "TypeError", cause: "no number" }],
    ["an error's class is its name where it has no other", async () => {
      throw new CardExpired("in May");
    }, { error: "CardExpired", cause: "in May" }],
    ["something thrown that is no error", () => {
      throw "a string";
    }, { error: "Error", cause: "a string" }],
    ["an output that is not JSON fails the task", () => 1n, { error: "TypeError" }],
    ["an output that is not UTF-8 fails the task", () => "\ud800", { error: "TypeError" }],
    ["a cause that is not UTF-8 is made so", () => {
      throw new Error("file \ud800");
    }, { error: "Error", cause: "file \ufffd" }],
    ["a very long cause is cut", () => {
      throw new Error("x".repeat(100_000));
    }, { error: "Error", cause: "x".repeat(32_768) }],
  ];
  for (const [name, handler, expected] of cases) {
    test(name, async () => {
      server.serve(handler);
      const connection = await server.welcome();
      connection.task("t1");
      await connection.expect("fail", { token: "t1", ...expected });
    });
  }

  test("text that only looks like half a surrogate pair is left alone", async () => {
    server.serve(() => "\\ud800 and \u{1f600}");
    const connection = await server.welcome();
    connection.task("t1");
    await connection.expect("complete", { output: "\\ud800 and \u{1f600}" });
  });

  test("the service's own names are refused at once", () => {
    for (const name of ["States.Timeout", "Sluice.Dropped", ""]) assert.throws(() => new Failure(name), RangeError);
  });

  test("an output that the server refuses fails the task", async () => {
    server.serve(() => "much");
    const connection = await server.welcome();
    connection.task("t1");
    connection.error(await connection.expect("complete"), "too_large", "expected at most 1 MiB");
    const failed = await connection.expect("fail", { token: "t1", error: "OutputTooLarge" });
    assert.match(failed["cause"], /expected at most 1 MiB/);
  });

  test("a failure that the server refuses is said smaller and then given back", async () => {
    server.serve(() => {
      throw new Failure("Odd");
    });
    const connection = await server.welcome();
    connection.task("t1");
    connection.error(await connection.expect("fail", { error: "Odd" }), "invalid_argument");
    connection.error(await connection.expect("fail", { error: "FailureRefused" }), "invalid_argument");
    connection.ok(await connection.expect("release", { token: "t1" }));
  });

  test("an output over the frame limit is not sent but fails the task", async () => {
    server.serve(() => "x".repeat(2000));
    const connection = await server.welcome({ limits: { frame_bytes_max: 1500 } });
    connection.task("t1");
    await connection.expect("fail", { token: "t1", error: "OutputTooLarge" });
  });
});

describe("answers", () => {
  test("a stale answer is logged and the worker goes on", async () => {
    const lines: string[] = [];
    server.serve((task) => task.body, {}, {}, lines);
    const connection = await server.welcome();
    connection.task("t1", { body: 1 });
    connection.error(await connection.expect("complete", { token: "t1" }), "stale_token");
    connection.task("t2", { body: 2 });
    await connection.expect("complete", { token: "t2", output: 2 });
    assert.match(lines.join("\n"), /stale_token/);
  });

  test("what the server cannot take now is said again", async () => {
    server.serve(() => 1);
    const connection = await server.welcome();
    connection.task("t1");
    for (const code of ["storage_failed", "overloaded", "unavailable", "disk_full"]) {
      connection.error(await connection.expect("complete", { token: "t1", output: 1 }), code);
    }
    connection.ok(await connection.expect("complete", { token: "t1", output: 1 }));
  });

  test("an unknown outcome is settled on a new connection", async () => {
    server.serve(() => 1);
    const connection = await server.welcome();
    connection.task("t1");
    connection.error(await connection.expect("complete"), "outcome_unknown");
    await connection.closed();
    const again = await server.welcome();
    assert.deepEqual(again.early.map((message) => message["op"]), ["complete"]);
  });

  test("a subscription that is refused ends the worker", async () => {
    const { ended } = server.serve(() => 1);
    const connection = await server.welcome({ queues: 0 });
    connection.error(await connection.expect("subscribe"), "invalid_argument", "a queue's name is at most 80 bytes");
    const error = await ended;
    assert.ok(error instanceof ProtocolError);
    assert.equal(error.code, "invalid_argument");
    assert.match(error.message, /queue pay/);
    assert.equal(await connection.closed(), 1000);
  });

  test("a subscription that cannot be had now is asked for again", async () => {
    server.serve(() => 1);
    const connection = await server.welcome({ queues: 0 });
    connection.error(await connection.expect("subscribe"), "unavailable");
    connection.ok(await connection.expect("subscribe", { queue: "pay" }));
  });

  test("a hello that is refused ends the worker", async () => {
    const { ended } = server.serve(() => 1);
    const connection = await server.accept();
    await connection.expect("hello");
    connection.say({ op: "error", code: "unsupported", detail: "version 1 is not offered" });
    assert.equal(((await ended) as ProtocolError).code, "unsupported");
  });

  test("a server that does not let the worker in ends it", async () => {
    const { ended } = server.serve(() => 1);
    await server.refuse(401);
    assert.equal(((await ended) as ProtocolError).code, "http_401");
  });
});

describe("beating", () => {
  test("the worker pings three times in a lease", async () => {
    const gate = new Gate();
    server.serve(() => gate.passThrough());
    const connection = await server.welcome();
    connection.task("t1", { lease_until: "2026-01-31T12:00:00.300000Z" });
    for (let count = 0; count < 3; count += 1) await connection.pings.take("a ping");
    gate.open();
  });

  test("a state that asks for a beat gets it while the stage runs, and no longer", async () => {
    const gate = new Gate();
    server.serve(() => gate.passThrough());
    const connection = await server.welcome();
    connection.task("t1", { heartbeat_seconds: 0.06 });
    for (let count = 0; count < 3; count += 1) {
      const beat = await connection.expect("heartbeat", { token: "t1" });
      assert.deepEqual(Object.keys(beat).sort(), ["op", "ref", "token"]);
      connection.ok(beat, { lease_until: "2026-01-31T12:00:30Z" });
    }
    gate.open();
    let message = await connection.next();
    while (message["op"] === "heartbeat") message = await connection.next();
    assert.equal(message["op"], "complete");
    connection.ok(message);
    connection.task("t2");
    await connection.expect("complete", { token: "t2" });
  });

  test("a stage may beat by itself, and ask for a longer lease", async () => {
    server.serve(
      (task) => {
        task.heartbeat();
        task.heartbeat(90);
      },
      { autoHeartbeat: false },
    );
    const connection = await server.welcome();
    connection.task("t1", { heartbeat_seconds: 0.03 });
    await connection.expect("heartbeat", { token: "t1" });
    await connection.expect("heartbeat", { token: "t1", lease_seconds: 90 });
    await connection.expect("complete");
  });

  test("a lease of no length is refused", async () => {
    server.serve((task) => task.heartbeat(Number.NaN));
    const connection = await server.welcome();
    connection.task("t1");
    await connection.expect("fail", { error: "RangeError" });
  });

  test("a beat that comes too late revokes the task", async () => {
    const revoked = new Arrivals<void>();
    server.serve(async (task, signal) => {
      task.heartbeat();
      await aborted(signal);
      revoked.put();
      task.heartbeat(); // throws Revoked, which is nobody's failure
    });
    const connection = await server.welcome();
    connection.task("t1");
    connection.error(await connection.expect("heartbeat"), "stale_token");
    await revoked.take("the abort");
    connection.task("t2", { queue: "other" });
    await connection.expect("release", { token: "t2" });
  });

  test("a connection on which nothing is heard is dead", async () => {
    server.serve(() => 1);
    const silent = await server.accept();
    silent.answersPings = false;
    await silent.expect("hello");
    silent.welcome("s1", [], { ping_seconds: 0.1 });
    assert.equal((await server.welcome()).hello["session"], "s1");
  });
});

describe("revoking", () => {
  test("a revoked task is told, and the revoke is answered when the stage has returned", async () => {
    const gate = new Gate();
    const told = new Arrivals<void>();
    server.serve(async (task, signal) => {
      if (task.token !== "t1") return;
      gate.arrivals.put();
      await aborted(signal);
      told.put();
      await gate.passThrough();
    });
    const connection = await server.welcome();
    connection.task("t1");
    await gate.arrivals.take("t1");
    connection.revoke("t1");
    await told.take("the abort");
    connection.task("t2", { queue: "other" });
    await connection.expect("release", { token: "t2" }); // and not yet the answer to the revoke
    gate.open();
    assert.deepEqual(await connection.expect("revoked"), { op: "revoked", token: "t1" });
    connection.task("t3");
    await connection.expect("complete", { token: "t3" });
  });

  test("a revoked task that has not begun never does", async () => {
    const seen: string[] = [];
    const gate = new Gate();
    server.serve(
      async (task) => {
        seen.push(task.token);
        await gate.passThrough();
      },
      { concurrency: 1, prefetch: 1 },
    );
    const connection = await server.welcome();
    connection.say([task("t1"), task("t2")]);
    await gate.arrivals.take("t1");
    connection.revoke("t2");
    await connection.expect("revoked", { token: "t2" });
    gate.open();
    connection.ok(await connection.expect("complete", { token: "t1" }));
    assert.deepEqual(seen, ["t1"]);
  });

  test("a revoke that crosses the answer is answered too", async () => {
    server.serve(() => 1);
    const connection = await server.welcome();
    connection.task("t1");
    const complete = await connection.expect("complete");
    connection.revoke("t1");
    await connection.expect("revoked", { token: "t1" });
    connection.error(complete, "stale_token");
    connection.task("t2");
    await connection.expect("complete", { token: "t2" });
  });

  test("a revoke of a task that is unknown is answered", async () => {
    server.serve(() => 1);
    const connection = await server.welcome();
    connection.revoke("t9");
    await connection.expect("revoked", { token: "t9" });
  });
});

describe("misuse", () => {
  test("an address that is none", () => {
    for (const url of ["127.0.0.1:7070", "ftp://host", ""]) assert.throws(() => new Worker({ url }), /http:\/\/HOST:PORT/);
  });

  test("a worker without a stage", async () => {
    await assert.rejects(new Worker().run(), /no stage/);
  });

  test("two functions for one queue", () => {
    const worker = new Worker().stage("pay", () => 1);
    assert.throws(() => worker.stage("pay", () => 2), /already/);
  });

  test("no concurrency, or more than the server gives", () => {
    for (const options of [{ concurrency: 0 }, { concurrency: 1.5 }, { concurrency: 1001 }, { concurrency: 600, prefetch: 600 }]) {
      assert.throws(() => new Worker().stage("pay", () => 1, options), /concurrency/);
    }
  });
});
