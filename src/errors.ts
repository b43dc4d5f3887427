/**
 * Why a request failed. The words are those of the public contract (`type` in every JSON error), plus `cancelled`:
 * the client left, so nobody is told.
 */
export type ErrorKind =
  | "invalid_request"
  | "upstream_invalid"
  | "unauthorized"
  | "model_not_found"
  | "not_found"
  | "method_not_allowed"
  | "body_timeout"
  | "unsupported_media_type"
  | "overloaded"
  | "client_limit"
  | "queue_full"
  | "wait_timeout"
  | "upstream_error"
  | "protocol"
  | "truncated"
  | "answer_too_large"
  | "first_token_timeout"
  | "idle_timeout"
  | "llama_timeout"
  | "infer_timeout"
  | "write_timeout"
  | "not_configured"
  | "unreachable"
  | "loading"
  | "load_failed"
  | "upstream_refused"
  | "shutting_down"
  | "insufficient_vram"
  | "cancelled";

/** What is known about a failure beyond its kind and message. */
export interface ErrorDetails {
  /** The error that led to this one; for the log, never for the client. */
  readonly cause?: unknown;
  /** llama-server's own `type`, where it sent one. */
  readonly upstreamType?: string;
  /** When to try again, in whole seconds, at least 1. */
  readonly retryAfterSeconds?: number;
  /** The message without what only the client may read, such as a piece of what was generated. */
  readonly logMessage?: string;
}

/**
 * A failure of one request, made where it is known and mapped to HTTP in one table (`src/http/error_table.ts`).
 * The message is sent to the client: it names the value and the remedy, and holds no secret. `logMessage` is for logs and
 * traces.
 */
export class ModeldError extends Error {
  override readonly name = "ModeldError";
  readonly kind: ErrorKind;
  readonly upstreamType?: string;
  readonly retryAfterSeconds?: number;
  readonly logMessage: string;

  constructor(kind: ErrorKind, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.kind = kind;
    this.logMessage = details.logMessage ?? message;
    if (details.upstreamType !== undefined) this.upstreamType = details.upstreamType;
    if (details.retryAfterSeconds !== undefined) this.retryAfterSeconds = details.retryAfterSeconds;
  }
}

/** What a request is told, and what a call is given up with, when modeld stops. */
export function shuttingDown(): ModeldError {
  return new ModeldError("shutting_down", "modeld is stopping; ask again", { retryAfterSeconds: 1 });
}
