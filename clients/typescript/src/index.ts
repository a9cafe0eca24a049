export { Client } from "./client.js";
export type { ClientOptions, Json, JsonObject, Keyed, MessageOptions, RequestOptions, StartOptions } from "./client.js";
export { ApiError, Failure, ProtocolError, Revoked, SluiceError, TransportError } from "./errors.js";
export type { Problem } from "./errors.js";
export type { Handler, Log, StageOptions, Timing } from "./session.js";
export type { Task } from "./task.js";
export { Worker } from "./worker.js";
export type { WorkerOptions } from "./worker.js";
