/** The worker over connections that break, servers that speak nonsense, and its own end. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { afterEach, beforeEach, describe, test } from "node:test";
import { type ProtocolError } from "sluice-client";
import { backoffSeconds } from "#backoff";
import { aborted, Arrivals, FakeServer, Gate, task, waitMs, type FakeConnection, type Said } from "./fake_server.js";

let server: FakeServer;
beforeEach(async () => {
  server = await FakeServer.start();
});
afterEach(() => server.stop());

describe("reconnecting", () => {
  test("a lost connection is opened again with the session and what it holds", async () => {
    const gate = new Gate();
    server.serve(() => gate.passThrough());
    const connection = await server.welcome();
    connection.task("t1");
    await gate.arrivals.take("t1");
    connection.cut();
    const again = await server.welcome();
    assert.deepEqual([again.hello["session"], again.hello["holds"]], ["s1", ["t1"]]);
    gate.open();
    again.ok(await again.expect("complete", { token: "t1" }));
  });

  test("a completion without an answer is said again", async () => {
    server.serve(() => 5);
    const connection = await server.welcome();
    connection.task("t1");
    const first = await connection.expect("complete", { token: "t1" });
    connection.cut();
    const again = await server.welcome({ session: "s2", holds: [] }); // done already, so no longer held
    assert.deepEqual(again.hello["holds"], ["t1"]);
    assert.deepEqual(again.early, [first]);
    again.ok(first);
    again.task("t2", { queue: "other" });
    again.ok(await again.expect("release"));
    again.task("t3", { queue: "other" });
    await again.expect("release", { token: "t3" }); // so the first two answers have been read
    again.cut();
    const third = await server.welcome({ session: "s2" });
    assert.deepEqual([third.hello["session"], third.hello["holds"]], ["s2", ["t3"]]);
    assert.deepEqual(third.early.map((message) => message["token"]), ["t3"]);
  });

  test("a stage that ends while there is no connection is completed on the next", async () => {
    const gate = new Gate();
    const done = new Arrivals<void>();
    server.serve(async () => {
      await gate.passThrough();
      done.put();
    });
    const connection = await server.welcome();
    connection.task("t1");
    await gate.arrivals.take("t1");
    connection.cut();
    const again = await server.accept();
    await again.expect("hello", { holds: ["t1"] });
    gate.open();
    await done.take("the stage's end");
    again.welcome("s1", ["t1"]);
    const ops = [(await again.next())["op"], (await again.next())["op"]].sort();
    assert.deepEqual(ops, ["complete", "subscribe"]);
  });

  test("what the server does not give back is aborted and not answered", async () => {
    const told = new Arrivals<void>();
    const started = new Arrivals<void>();
    server.serve(async (task, signal) => {
      if (task.token !== "t1") return;
      started.put();
      await aborted(signal);
      told.put();
    });
    const connection = await server.welcome();
    connection.task("t1");
    await started.take("t1");
    connection.cut();
    const again = await server.welcome({ session: "s2", holds: [] });
    await told.take("the abort");
    again.task("t2");
    await again.expect("complete", { token: "t2" }); // and nothing about t1 before it
  });

  test("a server that is away is tried again", async () => {
    server.serve(() => 1);
    await server.refuse(503);
    await server.refuse(503);
    assert.equal((await server.welcome()).hello["session"], undefined);
  });

  test("a server that stops is come back to", async () => {
    server.serve(() => 1);
    await (await server.welcome()).close(1001);
    assert.equal((await server.welcome()).hello["session"], "s1");
  });

  test("a session that another connection took over is left to it", async () => {
    const { ended } = server.serve(() => 1);
    await (await server.welcome()).close(4001);
    assert.equal(((await ended) as ProtocolError).code, "session_taken_over");
  });

  test("the first pause is none, and the others are drawn below a growing bound", () => {
    assert.equal(backoffSeconds(0, 0.1, 3), 0);
    for (const [attempt, bound] of [[1, 0.1], [2, 0.2], [5, 1.6], [6, 3], [10_000, 3]] as const) {
      const drawn = Array.from({ length: 300 }, () => backoffSeconds(attempt, 0.1, 3));
      assert.ok(Math.max(...drawn) <= bound && Math.max(...drawn) > bound / 2 && Math.min(...drawn) < bound / 2);
    }
  });
});

describe("malformed frames", () => {
  const cases: [string, number, (connection: FakeConnection) => void][] = [
    ["what is not JSON", 1007, (connection) => connection.socket.send("{")],
    ["what is not UTF-8", 1007, (connection) => connection.socket.send(Buffer.from([0x22, 0xff, 0x22]), { binary: false })],
    ["a binary frame", 1003, (connection) => connection.socket.send(Buffer.from("{}"))],
    ["a message that is no object", 1002, (connection) => connection.say([7] as unknown as Said[])],
    ["a message without an op", 1002, (connection) => connection.say({})],
    ["a task without a token", 1002, (connection) => connection.say({ op: "task", queue: "pay" })],
    ["a revoke without a token", 1002, (connection) => connection.say({ op: "revoke" })],
  ];
  for (const [name, code, send] of cases) {
    test(`${name} ends the connection, and the worker comes back`, async () => {
      server.serve(() => 1);
      const connection = await server.welcome();
      send(connection);
      assert.equal(await connection.closed(), code);
      const again = await server.welcome();
      assert.equal(again.hello["session"], "s1");
      again.task("t1");
      await again.expect("complete", { token: "t1" });
    });
  }

  test("a welcome without a session", async () => {
    server.serve(() => 1);
    const connection = await server.accept();
    await connection.expect("hello");
    connection.say({ op: "welcome" });
    assert.equal(await connection.closed(), 1002);
    assert.equal((await server.welcome()).hello["session"], undefined);
  });

  test("an empty array and an answer to nothing are nothing", async () => {
    server.serve(() => 1);
    const connection = await server.welcome();
    connection.say([]);
    connection.say({ op: "ok", ref: 999 });
    connection.say({ op: "error", code: "invalid_argument", detail: "without a ref" });
    connection.task("t1");
    await connection.expect("complete", { token: "t1" });
  });
});

describe("stopping", () => {
  test("stopping takes no more tasks, waits for those that run, and says goodbye", async () => {
    const gate = new Gate();
    const { worker, ended } = server.serve(() => gate.passThrough(), { concurrency: 1, prefetch: 1 }, { leave: 10 });
    const connection = await server.welcome();
    connection.say([task("t1"), task("t2")]);
    await gate.arrivals.take("t1");
    worker.stop();
    worker.stop();
    connection.ok(await connection.expect("unsubscribe", { queue: "pay" }));
    connection.ok(await connection.expect("release", { token: "t2" }));
    connection.task("t3"); // was on its way
    connection.ok(await connection.expect("release", { token: "t3" }));
    gate.open();
    connection.ok(await connection.expect("complete", { token: "t1" }));
    await connection.expect("bye");
    await connection.close(1000);
    assert.equal(await ended, undefined);
  });

  test("what still runs when the time to drain is over is aborted and released", async () => {
    const gate = new Gate();
    const told = new Arrivals<void>();
    const { worker, ended } = server.serve(
      async (_, signal) => {
        gate.arrivals.put();
        await aborted(signal);
        told.put();
      },
      {},
      { drain: 0.01, leave: 10 },
    );
    const connection = await server.welcome();
    connection.task("t1");
    await gate.arrivals.take("t1");
    worker.stop();
    await connection.expect("unsubscribe");
    connection.ok(await connection.expect("release", { token: "t1" }));
    await connection.expect("bye");
    await told.take("the abort");
    await connection.close(1000);
    assert.equal(await ended, undefined);
  });

  test("a worker without a connection stops at once", async () => {
    const { worker, ended } = server.serve(() => 1, {}, { backoffBase: 3600, backoffCap: 3600, leave: 10 });
    await server.refuse(503);
    await server.refuse(503);
    worker.stop();
    assert.equal(await ended, undefined);
  });

  test("a completion is brought home over a lost connection before the worker leaves", async () => {
    const { worker, ended } = server.serve(() => 1, {}, { leave: 10 });
    const connection = await server.welcome();
    connection.task("t1");
    await connection.expect("complete", { token: "t1" });
    worker.stop();
    await connection.expect("unsubscribe");
    connection.cut();
    const again = await server.welcome({ queues: 0 });
    again.ok(await again.expect("complete", { token: "t1" }));
    await again.expect("bye");
    await again.close(1000);
    assert.equal(await ended, undefined);
  });

  test("an answer that never comes does not hold the worker for ever", async () => {
    const { worker, ended } = server.serve(() => 1, {}, { drain: 0.01, leave: 0.01 });
    const connection = await server.welcome();
    connection.task("t1");
    await connection.expect("complete");
    worker.stop();
    assert.equal(await ended, undefined);
  });

  test("a worker may be stopped before it runs, and run again after", async () => {
    const worker = server.worker().stage("pay", () => 1);
    worker.stop();
    await worker.run();
    server.run(worker);
    await server.welcome();
  });

  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    test(`${signal} drains and ends the process`, { timeout: waitMs }, async () => {
      const program = `
        import { Worker } from "sluice-client";
        import { once } from "node:events";
        const worker = new Worker({ url: process.argv[1], name: "w" });
        worker.stage("pay", async (task) => {
          task.heartbeat();
          await once(process.stdin, "data");
          process.stdin.destroy();
          return "paid";
        });
        await worker.run();
        console.log("drained");
      `;
      const child = spawn(process.execPath, ["--input-type=module", "-e", program, server.url], {
        stdio: ["pipe", "pipe", "inherit"],
      });
      try {
        const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
        const connection = await server.welcome();
        connection.task("t1");
        connection.ok(await connection.expect("heartbeat"));
        const exited = once(child, "exit");
        child.kill(signal);
        connection.ok(await connection.expect("unsubscribe"));
        child.stdin.write("\n");
        connection.ok(await connection.expect("complete", { token: "t1", output: "paid" }));
        await connection.expect("bye");
        await connection.close(1000);
        assert.equal((await lines.next()).value, "drained");
        assert.deepEqual(await exited, [0, null]);
      } finally {
        child.kill("SIGKILL");
      }
    });
  }
});
