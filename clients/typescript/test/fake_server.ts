/**
 * A server that does what the test says, message by message; no message is answered unless the test answers it.
 * Whatever is waited for is waited for at most waitMs.
 */
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { WebSocketServer, type WebSocket } from "ws";
import { Worker, type StageOptions, type Handler, type Timing } from "sluice-client";

export const waitMs = 10_000;
export type Said = Record<string, any>;

// leave: most tests end with answers outstanding, which nobody will give.
const quick: Timing = { connect: 10, drain: 10, leave: 0, backoffBase: 0.001, backoffCap: 0.01, stable: 5 };

/** What has arrived and was not yet taken, or who waits for it. */
export class Arrivals<T> {
  #items: T[] = [];
  #takers: ((item: T) => void)[] = [];

  put(item: T): void {
    const taker = this.#takers.shift();
    if (taker === undefined) this.#items.push(item);
    else taker(item);
  }

  take(what: string): Promise<T> {
    if (this.#items.length > 0) return Promise.resolve(this.#items.shift() as T);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`waited in vain for ${what}`)), waitMs);
      this.#takers.push((item) => {
        clearTimeout(timer);
        resolve(item);
      });
    });
  }

  get size(): number {
    return this.#items.length;
  }
}

/** Holds a stage until the test opens it, and tells the test who has come. */
export class Gate {
  readonly arrivals = new Arrivals<void>();
  #open!: () => void;
  readonly #opened = new Promise<void>((resolve) => (this.#open = resolve));

  async passThrough(): Promise<void> {
    this.arrivals.put();
    await this.#opened;
  }

  open(): void {
    this.#open();
  }
}

export function aborted(signal: AbortSignal): Promise<unknown> {
  return signal.aborted ? Promise.resolve() : once(signal, "abort");
}

export class FakeServer {
  readonly #http: Server;
  readonly #sockets = new WebSocketServer({ noServer: true, autoPong: false });
  readonly #upgrades = new Arrivals<[IncomingMessage, Duplex, Buffer]>();
  readonly #connections: FakeConnection[] = [];
  readonly #workers: [Worker, Promise<Error | undefined>][] = [];
  url = "";

  private constructor() {
    this.#http = createServer();
    this.#http.on("upgrade", (request, socket, head) => this.#upgrades.put([request, socket, head]));
  }

  static async start(): Promise<FakeServer> {
    const server = new FakeServer();
    await new Promise<void>((resolve) => server.#http.listen(0, "127.0.0.1", resolve));
    server.url = `http://127.0.0.1:${(server.#http.address() as AddressInfo).port}`;
    return server;
  }

  /** Everything that was started must come to an end. */
  async stop(): Promise<void> {
    this.#connections.forEach((connection) => connection.cut());
    await new Promise((resolve) => {
      this.#http.close(resolve);
      this.#http.closeAllConnections();
    });
    for (const [worker, ended] of this.#workers) {
      worker.stop({ atOnce: true });
      await ended;
    }
  }

  /** Runs a worker; the promise has the error of run(), if any. */
  run(worker: Worker): Promise<Error | undefined> {
    const ended = worker.run().then(
      () => undefined,
      (error: Error) => error,
    );
    this.#workers.push([worker, ended]);
    return ended;
  }

  worker(timing: Partial<Timing> = {}, lines: string[] = []): Worker {
    const log = { info: () => {}, warn: (line: string) => void lines.push(line) };
    return new Worker({ url: this.url, name: "pay-1", signals: false, log, timing: { ...quick, ...timing } });
  }

  serve(handler: Handler, options: StageOptions = {}, timing: Partial<Timing> = {}, lines: string[] = []) {
    const worker = this.worker(timing, lines).stage("pay", handler, options);
    return { worker, ended: this.run(worker) };
  }

  /** Refuses the next connection. */
  async refuse(status: number): Promise<void> {
    const [, socket] = await this.#upgrades.take("a connection");
    socket.end(`HTTP/1.1 ${status} Refused\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`);
  }

  async accept(): Promise<FakeConnection> {
    const [request, socket, head] = await this.#upgrades.take("a connection");
    return new Promise((resolve) => {
      this.#sockets.handleUpgrade(request, socket, head, (webSocket) => {
        const connection = new FakeConnection(webSocket, request);
        this.#connections.push(connection);
        resolve(connection);
      });
    });
  }

  /** Accepts, answers hello, and answers the subscriptions. */
  async welcome({ session = "s1", holds, queues = 1, limits = {} }: Said = {}): Promise<FakeConnection> {
    const connection = await this.accept();
    connection.hello = await connection.expect("hello");
    connection.welcome(session, holds ?? connection.hello["holds"] ?? [], limits);
    while (Object.keys(connection.subscribed).length < queues) {
      const message = await connection.next();
      if (message["op"] !== "subscribe") connection.early.push(message);
      else {
        connection.subscribed[message["queue"]] = message["credit"];
        connection.ok(message);
      }
    }
    return connection;
  }
}

export class FakeConnection {
  hello: Said = {};
  readonly subscribed: Record<string, number> = {};
  /** What came before the last subscription. */
  readonly early: Said[] = [];
  readonly pings = new Arrivals<void>();
  answersPings = true;
  readonly #messages = new Arrivals<Said>();
  readonly #closed = new Arrivals<number>();

  constructor(
    readonly socket: WebSocket,
    readonly request: IncomingMessage,
  ) {
    socket
      .on("message", (data: Buffer) => {
        const content = JSON.parse(data.toString("utf8"));
        (Array.isArray(content) ? content : [content]).forEach((message: Said) => this.#messages.put(message));
      })
      .on("ping", () => {
        this.pings.put();
        if (this.answersPings) socket.pong();
      })
      .on("error", () => {})
      .on("close", (code) => this.#closed.put(code));
  }

  // ---- what the server says ----

  say(message: Said | Said[]): void {
    this.socket.send(JSON.stringify(message));
  }

  welcome(session: string, holds: string[] = [], limits: Said = {}): void {
    this.say({ op: "welcome", version: 1, session, holds, now: "2026-01-31T12:00:00.000000Z", limits });
  }

  ok(message: Said, more: Said = {}): void {
    this.say({ op: "ok", ref: message["ref"], ...more });
  }

  error(message: Said, code: string, detail = "because the test says so"): void {
    this.say({ op: "error", ref: message["ref"], code, detail });
  }

  task(token: string, more: Said = {}): void {
    this.say(task(token, more));
  }

  revoke(token: string): void {
    this.say({ op: "revoke", token });
  }

  async close(code: number): Promise<void> {
    this.socket.close(code);
    await this.closed();
  }

  /** As when the network goes. */
  cut(): void {
    this.socket.terminate();
  }

  // ---- what the client says ----

  next(): Promise<Said> {
    return this.#messages.take("a message");
  }

  async expect(op: string, fields: Said = {}): Promise<Said> {
    const message = await this.next();
    const found = Object.fromEntries(Object.keys(fields).map((key) => [key, message[key]]));
    if (message["op"] !== op || JSON.stringify(found) !== JSON.stringify(fields)) {
      throw new Error(`expected ${op} with ${JSON.stringify(fields)}, found ${JSON.stringify(message)}`);
    }
    return message;
  }

  /** The code with which the connection was closed. */
  closed(): Promise<number> {
    return this.#closed.take("the connection's end");
  }
}

export function task(token: string, more: Said = {}): Said {
  return {
    op: "task", token, id: `m-${token}`, queue: "pay", body: null, headers: {}, attempt: 1,
    lease_until: "2026-01-31T12:00:30.000000Z", idempotency_key: `k-${token}`, ...more,
  };
}
