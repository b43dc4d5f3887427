import { STATUS_CODE } from "@std/http/status";
import { ModeldError } from "../base/errors.ts";
import { errorTable } from "./error_table.ts";
import { getLogger } from "../telemetry/log.ts";

const log = getLogger("http");

/** The JSON error of the public contract: the body of an error reply, and the last line of a stream that failed. */
export interface ErrorBody {
  readonly error: string;
  readonly code: number;
  readonly type: string;
  readonly upstream_type?: string;
}

/** The JSON error that tells a client of `failure`. */
export function errorBody(failure: ModeldError): ErrorBody {
  return {
    error: failure.message,
    code: errorTable[failure.kind].status,
    type: failure.kind,
    ...(failure.upstreamType === undefined ? {} : { upstream_type: failure.upstreamType }),
  };
}

/** The whole reply to a request that failed before its first line. */
export function errorReply(failure: ModeldError): Response {
  return Response.json(errorBody(failure), {
    status: errorTable[failure.kind].status,
    headers: headersOf(failure),
  });
}

function headersOf({ kind, retryAfterSeconds, begun }: ModeldError): Record<string, string> {
  const headers: Record<string, string> = {};
  const { status } = errorTable[kind];
  // What a gateway may send on to another modeld.
  if (status === STATUS_CODE.TooManyRequests || status === STATUS_CODE.ServiceUnavailable) {
    headers["x-should-retry"] = String(begun === "no");
  }
  if (retryAfterSeconds !== undefined) headers["Retry-After"] = String(retryAfterSeconds);
  if (kind === "unauthorized") headers["WWW-Authenticate"] = 'Bearer realm="modeld"';
  // RFC 9110, 15.5.9. Deno.serve keeps the connection all the same, and swallows what still comes.
  if (kind === "body_timeout") headers["Connection"] = "close";
  return headers;
}

/**
 * `error` as a ModeldError. Anything else that was thrown is a defect of modeld: it is logged, and the client is told no
 * more than that.
 */
export function asModeldError(error: unknown): ModeldError {
  if (error instanceof ModeldError) return error;
  log.error("unexpected error, please report it", { error });
  return new ModeldError("internal", "internal error; modeld's log says more", { cause: error });
}
