/**
 * What can go wrong, one class for each thing a caller would do differently.
 *
 * ApiError, TransportError and ProtocolError are thrown to the caller of this package. Failure and Revoked
 * go the other way: a stage throws them.
 */

/** The base of every error that this package throws to its caller. */
export class SluiceError extends Error {
  override name = "SluiceError";
}

/** The server could not be reached, or the connection broke before it answered. */
export class TransportError extends SluiceError {
  override name = "TransportError";
}

/** The server refused the worker, or speaks a protocol that this version does not know. */
export class ProtocolError extends SluiceError {
  override name = "ProtocolError";

  constructor(
    readonly code: string,
    readonly detail: string,
  ) {
    super(detail === "" ? code : `${code}: ${detail}`);
  }
}

/** One fault in the input: where and what. */
export interface Problem {
  /** A JSON Pointer into the body ("" for the whole), ?NAME for a query parameter, @NAME for a header. */
  readonly pointer: string;
  readonly detail: string;
}

/**
 * The server answered with a problem document (RFC 9457). `code` is stable and meant for programs; `detail`
 * and `errors` are meant for people.
 */
export class ApiError extends SluiceError {
  override name = "ApiError";

  constructor(
    readonly status: number,
    readonly code: string,
    readonly detail: string,
    readonly errors: readonly Problem[] = [],
    readonly retryAfterSeconds: number | undefined = undefined,
  ) {
    super(
      [
        `${status} ${code}: ${detail}`,
        ...errors.map((problem) => `  ${problem.pointer || "(whole)"}: ${problem.detail}`),
      ].join("\n"),
    );
  }

  /** Reads a refusal. Something that is no problem document (a proxy's page) keeps its text. */
  static fromResponse(status: number, retryAfter: string | null, body: string): ApiError {
    const seconds = retryAfter === null ? Number.NaN : Number.parseFloat(retryAfter);
    const after = Number.isFinite(seconds) ? seconds : undefined;
    let document: unknown;
    try {
      document = JSON.parse(body);
    } catch {
      document = undefined;
    }
    if (typeof document !== "object" || document === null) {
      return new ApiError(status, "http_error", body.trim().slice(0, 500) || "no further information", [], after);
    }
    const { code, detail, title, errors } = document as Record<string, unknown>;
    const problems = (Array.isArray(errors) ? errors : []).map((item: Record<string, unknown> | null) => ({
      pointer: whereOf(item ?? {}),
      detail: String(item?.["detail"] ?? ""),
    }));
    return new ApiError(status, String(code ?? "http_error"), String(detail ?? title ?? ""), problems, after);
  }
}

function whereOf(item: Record<string, unknown>): string {
  if (item["parameter"] !== undefined) return `?${item["parameter"]}`;
  if (item["header"] !== undefined) return `@${item["header"]}`;
  return String(item["pointer"] ?? "");
}

/** Thrown by a stage: the task failed, under a name that `Retry` and `Catch` can match. */
export class Failure extends Error {
  override name = "Failure";

  constructor(
    readonly error: string,
    override readonly cause: string = "",
  ) {
    super(cause === "" ? error : `${error}: ${cause}`);
    if (error === "" || error.startsWith("States.") || error.startsWith("Sluice.")) {
      throw new RangeError(
        "a failure's name must not be empty or begin with States. or Sluice., which are the service's own; " +
          `found ${JSON.stringify(error)}`,
      );
    }
  }
}

/** Thrown by `task.heartbeat()`: the task is no longer this worker's, so its result will not count. */
export class Revoked extends Error {
  override name = "Revoked";
}
