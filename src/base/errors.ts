/**
 * Why a request failed. The words are those of the public contract (`type` in every JSON error), plus `cancelled`:
 * the client left, so nobody is told.
 */
export type ErrorKind =
  | "invalid_request"
  | "upstream_invalid"
  | "unauthorized"
  | "forbidden_host"
  | "model_forbidden"
  | "model_not_found"
  | "not_found"
  | "method_not_allowed"
  | "body_timeout"
  | "unsupported_media_type"
  | "overloaded"
  | "client_limit"
  | "rate_limited"
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
  | "internal"
  | "cancelled";

/** Whether a generation may have begun when the request failed. Only `no` allows another try (design decision: never twice). */
export type Begun = "no" | "maybe";

/** Failures after which a generation may have begun, unless whoever made the error knows better. */
const MAYBE_BEGUN: ReadonlySet<ErrorKind> = new Set([
  "upstream_error",
  "protocol",
  "truncated",
  "answer_too_large",
  "first_token_timeout",
  "idle_timeout",
  "llama_timeout",
  "infer_timeout",
  "write_timeout",
  "internal",
  "cancelled",
]);

/** llama-server's own error answer, to be passed on as it came. */
export interface UpstreamReply {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
}

/** What is known about a failure beyond its kind and message. */
export interface ErrorDetails {
  /** Missing: what the kind says. */
  readonly begun?: Begun;
  /** Nobody listens at the server's address, or it cannot be resolved or trusted: proof that the server is lost. */
  readonly isRefusal?: boolean;
  readonly reply?: UpstreamReply;
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
  readonly begun: Begun;
  readonly isRefusal: boolean;
  readonly reply?: UpstreamReply;
  readonly upstreamType?: string;
  readonly retryAfterSeconds?: number;
  readonly logMessage: string;

  constructor(kind: ErrorKind, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.kind = kind;
    this.begun = details.begun ?? (MAYBE_BEGUN.has(kind) ? "maybe" : "no");
    this.isRefusal = details.isRefusal ?? false;
    if (details.reply !== undefined) this.reply = details.reply;
    this.logMessage = details.logMessage ?? message;
    if (details.upstreamType !== undefined) this.upstreamType = details.upstreamType;
    if (details.retryAfterSeconds !== undefined) this.retryAfterSeconds = details.retryAfterSeconds;
  }

  /** The same failure in the words that `change` makes of its own. */
  reworded(change: (text: string) => string): ModeldError {
    return new ModeldError(this.kind, change(this.message), {
      cause: this.cause,
      begun: this.begun,
      isRefusal: this.isRefusal,
      ...(this.reply === undefined ? {} : { reply: { ...this.reply, body: change(this.reply.body) } }),
      logMessage: change(this.logMessage),
      ...(this.upstreamType === undefined ? {} : { upstreamType: change(this.upstreamType) }),
      ...(this.retryAfterSeconds === undefined ? {} : { retryAfterSeconds: this.retryAfterSeconds }),
    });
  }
}

/** What a request is told, and what a call is given up with, when modeld stops. */
export function shuttingDown(begun: Begun = "no"): ModeldError {
  return new ModeldError("shutting_down", "modeld is stopping; ask again", { retryAfterSeconds: 1, begun });
}
