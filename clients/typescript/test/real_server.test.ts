/** The README's examples and the promises behind them, against a running server (SLUICE_URL). */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { afterEach, beforeEach, describe, test } from "node:test";
import { ApiError, Client, Failure, Worker, type Handler, type JsonObject, type StageOptions } from "sluice-client";
import { Arrivals } from "./fake_server.js";

const url = process.env["SLUICE_URL"] ?? "";
const skip = url === "" && "SLUICE_URL is not set: start `sluice serve` and set it to http://127.0.0.1:7070";
const waitSeconds = 10;

describe("against a real server", { skip }, () => {
  let client: Client;
  let queue: string;
  let workflow: string;
  let ends: (() => Promise<void>)[];

  beforeEach(() => {
    const unique = randomUUID().slice(0, 8);
    queue = `ts-queue-${unique}`;
    workflow = `ts-workflow-${unique}`;
    client = new Client({ url });
    ends = [];
  });
  afterEach(async () => {
    for (const end of ends) await end();
  });

  function deploy(): Promise<JsonObject> {
    const state = { Type: "Task", Resource: `queue:${queue}`, End: true };
    return client.deploy(workflow, { StartAt: "Pay", States: { Pay: state } });
  }

  function serve(handler: Handler, options: StageOptions = {}): void {
    const worker = new Worker({ url, name: "typescript-test", signals: false, drainSeconds: waitSeconds });
    const ended = worker.stage(queue, handler, options).run();
    ends.push(() => {
      worker.stop({ atOnce: true });
      return ended;
    });
  }

  /** The run's event stream ends when the run has. */
  async function awaitEnd(id: string): Promise<JsonObject> {
    await (await fetch(`${url}/v1/runs/${id}/history?follow=true`, { signal: AbortSignal.timeout(waitSeconds * 1000) })).text();
    return client.run(id);
  }

  /** The README's n-th example, on queues and workflows that no other test uses. */
  function example(number: number): string[] {
    const readme = readFileSync(new URL("../../README.md", import.meta.url), "utf8");
    const text = [...readme.matchAll(/```js\n(.*?)```/gs)][number]![1]!
      .replaceAll("http://127.0.0.1:7070", url)
      .replaceAll('"orders"', `"${workflow}"`)
      .replaceAll('stage("pay"', `stage("${queue}"`)
      .replaceAll("queue:pay", `queue:${queue}`);
    return ["--input-type=module", "-e", text];
  }

  test("the README's examples work as they stand", async () => {
    const worker = spawn(process.execPath, example(0), { stdio: "inherit" });
    ends.push(async () => {
      const exited = once(worker, "exit");
      worker.kill("SIGTERM");
      assert.deepEqual(await exited, [0, null]);
    });
    const starter = spawn(process.execPath, example(1), { stdio: ["ignore", "pipe", "inherit"] });
    let said = "";
    starter.stdout.on("data", (piece) => (said += piece));
    assert.deepEqual(await once(starter, "close"), [0, null]);
    assert.match(said, /^SUCCEEDED \{ paid: 12, receipt: '.+' \}\n$/);
    const failed = await client.start(workflow, { amount: 5000 }, { waitSeconds });
    assert.deepEqual([failed["status"], failed["error"]], ["FAILED", "Payment.Declined"]);
  });

  test("a failed run leaves a dead letter that can be replayed", async () => {
    await deploy();
    serve((task) => {
      if (!task.body.card) throw new Failure("Payment.Declined", "no card");
      return "paid";
    });
    const run = await client.start(workflow, { card: false }, { waitSeconds });
    assert.equal(run["status"], "FAILED");
    for await (const letter of client.deadLetters({ queue })) await client.replay(letter["id"], { input: { card: true } });
    assert.equal((await awaitEnd(run["id"]))["output"], "paid");
  });

  test("tasks run at once as far as the concurrency, and none is lost", async () => {
    await deploy();
    let waiting: (() => void)[] = [];
    serve(
      async (task) => {
        await new Promise<void>((resolve) => {
          waiting.push(resolve);
          if (waiting.length === 3) waiting.splice(0).forEach((go) => go());
        });
        return task.body.n;
      },
      { concurrency: 3 },
    );
    const numbers = Array.from({ length: 9 }, (_, n) => n);
    const runs = await Promise.all(numbers.map((n) => client.start(workflow, { n })));
    const outputs = await Promise.all(runs.map(async (run) => (await awaitEnd(run["id"]))["output"]));
    assert.deepEqual(outputs, numbers);
  });

  test("a cancelled run revokes its task", async () => {
    await deploy();
    const begun = new Arrivals<void>();
    const told = new Arrivals<void>();
    serve(async (_, signal) => {
      begun.put();
      if (!signal.aborted) await once(signal, "abort");
      told.put();
    });
    const run = await client.start(workflow);
    await begun.take("the task");
    await client.cancel(run["id"], "the test says so");
    await told.take("the abort");
  });

  test("a definition with problems is refused with every one", async () => {
    const definition = { StartAt: "Nowhere", States: { Pay: { Type: "Task", Next: "Shipp" } } };
    await assert.rejects(client.deploy(workflow, definition), (error: ApiError) => {
      assert.equal(error.status, 422);
      assert.ok(error.errors.length >= 2);
      return true;
    });
  });

  test("a message of a bare queue reaches a worker", async () => {
    const seen = new Arrivals<unknown>();
    serve((task) => seen.put([task.body, task.headers, task.run]));
    await client.send(queue, { n: 1 }, { headers: { region: "eu" } });
    assert.deepEqual(await seen.take("the message"), [{ n: 1 }, { region: "eu" }, undefined]);
  });
});
