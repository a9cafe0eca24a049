/** The REST client against a server that answers what the test has laid ready. */
import assert from "node:assert/strict";
import { createServer, type IncomingHttpHeaders, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, test } from "node:test";
import { ApiError, Client, SluiceError, TransportError } from "sluice-client";

interface Answer {
  status?: number;
  body?: unknown;
  text?: string;
  headers?: Record<string, string>;
}
interface Asked {
  method: string;
  target: string;
  headers: IncomingHttpHeaders;
  body: unknown;
}

const drop: Answer = { status: 0 }; // close the connection without a word
const busy = { code: "overloaded", detail: "the line is full" };
const soon = { "Retry-After": "0" };

let http: Server;
let url: string;
let client: Client;
let answers: Answer[];
let asked: Asked[];

beforeEach(async () => {
  answers = [];
  asked = [];
  http = createServer(async (request, response) => {
    let text = "";
    for await (const piece of request) text += piece;
    const { method = "", url: target = "", headers } = request;
    asked.push({ method, target, headers, body: text === "" ? undefined : JSON.parse(text) });
    const answer = answers.shift() ?? { status: 500, text: "the client asked more often than expected" };
    if (answer.status === 0) return void request.socket.destroy();
    response.writeHead(answer.status ?? 200, answer.headers).end(answer.text ?? JSON.stringify(answer.body ?? {}));
  });
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
  client = new Client({ url });
});

afterEach(async () => {
  await new Promise((resolve) => {
    http.close(resolve);
    http.closeAllConnections();
  });
  assert.equal(answers.length, 0, "the client asked less often than expected");
});

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}

describe("calls", () => {
  test("deploy puts the definition", async () => {
    answers.push({ status: 201, body: { name: "a b", version: 1, hash: "h", warnings: [] } });
    assert.equal((await client.deploy("a b", { StartAt: "Pay" }, { dryRun: true }))["version"], 1);
    assert.deepEqual([asked[0]!.method, asked[0]!.target], ["PUT", "/v1/workflows/a%20b?dry_run=true"]);
    assert.deepEqual(asked[0]!.body, { StartAt: "Pay" });
  });

  test("start sends only what was given, and a key", async () => {
    answers.push({ status: 201, body: { id: "r1" } }, { status: 201, body: { id: "r2" } }, { status: 201 });
    assert.deepEqual(await client.start("orders", { order: 7 }), { id: "r1" });
    await client.start("orders", null, { name: "n", priority: 0, labels: { k: "v" }, waitSeconds: 30, idempotencyKey: "mine" });
    await client.start("orders");
    assert.equal(asked[0]!.target, "/v1/workflows/orders/runs");
    assert.deepEqual(asked[0]!.body, { input: { order: 7 } });
    assert.ok(asked[0]!.headers["idempotency-key"]);
    assert.equal(asked[1]!.target, "/v1/workflows/orders/runs?wait=30");
    assert.deepEqual(asked[1]!.body, { input: null, name: "n", priority: 0, labels: { k: "v" } });
    assert.equal(asked[1]!.headers["idempotency-key"], "mine");
    assert.deepEqual(asked[2]!.body, { input: {} });
  });

  test("a list is read to its last page", async () => {
    answers.push({ body: { items: [{ id: 1 }], next: "c1" } }, { body: { items: [{ id: 2 }], next: null } });
    assert.deepEqual((await all(client.history("r1"))).map((event) => event["id"]), [1, 2]);
    assert.deepEqual(asked.map((call) => call.target), ["/v1/runs/r1/history", "/v1/runs/r1/history?cursor=c1"]);
  });

  const calls: [(c: Client) => Promise<unknown>, string, string, unknown][] = [
    [(c) => c.send("pay", { n: 1 }, { priority: 9, delaySeconds: 2, dedupId: "d" }), "POST", "/v1/queues/pay/messages",
      { messages: [{ body: { n: 1 }, priority: 9, delay_seconds: 2, dedup_id: "d" }] }],
    [(c) => c.publish("orders", 1, { key: "order.created" }), "POST", "/v1/topics/orders/publish",
      { messages: [{ key: "order.created", body: 1 }] }],
    [(c) => c.event("paid", "o7", { ok: true }), "POST", "/v1/events/paid", { key: "o7", body: { ok: true } }],
    [(c) => c.deadLetter("d1"), "GET", "/v1/dead-letters/d1", undefined],
    [(c) => c.replay("d1", { input: { n: 2 } }), "POST", "/v1/dead-letters/d1/replay", { input: { n: 2 } }],
    [(c) => c.replayQueue("pay", { limit: 5, ratePerSecond: 2 }), "POST", "/v1/queues/pay/dead-letters/replay",
      { limit: 5, rate_per_second: 2 }],
    [(c) => c.drop("d1", "test"), "DELETE", "/v1/dead-letters/d1", { reason: "test" }],
    [(c) => c.run("r1"), "GET", "/v1/runs/r1", undefined],
    [(c) => c.why("r1"), "GET", "/v1/runs/r1/why", undefined],
    [(c) => c.cancel("r1", "late"), "POST", "/v1/runs/r1/cancel", { cause: "late" }],
    [(c) => c.cancel("r1", undefined, { compensate: true }), "POST", "/v1/runs/r1/cancel", { compensate: true }],
    [(c) => c.compensate("r1"), "POST", "/v1/runs/r1/compensate", undefined],
    [(c) => c.redrive("r1"), "POST", "/v1/runs/r1/redrive", {}],
    [(c) => c.pause("r1"), "POST", "/v1/runs/r1/pause", undefined],
    [(c) => c.resume("r1"), "POST", "/v1/runs/r1/resume", undefined],
    [(c) => c.workflow("w"), "GET", "/v1/workflows/w", undefined],
    [(c) => c.queue("pay"), "GET", "/v1/queues/pay", undefined],
    [(c) => all(c.deadLetters({ queue: "pay" })), "GET", "/v1/queues/pay/dead-letters", undefined],
    [(c) => all(c.deadLetters({ error: "Payment.Declined" })), "GET", "/v1/dead-letters?error=Payment.Declined", undefined],
    [(c) => all(c.runs({ status: "FAILED" })), "GET", "/v1/runs?status=FAILED", undefined],
  ];
  for (const [call, method, target, body] of calls) {
    test(`${method} ${target} says what the interface asks`, async () => {
      answers.push({ body: { items: [], next: null } });
      await call(client);
      assert.deepEqual([asked[0]!.method, asked[0]!.target, asked[0]!.body], [method, target, body]);
    });
  }

  test("the bearer token goes along", async () => {
    answers.push({});
    await new Client({ url, token: "secret" }).run("r1");
    assert.equal(asked[0]!.headers.authorization, "Bearer secret");
  });

  test("an address that is none is refused", () => {
    assert.throws(() => new Client({ url: "localhost:7070" }), /http:\/\/HOST:PORT/);
  });
});

describe("refusals", () => {
  test("a problem document is thrown with all it says", async () => {
    const errors = [{ pointer: "/States/Pay/Next", detail: 'no state "Shipp"' }, { pointer: "", detail: "no StartAt" }];
    answers.push({ status: 422, body: { code: "invalid_definition", detail: "the definition has 2 problems", errors } });
    const error = await client.deploy("w", {}).catch((thrown: unknown) => thrown);
    assert.ok(error instanceof ApiError && error instanceof SluiceError);
    assert.deepEqual([error.status, error.code, error.detail], [422, "invalid_definition", "the definition has 2 problems"]);
    assert.deepEqual(error.errors, errors);
    assert.equal(
      error.message,
      '422 invalid_definition: the definition has 2 problems\n  /States/Pay/Next: no state "Shipp"\n  (whole): no StartAt',
    );
  });

  test("a refusal that is no problem document keeps its text", async () => {
    answers.push({ status: 502, text: "<h1>Bad Gateway</h1>" });
    await assert.rejects(client.run("r1"), { code: "http_error", detail: "<h1>Bad Gateway</h1>" });
  });

  test("a fault in the query or a header says so", async () => {
    const errors = [{ parameter: "limit", detail: "expected 1 to 1000" }, { header: "Idempotency-Key", detail: "too long" }];
    answers.push({ status: 422, body: { code: "invalid_argument", detail: "no", errors } });
    await assert.rejects(all(client.runs({ limit: 0 })), /\?limit: expected 1 to 1000\n {2}@Idempotency-Key: too long/);
  });

  test("nobody there", async () => {
    const nobody = new Client({ url: "http://127.0.0.1:1", retries: 0 });
    await assert.rejects(nobody.run("r1"), (error: Error) => {
      assert.ok(error instanceof TransportError);
      assert.match(error.message, /GET http:\/\/127.0.0.1:1\/v1\/runs\/r1/);
      return true;
    });
  });
});

describe("repeats", () => {
  test("overload is waited out, and the key stays the same", async () => {
    answers.push({ status: 429, body: busy, headers: soon }, { status: 503, body: busy, headers: soon });
    answers.push({ status: 201, body: { id: "r1" } });
    assert.deepEqual(await client.start("orders"), { id: "r1" });
    assert.equal(new Set(asked.map((call) => call.headers["idempotency-key"])).size, 1);
  });

  test("repeats have an end", async () => {
    for (let count = 0; count < 3; count += 1) answers.push({ status: 503, body: busy, headers: soon });
    await assert.rejects(new Client({ url, retries: 2 }).run("r1"), ApiError);
    assert.equal(asked.length, 3);
  });

  test("a broken connection is tried again where that is safe", async () => {
    answers.push(drop, { status: 201, body: { id: "r1" } });
    assert.deepEqual(await client.start("orders"), { id: "r1" });
  });

  test("and not where it is not", async () => {
    answers.push(drop);
    await assert.rejects(client.cancel("r1"), TransportError);
    answers.push({ status: 503, body: { code: "outcome_unknown", detail: "may be on disk" }, headers: soon });
    await assert.rejects(client.cancel("r1"), ApiError);
    assert.equal(asked.length, 2);
  });
});
