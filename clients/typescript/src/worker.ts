import { hostname } from "node:os";
import { defaultTiming, Session, Stage, type Handler, type Log, type StageOptions, type Timing } from "./session.js";

export interface WorkerOptions {
  /** The server's address, without `/v1`. */
  url?: string;
  /** For people; by default the host's. */
  name?: string;
  /** Sent as a bearer token. */
  token?: string;
  /** How long running tasks may go on after stop(); then they are released. Default 30. */
  drainSeconds?: number;
  /** Whether SIGTERM and SIGINT stop the worker. Default true. */
  signals?: boolean;
  /** Default: warnings to the console. */
  log?: Log;
  timing?: Partial<Timing>;
}

const creditMax = 1000;
const quiet: Log = { info: () => {}, warn: (line) => console.warn(line) };

/**
 * Serves any number of queues over one connection.
 *
 *     const worker = new Worker({ url: "http://127.0.0.1:7070", name: "pay-1" });
 *     worker.stage("pay", async (task, signal) => ({ paid: true }), { concurrency: 4 });
 *     await worker.run();
 *
 * What the function returns is the task's output; what it throws is its failure. Work is handed out at least
 * once, so effects outside must be safe to repeat: `task.idempotencyKey` is made for that.
 *
 * A lost connection is no error: the worker comes back for what it holds.
 */
export class Worker {
  readonly #url: string;
  readonly #name: string;
  readonly #headers: Record<string, string>;
  readonly #signals: boolean;
  readonly #log: Log;
  readonly #timing: Timing;
  readonly #stages = new Map<string, () => Stage>(); // fresh ones for each run
  #session: Session | undefined;
  #stopped = false; // stop() came before run()

  constructor(options: WorkerOptions = {}) {
    const { url = "http://127.0.0.1:7070", name, token, drainSeconds, signals = true, log, timing } = options;
    if (!/^(https?|wss?):\/\/[^/]/.test(url)) {
      throw new TypeError(`expected the server's address as http://HOST:PORT, found ${JSON.stringify(url)}`);
    }
    this.#url = `${url.replace(/^http/, "ws").replace(/\/+$/, "")}/v1/stream`;
    this.#name = name ?? hostname();
    this.#headers = token === undefined ? {} : { Authorization: `Bearer ${token}` };
    this.#signals = signals;
    this.#log = log ?? quiet;
    this.#timing = { ...defaultTiming, ...(drainSeconds === undefined ? {} : { drain: drainSeconds }), ...timing };
  }

  /** Registers the function that serves `queue`; its AbortSignal says that the result no longer counts. */
  stage(queue: string, handler: Handler, options: StageOptions = {}): this {
    const { concurrency = 1, prefetch = 0, autoHeartbeat = true } = options;
    const credit = concurrency + prefetch;
    if (!(Number.isInteger(credit) && concurrency >= 1 && prefetch >= 0 && credit <= creditMax)) {
      throw new RangeError(
        `queue ${queue}: expected concurrency of at least 1 and together with prefetch at most ${creditMax}, ` +
          `found ${concurrency} and ${prefetch}`,
      );
    }
    if (this.#stages.has(queue)) throw new TypeError(`queue ${queue} has a function already; a worker has one per queue`);
    this.#stages.set(queue, () => new Stage(queue, handler, concurrency, credit, autoHeartbeat));
    return this;
  }

  /**
   * Serves until stopped, by stop() or by SIGTERM or SIGINT; a second signal cuts the draining short. Rejects
   * with ProtocolError if the server does not want this worker.
   */
  async run(): Promise<void> {
    if (this.#stages.size === 0) throw new TypeError("the worker has no stage; register one before run()");
    if (this.#session !== undefined) throw new TypeError("the worker is running already");
    if (this.#stopped) {
      this.#stopped = false;
      return;
    }
    const stages = new Map([...this.#stages].map(([queue, make]) => [queue, make()]));
    const session = new Session(this.#url, this.#name, stages, this.#headers, this.#timing, this.#log);
    this.#session = session;
    const onSignal = (): void => session.stop(false);
    if (this.#signals) process.on("SIGTERM", onSignal).on("SIGINT", onSignal);
    try {
      await session.run();
    } finally {
      process.off("SIGTERM", onSignal).off("SIGINT", onSignal);
      this.#session = undefined;
    }
  }

  /** Asks run() to end: after draining, or `atOnce`. Idempotent. */
  stop(options: { atOnce?: boolean } = {}): void {
    const atOnce = options.atOnce ?? false;
    if (this.#session === undefined) this.#stopped = true;
    else if (atOnce || !this.#session.stopping) this.#session.stop(atOnce);
  }
}
