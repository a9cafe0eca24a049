/**
 * A worker's session: what it holds, what it has said and not been answered, over any number of connections.
 *
 * What must hold:
 *   - A token is in #held from its task's arrival until the server has answered for it, or has said that it is
 *     no longer ours; #held is what a new connection claims.
 *   - A complete, fail or release stays in #unanswered until it is answered for good: over connections, and
 *     over answers that say "later".
 */
import { backoffSeconds } from "./backoff.js";
import { Connection, type Message } from "./connection.js";
import { ProtocolError, SluiceError } from "./errors.js";
import { completed, failed, outcomeOf, released, type Outcome } from "./outcome.js";
import { Task } from "./task.js";
import type { Json } from "./client.js";

export type Handler = (task: Task, signal: AbortSignal) => unknown;

export interface StageOptions {
  /** How many tasks the function is called with at once. Default 1. */
  concurrency?: number;
  /** How many more the server may send ahead, so that the next is here when one ends. Default 0. */
  prefetch?: number;
  /**
   * Where the state asks for a beat, the worker gives it while the function runs (the default); false leaves
   * that to `task.heartbeat()`, so that a stuck function is noticed.
   */
  autoHeartbeat?: boolean;
}

/** Every time and bound of a session, in seconds; tests use short ones. */
export interface Timing {
  /** To open a connection, and again until the welcome. */
  connect: number;
  /** From stop() until what still runs is released. */
  drain: number;
  /** From then until the last answers are given up. */
  leave: number;
  /** The first pause is drawn between 0 and this. */
  backoffBase: number;
  backoffCap: number;
  /** A connection that lived this long ends the back-off. */
  stable: number;
}

export const defaultTiming: Timing = { connect: 5, drain: 30, leave: 5, backoffBase: 0.1, backoffCap: 10, stable: 5 };

/** One line for the operator; whatever has these two, `console` for one. */
export interface Log {
  info(line: string): void;
  warn(line: string): void;
}

export class Stage {
  readonly backlog: Held[] = [];
  runningCount = 0;

  constructor(
    readonly queue: string,
    readonly handler: Handler,
    readonly concurrency: number,
    readonly credit: number,
    readonly autoHeartbeat: boolean,
  ) {}
}

/** A task and what belongs to it here. */
interface Held {
  readonly task: Task;
  readonly abort: AbortController;
  /** The complete, fail or release that ends it. */
  verb: Verb | undefined;
  /** gone: not ours any more, and nothing is to be said; revoked: the revoke is answered when the stage returns. */
  standing: "held" | "revoked" | "gone";
}

interface Verb {
  readonly ref: number;
  readonly held: Held;
  readonly op: Outcome["op"];
  readonly text: string;
  /** Said because the server refused what the stage had said. */
  readonly instead: boolean;
  attempt: number;
}

const protocolVersion = 1;
const laterCodes = ["overloaded", "disk_full", "unavailable", "storage_failed"];
const closeServerFailed = 1011;
const pingSecondsMin = 0.05;
const silentPingsMax = 3; // so many pings without a sign of life, and the connection is dead

export class Session {
  readonly #url: string;
  readonly #name: string;
  readonly #stages: ReadonlyMap<string, Stage>;
  readonly #headers: Record<string, string>;
  readonly #timing: Timing;
  readonly #log: Log;

  readonly #held = new Map<string, Held>();
  readonly #unanswered = new Map<number, Verb>();
  readonly #asked = new Map<number, (message: Message) => void>(); // other refs, of this connection only
  readonly #timers = new Set<NodeJS.Timeout>();
  #lastRef = 0;

  #sessionId: string | undefined;
  #connection: Connection | undefined;
  #welcomed = false;
  #serverAheadMs = 0;
  #pingSeconds = 5;
  #frameBytesMax = 1 << 20;
  #leaseSecondsMin = Infinity;
  #attempt = 0;
  #draining = false;
  #leaving = false;
  #over = false;
  #settle: { resolve: () => void; reject: (error: Error) => void } | undefined;

  constructor(
    url: string,
    name: string,
    stages: ReadonlyMap<string, Stage>,
    headers: Record<string, string>,
    timing: Timing,
    log: Log,
  ) {
    this.#url = url;
    this.#name = name;
    this.#stages = stages;
    this.#headers = headers;
    this.#timing = timing;
    this.#log = log;
  }

  /** Until stopped. Rejects with ProtocolError if the server does not want this worker. */
  run(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
      this.#open();
    });
  }

  /** Drain; a second time, or `atOnce`: leave without draining. */
  stop(atOnce: boolean): void {
    if (this.#over) return;
    if (!this.#draining) this.#drain();
    else atOnce = true;
    if (atOnce || this.#held.size === 0) this.#leave();
  }

  get stopping(): boolean {
    return this.#draining;
  }

  // ---- keeping the connection ----

  #open(): void {
    const connection = new Connection(this.#url, this.#headers, this.#timing.connect, {
      onOpen: () => {
        const hello: Record<string, Json> = { op: "hello", version: protocolVersion, worker: this.#name };
        if (this.#sessionId !== undefined) {
          hello["session"] = this.#sessionId;
          hello["holds"] = [...this.#held.keys()];
        }
        connection.send(JSON.stringify(hello));
        this.#keepAlive(connection);
      },
      onMessage: (message) => {
        try {
          this.#onMessage(connection, message);
        } catch (error) {
          this.#end(error as Error);
        }
      },
      onEnd: (why, code, error) => {
        if (error === undefined) this.#onConnectionLost(why, code);
        else this.#end(error);
      },
    });
    this.#connection = connection;
  }

  #keepAlive(connection: Connection): void {
    if (connection !== this.#connection) return;
    const now = performance.now();
    let due: number;
    if (!this.#welcomed) {
      due = connection.openedAt + this.#timing.connect * 1000;
      if (now >= due) return this.#drop(connection, "no welcome in time");
    } else {
      const silenceMs = silentPingsMax * this.#pingSeconds * 1000;
      if (now - connection.heardAt >= silenceMs) {
        return this.#drop(connection, `nothing heard for ${silenceMs / 1000} s`);
      }
      // A third of the shortest lease; and often enough that the answers show a dead server.
      const everyMs = 1000 * Math.max(pingSecondsMin, Math.min(this.#pingSeconds, this.#leaseSecondsMin / 3));
      if (now - connection.sentAt >= everyMs) connection.ping();
      due = Math.min(connection.sentAt + everyMs, connection.heardAt + silenceMs);
    }
    this.#keepAliveTimer = this.#after((due - now) / 1000, () => this.#keepAlive(connection));
  }
  #keepAliveTimer: NodeJS.Timeout | undefined;

  #drop(connection: Connection, why: string): void {
    connection.close(false);
    this.#onConnectionLost(why, undefined);
  }

  #onConnectionLost(why: string, code: number | undefined): void {
    const connection = this.#connection;
    if (connection === undefined || this.#over) return;
    if (this.#welcomed && performance.now() - connection.openedAt >= this.#timing.stable * 1000) this.#attempt = 0;
    if (code === closeServerFailed) this.#attempt = Math.max(this.#attempt, 1);
    this.#connection = undefined;
    this.#welcomed = false;
    this.#cancel(this.#keepAliveTimer);
    // What is unanswered is said again from #unanswered; the rest meant this connection only.
    this.#asked.clear();
    this.#revokedRunning.forEach((held) => (held.standing = "gone"));
    this.#revokedRunning.clear();
    if (this.#leaving && this.#unanswered.size === 0) return this.#end();

    const seconds = backoffSeconds(this.#attempt, this.#timing.backoffBase, this.#timing.backoffCap);
    this.#attempt += 1;
    this.#log.warn(`worker ${this.#name}: ${why}; connecting again in ${seconds.toFixed(1)} s`);
    this.#after(seconds, () => this.#open());
  }
  readonly #revokedRunning = new Set<Held>();

  #end(error?: Error): void {
    if (this.#over) return;
    this.#over = true;
    this.#connection?.flush();
    this.#connection?.close(true);
    this.#connection = undefined;
    this.#timers.forEach((timer) => clearTimeout(timer));
    this.#timers.clear();
    this.#held.forEach((held) => held.abort.abort());
    if (error === undefined) this.#settle?.resolve();
    else this.#settle?.reject(error);
  }

  #after(seconds: number, then: () => void): NodeJS.Timeout {
    const timer = setTimeout(
      () => {
        this.#timers.delete(timer);
        if (!this.#over) then();
      },
      Math.max(0, seconds * 1000),
    );
    this.#timers.add(timer);
    return timer;
  }

  #cancel(timer: NodeJS.Timeout | undefined): void {
    if (timer === undefined) return;
    clearTimeout(timer);
    this.#timers.delete(timer);
  }

  // ---- what the server says ----

  #onMessage(connection: Connection, message: Message): void {
    if (!this.#welcomed) {
      if (message.op === "welcome") this.#onWelcome(connection, message);
      else if (message.op === "error") {
        if (laterCodes.includes(message["code"])) this.#drop(connection, `hello was answered ${said(message)}`);
        else throw refusal(message);
      }
    } else if (message.op === "task") this.#onTask(connection, message);
    else if (message.op === "ok" || message.op === "error") this.#onAnswer(connection, message);
    else if (message.op === "revoke") this.#onRevoke(connection, message);
    // Any other op belongs to a later version, and is to be ignored.
  }

  #onWelcome(connection: Connection, message: Message): void {
    const holds: unknown = message["holds"] ?? [];
    if (typeof message["session"] !== "string" || !Array.isArray(holds)) {
      return connection.refuse(1002, "a welcome without a session");
    }
    this.#welcomed = true;
    this.#sessionId = message["session"];
    const now = Date.parse(message["now"]);
    this.#serverAheadMs = Number.isNaN(now) ? 0 : now - Date.now();
    this.#leaseSecondsMin = Infinity;
    this.#pingSeconds = limit(message, "ping_seconds") ?? this.#pingSeconds;
    this.#frameBytesMax = limit(message, "frame_bytes_max") ?? this.#frameBytesMax;
    this.#log.info(`worker ${this.#name}: connected to ${this.#url}`);

    const kept = new Set<unknown>(holds);
    for (const [token, held] of this.#held) {
      // A verb without an answer is repeated all the same: if it took effect, the answer is ok.
      if (!kept.has(token) && held.verb === undefined) this.#lose(held);
    }
    for (const verb of [...this.#unanswered.values()]) this.#send(verb);
    if (!this.#draining) this.#stages.forEach((stage) => this.#subscribe(stage, 1));
    if (this.#leaving) this.#say({ op: "bye" });
    this.#beatAgain(connection);
  }

  #subscribe(stage: Stage, attempt: number): void {
    const connection = this.#connection;
    this.#ask({ op: "subscribe", queue: stage.queue, credit: stage.credit }, (answer) => {
      if (answer.op === "ok") return;
      if (!laterCodes.includes(answer["code"])) throw refusal(answer, `queue ${stage.queue}: `);
      this.#log.warn(`worker ${this.#name}: subscribing to ${stage.queue} was answered ${said(answer)}`);
      this.#after(backoffSeconds(attempt, this.#timing.backoffBase, this.#timing.backoffCap), () => {
        if (connection === this.#connection && !this.#draining) this.#subscribe(stage, attempt + 1);
      });
    });
  }

  #onTask(connection: Connection, message: Message): void {
    const leaseUntil = Date.parse(message["lease_until"]);
    if (typeof message["token"] !== "string" || typeof message["queue"] !== "string" || Number.isNaN(leaseUntil)) {
      return connection.refuse(1002, "a task without a token, a queue or a lease");
    }
    if (this.#held.has(message["token"])) return;
    const abort = new AbortController();
    const task = new Task(message, abort.signal, (task, leaseSeconds) => this.#beat(task, leaseSeconds));
    const held: Held = { task, abort, verb: undefined, standing: "held" };
    this.#held.set(task.token, held);
    const stage = this.#stages.get(task.queue);
    if (stage === undefined || this.#draining) return this.#answer(held, released);

    const leaseSeconds = (leaseUntil - (Date.now() + this.#serverAheadMs)) / 1000;
    if (leaseSeconds < this.#leaseSecondsMin) {
      this.#leaseSecondsMin = Math.max(0.1, leaseSeconds);
      this.#beatAgain(connection);
    }
    if (stage.autoHeartbeat && task.heartbeatSeconds !== undefined) this.#beatRegularly(held, task.heartbeatSeconds / 3);
    stage.backlog.push(held);
    this.#runNext(stage);
  }

  #onRevoke(connection: Connection, message: Message): void {
    const token: unknown = message["token"];
    if (typeof token !== "string") return connection.refuse(1002, "a revoke without a token");
    const held = this.#held.get(token);
    this.#log.info(`worker ${this.#name}: the server revoked ${held === undefined ? "an unknown task" : name(held)}`);
    if (held === undefined || held.verb !== undefined) {
      // Its work is done here, and so is its credit. An answer on its way comes back stale.
      this.#held.delete(token);
      return this.#say({ op: "revoked", token });
    }
    this.#held.delete(token);
    held.abort.abort();
    if (this.#forgetBacklog(held)) return this.#say({ op: "revoked", token });
    // The credit goes back when the stage has returned: until then it is not free for another.
    held.standing = "revoked";
    this.#revokedRunning.add(held);
    this.#leaveIfEmpty();
  }

  #onAnswer(connection: Connection, message: Message): void {
    const ref: unknown = message["ref"];
    if (typeof ref !== "number") {
      this.#log.warn(`worker ${this.#name}: the server answered ${said(message)}`);
      return;
    }
    const asked = this.#asked.get(ref);
    if (asked !== undefined) {
      this.#asked.delete(ref);
      return asked(message);
    }
    const verb = this.#unanswered.get(ref);
    if (verb === undefined) return;
    const code: string | undefined = message.op === "error" ? String(message["code"]) : undefined;
    if (code !== undefined && laterCodes.includes(code)) {
      verb.attempt += 1;
      const seconds = backoffSeconds(verb.attempt, this.#timing.backoffBase, this.#timing.backoffCap);
      this.#after(seconds, () => this.#send(verb));
      return;
    }
    if (code === "outcome_unknown") {
      return connection.refuse(1002, "outcome_unknown, which only a new connection settles");
    }
    this.#unanswered.delete(ref);
    verb.held.verb = undefined;
    if (code === undefined || code === "stale_token" || code === "conflict") {
      if (code !== undefined) {
        this.#log.warn(`worker ${this.#name}: ${verb.op} of ${name(verb.held)} had no effect: ${said(message)}`);
      }
      this.#held.delete(verb.held.task.token);
      this.#leaveIfEmpty();
    } else if (this.#held.has(verb.held.task.token)) {
      this.#onRefused(verb, code, said(message));
    }
  }

  /** The server will not take it as it is: say something smaller, so that the task does not hang. */
  #onRefused(verb: Verb, code: string, why: string): void {
    this.#log.warn(`worker ${this.#name}: ${verb.op} of ${name(verb.held)} was refused: ${why}`);
    const cause = why.slice(0, 1000);
    if (verb.op === "complete") {
      this.#answer(verb.held, failed(code === "too_large" ? "OutputTooLarge" : "OutputRefused", cause), true);
    } else if (verb.op === "fail" && !verb.instead) {
      this.#answer(verb.held, failed("FailureRefused", cause), true);
    } else if (verb.op !== "release") {
      this.#answer(verb.held, released);
    } else {
      this.#held.delete(verb.held.task.token); // Its lease will run out.
      this.#leaveIfEmpty();
    }
  }

  // ---- what the worker says ----

  #say(message: Message): void {
    if (this.#welcomed) this.#connection?.send(JSON.stringify(message));
  }

  /** For what is not repeated on another connection. */
  #ask(message: Message, onAnswer: (answer: Message) => void): void {
    if (!this.#welcomed) return;
    this.#lastRef += 1;
    this.#asked.set(this.#lastRef, onAnswer);
    this.#say({ ...message, ref: this.#lastRef });
  }

  /** Says how a task ended, until the server has answered. */
  #answer(held: Held, outcome: Outcome, instead = false): void {
    this.#lastRef += 1;
    const head = `{"op":"${outcome.op}","ref":${this.#lastRef},"token":${JSON.stringify(held.task.token)}`;
    const verb: Verb = { ref: this.#lastRef, held, op: outcome.op, text: `${head}${outcome.rest}}`, instead, attempt: 0 };
    held.verb = verb;
    this.#unanswered.set(verb.ref, verb);
    this.#send(verb);
  }

  /** If there is a connection, and the verb is still to be said; otherwise the next welcome sends it. */
  #send(verb: Verb): void {
    if (!this.#welcomed || !this.#unanswered.has(verb.ref)) return;
    if (Buffer.byteLength(verb.text) > this.#frameBytesMax) {
      // The server would close the connection for it, again and again.
      this.#unanswered.delete(verb.ref);
      verb.held.verb = undefined;
      this.#onRefused(verb, "too_large", `too_large: expected at most ${this.#frameBytesMax} bytes in a frame`);
      return;
    }
    this.#connection?.send(verb.text);
  }

  // ---- the stages ----

  #runNext(stage: Stage): void {
    while (stage.backlog.length > 0 && stage.runningCount < stage.concurrency) {
      stage.runningCount += 1;
      void this.#call(stage, stage.backlog.shift()!);
    }
  }

  async #call(stage: Stage, held: Held): Promise<void> {
    let outcome: Outcome;
    try {
      outcome = completed(await stage.handler(held.task, held.abort.signal));
    } catch (error) {
      outcome = outcomeOf(error);
      if (!held.abort.signal.aborted) this.#log.warn(`worker ${this.#name}: ${name(held)} failed: ${String(error)}`);
    }
    stage.runningCount -= 1;
    if (this.#over) return;
    this.#runNext(stage);
    if (held.standing === "gone") {
      this.#log.info(`worker ${this.#name}: ${name(held)} returned, but is no longer this worker's`);
    } else if (held.standing === "revoked") {
      this.#revokedRunning.delete(held);
      this.#say({ op: "revoked", token: held.task.token });
    } else if (this.#isWorkingOn(held)) {
      this.#answer(held, outcome);
    }
  }

  // ---- beats ----

  /** The pings' pace has changed. */
  #beatAgain(connection: Connection): void {
    this.#cancel(this.#keepAliveTimer);
    this.#keepAlive(connection);
  }

  #beatRegularly(held: Held, everySeconds: number): void {
    this.#after(everySeconds, () => {
      if (!this.#isWorkingOn(held)) return;
      this.#beat(held.task, undefined);
      this.#beatRegularly(held, everySeconds);
    });
  }

  #beat(task: Task, leaseSeconds: number | undefined): void {
    const held = this.#held.get(task.token);
    if (held === undefined || !this.#isWorkingOn(held)) return;
    // JSON leaves lease_seconds out where it is undefined.
    this.#ask({ op: "heartbeat", token: task.token, lease_seconds: leaseSeconds }, (answer) => {
      if (answer.op === "ok") return;
      this.#log.warn(`worker ${this.#name}: the beat of ${name(held)} was answered ${said(answer)}`);
      if (answer["code"] === "stale_token" && this.#isWorkingOn(held)) this.#lose(held);
    });
  }

  #isWorkingOn(held: Held): boolean {
    return held.standing === "held" && held.verb === undefined && this.#held.get(held.task.token) === held;
  }

  // ---- letting go ----

  #forgetBacklog(held: Held): boolean {
    const backlog = this.#stages.get(held.task.queue)?.backlog ?? [];
    const index = backlog.indexOf(held);
    if (index >= 0) backlog.splice(index, 1);
    return index >= 0;
  }

  /** The task is not ours any more, and the server expects nothing more about it. */
  #lose(held: Held): void {
    this.#log.warn(`worker ${this.#name}: lost ${name(held)}`);
    this.#held.delete(held.task.token);
    held.standing = "gone";
    held.abort.abort();
    this.#forgetBacklog(held);
    this.#leaveIfEmpty();
  }

  /** No more tasks; what has not begun goes back at once, what runs has until the deadline. */
  #drain(): void {
    this.#draining = true;
    this.#log.info(`worker ${this.#name}: stopping; ${this.#held.size} tasks in hand`);
    for (const stage of this.#stages.values()) {
      this.#ask({ op: "unsubscribe", queue: stage.queue }, () => {});
      for (const held of stage.backlog.splice(0)) this.#answer(held, released);
    }
    this.#after(this.#timing.drain, () => this.#leave());
  }

  #leaveIfEmpty(): void {
    if (this.#draining && this.#held.size === 0) this.#leave();
  }

  /** Gives back what still runs, and says goodbye; the server closes once it has answered everything. */
  #leave(): void {
    if (this.#leaving) return;
    this.#leaving = true;
    for (const held of this.#held.values()) {
      if (held.verb !== undefined) continue;
      this.#answer(held, released);
      held.abort.abort();
    }
    this.#say({ op: "bye" });
    this.#after(this.#timing.leave, () => {
      if (this.#unanswered.size > 0) {
        this.#log.warn(`worker ${this.#name}: leaving with ${this.#unanswered.size} answers outstanding`);
      }
      this.#end();
    });
    if (this.#connection === undefined && this.#unanswered.size === 0) this.#end();
  }
}

function refusal(message: Message, where = ""): SluiceError {
  return new ProtocolError(String(message["code"]), where + String(message["detail"] ?? ""));
}

function said(message: Message): string {
  return `${message["code"]}: ${message["detail"] ?? ""}`;
}

function name(held: Held): string {
  return `task ${held.task.id} of queue ${held.task.queue}, attempt ${held.task.attempt}`;
}

function limit(welcome: Message, key: string): number | undefined {
  const value: unknown = welcome["limits"]?.[key];
  return typeof value === "number" && value > 0 ? value : undefined;
}
