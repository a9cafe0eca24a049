/**
 * The REST side: deploy, start, look, send, replay.
 *
 * A call that is safe to repeat is repeated when the connection breaks, and when the server says 429 or 503:
 * reads, deploys, and whatever carries an `Idempotency-Key`, which is drawn for every start, send, publish,
 * event and replay that names none. Connections are kept and shared by `fetch` itself.
 */
import { randomUUID } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { backoffSeconds } from "./backoff.js";
import { ApiError, TransportError } from "./errors.js";

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- the shape is the server's and the definition's
export type Json = any;
export type JsonObject = Record<string, Json>;

export interface ClientOptions {
  /** The server's address, without `/v1`. */
  url?: string;
  /** Sent as a bearer token. */
  token?: string;
  timeoutSeconds?: number;
  /** How often a call that is safe to repeat is repeated. */
  retries?: number;
}

export interface Keyed {
  /** The same key with the same body within a day gives the first answer again. Default: a new one. */
  idempotencyKey?: string;
}

export interface StartOptions extends Keyed {
  /** Unique within the workflow: the same name and input again is the first run again. */
  name?: string;
  priority?: number;
  notBefore?: string;
  labels?: Record<string, string>;
  version?: number | string;
  /** Answer when the run has ended, or after this time. */
  waitSeconds?: number;
}

export interface MessageOptions {
  headers?: Record<string, string>;
  priority?: number;
  orderKey?: string;
  delaySeconds?: number;
  expiresSeconds?: number;
  dedupId?: string;
}

export interface RequestOptions extends Keyed {
  body?: Json;
  query?: Record<string, string | number | boolean | undefined>;
  timeoutSeconds?: number;
}

const retryBaseSeconds = 0.1;
const retryCapSeconds = 5;

/** Talks to one Sluice server. */
export class Client {
  readonly #base: string;
  readonly #token: string | undefined;
  readonly #timeoutSeconds: number;
  readonly #retries: number;

  constructor({ url = "http://127.0.0.1:7070", token, timeoutSeconds = 30, retries = 4 }: ClientOptions = {}) {
    if (!/^https?:\/\/[^/]/.test(url)) {
      throw new TypeError(`expected the server's address as http://HOST:PORT, found ${JSON.stringify(url)}`);
    }
    this.#base = `${url.replace(/\/+$/, "")}/v1`;
    this.#token = token;
    this.#timeoutSeconds = timeoutSeconds;
    this.#retries = retries;
  }

  // ---- workflows ----

  /**
   * Deploys a definition: `{name, version, hash, warnings}`. One with problems throws ApiError, whose `errors`
   * name every one of them.
   */
  deploy(name: string, definition: Json, options: { dryRun?: boolean; plan?: boolean } = {}): Promise<JsonObject> {
    const query = { dry_run: options.dryRun || undefined, plan: options.plan || undefined };
    return this.request("PUT", `/workflows/${segment(name)}`, { body: definition, query });
  }

  workflow(name: string): Promise<JsonObject> {
    return this.request("GET", `/workflows/${segment(name)}`);
  }

  // ---- runs ----

  /** Starts a run: `{id}`. With `waitSeconds` the answer comes when the run has ended, or after that time. */
  start(workflow: string, input: Json = {}, options: StartOptions = {}): Promise<JsonObject> {
    const { name, priority, notBefore, labels, version, waitSeconds, idempotencyKey } = options;
    return this.request("POST", `/workflows/${segment(workflow)}/runs`, {
      body: { input, name, priority, not_before: notBefore, labels, version },
      query: { wait: waitSeconds },
      idempotencyKey: idempotencyKey ?? randomUUID(),
      timeoutSeconds: this.#timeoutSeconds + (waitSeconds ?? 0),
    });
  }

  /** Status, input, output, error, and what each live branch waits for. */
  run(id: string): Promise<JsonObject> {
    return this.request("GET", `/runs/${segment(id)}`);
  }

  /** Every run that matches: `workflow`, `status`, `state`, `label`, `q`, … */
  runs(filters: RequestOptions["query"] = {}): AsyncGenerator<JsonObject> {
    return this.#items("/runs", filters);
  }

  /** The run's events so far, oldest first. */
  history(id: string): AsyncGenerator<JsonObject> {
    return this.#items(`/runs/${segment(id)}/history`, {});
  }

  /** For each live branch, what it waits for, in a sentence and as data. */
  why(id: string): Promise<Json> {
    return this.request("GET", `/runs/${segment(id)}/why`);
  }

  /** Ends a run; with `compensate` it first undoes what it has completed. */
  cancel(id: string, cause?: string, options: { compensate?: boolean } = {}): Promise<Json> {
    return this.request("POST", `/runs/${segment(id)}/cancel`, { body: { cause, ...options } });
  }

  /** Undoes what a held or failed run has completed. */
  compensate(id: string): Promise<Json> {
    return this.request("POST", `/runs/${segment(id)}/compensate`);
  }

  pause(id: string): Promise<Json> {
    return this.request("POST", `/runs/${segment(id)}/pause`);
  }

  resume(id: string): Promise<Json> {
    return this.request("POST", `/runs/${segment(id)}/resume`);
  }

  /** Goes on from the failed state; `input` and `version` change what it goes on with. */
  redrive(id: string, options: { from?: string; input?: Json; version?: number } = {}): Promise<Json> {
    return this.request("POST", `/runs/${segment(id)}/redrive`, { body: options });
  }

  // ---- queues, topics, events ----

  /** Sends one message to a queue. */
  send(queue: string, body: Json, options: MessageOptions & Keyed = {}): Promise<Json> {
    const { idempotencyKey, ...message } = options;
    return this.sendMany(queue, [{ body, ...message }], idempotencyKey === undefined ? {} : { idempotencyKey });
  }

  /** Sends messages to a queue, all or none. */
  sendMany(queue: string, messages: ({ body: Json } & MessageOptions)[], options: Keyed = {}): Promise<Json> {
    return this.request("POST", `/queues/${segment(queue)}/messages`, {
      body: {
        messages: messages.map(({ body, headers, priority, orderKey, delaySeconds, expiresSeconds, dedupId }) => ({
          body,
          headers,
          priority,
          order_key: orderKey,
          delay_seconds: delaySeconds,
          expires_seconds: expiresSeconds,
          dedup_id: dedupId,
        })),
      },
      idempotencyKey: options.idempotencyKey ?? randomUUID(),
    });
  }

  /** Settings, depths, oldest age, rates. */
  queue(name: string): Promise<JsonObject> {
    return this.request("GET", `/queues/${segment(name)}`);
  }

  queues(): AsyncGenerator<JsonObject> {
    return this.#items("/queues", {});
  }

  /** Publishes one message to a topic. */
  publish(
    topic: string,
    body: Json,
    options: { key?: string; headers?: Record<string, string> } & Keyed = {},
  ): Promise<Json> {
    return this.request("POST", `/topics/${segment(topic)}/publish`, {
      body: { messages: [{ key: options.key ?? "", body, headers: options.headers }] },
      idempotencyKey: options.idempotencyKey ?? randomUUID(),
    });
  }

  /** Wakes whoever waits for the event `name` with `key`, or is kept for them. */
  event(name: string, key: string, body: Json = null, options: Keyed = {}): Promise<Json> {
    return this.request("POST", `/events/${segment(name)}`, {
      body: { key, body },
      idempotencyKey: options.idempotencyKey ?? randomUUID(),
    });
  }

  // ---- dead letters ----

  /** The open dead letters; `queue`, `workflow`, `error`, `run`, … narrow them. */
  deadLetters({ queue, ...filters }: RequestOptions["query"] & { queue?: string } = {}): AsyncGenerator<JsonObject> {
    return this.#items(queue === undefined ? "/dead-letters" : `/queues/${segment(queue)}/dead-letters`, filters);
  }

  /** One dead letter: the message, why it died, every attempt. */
  deadLetter(id: string): Promise<JsonObject> {
    return this.request("GET", `/dead-letters/${segment(id)}`);
  }

  /** Replays one dead letter; `input` replaces what the stage gets. */
  replay(id: string, options: { input?: Json } & Keyed = {}): Promise<Json> {
    const { idempotencyKey, ...body } = options;
    return this.request("POST", `/dead-letters/${segment(id)}/replay`, {
      body,
      idempotencyKey: idempotencyKey ?? randomUUID(),
    });
  }

  /** Replays a queue's dead letters. */
  replayQueue(
    queue: string,
    options: { filter?: JsonObject; limit?: number; ratePerSecond?: number } & Keyed = {},
  ): Promise<Json> {
    const { idempotencyKey, filter, limit, ratePerSecond } = options;
    return this.request("POST", `/queues/${segment(queue)}/dead-letters/replay`, {
      body: { filter, limit, rate_per_second: ratePerSecond },
      idempotencyKey: idempotencyKey ?? randomUUID(),
    });
  }

  /** Gives a dead letter up, for a reason that is kept. */
  drop(id: string, reason: string): Promise<Json> {
    return this.request("DELETE", `/dead-letters/${segment(id)}`, { body: { reason } });
  }

  // ---- anything else ----

  /**
   * One call below `/v1`, for what has no method of its own; the parsed answer. Throws ApiError for a refusal,
   * TransportError when there was no answer.
   */
  async request(method: string, path: string, options: RequestOptions = {}): Promise<Json> {
    const url = new URL(this.#base + path);
    for (const [key, value] of Object.entries(options.query ?? {})) {
      if (value !== undefined) url.searchParams.set(key, String(value));
    }
    const headers: Record<string, string> = { Accept: "application/json" };
    const init: RequestInit = { method, headers };
    if (options.body !== undefined) {
      headers["Content-Type"] = "application/json";
      init.body = JSON.stringify(options.body);
    }
    if (options.idempotencyKey !== undefined) headers["Idempotency-Key"] = options.idempotencyKey;
    if (this.#token !== undefined) headers["Authorization"] = `Bearer ${this.#token}`;
    const repeatable = ["GET", "PUT", "DELETE"].includes(method) || options.idempotencyKey !== undefined;
    const timeoutSeconds = options.timeoutSeconds ?? this.#timeoutSeconds;

    for (let attempt = 0; ; ) {
      let error: ApiError | TransportError;
      let safe = repeatable;
      try {
        const response = await fetch(url, { ...init, signal: AbortSignal.timeout(timeoutSeconds * 1000) });
        const text = await response.text();
        if (response.ok) return text === "" ? null : JSON.parse(text);
        error = ApiError.fromResponse(response.status, response.headers.get("Retry-After"), text);
        // 429 says that nothing was done; 503 may have been a commit of unknown outcome.
        safe = response.status === 429 || (response.status === 503 && repeatable);
      } catch (thrown) {
        error = new TransportError(`${method} ${url}: ${reasonOf(thrown)}`, { cause: thrown });
      }
      if (!safe || attempt >= this.#retries) throw error;
      attempt += 1;
      const asked = error instanceof ApiError ? error.retryAfterSeconds : undefined;
      const seconds = asked ?? backoffSeconds(attempt, retryBaseSeconds, retryCapSeconds);
      await pause(Math.min(seconds, this.#timeoutSeconds) * 1000);
    }
  }

  async *#items(path: string, filters: RequestOptions["query"]): AsyncGenerator<JsonObject> {
    let cursor: string | undefined;
    do {
      const page: JsonObject = await this.request("GET", path, { query: { ...filters, cursor } });
      yield* page["items"] as JsonObject[];
      cursor = (page["next"] as string | null) ?? undefined;
    } while (cursor !== undefined);
  }
}

function segment(text: string): string {
  return encodeURIComponent(text);
}

/** `fetch` says only "fetch failed"; why stands in the cause. */
function reasonOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown);
  const cause = thrown.cause instanceof Error ? thrown.cause : thrown;
  return cause.message || ("code" in cause ? String(cause.code) : cause.name);
}
