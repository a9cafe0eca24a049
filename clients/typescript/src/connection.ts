/**
 * One WebSocket connection to the server. It tells its owner of messages, and once of its end; after that it
 * is silent.
 */
import WebSocket from "ws";
import { ProtocolError } from "./errors.js";
import type { Json } from "./client.js";

export type Message = { readonly op: string } & Readonly<Record<string, Json>>;

export interface ConnectionEvents {
  onOpen(): void;
  onMessage(message: Message): void;
  /** `error` is set where trying again is no use; `code` is the server's close code, if it gave one. */
  onEnd(why: string, code: number | undefined, error: ProtocolError | undefined): void;
}

const packItemsMax = 100;
const packCharactersMax = 64 * 1024;
const fatalStatuses = [400, 401, 403, 404, 405, 426];
const closeTakenOver = 4001;
const closeWaitMs = 1000;

export class Connection {
  readonly openedAt = performance.now();
  heardAt = performance.now();
  sentAt = performance.now();
  readonly #socket: WebSocket;
  readonly #events: ConnectionEvents;
  #ended = false;
  #outbox: string[] = [];

  constructor(url: string, headers: Record<string, string>, timeoutSeconds: number, events: ConnectionEvents) {
    this.#events = events;
    this.#socket = new WebSocket(url, {
      headers,
      handshakeTimeout: timeoutSeconds * 1000,
      perMessageDeflate: false,
    });
    let trouble = "";
    const heard = (): void => {
      this.heardAt = performance.now();
    };
    this.#socket
      .on("open", () => {
        heard();
        if (!this.#ended) events.onOpen();
      })
      .on("ping", heard)
      .on("pong", heard)
      .on("message", (data, isBinary) => {
        heard();
        this.#receive(data as Buffer, isBinary);
      })
      .on("unexpected-response", (request, response) => {
        const status = response.statusCode ?? 0;
        request.destroy();
        const why = `${url} answered ${status}`;
        const fatal = fatalStatuses.includes(status);
        this.#end(why, undefined, fatal ? new ProtocolError(`http_${status}`, why) : undefined);
      })
      .on("error", (error) => {
        trouble = error.message || String((error as NodeJS.ErrnoException).code);
      })
      .on("close", (code, reason) => {
        const said = reason.toString("utf8");
        const takenOver = code === closeTakenOver;
        const error = takenOver
          ? new ProtocolError("session_taken_over", said || "another connection took the session over")
          : undefined;
        this.#end(trouble || `the connection was closed: ${code} ${said}`.trimEnd(), code, error);
      });
  }

  /** Packed with what else is said in this turn of the event loop. */
  send(text: string): void {
    if (this.#outbox.length === 0) setImmediate(() => this.flush());
    this.#outbox.push(text);
  }

  flush(): void {
    const texts = this.#outbox;
    this.#outbox = [];
    if (this.#ended) return;
    let start = 0;
    while (start < texts.length) {
      let end = start + 1;
      let size = texts[start]!.length;
      while (end < texts.length && end - start < packItemsMax && size + texts[end]!.length < packCharactersMax) {
        size += texts[end]!.length;
        end += 1;
      }
      this.#socket.send(end - start === 1 ? texts[start]! : `[${texts.slice(start, end).join(",")}]`);
      this.sentAt = performance.now();
      start = end;
    }
  }

  ping(): void {
    this.#socket.ping();
    this.sentAt = performance.now();
  }

  /** Ends the connection for what the server said. */
  refuse(code: number, what: string): void {
    this.#close(code, what);
    this.#end(`the server sent ${what}`, undefined, undefined);
  }

  /** Ends it in silence; with `goodbye` the server gives back at once what the session holds. */
  close(goodbye: boolean): void {
    if (this.#ended) return;
    this.#ended = true;
    if (goodbye) this.#close(1000, "");
    else this.#socket.terminate();
  }

  #close(code: number, reason: string): void {
    this.#socket.close(code, reason.replace(/[^\x20-\x7e]/g, "?").slice(0, 120));
    // A server that does not answer must not keep the process alive.
    setTimeout(() => this.#socket.terminate(), closeWaitMs).unref();
  }

  #end(why: string, code: number | undefined, error: ProtocolError | undefined): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#events.onEnd(why, code, error);
  }

  #receive(data: Buffer, isBinary: boolean): void {
    if (this.#ended) return;
    if (isBinary) return this.refuse(1003, "a binary frame");
    let content: unknown;
    try {
      content = JSON.parse(data.toString("utf8"));
    } catch (error) {
      return this.refuse(1007, `a frame that is not JSON (${(error as Error).message})`);
    }
    const messages: unknown[] = Array.isArray(content) ? content : [content];
    if (!messages.every(isMessage)) return this.refuse(1002, "a message that is no object with an op");
    for (const message of messages) {
      if (this.#ended) return;
      this.#events.onMessage(message);
    }
  }
}

function isMessage(value: unknown): value is Message {
  return typeof value === "object" && value !== null && typeof (value as Record<string, unknown>)["op"] === "string";
}
