import { Revoked } from "./errors.js";
import type { Json } from "./client.js";

/** A task in this worker's hands. */
export class Task<Body = Json> {
  /** Names this one hand-out to the server. Secret. */
  readonly token: string;
  readonly id: string;
  readonly queue: string;
  readonly body: Body;
  readonly headers: Readonly<Record<string, string>>;
  /** How often this work has been handed out, this time included. */
  readonly attempt: number;
  /** The same for every attempt of this work: give it to whatever must not happen twice. */
  readonly idempotencyKey: string;
  /** The run it belongs to; undefined for a message that was sent to a bare queue, as are the next two. */
  readonly run: string | undefined;
  readonly state: string | undefined;
  readonly workflow: string | undefined;
  /** Where the state asks for a beat: how often at least. */
  readonly heartbeatSeconds: number | undefined;
  /**
   * Aborted when the result no longer counts: the run was cancelled, the lease was lost, or the worker stops
   * and its time to drain is over.
   */
  readonly signal: AbortSignal;
  readonly #beat: (task: Task, leaseSeconds: number | undefined) => void;

  /** @internal */
  constructor(
    message: Record<string, Json>,
    signal: AbortSignal,
    beat: (task: Task, leaseSeconds: number | undefined) => void,
  ) {
    this.token = message["token"];
    this.id = message["id"] ?? "";
    this.queue = message["queue"];
    this.body = message["body"] ?? null;
    this.headers = message["headers"] ?? {};
    this.attempt = message["attempt"] ?? 1;
    this.idempotencyKey = message["idempotency_key"] ?? "";
    this.run = message["run"];
    this.state = message["state"];
    this.workflow = message["workflow"];
    this.heartbeatSeconds = message["heartbeat_seconds"];
    this.signal = signal;
    this.#beat = beat;
  }

  /**
   * Says that work goes on; `leaseSeconds` asks for a longer lease. Does not wait. Throws Revoked when the task
   * is no longer this worker's: let it pass, and the stage ends.
   */
  heartbeat(leaseSeconds?: number): void {
    if (leaseSeconds !== undefined && !(leaseSeconds > 0 && leaseSeconds < Infinity)) {
      throw new RangeError(`expected leaseSeconds above 0, found ${leaseSeconds}`);
    }
    if (this.signal.aborted) throw new Revoked(`task ${this.id} of queue ${this.queue} is no longer this worker's`);
    this.#beat(this, leaseSeconds);
  }
}
