import { Failure, Revoked } from "./errors.js";

/** How a task ended: the verb and the rest of its message, as JSON text that begins with a comma, or is empty. */
export interface Outcome {
  readonly op: "complete" | "fail" | "release";
  readonly rest: string;
}

// The States Language's bounds on an error and its cause.
const errorCharactersMax = 256;
const causeCharactersMax = 32_768;

// JSON.stringify writes half a surrogate pair as an escape, which the server must refuse: it is no UTF-8.
const loneSurrogate = /(?<!\\)(?:\\\\)*\\ud[89a-f][0-9a-f]{2}/;

export const released: Outcome = { op: "release", rest: "" };

/** Throws TypeError if the output is not JSON, or not UTF-8. */
export function completed(output: unknown): Outcome {
  const text = JSON.stringify(output) ?? "null";
  if (loneSurrogate.test(text)) throw new TypeError("the output holds text that is not UTF-8: half a surrogate pair");
  return { op: "complete", rest: `,"output":${text}` };
}

export function failed(error: string, cause: string): Outcome {
  const fields = { error: utf8(error.slice(0, errorCharactersMax)), cause: utf8(cause.slice(0, causeCharactersMax)) };
  return { op: "fail", rest: `,${JSON.stringify(fields).slice(1, -1)}` };
}

/** Of what a stage threw. */
export function outcomeOf(thrown: unknown): Outcome {
  if (thrown instanceof Revoked) return released;
  if (thrown instanceof Failure) return failed(thrown.error, thrown.cause);
  if (thrown instanceof Error) {
    // A class that only extends Error inherits its name; its own is then the constructor's.
    const name = thrown.name !== "Error" ? thrown.name : thrown.constructor.name;
    return failed(name || "Error", thrown.message);
  }
  return failed("Error", String(thrown));
}

function utf8(text: string): string {
  return Buffer.from(text, "utf8").toString("utf8");
}
