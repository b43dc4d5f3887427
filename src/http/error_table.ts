import { STATUS_CODE } from "@std/http/status";
import type { ErrorKind } from "../base/errors.ts";
import type { Outcome } from "../telemetry/inference_observer.ts";

/** What one kind of failure looks like from outside. */
export interface ErrorRow {
  /** The HTTP status, and the `code` of the JSON error. */
  readonly status: number;
  /** The word metrics and logs use. */
  readonly outcome: Outcome;
}

/** Status of a request whose client left before it had one; nobody receives it, metrics and logs show it. */
const CLIENT_CLOSED_REQUEST = 499;

/** The public contract's error table; a kind without a row does not compile. */
export const errorTable: Readonly<Record<ErrorKind, ErrorRow>> = {
  invalid_request: { status: STATUS_CODE.BadRequest, outcome: "invalid" },
  upstream_invalid: { status: STATUS_CODE.BadRequest, outcome: "invalid" },
  unauthorized: { status: STATUS_CODE.Unauthorized, outcome: "rejected" },
  forbidden_host: { status: STATUS_CODE.Forbidden, outcome: "rejected" },
  model_forbidden: { status: STATUS_CODE.Forbidden, outcome: "rejected" },
  model_not_found: { status: STATUS_CODE.NotFound, outcome: "invalid" },
  not_found: { status: STATUS_CODE.NotFound, outcome: "invalid" },
  method_not_allowed: { status: STATUS_CODE.MethodNotAllowed, outcome: "invalid" },
  body_timeout: { status: STATUS_CODE.RequestTimeout, outcome: "timeout" },
  unsupported_media_type: { status: STATUS_CODE.UnsupportedMediaType, outcome: "invalid" },
  overloaded: { status: STATUS_CODE.ServiceUnavailable, outcome: "rejected" },
  client_limit: { status: STATUS_CODE.TooManyRequests, outcome: "rejected" },
  rate_limited: { status: STATUS_CODE.TooManyRequests, outcome: "rejected" },
  queue_full: { status: STATUS_CODE.TooManyRequests, outcome: "rejected" },
  wait_timeout: { status: STATUS_CODE.TooManyRequests, outcome: "rejected" },
  upstream_error: { status: STATUS_CODE.InternalServerError, outcome: "upstream_error" },
  protocol: { status: STATUS_CODE.InternalServerError, outcome: "upstream_error" },
  truncated: { status: STATUS_CODE.InternalServerError, outcome: "truncated" },
  answer_too_large: { status: STATUS_CODE.InternalServerError, outcome: "upstream_error" },
  first_token_timeout: { status: STATUS_CODE.InternalServerError, outcome: "timeout" },
  idle_timeout: { status: STATUS_CODE.InternalServerError, outcome: "timeout" },
  llama_timeout: { status: STATUS_CODE.InternalServerError, outcome: "timeout" },
  infer_timeout: { status: STATUS_CODE.InternalServerError, outcome: "timeout" },
  write_timeout: { status: STATUS_CODE.InternalServerError, outcome: "timeout" },
  not_configured: { status: STATUS_CODE.ServiceUnavailable, outcome: "upstream_error" },
  unreachable: { status: STATUS_CODE.ServiceUnavailable, outcome: "upstream_error" },
  loading: { status: STATUS_CODE.ServiceUnavailable, outcome: "upstream_error" },
  load_failed: { status: STATUS_CODE.ServiceUnavailable, outcome: "upstream_error" },
  upstream_refused: { status: STATUS_CODE.ServiceUnavailable, outcome: "upstream_error" },
  shutting_down: { status: STATUS_CODE.ServiceUnavailable, outcome: "shutdown" },
  insufficient_vram: { status: STATUS_CODE.InsufficientStorage, outcome: "rejected" },
  internal: { status: STATUS_CODE.InternalServerError, outcome: "internal" },
  cancelled: { status: CLIENT_CLOSED_REQUEST, outcome: "cancelled" },
};
